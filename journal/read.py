"""Reads the journal by position."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class Head(NamedTuple):
    """The journal's size and the committed intents that have no place yet, in one snapshot."""

    size: int
    pending: int


async def head(connection: AsyncConnection) -> Head:
    """Return the journal's head as the caller's snapshot sees it."""
    found = await connection.execute(
        text(
            "select size, (select count(*) from journal_intent i "
            "where (i.xid, i.id) > (head.last_xid, head.last_id)) from journal_head head"
        )
    )
    return Head(*found.one())


async def after(
    connection: AsyncConnection, position: int, *, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """Return (position, body) of the next `limit` entries behind `position`, in order."""
    found = await connection.execute(
        text(
            "select journal.seq, journal_intent.body from journal "
            "join journal_intent on journal_intent.id = journal.intent_id "
            "where journal.seq > :position order by journal.seq limit :limit"
        ),
        {"position": position, "limit": limit},
    )
    return [(seq, orjson.loads(body)) for seq, body in found]


async def position(connection: AsyncConnection, intents: Sequence[UUID]) -> int | None:
    """Return the highest position of these intents, or None while one of them has none."""
    found = await connection.execute(
        text("select max(seq), count(*) from journal where intent_id = any(cast(:ids as uuid[]))"),
        {"ids": list(set(intents))},
    )
    highest, count = found.one()
    return highest if count == len(set(intents)) else None
