"""What the suites share: a live service, Node with pinned packages, and how a figure is told."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from lotkin.app import configure_logging, create_app
from lotkin.portal.listening import options
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.settings import Settings

HERE = Path(__file__).resolve().parent
NODE_MAJOR_MIN = 20
STARTED_S = 30.0


def required(program: str, why: str) -> str:
    """Return where a program is; without it say so, and fail only on a build server."""
    found = shutil.which(program)
    if found is None:
        print(f"{program} is not installed: {why} not run")
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    return found


def node_packages(folder: Path) -> Path:
    """Install what a folder's lock file says, once; return the folder."""
    npm = required("npm", "the suites that need Node are")
    installed = folder / "node_modules" / ".package-lock.json"
    lock = folder / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=folder, check=True)
        installed.touch()
    return folder


def node(script: Path, *arguments: str, **variables: str) -> str:
    """Run a script of Node, show what it prints and return that; leave where it fails."""
    done = subprocess.run(
        [required("node", f"{script.name} is"), str(script), *arguments],
        cwd=script.parent, env=os.environ | variables, text=True, stdout=subprocess.PIPE,
        check=False, timeout=600,
    )  # fmt: skip
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(f"{script.name} failed")
    return done.stdout


def environment(**others: str) -> dict[str, str]:
    """Return this process's environment with some variables besides."""
    return os.environ | others


@contextmanager
def listening(app: Any, **options: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port of this machine; give its address."""
    config = uvicorn.Config(app, port=0, **({"log_level": "warning"} | options))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + STARTED_S
    while not server.started:
        if time.monotonic() > end or not thread.is_alive():
            raise RuntimeError("the service did not start")
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def service(**settings: Any) -> Iterator[tuple[str, Settings]]:
    """A whole service with an empty record; give its address and settings."""
    configure_logging()
    with tempfile.TemporaryDirectory(prefix="lotkin-interop-") as name:
        folder = Path(name)
        with embedded_postgres(folder / "postgres", THROWAWAY) as url:
            migrate.upgrade(url)
            site = Settings(**{"state_dir": folder, "database_url": url, **settings})
            app = create_app(site, background=True)
            with listening(app, **options()) as address:
                yield address, site


def judge(figures: Mapping[str, tuple[str, bool]]) -> None:
    """Print each figure with whether it is the wanted one; leave with 1 where any is not."""
    for name, (figure, is_right) in figures.items():
        print(f"{'ok  ' if is_right else 'FAIL'} {name}: {figure}", flush=True)
    if not all(is_right for _, is_right in figures.values()):
        sys.exit(1)
