"""Server processes that this one starts and that never outlive it.

Belongs here: starting a child, ending it, and having it ended when we are killed. What the child
is (PostgreSQL, Neo4j) is known by `records.server` and `graph.server`. For the demo and the tests
only: a production site brings its own servers.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from lotkin import clock

# Printed lines about long work; the caller decides where they go.
Progress = Callable[[str], None]

# The watchdog's `read` ends when the last writer of its pipe is gone, however we died; kill -9 of
# a Python parent leaves nothing else running that could tidy up. PR_SET_PDEATHSIG was refused: it
# fires when the starting *thread* ends, and only Linux has it.
_WATCHDOG = 'read -r _ && exit 0; kill -s "$2" "$1" 2>/dev/null'


class ServerFailure(RuntimeError):  # noqa: N818  (an outcome told to the operator, not a bug)
    """A local server did not start or is in use; the text says where to look."""


class Child:
    """One running server process with the watchdog that ends it after us."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        end_signal: signal.Signals,
        owner: tuple[int, int] | None = None,
        cwd: Path = Path("/"),
    ) -> None:
        """Start `command`, both outputs appended to `log`, as `owner` (uid, gid) if given.

        `end_signal` asks this server for an orderly stop.
        """
        self.log = log
        self._end_signal = end_signal
        uid, gid = owner or (None, None)
        with log.open("ab") as output:
            # A session of its own: Ctrl-C reaches us first, and we stop the server in order.
            self._process = subprocess.Popen(  # noqa: S603  (our own fixed command)
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=cwd,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
            )
        self.pid = self._process.pid
        self._watchdog = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _WATCHDOG, "sh", str(self.pid), end_signal.name.removeprefix("SIG")],
            stdin=subprocess.PIPE,
            # Not ours to hold open: whoever reads our output waits for every holder to end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    @property
    def is_running(self) -> bool:
        """Tell whether the server process is still there."""
        return self._process.poll() is None

    def stop(self, timeout_s: float = 30) -> None:
        """Stop the server in order, by force after `timeout_s`; stopping twice is harmless."""
        if self.is_running:
            self._process.send_signal(self._end_signal)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()

    def kill(self) -> None:
        """End the server at once, as a crash would (SIGKILL)."""
        self._process.kill()
        self._reap()

    def _reap(self) -> None:
        self._process.wait()
        if self._watchdog.stdin and not self._watchdog.stdin.closed:
            # A line, not just an end of file: the pid may soon belong to somebody else.
            self._watchdog.communicate(b"done\n")

    def log_tail(self, lines: int = 20) -> str:
        """Return the last `lines` lines of the log, for an error message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def await_end(pid: int, argument: Path, *, timeout_s: float) -> None:
    """Wait until no process `pid` with `argument` in its command line is left.

    A killed Lotkin's server is just being stopped by its watchdog when the next one starts. The
    argument is compared because a pid is soon somebody else's, in containers above all.
    Raises: ServerFailure when it is still there after `timeout_s`.
    """
    until = clock.elapsed() + timeout_s
    while _has_argument(pid, str(argument)):
        if clock.elapsed() > until:
            raise ServerFailure(f"{argument} is in use by process {pid}")
        time.sleep(0.05)


def _has_argument(pid: int, argument: str) -> bool:
    try:
        return any(argument in part for part in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


@contextmanager
def exclusive(lock: Path, *, timeout_s: float, busy: str) -> Iterator[None]:
    """Hold an advisory file lock; the system frees it when the holder dies.

    Raises: ServerFailure with the text `busy` when another process holds it for `timeout_s`.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        until = clock.elapsed() + timeout_s
        while not _try_lock(handle):
            if clock.elapsed() > until:
                raise ServerFailure(busy)
            time.sleep(0.1)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
