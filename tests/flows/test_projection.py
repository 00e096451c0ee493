"""The graph follows the record: exactly what was committed, once, whatever the writers do."""

from neo4j import AsyncDriver

from lotkin.graph.migrate import migrate
from lotkin.records.session import Database
from tests.crash.gaps import race


async def test_projected_is_committed_with_writers_that_delay_and_roll_back(
    database: Database, neo4j_driver: AsyncDriver
) -> None:
    await migrate(neo4j_driver)
    result = await race(database.url, neo4j_driver, events=600, writers=8, seed=5)
    assert result.wrong == ()
    assert result.projected == result.committed > 500
    assert result.rolled_back > 0
