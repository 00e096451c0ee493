"""A whole service without HTTP: record, sequencer, engines, and people with roles."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.resolvers import worker
from lotkin.resolvers.context import Context, Services
from lotkin.settings import Settings, SourceSystem
from tests.flows.outside import OWN_KEY, Outside, own_database, serving

SOURCES = {
    "urn:src:mes": SourceSystem(timeQuality="MEASURED", clockUncertaintySeconds=60),
    "urn:src:erp": SourceSystem(timeQuality="BACKFLUSHED"),
}
OPERATOR = Actor("op-1", "Op Erator", None, frozenset({Role.OPERATOR}))


@pytest.fixture
def services(database: Database) -> Services:
    """Services over an empty database, without a graph server."""
    settings = Settings(own_parties=frozenset({"/417/4012345000009"}))
    return Services(settings, database, RelationalReader(database.engine), None)


@pytest_asyncio.fixture(loop_scope="session")
async def context(services: Services) -> AsyncIterator[Context]:
    """An operator's request, with a sequencer running behind it."""
    task = asyncio.create_task(worker.sequencer(services.database))
    yield Context(OPERATOR, services)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="module")
def outside(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """A live service over HTTP with a database of its own, for all tests of a module."""
    with own_database(postgres_url) as url:
        folder: Path = tmp_path_factory.mktemp("outside")
        site = Settings(
            state_dir=folder,
            database_url=url,
            own_parties=frozenset({OWN_KEY}),
            sources=SOURCES,
            position_wait_s=5,
        )
        with serving(site) as service:
            yield service
