"""Both engines, fed from one telling, give the same columns, and those that were told."""

import asyncio
import random
from time import perf_counter

import numpy as np
import pytest

from lotkin.clock import to_us
from lotkin.domain.genealogy import Bounds, Direction, Known, Subgraph
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph.reader import Reader
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.tests.graph.engines import Engines, random_telling, rows
from lotkin.tests.graph.load import Telling, at_record, load

FORWARD, BACKWARD = Direction.FORWARD, Direction.BACKWARD


def items_of(answer: Subgraph) -> list[int]:
    return answer.items.id.tolist()


async def test_a_forward_walk_carries_the_clean_supply_beside_the_suspect_one(
    engines: Engines,
) -> None:
    telling = Telling()
    suspect, clean, upstream = telling.item(0, 7), telling.item(0, 7), telling.item()
    serial, sibling = telling.item(1), telling.item(1)
    making = telling.activity([upstream], [clean])
    using = telling.activity([suspect, clean], [serial], kind=1, hour=3)
    other = telling.activity([clean], [serial, sibling], kind=6, hour=4)
    await engines.tell(telling)

    found = await engines.lineage([suspect], FORWARD)

    assert items_of(found) == [suspect, clean, serial]  # no sibling, nothing upstream of clean
    assert found.draws.item.tolist() == [suspect, clean]
    assert found.productions.activity.tolist() == [using, other]
    assert rows(found)["activities"] == [(using, 1), (other, 6)]
    assert rows(found)["items"] == [(suspect, 0, 7), (clean, 0, 7), (serial, 1, -1)]
    assert making not in found.activities.id


async def test_a_backward_walk_carries_ancestors_only(engines: Engines) -> None:
    telling = Telling()
    raw, part, serial, sister, customer = (telling.item() for _ in range(5))
    telling.activity([raw], [part])
    making = telling.activity([part], [serial, sister], hour=1)
    telling.activity([serial], [customer], hour=2)
    await engines.tell(telling)

    found = await engines.lineage([serial], BACKWARD)

    assert items_of(found) == [raw, part, serial]
    assert found.productions.item.tolist() == [part, serial]
    assert found.draws.activity.tolist() == [found.activities.id[0], making]


async def test_parts_and_members_are_walked_and_containers_are_not(engines: Engines) -> None:
    telling = Telling()
    lot, serial, device = telling.item(0), telling.item(1), telling.item(1)
    carton, mate = telling.item(2), telling.item(1)
    telling.member(lot, serial)
    fitted = telling.install(serial, device, 5, 9)
    telling.pack(device, carton)
    telling.pack(mate, carton)
    await engines.tell(telling)

    forward = await engines.lineage([lot], FORWARD)
    backward = await engines.lineage([device], BACKWARD)

    assert items_of(forward) == items_of(backward) == [lot, serial, device]
    assert rows(forward)["installations"] == rows(backward)["installations"] == [tuple(fitted)]
    assert rows(forward)["memberships"] == [(lot, serial)]


async def test_custody_climbs_through_every_container(engines: Engines) -> None:
    telling = Telling()
    serial, carton, pallet, stranger = (
        telling.item(1),
        telling.item(2),
        telling.item(2),
        telling.item(1),
    )
    stays = [telling.pack(serial, carton, 1, 8), telling.pack(carton, pallet, 2)]
    telling.pack(stranger, pallet)
    shipped = telling.move(pallet, 0, 1, 2, hour=4)
    received = telling.move(serial, 1, -1, -1, hour=6)
    telling.move(stranger, 0, 1, 3)
    telling.install(serial, stranger)
    await engines.tell(telling)

    found = await engines.custody([serial])

    assert rows(found)["stays"] == [tuple(row) for row in stays]
    assert rows(found)["movements"] == [tuple(shipped), tuple(received)]


async def test_a_lone_item_is_its_own_answer_and_an_unknown_one_is_none(engines: Engines) -> None:
    telling = Telling()
    lone = telling.item(1, 4)
    await engines.tell(telling)

    assert rows(await engines.lineage([lone, lone, 999], FORWARD))["items"] == [(lone, 1, 4)]
    assert items_of(await engines.lineage([], BACKWARD)) == []


async def test_cycles_end(engines: Engines) -> None:
    telling = Telling()
    one, two, three = (telling.item() for _ in range(3))
    for source, target in ((one, two), (two, one), (two, two), (two, three)):
        telling.activity([source], [target])
    telling.install(three, one)
    await engines.tell(telling)

    for direction in Direction:
        assert items_of(await engines.lineage([two], direction)) == [one, two, three]


async def test_a_lattice_of_2_to_the_20_paths_answers_within_a_second(engines: Engines) -> None:
    telling = Telling()
    top = corner = telling.item()
    for _ in range(20):
        left, right, bottom = (telling.item() for _ in range(3))
        telling.activity([corner], [left])
        telling.activity([corner], [right])
        telling.activity([left, right], [bottom])
        corner = bottom
    await engines.tell(telling)
    await engines.lineage([top], FORWARD)

    for reader in (engines.relational, engines.neo4j):
        for start, direction in ((top, FORWARD), (corner, BACKWARD)):
            begun = perf_counter()
            found = await reader.lineage([start], direction, known=Known(), bounds=Bounds())
            assert perf_counter() - begun < 1
            assert len(found.items.id) == 61


async def test_a_fan_out_of_2000_is_complete(engines: Engines) -> None:
    telling = Telling()
    lot = telling.item()
    serials = [telling.item(1) for _ in range(2000)]
    telling.activity([lot], serials)
    await engines.tell(telling)

    found = await engines.lineage([lot], FORWARD)

    assert found.productions.item.tolist() == serials
    assert len(found.items.id) == 2001


async def test_random_genealogies_read_alike(engines: Engines) -> None:
    for seed in range(12):
        telling = random_telling(random.Random(seed))
        await engines.tell(telling)
        choose = random.Random(seed)
        for _ in range(6):
            starts = choose.sample(range(1, 31), choose.randint(1, 4))
            for direction in Direction:
                await engines.lineage(starts, direction)
            await engines.custody(starts)


async def test_ended_facts_vanish_from_current_knowledge(engines: Engines) -> None:
    telling = Telling()
    lot, serial, device = (telling.item() for _ in range(3))
    member = telling.member(lot, serial)
    telling.install(serial, device)
    activity = telling.activity([], [])
    drawn, made = telling.draw(device, activity), telling.production(lot, activity)
    telling.entry()
    telling.end("memberships", member)
    telling.end("draws", drawn)
    telling.end("productions", made)
    await engines.tell(telling)

    assert items_of(await engines.lineage([lot], FORWARD)) == [lot]
    assert items_of(await engines.lineage([serial], FORWARD)) == [serial, device]
    assert items_of(await engines.lineage([lot], BACKWARD)) == [lot]


async def test_past_knowledge_is_read_by_position_and_by_record_time(engines: Engines) -> None:
    telling = Telling()
    telling.entry()
    lot, first, second = (telling.item() for _ in range(3))
    member = telling.member(lot, first)
    telling.entry()
    telling.member(lot, second)
    telling.entry()
    telling.end("memberships", member)
    await engines.tell(telling)

    expected = {0: [lot], 1: [lot, first], 2: [lot, first, second], 3: [lot, second]}
    for position, items in expected.items():
        moment = to_us(at_record(position))
        for known in (Known(position=position), Known(record_time=moment)):
            found = await engines.relational.lineage([lot], FORWARD, known=known, bounds=Bounds())
            assert items_of(found) == items, known
        early = Known(record_time=moment - 1)
        found = await engines.relational.lineage([lot], FORWARD, known=early, bounds=Bounds())
        assert items_of(found) == expected[max(position - 1, 0)], "one microsecond before"


async def test_facts_not_yet_sequenced_have_no_position(database: Database) -> None:
    telling = Telling()
    lot, first = telling.item(), telling.item()
    member = telling.member(lot, first)
    telling.entry()
    telling.end("memberships", member)
    telling.entry()
    second = telling.item()
    telling.member(lot, second)
    await load(database.engine, telling.bodies, sequenced=1)
    reader = RelationalReader(database.engine)

    now = await reader.lineage([lot], FORWARD, known=Known(), bounds=Bounds())
    then = await reader.lineage([lot], FORWARD, known=Known(position=9), bounds=Bounds())

    assert items_of(now) == [lot, second]
    assert items_of(then) == [lot, first]
    assert await reader.position() == 1


@pytest.mark.parametrize("engine", ["relational", "neo4j"])
async def test_a_walk_above_its_bound_is_refused_and_one_at_its_bound_is_not(
    engines: Engines, engine: str
) -> None:
    telling = Telling()
    lot, carton = telling.item(), telling.item(2)
    serials = [telling.item(1) for _ in range(9)]
    telling.activity([lot], serials)
    telling.pack(lot, carton)
    await engines.tell(telling)
    reader: Reader = getattr(engines, engine)

    fits = await reader.lineage([lot], FORWARD, known=Known(), bounds=Bounds(visited_max=10))
    assert len(fits.items.id) == 10
    for ask in (
        lambda: reader.lineage([lot], FORWARD, known=Known(), bounds=Bounds(visited_max=9)),
        lambda: reader.custody([lot], known=Known(), bounds=Bounds(visited_max=1)),
    ):
        with pytest.raises(Refusal) as refused:
            await ask()
        assert refused.value.code is RefusalCode.WALK_TOO_LARGE
        assert "Ask from fewer items" in refused.value.message()


@pytest.mark.parametrize("engine", ["relational", "neo4j"])
async def test_a_walk_above_its_time_is_refused(engines: Engines, engine: str) -> None:
    telling = Telling()
    lot = telling.item()
    telling.activity([lot], [telling.item() for _ in range(3000)])
    await engines.tell(telling)
    reader: Reader = getattr(engines, engine)

    with pytest.raises(Refusal) as refused:
        await reader.lineage([lot], FORWARD, known=Known(), bounds=Bounds(timeout_s=0.002))
    assert refused.value.code is RefusalCode.WALK_TIMEOUT


async def test_a_database_that_is_away_is_a_typed_refusal() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    reader = RelationalReader(database.engine)
    for ask in (
        reader.position(),
        reader.lineage([1], FORWARD, known=Known(), bounds=Bounds()),
        reader.custody([1], known=Known(), bounds=Bounds()),
    ):
        with pytest.raises(Refusal) as refused:
            await ask
        assert refused.value.code is RefusalCode.UNAVAILABLE
    await database.close()


async def test_a_connection_cut_during_a_walk_is_a_typed_refusal(engines: Engines) -> None:
    telling = Telling()
    lot = telling.item()
    telling.activity([lot], [telling.item() for _ in range(3000)])
    await engines.tell(telling)
    cut = """select count(pg_terminate_backend(pid)) from pg_stat_activity
        where query like '%%array_agg%%' and pid <> pg_backend_pid()"""

    async def read() -> int:
        refused = 0
        for _ in range(20):
            try:
                await engines.relational.lineage([lot], FORWARD, known=Known(), bounds=Bounds())
            except Refusal as refusal:
                refused += refusal.code is RefusalCode.UNAVAILABLE
        return refused

    reading = asyncio.create_task(read())
    async with engines.database.engine.connect() as connection:
        while not reading.done():
            await connection.exec_driver_sql("set local role none")  # the application may not
            await connection.exec_driver_sql(cut)
            await connection.rollback()  # a transaction sees one list of backends
            await asyncio.sleep(0.005)
    assert await reading
    found = await engines.relational.lineage([lot], FORWARD, known=Known(), bounds=Bounds())
    assert len(found.items.id) == 3001


async def test_columns_are_64_bit_integers_even_when_empty(engines: Engines) -> None:
    telling = Telling()
    lot = telling.item()
    await engines.tell(telling)

    found = await engines.lineage([lot], FORWARD)
    for table in (getattr(found, name) for name in found.__slots__):
        assert all(column.dtype == np.int64 for column in table)
    assert isinstance(engines.neo4j.engine.value, str)
    assert await engines.neo4j.position() == await engines.relational.position() == 1
