"""Every answer to a partner is journaled before it leaves, with purpose and count."""

import orjson
import psycopg
import pytest

from lotkin.errors import Refusal, RefusalCode
from tests.access.reads import reads
from tests.access.world import OPERATOR, REGULATOR_ACTORS, SUPPLIER_ACTORS, ask, run, world
from tests.flows.events import lot
from tests.flows.pump import PUMPS, RESIN

ITEM = "query ($key: String!) { item(by: {key: $key}) { key } }"


@pytest.fixture
async def fresh(database):
    async with world(database) as made:
        yield made


async def entries(made):
    async with await psycopg.AsyncConnection.connect(made.services.database.url) as connection:
        found = await connection.execute(
            "select actor, body from journal_intent where event = 'partner.read' order by xid, id"
        )
        return [(who, orjson.loads(body)) for who, body in await found.fetchall()]


async def test_reads_and_entries_are_the_same_in_number_and_count(fresh):
    answered, journaled = await reads(fresh, 200, seed=5)
    assert answered.total() == 200
    assert answered == journaled


async def test_an_entry_tells_who_why_and_how_much_but_no_value(fresh):
    await ask(fresh, REGULATOR_ACTORS[0], ITEM, key=PUMPS[0])
    await ask(fresh, SUPPLIER_ACTORS[0], ITEM, key=PUMPS[0])
    (who, told), (other, foreign) = await entries(fresh)
    assert (who, told["count"], told["fields"]) == ("regulator-1", 1, ["item"])
    assert told["purpose"] == ["inspection of 1"]
    assert len(told["grants"]) == 1
    assert (other, foreign["count"]) == ("supplier-1", 0)
    assert foreign["purpose"] == ["own lots, one step forward"]
    assert PUMPS[0] not in str((told, foreign))


async def test_people_inside_read_without_an_entry(fresh):
    await ask(fresh, OPERATOR, ITEM, key=PUMPS[0])
    assert await entries(fresh) == []


async def test_an_answer_does_not_leave_without_its_entry(fresh, monkeypatch):
    async def torn(*_):
        raise Refusal(RefusalCode.UNAVAILABLE)

    monkeypatch.setattr("lotkin.resolvers.partner.journal_intent.append", torn)
    result = await run(fresh, SUPPLIER_ACTORS[0], ITEM, key=lot(RESIN, 1))
    assert result.data is None
    assert [error.extensions["code"] for error in result.errors] == ["UNAVAILABLE"]
