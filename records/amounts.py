"""Sums of what events told of lots' quantities."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import text

from lotkin.domain.balance import Amount, LotAmounts
from lotkin.domain.genealogy import Known
from lotkin.records.knowledge import for_known
from lotkin.records.session import Connection

CURRENT = Known()

# One row a lot, source and unit. A statement without a quantity makes the sum of its source and
# unit unknown, not smaller: `sum` would skip it.
_SUMS = """
with told (item, source, at, qty, unit) as (
    select item_id, 'produced', at, coalesce(qty, nullif(pieces, -1)), unit from production f
    where item_id = any(:items) and known(f) and at <= :at
    union all
    select item_id, 'drawn', at, coalesce(qty, nullif(pieces, -1)), unit from draw f
    where item_id = any(:items) and known(f) and at <= :at
    union all
    select about.item_id, case when e.action = 'ADD' then 'added'
        when e.action = 'DELETE' then 'drawn'
        when e.biz_step in ('receiving', 'accepting') then 'received' else 'counted' end,
        e.at, about.qty, about.unit
    from event_item about join event e on e.id = about.event_id
        join lateral (
            select e.id as event_id, e.retracted_by as ended_by, e.record_time as rec_from,
                e.retracted_at as rec_to
        ) f on known(f)
    where about.item_id = any(:items) and about.role = 0 and e.type = 'ObjectEvent'
        and e.at <= :at and not e.is_declaration
        and (e.action in ('ADD', 'DELETE')
            or e.biz_step in ('receiving', 'accepting', 'stock_taking', 'cycle_counting'))
        and (about.qty is not null or e.action = 'ADD')
), first_in (item, at) as (
    select item, min(at) from told where source = 'received' group by item
), last_count (item, at, qty, unit) as (
    select distinct on (item) item, at, qty, unit from told where source = 'counted'
    order by item, at desc
)
select told.item, told.source,
    case when count(*) = count(told.qty) then sum(told.qty) end, told.unit,
    case when count(*) filter (where told.at > last_count.at)
        = count(told.qty) filter (where told.at > last_count.at)
        then sum(told.qty) filter (where told.at > last_count.at) end,
    count(*) filter (where told.at > last_count.at), last_count.qty, last_count.unit
from told left join first_in on first_in.item = told.item
    left join last_count on last_count.item = told.item
where told.source <> 'received' or told.at = first_in.at
group by told.item, told.source, told.unit, last_count.qty, last_count.unit
"""


async def of_lots(
    connection: Connection, lots: Collection[int], at: int, *, known: Known = CURRENT
) -> dict[int, LotAmounts]:
    """Return everything told of each lot's quantity up to `at`; nothing told: empty amounts."""
    found = await connection.execute(for_known(known, _SUMS), {"items": list(lots), "at": at})
    rows: dict[int, list[Any]] = {lot: [] for lot in lots}
    for item, *row in found:
        rows[item].append(row)
    return {lot: _amounts(told) for lot, told in rows.items()}


async def member_counts(connection: Connection, lots: Collection[int]) -> dict[int, int]:
    """Return how many serials were commissioned as one of each lot; none: left out."""
    found = await connection.execute(
        text(
            "select lot_id, count(distinct serial_id) from membership "
            "where lot_id = any(:lots) and rec_to is null group by lot_id"
        ),
        {"lots": list(lots)},
    )
    return dict(map(tuple, found))


def _amounts(told: Iterable[Any]) -> LotAmounts:
    by_source: dict[str, list[Amount]] = {}
    counted: Amount | None = None
    later: list[Amount] = []
    for source, total, unit, since_count, rows_since, count, count_unit in told:
        by_source.setdefault(source, []).append(Amount(total, unit))
        if count is not None:
            counted = Amount(count, count_unit)
        if source == "drawn" and rows_since:
            later.append(Amount(since_count, unit))
    return LotAmounts(
        produced=by_source.get("produced", ()),
        added=by_source.get("added", ()),
        received=by_source.get("received", ()),
        drawn=by_source.get("drawn", ()),
        counted=counted,
        drawn_since_count=later,
    )
