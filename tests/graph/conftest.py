"""Fixtures of the graph tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from neo4j import AsyncDriver

from lotkin.graph.migrate import migrate
from lotkin.graph.neo4j import open_driver
from lotkin.graph.server import Neo4jServer
from lotkin.records.session import Database
from lotkin.tests.graph.engines import Engines


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def own_driver(neo4j_server: Neo4jServer) -> AsyncIterator[AsyncDriver]:
    """A driver opened as the product opens it."""
    async with open_driver(neo4j_server.uri, neo4j_server.user, neo4j_server.password) as driver:
        yield driver


@pytest.fixture
async def engines(
    database: Database, neo4j_driver: AsyncDriver, own_driver: AsyncDriver
) -> Engines:
    """Both engines, empty."""
    await migrate(own_driver)
    return Engines(database, own_driver)
