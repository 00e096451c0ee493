"""Makes `.venv` what the lock file says; does nothing when it already is. `make` calls this.

Standard library only, and able to run on any Python 3: it is the first thing a new machine meets.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
LOCK = ROOT / "requirements.lock"

NO_PIP = """
This Python cannot make a virtual environment with pip in it. Do one of these and try again:
  - Debian, Ubuntu:  apt-get install python3-venv
  - any system:      install `virtualenv` or `uv` and have it on the PATH
  - choose another:  make PYTHON=/path/to/python3
"""


def say(text: str) -> None:
    """Tell people how far it is; standard output belongs to the command that follows."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Install if the environment is not the wanted one; return the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  (whoever runs this may have an older one)
        say("Lotkin needs Python 3.11 or newer; choose one: make PYTHON=python3.11")
        return 1
    state = ROOT / ".lotkin"
    state.mkdir(exist_ok=True)
    with (state / "install.lock").open("w") as lock:
        # Two `make` at once: the second waits, then finds nothing left to do.
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingersay()
        if read(STAMP) == wanted:
            return 0
        return install(wanted)


def install(wanted: str) -> int:
    """Make the environment and put the locked packages and the checkout into it."""
    if (read(STAMP) or wanted).splitlines()[:2] != wanted.splitlines()[:2] or not has_pip():
        # Another interpreter, a moved checkout, or half an environment: begin anew.
        shutil.rmtree(VENV, ignore_errors=True)
        if not make_venv():
            say(NO_PIP)
            return 1
    STAMP.unlink(missing_ok=True)
    say("Installing the locked packages into .venv (1 to 2 minutes the first time)")
    pip = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    for command in (
        [*pip, "--require-hashes", "-r", LOCK],
        [*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT],
    ):
        if not run_shown(command):
            return 1
    STAMP.write_text(wanted, encoding="utf-8")
    return 0


def make_venv() -> bool:
    """Try every way to a virtual environment with pip; tell whether one worked."""
    ways = [
        [sys.executable, "-m", "venv", VENV],
        [sys.executable, "-m", "virtualenv", "--quiet", VENV],
        ["uv", "venv", "--quiet", "--seed", "--python", sys.executable, VENV],
    ]
    for way in ways:
        try:
            subprocess.run(way, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            shutil.rmtree(VENV, ignore_errors=True)
            continue
        if has_pip():
            return True
    return False


def has_pip() -> bool:
    """Tell whether the environment is there and its pip answers."""
    if not PYTHON.exists():
        return False
    command = [PYTHON, "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_shown(command: list[str | Path]) -> bool:
    """Run pip with a count of packages instead of its talk; show the talk when it fails."""
    total = read(LOCK).count("==")
    seen = 0
    said = []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if line.startswith("Collecting "):
            seen += 1
            if seen % 10 == 0:
                say(f"  {seen} of {total} packages")
        elif line.startswith("Installing collected"):
            say("  unpacking")
    if process.wait() != 0:
        say("".join(said[-30:]))
        say("The packages could not be installed; the reason is above.")
        return False
    return True


def fingersay() -> str:
    """Return what the environment depends on: interpreter, place, lock and project file."""
    digest = hashlib.sha256()
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update(read(ROOT / name).encode())
    version = sys.version.replace("\n", " ")  # some builds break the line
    return f"{version}\n{ROOT}\n{digest.hexdigest()}\n"


def read(path: Path) -> str:
    """Return a file's text, nothing when there is no file."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
