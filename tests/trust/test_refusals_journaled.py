"""What is refused to somebody with a name stands in the journal, with the reason."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from lotkin.auth.actor import ANONYMOUS, Actor
from lotkin.auth.permissions import Role
from lotkin.errors import Refusal
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.resolvers.capture import capture
from lotkin.resolvers.context import Context, Services
from lotkin.settings import Settings
from tests.flows.events import commission, document, serial


@pytest.fixture
def context(database: Database) -> Context:
    settings = Settings().model_copy(update={"position_wait_s": 0.0})
    services = Services(settings, database, RelationalReader(database.engine), None)
    actor = Actor("op-1", "Op", None, frozenset({Role.OPERATOR}), session="s-1")
    return Context(actor, services)


async def told(context: Context) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    async with context.database.reading() as connection:
        rows = await connection.execute(text("select entry, body from journal_intent order by id"))
        return [(orjson.loads(entry), orjson.loads(body)) for entry, body in rows]


async def test_a_refused_document_is_journaled_without_its_content(context: Context) -> None:
    bad = {**commission(2, serial(2, 2)), "action": "CANARY"}
    await capture(context, document(bad))
    ((entry, body),) = await told(context)
    assert entry["ev"] == "capture.refused"
    assert entry["act"] == {"client": None, "roles": ["operator"], "sid": "s-1", "sub": "op-1"}
    assert body["reason"] == "BAD_EVENT"
    assert "CANARY" not in str((entry, body))


async def test_a_missing_permission_is_journaled(context: Context) -> None:
    viewer = Actor("v-1", "Viewer", None, frozenset({Role.VIEWER}))
    with pytest.raises(Refusal):
        await capture(replace(context, actor=viewer), document(commission(1, serial(2, 1))))
    ((entry, body),) = await told(context)
    assert (entry["ev"], entry["act"]["sub"]) == ("capture.refused", "v-1")
    assert body["reason"] == "FORBIDDEN"


async def test_nobody_without_a_name_can_fill_the_journal(context: Context) -> None:
    with pytest.raises(Refusal):
        await capture(replace(context, actor=ANONYMOUS), document())
    assert await told(context) == []


async def test_a_success_is_journaled_once(context: Context) -> None:
    await capture(context, document(commission(1, serial(2, 1))))
    assert [entry["ev"] for entry, _ in await told(context)] == ["event.captured"]
