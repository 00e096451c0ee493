"""Cypher migrations run once, in order, under a lock."""

import asyncio
from pathlib import Path

import pytest
from neo4j import AsyncDriver

from lotkin.graph.migrate import MIGRATIONS, MigrationError, migrate, migrations
from lotkin.graph.project import Projector


async def test_migrators_that_race_apply_each_migration_once(neo4j_driver: AsyncDriver) -> None:
    done = await asyncio.gather(*(migrate(neo4j_driver) for _ in range(4)))

    assert sorted(done) == [[], [], [], [1]]
    assert await migrate(neo4j_driver) == []
    assert await Projector(neo4j_driver).cursor() == 0
    found = await neo4j_driver.execute_query(
        "SHOW CONSTRAINTS YIELD name RETURN collect(name) AS n"
    )
    assert {"item_id", "item_key", "transformation_id", "party_id", "cursor_uid"} <= set(
        found.records[0]["n"]
    )


async def test_a_changed_migration_is_refused(neo4j_driver: AsyncDriver, tmp_path: Path) -> None:
    (tmp_path / "V0001__first.cypher").write_text("// a comment; with a semicolon\nRETURN 1;\n")
    (tmp_path / "V0002__second.cypher").write_text("RETURN 2; RETURN 3;")
    told: list[str] = []
    assert await migrate(neo4j_driver, folder=tmp_path, report=told.append) == [1, 2]
    assert told == ["V0001 first", "V0002 second"]

    (tmp_path / "V0002__second.cypher").write_text("RETURN 4;")
    with pytest.raises(MigrationError, match="migration 2 "):
        await migrate(neo4j_driver, folder=tmp_path)
    (tmp_path / "V0002__second.cypher").unlink()
    with pytest.raises(MigrationError, match="migration 2 "):
        await migrate(neo4j_driver, folder=tmp_path)


def test_migration_files_are_numbered_without_gaps(tmp_path: Path) -> None:
    assert migrations(MIGRATIONS)[0].name == "genealogy"
    (tmp_path / "V0002__second.cypher").write_text("RETURN 2;")
    with pytest.raises(MigrationError, match="not 1, 2"):
        migrations(tmp_path)
    (tmp_path / "first.cypher").write_text("RETURN 2;")
    with pytest.raises(MigrationError, match="not named"):
        migrations(tmp_path)
