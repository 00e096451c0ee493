"""What happens from now on, told while it happens.

Watchers read the record themselves, each in its own role and scope, and only as fast as they take
what they are told: nothing is queued for them, so a slow one costs no memory and misses nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

from lotkin.auth.permissions import Permission
from lotkin.domain.nodeid import NodeType, parse_row
from lotkin.errors import Refusal, RefusalCode
from lotkin.records import events as event_records
from lotkin.records import watching as records
from lotkin.records.alerts import AlertRow
from lotkin.records.timeline import TimelineRow
from lotkin.resolvers.context import Context
from lotkin.resolvers.usecase import usecase

LOOK_S = 0.5  # between two looks; people do not see the difference
PAGE = 100  # entries a look reads at most
# Alerts have no place in the journal. One may be committed after a later one, but no transaction
# lasts this long (`records.session`).
UNSETTLED_S = 60


@usecase(Permission.ITEM_READ)
async def captured_events(
    context: Context, item_class: str | None
) -> AsyncGenerator[tuple[int, TimelineRow], None]:
    """Return the events captured from now on, with their positions, in the journal's order.

    Raises: Refusal BAD_INPUT for an id that is none of an item class, FORBIDDEN for partners.
    """
    _check_ours(context)
    wanted = None if item_class is None else parse_row(item_class, NodeType.ITEM_CLASS)
    if item_class is not None and wanted is None:
        raise Refusal(RefusalCode.BAD_INPUT, reason="itemClass is the id of an item class")
    async with context.database.reading() as connection:
        after = await records.position(connection)
    return _events(context, after, wanted)


@usecase(Permission.ALERT_READ)
async def raised_alerts(context: Context) -> AsyncGenerator[AlertRow, None]:
    """Return the alerts raised from now on. Raises: Refusal FORBIDDEN for partners."""
    _check_ours(context)
    async with context.database.reading() as connection:
        begun = await event_records.now(connection)
    return _alerts(context, begun)


def _check_ours(context: Context) -> None:
    # What a partner may see is decided item by item; what happens to others is not theirs.
    if context.actor.partner is not None:
        raise Refusal(RefusalCode.FORBIDDEN, permission="subscription")


async def _events(
    context: Context, after: int, item_class: int | None
) -> AsyncGenerator[tuple[int, TimelineRow], None]:
    while True:
        async with context.database.reading() as connection:
            head = await records.position(connection)
            found = (
                []
                if head == after
                else await records.events_after(
                    connection, after, item_class=item_class, limit=PAGE
                )
            )
        for each in found:
            yield each
        # A full page ends at its last entry; otherwise everything up to the head was looked at.
        after = found[-1][0] if len(found) == PAGE else max(after, head)
        if len(found) < PAGE:
            await asyncio.sleep(LOOK_S)


async def _alerts(context: Context, begun: datetime) -> AsyncGenerator[AlertRow, None]:
    told: OrderedDict[int, datetime] = OrderedDict()
    since = begun
    while True:
        async with context.database.reading() as connection:
            found = await records.alerts_since(connection, since, told=told, limit=PAGE)
        for each in found:
            told[each.id] = each.raised_at
            yield each
        if found:
            since = max(begun, found[-1].raised_at - timedelta(seconds=UNSETTLED_S))
            for id in [id for id, at in told.items() if at < since]:
                del told[id]
        if len(found) < PAGE:
            await asyncio.sleep(LOOK_S)
