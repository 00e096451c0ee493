"""Real servers, started once a session and only when a test asks; an empty database per test.

A server that does not start fails its tests; nothing is ever skipped.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from neo4j import AsyncDriver, AsyncGraphDatabase

from lotkin.graph.server import Neo4jServer, local_neo4j
from lotkin.process import Progress
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import Database
from tests.emptying import EMPTY

settings.register_profile(
    "lotkin",
    deadline=None,
    max_examples=int(os.environ.get("LOTKIN_EXAMPLES", "300")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("lotkin")

_EMPTY_GRAPH = "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS"


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder of this session, removed at its end; its path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="lotkin-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(scratch: Path) -> Iterator[str]:
    """One embedded PostgreSQL for the session, migrated."""
    with embedded_postgres(scratch / "postgres", THROWAWAY) as url:
        migrate.upgrade(url)
        yield url


@pytest.fixture(scope="session")
def clear_database(postgres_url: str) -> Iterator[Callable[[], None]]:
    """Empties every table when called: for tests that need it between generated examples."""
    # A test that leaves a transaction open fails the next one instead of hanging it.
    with psycopg.connect(postgres_url, autocommit=True, options="-c lock_timeout=5s") as connection:
        yield lambda: connection.execute(EMPTY) and None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_database(postgres_url: str) -> AsyncIterator[Database]:
    """The pool all tests share; use `database`."""
    database = Database(postgres_url)
    yield database
    await database.close()


@pytest.fixture
def database(session_database: Database, clear_database: Callable[[], None]) -> Database:
    """A migrated, empty database."""
    clear_database()
    return session_database


@pytest.fixture(scope="session")
def progress(request: pytest.FixtureRequest) -> Progress:
    """Writes a line past pytest's capture, so that nobody stares at a silent terminal."""
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def write(line: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.write_line(line)

    return write


@pytest.fixture(scope="session")
def neo4j_server(scratch: Path, progress: Progress) -> Iterator[Neo4jServer]:
    """One real Neo4j for the session."""
    progress("\nStarting Neo4j")
    with local_neo4j(progress=progress) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_driver(neo4j_server: Neo4jServer) -> AsyncIterator[AsyncDriver]:
    """The driver all tests share; use `neo4j_driver`."""
    login = (neo4j_server.user, neo4j_server.password)
    async with AsyncGraphDatabase.driver(neo4j_server.uri, auth=login) as driver:
        yield driver


@pytest_asyncio.fixture(loop_scope="session")
async def neo4j_driver(session_driver: AsyncDriver) -> AsyncDriver:
    """A driver to an empty graph; constraints and indexes stay."""
    async with session_driver.session() as session:
        await (await session.run(_EMPTY_GRAPH)).consume()
    return session_driver
