"""The projector applies every entry once, whoever else runs, dies or sends it nonsense."""

import asyncio
import random
from itertools import pairwise
from typing import Any

import pytest
from neo4j import AsyncDriver

from lotkin.domain.genealogy import Bounds, Direction, Known
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph import project
from lotkin.graph.digest import neo4j_digest, relational_digest
from lotkin.graph.entries import PoisonEntry
from lotkin.graph.neo4j import Neo4jReader, open_driver, statement
from lotkin.graph.project import Projector
from lotkin.tests.graph.engines import Engines, random_telling
from lotkin.tests.graph.load import Telling


async def relationships(driver: AsyncDriver) -> int:
    found = await driver.execute_query("MATCH ()-[r]->() RETURN count(r) AS n")
    return found.records[0]["n"]


async def equal(engines: Engines) -> bool:
    one = await relational_digest(engines.database.engine)
    return one == await neo4j_digest(engines.driver)


async def test_applying_again_changes_nothing(engines: Engines) -> None:
    entries = await engines.record(random_telling(random.Random(1)))
    assert await engines.projector.apply(entries) == len(entries)
    before = await neo4j_digest(engines.driver)

    for again in (entries, entries[:5], entries[-1:]):
        assert await engines.projector.apply(again) == len(entries)
    assert await engines.projector.apply([]) == len(entries)
    assert await neo4j_digest(engines.driver) == before


async def test_entries_ahead_of_the_cursor_are_not_applied(engines: Engines) -> None:
    entries = await engines.record(random_telling(random.Random(2)))

    assert await engines.projector.apply(entries[3:]) == 0
    assert await relationships(engines.driver) == 0
    with pytest.raises(ValueError, match="entry 2 was expected"):
        await engines.projector.apply([entries[0], entries[2]])


async def test_projectors_that_race_apply_every_entry_once(engines: Engines) -> None:
    entries = await engines.record(random_telling(random.Random(3)))

    async def run(seed: int) -> None:
        choose = random.Random(seed)
        projector = Projector(engines.driver)
        cursor = await projector.cursor()
        while cursor < len(entries):
            cursor = await projector.apply(entries[cursor : cursor + choose.randint(1, 4)])

    await asyncio.gather(*(run(seed) for seed in range(4)))

    assert await engines.projector.cursor() == len(entries)
    assert await equal(engines)


async def test_a_projector_killed_anywhere_leaves_all_or_nothing(engines: Engines) -> None:
    entries = await engines.record(random_telling(random.Random(4)))
    choose = random.Random(4)
    cursor = 0
    for _ in range(40):
        task = asyncio.create_task(engines.projector.apply(entries[cursor : cursor + 2]))
        await asyncio.sleep(choose.random() * 0.03)
        task.cancel()
        await asyncio.wait([task])
        cursor = await engines.projector.cursor()
    await engines.projector.apply(entries[cursor:])

    assert await equal(engines)


async def test_readers_learn_a_position_left_unpublished_by_a_death(engines: Engines) -> None:
    entries = await engines.record(random_telling(random.Random(5)))
    await engines.projector.apply(entries[:9])
    await engines.driver.execute_query("MATCH (c:Cursor) SET c.seq = 9, c.applied = 7")

    assert await engines.neo4j.position() == 7
    assert await engines.projector.cursor() == 9
    assert await engines.neo4j.position() == 9


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"graph": []}, "graph is not an object"),
        ({"graph": {"drows": []}}, "unknown"),
        ({"graph": {"draws": {}}}, "not a list"),
        ({"graph": {"ended": []}}, "not an object"),
        ({"graph": {"draws": [[1, 1, 1, 0, 0, 0]]}}, "draws holds"),
        ({"graph": {"draws": [[1, 1, 1, 0, 0, 0, "1"]]}}, "draws holds"),
        ({"graph": {"memberships": [[1, 1, True]]}}, "memberships holds"),
        ({"graph": {"memberships": [[1, 1, 2**63]]}}, "memberships holds"),
        ({"graph": {"items": [[1, 2, 0, -1]]}}, "items holds"),
        ({"graph": {"items": [[1, "key", 3, -1]]}}, "no kind"),
        ({"graph": {"activities": [[1, 11]]}}, "no kind"),
        ({"graph": {"memberships": [[900, 1, 2]]}}, "unknown end"),
        ({"graph": {"ended": {"memberships": [[900, 1, 2]]}}}, "does not hold"),
        ({"graph": {"items": [[77, "item-1", 0, -1]]}}, "item-1"),
    ],
)
async def test_a_poison_entry_stops_the_line_before_it(
    engines: Engines, body: dict[str, Any], reason: str
) -> None:
    good = {"graph": {"items": [[1, "item-1", 0, -1]]}}
    await engines.projector.clear()

    with pytest.raises(PoisonEntry, match=reason):
        await engines.projector.apply([(1, good), (2, body), (3, {})])
    assert await engines.projector.cursor() == 0

    assert await engines.projector.apply([(1, good)]) == 1
    with pytest.raises(PoisonEntry, match=reason) as poison:
        await engines.projector.apply([(2, body)])
    assert poison.value.seq == 2
    assert await engines.projector.cursor() == 1


async def test_an_entry_without_genealogy_only_moves_the_cursor(engines: Engines) -> None:
    await engines.projector.clear()
    assert await engines.projector.apply([(1, {"other": 1}), (2, {"graph": {}})]) == 2


async def test_facts_added_and_ended_in_one_batch_are_gone(engines: Engines) -> None:
    telling = Telling()
    lot, serial = telling.item(), telling.item()
    member = telling.member(lot, serial)
    telling.entry()
    telling.end("memberships", member)
    await engines.tell(telling)

    assert await relationships(engines.driver) == 0
    assert await equal(engines)


async def test_a_class_learned_later_reaches_the_graph(engines: Engines) -> None:
    telling = Telling()
    item = telling.item(1, -1)
    telling.entry()["items"] = [[item, f"item-{item}", 1, 5]]
    await engines.tell(telling)

    assert await equal(engines)


async def test_a_rebuilt_graph_is_the_same(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = await engines.record(random_telling(random.Random(6)))
    await engines.projector.apply(entries)
    before = await neo4j_digest(engines.driver)

    monkeypatch.setattr(project, "CLEAR_ROWS_MAX", 7)
    await engines.projector.clear()
    assert await engines.projector.cursor() == 0
    assert (await neo4j_digest(engines.driver)).nodes == 0
    await engines.projector.apply(entries)

    assert await neo4j_digest(engines.driver) == before


async def test_while_the_graph_is_emptied_nothing_is_applied_or_answered(engines: Engines) -> None:
    entries = await engines.record(random_telling(random.Random(7)))
    await engines.driver.execute_query(statement("clear_begin"), token="elsewhere")

    assert await engines.projector.apply(entries) == -1
    assert await engines.neo4j.position() == -1
    with pytest.raises(Refusal) as refused:
        await engines.neo4j.lineage([1], Direction.FORWARD, known=Known(), bounds=Bounds())
    assert refused.value.code is RefusalCode.GRAPH_UNAVAILABLE

    await engines.projector.clear()
    assert await engines.projector.apply(entries) == len(entries)


async def test_reads_while_entries_arrive_stand_at_one_position(engines: Engines) -> None:
    # Every entry adds a chain of five and ends the chain before: no reader may see a part of one.
    telling = Telling()
    start = telling.item()
    chain: list[list[Any]] = []
    for _ in range(120):
        telling.entry()
        for row in chain:
            telling.end("memberships", row)
        links = [start, *(telling.item() for _ in range(5))]
        chain = [telling.member(*pair) for pair in pairwise(links)]
    entries = await engines.record(telling)
    await engines.projector.apply(entries[:2])

    async def project_all() -> None:
        for entry in entries[2:]:
            await engines.projector.apply([entry])

    projecting = asyncio.create_task(project_all())
    answered = 0
    while not projecting.done():
        try:
            found = await engines.neo4j.lineage(
                [start], Direction.FORWARD, known=Known(), bounds=Bounds()
            )
        except Refusal:  # facts ended during each of its tries
            continue
        answered += 1
        assert len(found.memberships.lot) == 5
    await projecting
    assert answered


async def test_a_server_that_is_away_is_a_typed_refusal_soon(engines: Engines) -> None:
    async with open_driver("bolt://127.0.0.1:1", "neo4j", "secret") as driver:
        reader, projector = Neo4jReader(driver), Projector(driver)
        for ask in (
            reader.position(),
            reader.lineage([1], Direction.FORWARD, known=Known(), bounds=Bounds()),
            projector.cursor(),
            projector.apply([(1, {})]),
        ):
            with pytest.raises(Refusal) as refused:
                async with asyncio.timeout(6):
                    await ask
            assert refused.value.code is RefusalCode.GRAPH_UNAVAILABLE
