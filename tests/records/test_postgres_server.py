"""The embedded PostgreSQL: kept data, crashes, killed parents, and the schema's migration."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from lotkin.errors import Refusal
from lotkin.process import ServerFailure
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, PostgresServer, embedded_postgres
from lotkin.records.session import Database

PARENT = """
import sys, time
from pathlib import Path
from lotkin.records.server import PostgresServer, THROWAWAY
server = PostgresServer(Path(sys.argv[1]), THROWAWAY)
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def wait_until_gone(pid: int) -> None:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} is still there")


def test_data_survives_a_stop_and_a_crash(scratch: Path) -> None:
    server = PostgresServer(scratch / "kept")
    try:
        with psycopg.connect(server.start(), autocommit=True) as connection:
            connection.execute("create table kept (n int)")
        server.stop()
        with psycopg.connect(server.start(), autocommit=True) as connection:
            connection.execute("insert into kept values (1)")
        first_url = server.url
        server.kill()
        with psycopg.connect(server.start()) as connection:
            assert connection.execute("select n from kept").fetchall() == [(1,)]
        assert server.url == first_url
    finally:
        server.stop()


def test_a_killed_parent_takes_its_server_along_and_the_next_start_recovers(scratch: Path) -> None:
    data = scratch / "orphan"
    command = [sys.executable, "-c", PARENT, str(data)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    with embedded_postgres(data, THROWAWAY) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    wait_until_gone(pid)


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(scratch: Path) -> None:
    data = scratch / "stale"
    with embedded_postgres(data, THROWAWAY):
        lines = (data / "postmaster.pid").read_text().splitlines()
    (data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with embedded_postgres(data, THROWAWAY) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_folder_in_use_is_refused(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lotkin.records.server.LOCK_TIMEOUT_S", 0.2)
    with (
        embedded_postgres(scratch / "busy", THROWAWAY),
        pytest.raises(ServerFailure, match="in use"),
        embedded_postgres(scratch / "busy", THROWAWAY),
    ):
        pass


def test_a_long_path_with_spaces_works(scratch: Path) -> None:
    data = scratch / ("a long folder name " * 6) / "postgres"
    with embedded_postgres(data, THROWAWAY) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_folder_above_that_was_closed_is_passed_at_the_next_start(scratch: Path) -> None:
    above = scratch / "closed"
    with embedded_postgres(above / "data", THROWAWAY):
        pass
    above.chmod(0o700)
    with embedded_postgres(above / "data", THROWAWAY) as url, psycopg.connect(url):
        pass


def test_a_server_that_cannot_start_tells_why(scratch: Path) -> None:
    with (
        pytest.raises(ServerFailure, match="no_such_setting"),
        embedded_postgres(scratch / "bad", {"no_such_setting": "1"}),
    ):
        pass


def test_migrating_at_once_from_many_sides_ends_at_head(scratch: Path) -> None:
    with embedded_postgres(scratch / "many", THROWAWAY) as url:
        assert migrate.current(url) is None
        reached: list[str] = []
        threads = [
            threading.Thread(target=lambda: reached.append(migrate.upgrade(url))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert reached == [migrate.head()] * 4
        assert migrate.current(url) == migrate.head()


def test_a_newer_schema_is_refused(scratch: Path) -> None:
    with embedded_postgres(scratch / "newer", THROWAWAY) as url:
        migrate.upgrade(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("update alembic_version set version_num = '9999'")
        with pytest.raises(Refusal, match="BAD_INPUT") as refused:
            migrate.upgrade(url)
        assert "9999" in refused.value.message()


async def test_each_test_starts_empty(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("insert into party (key) values ('a')"))
        assert await connection.scalar(text("select id from party")) == 1


async def test_each_test_starts_empty_again(database: Database) -> None:
    async with database.reading() as connection:
        assert await connection.scalar(text("select count(*) from party")) == 0
        assert await connection.scalar(text("select size from journal_head")) == 0
