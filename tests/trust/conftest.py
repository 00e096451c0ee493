"""Services with keys of their own: one with a sequencer behind it, one whose journal is placed and
signed by hand, so that every moment is known.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.resolvers import worker
from lotkin.resolvers.context import Context, Services
from lotkin.settings import Settings
from tests.trust.journals import Log
from tests.trust.people import services_at


@pytest_asyncio.fixture(loop_scope="session")
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Services]:
    """A site over an empty database."""
    task = asyncio.create_task(worker.sequencer(database))
    yield services_at(database, tmp_path)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Log:
    """An empty journal with a key of its own."""
    settings = Settings().model_copy(update={"position_wait_s": 0.0, "state_dir": tmp_path})
    services = Services(settings, database, RelationalReader(database.engine), None)
    actor = Actor("op-1", "Op", None, frozenset({Role.OPERATOR, Role.QUALITY_ENGINEER}))
    return Log(Context(actor, services))
