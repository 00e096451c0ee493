"""Fixtures of the graph tests."""

import pytest
from neo4j import AsyncDriver

from lotkin.graph.migrate import migrate
from lotkin.records.session import Database
from lotkin.tests.graph.engines import Engines


@pytest.fixture
async def engines(database: Database, neo4j_driver: AsyncDriver) -> Engines:
    """Both engines, empty."""
    await migrate(neo4j_driver)
    return Engines(database, neo4j_driver)
