"""Services with keys of their own, and a sequencer behind them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from lotkin.records.session import Database
from lotkin.resolvers import worker
from lotkin.resolvers.context import Services
from tests.trust.people import services_at


@pytest_asyncio.fixture(loop_scope="session")
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Services]:
    """A site over an empty database."""
    task = asyncio.create_task(worker.sequencer(database))
    yield services_at(database, tmp_path)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
