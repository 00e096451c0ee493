"""What the record adds to a walked genealogy: keys in page order, amounts, contents, gaps.

Everything is asked by ids and comes back as columns in one row, one statement a question. The
walk itself is in `graph`; what an item looks like is in `records.items`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text

from lotkin.domain.genealogy import Ints, Known
from lotkin.records.knowledge import for_known
from lotkin.records.session import Connection


def array(ids: Ints | Sequence[int]) -> str:
    """Return ids as the text of a bigint[]: a tenth of the time of binding a list."""
    listed = ids if isinstance(ids, Sequence) else ids.tolist()
    return "{" + ",".join(map(str, listed)) + "}"


async def knowledge(connection: Connection, known: Known, head: int) -> tuple[int, int]:
    """Return the record time in microseconds and the journal position that `known` means."""
    if known.position is not None:
        statement = (
            "select coalesce((extract(epoch from max(e.record_time)) * 1000000)::bigint, 0), "
            "cast(:position as bigint) from journal j join event e on e.intent_id = j.intent_id "
            "where j.seq <= :position and j.seq > :position - 1000"
        )
        found = await connection.execute(text(statement), {"position": known.position})
    elif known.record_time is not None:
        statement = (
            "select cast(:at as bigint), coalesce(max(j.seq), 0) "
            "from journal j join event e on e.intent_id = j.intent_id "
            "where e.record_time <= 'epoch'::timestamptz + :at * interval '1 microsecond'"
        )
        found = await connection.execute(text(statement), {"at": known.record_time})
    else:
        statement = (
            "select (extract(epoch from clock_timestamp()) * 1000000)::bigint, "
            "cast(:head as bigint)"
        )
        found = await connection.execute(text(statement), {"head": head})
    record_time, position = found.one()
    return record_time, position


async def ranked(
    connection: Connection, ids: Ints, ranks: Ints, *, after: tuple[int, str] | None, limit: int
) -> tuple[list[int], list[str], list[int]]:
    """Return ids, keys and ranks of the next `limit` items behind `after`, by rank, then key.

    Keys compare by their bytes, the same on every server. Bounds: 10,000 ids take some 25 ms.
    """
    found = await connection.execute(
        text(
            "select coalesce(array_agg(id), '{}'), coalesce(array_agg(key), '{}'), "
            "coalesce(array_agg(rank), '{}') from ("
            "select item.id, item.key, asked.rank from "
            "unnest(cast(:ids as bigint[]), cast(:ranks as bigint[])) asked (id, rank) "
            "join item on item.id = asked.id where cast(:rank as bigint) is null "
            'or asked.rank > :rank or asked.rank = :rank and item.key collate "C" > :key '
            'order by asked.rank, item.key collate "C" limit :limit) page'
        ),
        {
            "ids": array(ids),
            "ranks": array(ranks),
            "rank": after and after[0],
            "key": after and after[1],
            "limit": limit,
        },
    )
    listed, keys, placed = found.one()
    return listed, keys, placed


async def containers_among(connection: Connection, ids: Sequence[int]) -> frozenset[int]:
    """Return those of the items that are containers."""
    found = await connection.execute(
        text("select id from item where kind = 2 and id = any(cast(:ids as bigint[]))"),
        {"ids": array(ids)},
    )
    return frozenset(found.scalars())


async def alternates(connection: Connection) -> dict[int, int]:
    """Return the class that each class counts as, of classes declared interchangeable."""
    found = await connection.execute(
        text("select id, alternate_of from item_class where alternate_of is not null")
    )
    return {row[0]: row[1] for row in found}


Amount = tuple[Decimal | None, str | None]


async def draw_amounts(connection: Connection, ids: Ints | Sequence[int]) -> dict[int, Amount]:
    """Return quantity and unit of draws by fact id, as told."""
    return await _amounts(connection, "select id, qty, unit from draw", ids)


async def movement_amounts(connection: Connection, ids: Ints | Sequence[int]) -> dict[int, Amount]:
    """Return quantity and unit of movements by fact id, as told."""
    return await _amounts(connection, "select id, qty, unit from movement", ids)


async def stay_amounts(connection: Connection, ids: Ints | Sequence[int]) -> dict[int, Amount]:
    """Return quantity and unit of stays by fact id, as told."""
    return await _amounts(connection, "select id, qty, unit from stay", ids)


async def _amounts(
    connection: Connection, select: str, ids: Ints | Sequence[int]
) -> dict[int, Amount]:
    found = await connection.execute(
        text(select + " where id = any(cast(:ids as bigint[]))"), {"ids": array(ids)}
    )
    return {row[0]: (row[1], row[2]) for row in found}


class GapRow(NamedTuple):
    """One thing the record does not tell; exactly one of the ids is set."""

    reason: str
    item_id: int | None
    activity_id: int | None
    class_id: int | None


async def gaps(
    connection: Connection, items: Ints, activities: Ints, *, known: Known, until: int
) -> list[GapRow]:
    """Return where the genealogy of these items and activities is not complete (domain 5.5).

    Facts after the instant `until` (microseconds) do not count.
    """
    parameters = {
        "items": array(items),
        "activities": array(activities),
        "until": until,
    }
    found = await connection.execute(for_known(known, _GAPS), parameters)
    return [GapRow(*row) for row in found]


# SCRAP (kind 10) rightly has no outputs. Untracked flows are told by events, which end when they
# are retracted; a position or record time in the past is applied to the event itself.
_GAPS = """
with asked_activity as (
    select a.id, a.kind from activity a where a.id = any(cast(:activities as bigint[]))
), asked_item as (
    select i.id, i.kind from item i where i.id = any(cast(:items as bigint[]))
), untracked as (
    select u.activity_id, u.class_id, u.is_draw from untracked_flow u
    join asked_activity a on a.id = u.activity_id
    join lateral (
        select e.id as event_id, e.at, e.retracted_by as ended_by, e.record_time as rec_from,
               e.retracted_at as rec_to
        from event e where e.id = u.event_id
    ) f on f.at <= :until and known(f)
)
select 'INPUT_WITHOUT_LOT', null::bigint, activity_id, null::bigint from untracked
where is_draw group by activity_id
union all
select 'OUTPUT_WITHOUT_LOT', null, null, class_id from untracked
where not is_draw group by class_id
union all
select 'NO_INPUTS', null, a.id, null from asked_activity a
where not exists (
        select from draw f where f.activity_id = a.id and f.at <= :until and known(f))
  and not exists (select from untracked u where u.activity_id = a.id and u.is_draw)
union all
select 'NO_OUTPUTS', null, a.id, null from asked_activity a
where a.kind <> 10
  and not exists (
        select from production f where f.activity_id = a.id and f.at <= :until and known(f))
  and not exists (select from untracked u where u.activity_id = a.id and not u.is_draw)
union all
select 'FACTS_RETRACTED', i.id, null, null from asked_item i
where (exists (select from draw f where f.item_id = i.id and ended(f))
        and not exists (select from draw f where f.item_id = i.id and known(f)))
   or (exists (select from production f where f.item_id = i.id and ended(f))
        and not exists (select from production f where f.item_id = i.id and known(f)))
   or (exists (select from stay f where f.child_id = i.id and f.is_installation and ended(f))
        and not exists (
            select from stay f where f.child_id = i.id and f.is_installation and known(f)))
order by 1, 2, 3, 4
"""


async def shipped_amounts(
    connection: Connection, lots: Sequence[int], *, known: Known, until: int
) -> list[tuple[int, Amount]]:
    """Return (lot, amount) shipped of lots up to `until`, one row a lot and unit; what was told
    without an amount makes its sum unknown.
    """
    found = await connection.execute(
        for_known(
            known,
            "select item_id, case when count(*) = count(qty) then sum(qty) end, unit "
            "from movement f where item_id = any(cast(:ids as bigint[])) and kind = 0 "
            "and at <= :until and known(f) group by item_id, unit",
        ),
        {"ids": array(lots), "until": until},
    )
    return [(row[0], (row[1], row[2])) for row in found]


async def contents(
    connection: Connection,
    containers: Sequence[int],
    windows: Sequence[tuple[int, int]],
    *,
    known: Known,
    until: int,
) -> list[tuple[int, int]]:
    """Return (place in `containers`, item) of everything that lay in a container, deep, at some
    instant of its half-open window and not after `until`; microseconds. Containers are left out.
    """
    found = await connection.execute(
        for_known(known, _CONTENTS),
        {
            "containers": array(containers),
            "since": array([since for since, _ in windows]),
            "ends": array([end for _, end in windows]),
            "until": until,
        },
    )
    return [(row[0], row[1]) for row in found]


# Windows shrink on the way down, so that a carton counts only while it was on the pallet; and
# they shrink to nothing on a cycle, which ends the walk.
_CONTENTS = """
with recursive inside (place, item, since, ends) as (
    select asked.place, asked.id, asked.since, asked.ends
    from unnest(cast(:containers as bigint[]), cast(:since as bigint[]), cast(:ends as bigint[]))
        with ordinality asked (id, since, ends, place)
    union
    select i.place, f.child_id, greatest(i.since, f.since), least(i.ends, f.until)
    from inside i join stay f on f.parent_id = i.item
    where not f.is_installation and f.since <= :until and f.since < i.ends and i.since < f.until
      and known(f)
)
select distinct inside.place::bigint - 1, item.id
from inside join item on item.id = inside.item where item.kind <> 2 order by 1, 2
"""


class Candidate(NamedTuple):
    """An item that a look-up may have meant."""

    id: int
    key: str
    kind: int


async def candidates(
    connection: Connection, keys: Sequence[str], lot: str | None, *, limit: int
) -> list[Candidate]:
    """Return items that one of `keys` names only loosely: as their class, or with `lot` as the
    supplier's own lot number, in the class or without one. Ordered by key.
    """
    found = await connection.execute(
        text(
            "with named as ("
            "select class_id from item_class_alias where key = any(cast(:keys as text[])) "
            "union select id from item_class where udi_di = any(cast(:keys as text[]))) "
            "select id, key, kind from item where class_id in (select class_id from named) "
            "and (cast(:lot as text) is null or supplier_lot_no = :lot) "
            "union select id, key, kind from item where cast(:lot as text) is null "
            "and supplier_lot_no = any(cast(:keys as text[])) "
            "order by key limit :limit"
        ),
        {"keys": list(keys), "lot": lot, "limit": limit},
    )
    return [Candidate(*row) for row in found]
