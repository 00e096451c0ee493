"""Alerts: what capture and projection found odd, waiting for somebody to look."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text

from lotkin.records import bulk
from lotkin.records.session import Connection


class AlertRow(NamedTuple):
    """One alert; `facts` fill the text of `code`, `event` is the sender's event id."""

    id: int
    code: str
    facts: dict[str, Any]
    event: str | None
    item_id: int | None
    raised_at: datetime
    state: str


async def store(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep what is odd for people to look at: {code, facts, event_id, item_id}."""
    await bulk.insert(
        connection,
        "alert",
        [{**row, "facts": orjson.dumps(row["facts"], default=str).decode()} for row in rows],
    )


async def page(
    connection: Connection, *, state: str | None, before: int | None, limit: int
) -> list[AlertRow]:
    """Return alerts, newest first, older than the id `before`."""
    found = await connection.execute(
        text(
            "select a.id, a.code, a.facts, e.event_id, a.item_id, a.raised_at, a.state "
            "from alert a left join event e on e.id = a.event_id "
            "where (cast(:state as text) is null or a.state = :state) "
            "and (cast(:before as bigint) is null or a.id < :before) "
            "order by a.id desc limit :limit"
        ),
        {"state": state, "before": before, "limit": limit},
    )
    return [AlertRow(*row) for row in found]


async def by_ids(connection: Connection, ids: list[int]) -> dict[int, AlertRow]:
    """Return alerts by id; unknown ids are left out."""
    found = await connection.execute(
        text(
            "select a.id, a.code, a.facts, e.event_id, a.item_id, a.raised_at, a.state "
            "from alert a left join event e on e.id = a.event_id where a.id = any(:ids)"
        ),
        {"ids": ids},
    )
    return {row[0]: AlertRow(*row) for row in found}


async def count(connection: Connection, *, state: str | None) -> int:
    """Return how many alerts there are in `state`, or in all."""
    found = await connection.execute(
        text("select count(*) from alert where cast(:state as text) is null or state = :state"),
        {"state": state},
    )
    return int(found.scalar_one())
