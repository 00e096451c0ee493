"""A tool that rebuilds schemas from error messages, with its own list of words: 0 fields.

As nobody, a supplier and a regulator, with ad-hoc documents allowed, so that nothing but the
uniform errors stands between the tool and the schema.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from lotkin.auth import demo
from lotkin.auth.permissions import Role
from lotkin.settings import RoleLimits, Settings
from tests.interop import tools

SECONDS = 300
WORDS = ("viewer", "name", "subject")
# Its thousands of guesses are to be answered, not turned away by the rate.
UNHURRIED = RoleLimits(operations_per_minute=10**9, cost_per_minute=10**9)


def main() -> None:
    """Run the tool as each caller and count what it wrote down."""
    program = _program()
    roles = {"anonymous": None, "supplier": Role.SUPPLIER, "regulator": Role.REGULATOR}
    limits = dict.fromkeys([*roles, "viewer"], UNHURRIED)
    with tools.service(role_limits=limits, trusted_documents="off") as (address, site):
        figures = {}
        for name, role in roles.items():
            found = _fields(program, f"{address}/graphql", site, role)
            figures[f"Clairvoyance as {name}"] = (f"{found} fields", found == 0)
        # The control: who may see the schema is told, so the tool must find something.
        # A short list of words for it: with its own it would rebuild the schema for hours.
        found = _fields(program, f"{address}/graphql", site, Role.VIEWER, words=WORDS)
        figures["Clairvoyance as somebody with dev:introspect"] = (f"{found} fields", found > 0)
    tools.judge(figures)


def _fields(
    program: Path, url: str, site: Settings, role: Role | None, words: tuple[str, ...] = ()
) -> int:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "schema.json"
        command = [str(program), url, "-o", str(output), "-p", "fast"]
        if words:
            listed = Path(folder) / "words"
            listed.write_text("\n".join(words))
            command += ["-w", str(listed)]
        if role is not None:
            token = demo.mint(site, role, subject="curious", name="Curious", organisation="urn:x:y")
            command += ["-H", f"Authorization: Bearer {token}"]
        subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if not output.exists():
            return 0
        types = json.loads(output.read_text())["data"]["__schema"]["types"]
        ours = [each for each in types if not each["name"].startswith("__")]
        return sum(len(each.get("fields") or ()) for each in ours)


def _program() -> Path:
    """Return the tool, in an environment of its own: what it needs is none of ours."""
    folder = tools.HERE.parent.parent / ".lotkin" / "clairvoyance"
    program = folder / "bin" / "clairvoyance"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--require-hashes"]
        locked = str(tools.HERE / "clairvoyance.txt")
        subprocess.run([*pip, "-r", locked, "--disable-pip-version-check"], check=True)
    return program


if __name__ == "__main__":
    main()
