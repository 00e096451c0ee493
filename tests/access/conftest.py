"""The world of two suppliers and two regulators, told once a module."""

from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from lotkin.records.session import Database
from tests.access.world import World, world


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told_world(
    session_database: Database, clear_database: Callable[[], None]
) -> AsyncIterator[World]:
    """The world; tests of a module share it and only read."""
    clear_database()
    async with world(session_database) as made:
        yield made
