"""What came to the record since somebody last looked, for those who watch it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from lotkin.records.alerts import AlertRow
from lotkin.records.session import Connection
from lotkin.records.timeline import COLUMNS, TimelineRow


async def position(connection: Connection) -> int:
    """Return how many entries the journal has placed."""
    found = await connection.execute(text("select size from journal_head"))
    return int(found.scalar_one())


async def events_after(
    connection: Connection, after: int, *, item_class: int | None, limit: int
) -> list[tuple[int, TimelineRow]]:
    """Return the events placed behind a position of the journal, in its order: none is passed by.

    item_class: only events about an item of it.
    """
    found = await connection.execute(
        text(
            "select journal.seq, " + COLUMNS + " from journal "
            "join event e on e.intent_id = journal.intent_id "
            "where journal.seq > :after and (cast(:class as bigint) is null or exists ("
            "select from event_item about join item on item.id = about.item_id "
            "where about.event_id = e.id and item.class_id = :class)) "
            "order by journal.seq limit :limit"
        ),
        {"after": after, "class": item_class, "limit": limit},
    )
    return [(seq, TimelineRow(*row)) for seq, *row in found]


async def alerts_since(
    connection: Connection, since: datetime, *, told: Collection[int], limit: int
) -> list[AlertRow]:
    """Return alerts raised since an instant that were not told yet, oldest first."""
    found = await connection.execute(
        text(
            "select a.id, a.code, a.facts, e.event_id, a.item_id, a.raised_at, a.state "
            "from alert a left join event e on e.id = a.event_id "
            "where a.raised_at >= :since and not (a.id = any(:told)) "
            "order by a.raised_at, a.id limit :limit"
        ),
        {"since": since, "told": list(told), "limit": limit},
    )
    return [AlertRow(*row) for row in found]
