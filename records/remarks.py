"""Reads what makes a captured event odd: imbalance, overdraft, use after the end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text

from lotkin.domain.conservation import Amount
from lotkin.domain.genealogy import ActivityKind
from lotkin.records.session import Connection


class ActivityAmounts(NamedTuple):
    """The current flows of one activity."""

    key: str
    kind: ActivityKind
    amounts: list[Amount]


async def activity_amounts(
    connection: Connection, activities: Sequence[int]
) -> dict[int, ActivityAmounts]:
    """Return all current flows of each activity, those told by class alone included."""
    found = await connection.execute(
        text(
            "select flow.activity_id, activity.key, activity.kind, is_draw, flow.qty, flow.unit, "
            "coalesce(item_class.balance_tolerance, 0) from ("
            "select activity_id, item_id, null::bigint as class_id, true as is_draw, "
            "coalesce(qty, nullif(pieces, -1)) as qty, unit "
            "from draw where rec_to is null and activity_id = any(:ids) "
            "union all select activity_id, item_id, null, false, "
            "coalesce(qty, nullif(pieces, -1)), unit "
            "from production where rec_to is null and activity_id = any(:ids) "
            "union all select u.activity_id, null, u.class_id, u.is_draw, u.qty, u.unit "
            "from untracked_flow u join event on event.id = u.event_id "
            "where event.retracted_at is null and u.activity_id = any(:ids)) flow "
            "join activity on activity.id = flow.activity_id "
            "left join item on item.id = flow.item_id "
            "left join item_class on item_class.id = coalesce(flow.class_id, item.class_id)"
        ),
        {"ids": list(activities)},
    )
    result: dict[int, ActivityAmounts] = {}
    for id, key, kind, is_draw, qty, unit, tolerance in found:
        entry = result.setdefault(id, ActivityAmounts(key, ActivityKind(kind), []))
        entry.amounts.append(Amount(is_draw, qty, unit, tolerance))
    return result


class LotAmounts(NamedTuple):
    """What was made of a lot, what came in, and what was drawn from it, as told."""

    made: list[tuple[Decimal, str | None]]
    received: list[tuple[Decimal, str | None]]
    drawn: list[tuple[Decimal, str | None]]


async def lot_amounts(connection: Connection, lots: Sequence[int]) -> Mapping[int, LotAmounts]:
    """Return the told quantities of each lot; statements without a quantity are left out."""
    found = await connection.execute(
        text(
            "select item_id, 'made', qty, unit from production "
            "where item_id = any(:ids) and rec_to is null and qty is not null "
            "union all select item_id, 'drawn', qty, unit from draw "
            "where item_id = any(:ids) and rec_to is null and qty is not null "
            "union all select about.item_id, case when event.action = 'ADD' then 'made' "
            "else 'received' end, about.qty, about.unit from event_item about "
            "join event on event.id = about.event_id where about.item_id = any(:ids) "
            "and about.role = 0 and about.qty is not null and event.retracted_at is null "
            "and event.type = 'ObjectEvent' and not event.is_declaration "
            "and (event.action = 'ADD' or event.biz_step in ('receiving', 'accepting'))"
        ),
        {"ids": list(lots)},
    )
    result: dict[int, LotAmounts] = defaultdict(lambda: LotAmounts([], [], []))
    for item, kind, qty, unit in found:
        getattr(result[item], kind).append((qty, unit))
    return result


async def ended_before(
    connection: Connection, items: Sequence[int], events: Sequence[int]
) -> list[tuple[int, int]]:
    """Return (event row, item) where one of `events` uses an item after its recorded end."""
    found = await connection.execute(
        text(
            "select distinct about.event_id, about.item_id from event_item about "
            "join event on event.id = about.event_id "
            "join event_item gone on gone.item_id = about.item_id "
            "join event ending on ending.id = gone.event_id "
            "where about.event_id = any(:events) and about.item_id = any(:items) "
            "and ending.type = 'ObjectEvent' and ending.action = 'DELETE' "
            "and ending.retracted_at is null and not ending.is_declaration "
            "and event.at > ending.at and gone.role = 0 "
            # A lot that was partly destroyed goes on; only a whole instance ends.
            "and gone.qty is null"
        ),
        {"events": list(events), "items": list(items)},
    )
    return [(event, item) for event, item in found]
