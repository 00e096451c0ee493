"""The local Neo4j: kept data, crashes, killed parents, its password, and what it is made of."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from neo4j import AsyncDriver, GraphDatabase
from neo4j.exceptions import AuthError

from lotkin.graph import assembly
from lotkin.graph.server import Neo4jServer
from lotkin.process import Progress, ServerFailure

PARENT = """
import sys, time
from pathlib import Path
from lotkin.graph.server import Neo4jServer
server = Neo4jServer(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def nodes(server: Neo4jServer, statement: str = "MATCH (n:Kept) RETURN count(n) AS n") -> int:
    with GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as driver:
        return int(driver.execute_query(statement).records[0]["n"])


def test_data_survives_a_crash_and_a_killed_parent(scratch: Path, progress: Progress) -> None:
    # One test, because each start takes seconds.
    home = scratch / "neo4j home"
    server = Neo4jServer(home, progress=progress)
    try:
        server.start()
        assert nodes(server, "CREATE (n:Kept) RETURN count(n) AS n") == 1
        uri, password = server.uri, server.password
        server.kill()
        server.start()
        assert (server.uri, server.password) == (uri, password)
        assert nodes(server) == 1
        with pytest.raises(ServerFailure, match="in use"):
            refused_start(home)
    finally:
        server.stop()

    command = [sys.executable, "-c", PARENT, str(home)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    successor = Neo4jServer(home, progress=progress)
    try:
        successor.start()
        assert nodes(successor) == 1
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    finally:
        successor.kill()


def refused_start(home: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lotkin.graph.server.LOCK_TIMEOUT_S", 0.2)
        Neo4jServer(home).start()


def test_only_the_generated_password_opens_it(neo4j_server: Neo4jServer) -> None:
    with (
        pytest.raises(AuthError),
        GraphDatabase.driver(neo4j_server.uri, auth=("neo4j", "neo4j")) as driver,
    ):
        driver.verify_connectivity()
    assert (neo4j_server.home / "password").stat().st_mode & 0o077 == 0


def test_a_server_that_dies_at_its_start_tells_why(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(assembly_settings(), "server.memory.pagecache.size", "nonsense")
    begun = time.monotonic()
    with pytest.raises(ServerFailure, match="nonsense"):
        Neo4jServer(scratch / "bad-neo4j").start()
    assert time.monotonic() - begun < 60


def assembly_settings() -> dict[str, str]:
    from lotkin.graph import server

    return server._SETTINGS


def test_a_broken_file_is_fetched_again_and_a_foreign_one_refused(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, neo4j_server: Neo4jServer
) -> None:
    # The network is replaced by the cache that is already there; everything else is real.
    source = assembly.server_jars()
    fetched: list[str] = []

    def copy(part: Path, path: str) -> None:
        fetched.append(path)
        (part / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / Path(path).name, part / path)

    monkeypatch.setattr(assembly, "_download", copy)
    monkeypatch.setenv("LOTKIN_CACHE_DIR", str(scratch / "cache"))
    path, whole, *_ = assembly._listed()
    part = scratch / "cache" / f"neo4j-{assembly.VERSION}.part"
    (part / path).parent.mkdir(parents=True)
    (part / path).write_bytes(b"cut off")
    copy(part, whole)
    fetched.clear()

    jars = assembly.server_jars(lambda line: None)

    assert path in fetched
    assert whole not in fetched
    assert {jar.name for jar in jars.iterdir()} == {jar.name for jar in source.iterdir()}

    monkeypatch.setenv("LOTKIN_CACHE_DIR", str(scratch / "cache2"))
    monkeypatch.setattr(assembly, "_listed", lambda: {path: "0" * 64})
    with pytest.raises(ServerFailure, match="not what was listed"):
        assembly.server_jars(lambda line: None)


async def test_each_test_gets_an_empty_graph(neo4j_driver: AsyncDriver) -> None:
    await neo4j_driver.execute_query("CREATE (:Left)")


async def test_each_test_gets_an_empty_graph_again(neo4j_driver: AsyncDriver) -> None:
    found = await neo4j_driver.execute_query("MATCH (n) RETURN count(n) AS n")
    assert found.records[0]["n"] == 0
