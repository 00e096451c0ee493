"""What events told of items: the timeline, and what decides a status."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from lotkin.domain.status import Telling
from lotkin.records.session import Connection


class TimelineRow(NamedTuple):
    """One event about an item; times in microseconds. The document is read apart, it is large."""

    id: int
    event_id: str
    type: str
    action: str | None
    biz_step: str | None
    disposition: str | None
    at: int
    record_time: int
    quality: int
    zone: str
    read_point: int | None
    biz_location: int | None
    activity: int | None
    retracted_at: int | None


class Page(NamedTuple):
    """Events of one item after the one at (`at`, `id`), at most `limit`."""

    item: int
    at: int
    id: int
    limit: int


COLUMNS = (
    "e.id, e.event_id, e.type, e.action, e.biz_step, e.disposition, e.at, "
    "cast(extract(epoch from e.record_time) * 1000000 as bigint), e.quality, e.zone, "
    "e.read_point_id, e.biz_location_id, e.activity_id, "
    "cast(extract(epoch from e.retracted_at) * 1000000 as bigint)"
)


async def pages(connection: Connection, asked: Sequence[Page]) -> list[list[TimelineRow]]:
    """Return each asked page in event-time order; retracted events are shown as such."""
    found = await connection.execute(
        text(
            "select n, " + COLUMNS + " from unnest(cast(:items as bigint[]), "
            "cast(:ats as bigint[]), cast(:ids as bigint[]), cast(:limits as bigint[])) "
            "with ordinality asked (item, at, id, size, n) cross join lateral ("
            "select * from event where id in "
            "(select event_id from event_item where item_id = asked.item) "
            "and (event.at, event.id) > (asked.at, asked.id) "
            "order by event.at, event.id limit asked.size) e order by n, e.at, e.id"
        ),
        {
            "items": [page.item for page in asked],
            "ats": [page.at for page in asked],
            "ids": [page.id for page in asked],
            "limits": [page.limit for page in asked],
        },
    )
    rows: list[list[TimelineRow]] = [[] for _ in asked]
    for n, *row in found:
        rows[n - 1].append(TimelineRow(*row))
    return rows


async def counts(connection: Connection, items: Collection[int]) -> dict[int, int]:
    """Return how many events are about each item; an item without any is left out."""
    found = await connection.execute(
        text(
            "select item_id, count(distinct event_id) from event_item "
            "where item_id = any(:items) group by item_id"
        ),
        {"items": list(items)},
    )
    return dict(map(tuple, found))


async def events(connection: Connection, ids: Collection[int]) -> dict[int, TimelineRow]:
    """Return events by id; unknown ids are left out."""
    found = await connection.execute(
        text("select " + COLUMNS + " from event e where e.id = any(:ids)"), {"ids": list(ids)}
    )
    return {row[0]: TimelineRow(*row) for row in found}


async def documents(connection: Connection, ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """Return the events as they were told, by id."""
    found = await connection.execute(
        text("select id, document from event where id = any(:ids)"), {"ids": list(ids)}
    )
    return dict(map(tuple, found))


async def tellings(
    connection: Connection, items: Collection[int], at: int
) -> dict[int, list[Telling]]:
    """Return what events up to `at` told of each item's condition, oldest first.

    The disposition of a transformation is that of its outputs, so inputs (role 3) are left out;
    what ends a part of a lot does not end the lot.
    """
    found = await connection.execute(
        text(
            "select about.item_id, e.at, e.event_id, e.action, e.biz_step, e.disposition, "
            "e.persistent_set, e.persistent_unset from event_item about "
            "join event e on e.id = about.event_id where about.item_id = any(:items) "
            "and about.role <> 3 and (about.qty is null or e.action is distinct from 'DELETE') "
            "and e.at <= :at and e.retracted_at is null "
            "and not e.is_declaration and (e.biz_step is not null or e.disposition is not null "
            "or e.persistent_set <> '{}' or e.persistent_unset <> '{}') order by e.at, e.id"
        ),
        {"items": list(items), "at": at},
    )
    told: dict[int, list[Telling]] = {item: [] for item in items}
    for item, *row in found:
        told[item].append(Telling(*row))
    return told
