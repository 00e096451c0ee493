"""Small sizes of the programs beside this file; run as modules they take their full ones."""

from pathlib import Path

import psycopg
import pytest
from neo4j import AsyncDriver

from lotkin.graph import digest
from lotkin.graph import migrate as graph_migrate
from lotkin.graph.project import Projector
from lotkin.records.session import Database
from lotkin.resolvers import worker
from tests.tamper import rollback, run
from tests.tamper.stores import own_log


@pytest.mark.parametrize("seeds", [3])
async def test_every_class_is_found_and_a_clean_journal_is_clean(
    database: Database, tmp_path: Path, seeds: int
) -> None:
    tally = await run.run(database.url, tmp_path, seeds=seeds, tally=run.Tally())
    assert tally.missed == []
    assert sum(tally.tried.values()) == seeds * 13


async def test_a_witness_refuses_a_journal_from_an_older_backup(
    database: Database, tmp_path: Path
) -> None:
    assert await rollback.refusals(database.url, tmp_path, rounds=3) == 3


CHANGES = (
    "MATCH (n:Item) WITH n ORDER BY n.id LIMIT 1 SET n.kind = 1 - n.kind",
    "MATCH ()-[r]->() WHERE r.at IS NOT NULL WITH r ORDER BY r.id LIMIT 1 SET r.at = r.at + 1",
    "MATCH ()-[r]->() WITH r ORDER BY elementId(r) LIMIT 1 DELETE r",
)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_graph_that_differs_from_the_journal_is_found(
    database: Database, neo4j_driver: AsyncDriver, tmp_path: Path, change: str
) -> None:
    await graph_migrate.migrate(neo4j_driver)
    async with own_log(database.url, tmp_path) as log:
        await log.tell_story()
        while await worker.project_once(log.services.database, Projector(neo4j_driver)):
            pass
        record = await digest.relational_digest(log.services.database.engine)
        assert (await digest.neo4j_digest(neo4j_driver)).sha256 == record.sha256
        async with neo4j_driver.session() as session:
            done = await (await session.run(change)).consume()
            assert done.counters.contains_updates
        assert (await digest.neo4j_digest(neo4j_driver)).sha256 != record.sha256


@pytest.mark.parametrize(
    "statement",
    [
        "update {table} set {column} = {column}",
        "delete from {table}",
        "truncate {table} cascade",
    ],
)
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("journal", "leaf"),
        ("journal_intent", "body"),
        ("journal_checkpoint", "note"),
        ("journal_key", "vkey"),
        ("event", "at"),
        ("draw", "qty"),
        ("stay", "until"),
    ],
)
async def test_even_the_owner_is_stopped_from_honest_mistakes(
    database: Database, tmp_path: Path, statement: str, table: str, column: str
) -> None:
    async with own_log(database.url, tmp_path) as log:
        await log.tell_story()
    told = statement.format(table=table, column=column)
    with psycopg.connect(database.url) as connection:
        if told.startswith("update") and table in {"event", "draw", "stay"}:
            told = told.replace(f"= {column}", f"= coalesce({column}, 0) - 1")
        connection.execute("set session_replication_role = replica")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="refused"):
            connection.execute(told)
