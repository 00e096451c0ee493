"""Items: looking them up, where they are, what happened to them, how much is left."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain import balance as balances
from lotkin.domain import identity
from lotkin.domain import status as rules
from lotkin.domain.balance import Amount, LotAmounts, MassBalance
from lotkin.domain.identity import Reading
from lotkin.domain.nodeid import NodeType, parse_node_id
from lotkin.domain.release import LotState, Quality, status_by_quality
from lotkin.domain.status import Hold, ItemStatus
from lotkin.errors import Refusal, RefusalCode
from lotkin.records import items as records
from lotkin.records import release as release_records
from lotkin.records import timeline as timeline_records
from lotkin.records.items import ActivityRow, ClassRow, ItemRow, NamedRow
from lotkin.records.places import Inside
from lotkin.records.release import QualityRow
from lotkin.records.timeline import Page, TimelineRow
from lotkin.resolvers import loaders
from lotkin.resolvers.batching import batched
from lotkin.resolvers.context import Context
from lotkin.resolvers.lookup import Lookup, find_items, named_by
from lotkin.resolvers.usecase import usecase
from lotkin.resolvers.whereabouts import Place, place

NODES_MAX = 100  # ids of one `nodes` call


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether an item may be used, and the holds still open."""

    status: ItemStatus
    holds: tuple[Hold, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a long list: `first` entries after the cursor."""

    first: int
    after: tuple[int, int] | None = None


@usecase(Permission.ITEM_READ)
async def item(context: Context, by: Lookup) -> ItemRow | None:
    """Return the item that `by` names; None where nothing is known of it.

    Raises: Refusal BAD_INPUT for a wrong check digit, AMBIGUOUS_ITEM with the candidates' keys.
    """
    ids = (await find_items(context, [by]))[0]
    if len(ids) > 1:
        async with context.database.reading() as connection:
            read = await records.columns(connection, ids[:NODES_MAX])
        raise Refusal(RefusalCode.AMBIGUOUS_ITEM, candidates=read.key)
    return await loaders.item(context, ids[0]) if ids else None


@usecase(Permission.SCAN_READ)
async def scan(context: Context, text: str) -> tuple[Reading, list[ItemRow]]:
    """Return what a label says, and the known items that it may name."""
    reading = identity.scan(text, today=clock.now().date())
    wanted = named_by(reading)
    # Who may scan but not read items learns what the label says, not whether we know it.
    if not wanted or Permission.ITEM_READ not in context.actor.permissions:
        return reading, []
    async with context.database.reading() as connection:
        found = await records.find(connection, wanted)
        ids = list(dict.fromkeys(id for each in found for id in each))[:NODES_MAX]
        rows = await records.rows(connection, ids) if ids else {}
    return reading, [rows[id] for id in ids]


Node = ItemRow | ClassRow | NamedRow | ActivityRow | TimelineRow
_LOADERS = {
    NodeType.ITEM: loaders.item,
    NodeType.ITEM_CLASS: loaders.item_class,
    NodeType.PARTY: loaders.party,
    NodeType.LOCATION: loaders.location,
    NodeType.ACTIVITY: loaders.activity,
    NodeType.EVENT: loaders.event,
}


@usecase(Permission.ITEM_READ)
async def node(context: Context, id: str) -> tuple[NodeType, Node] | None:
    """Return the type and the row of an opaque id; None for an unknown or malformed one."""
    parsed = parse_node_id(id)
    if parsed is None or parsed[0] not in _LOADERS:
        return None
    tag = NodeType(parsed[0])
    load: Any = _LOADERS[tag]
    row = await load(context, parsed[1])
    return None if row is None else (tag, row)


@usecase(Permission.ITEM_READ)
async def whereabouts(context: Context, item_id: int, at: int | None) -> Place:
    """Return where an item is at the instant `at` (microseconds), now where None."""
    return await place(context, (item_id, _now(context) if at is None else at))


@usecase(Permission.ITEM_READ)
async def condition(context: Context, item_id: int) -> Condition:
    """Return the status and the open holds of an item, now."""
    return await _condition(context, item_id)


@usecase(Permission.ITEM_READ)
async def contents(
    context: Context, container: int, at: int | None, page: Slice, *, deep: bool
) -> list[int]:
    """Return what is in a container at `at`, by id: one more than `page.first`, if there is."""
    instant = _now(context) if at is None else at
    after = page.after[1] if page.after else 0
    return await loaders.contents(context, Inside(container, instant, deep, after, page.first + 1))


@usecase(Permission.ITEM_READ)
async def contents_count(context: Context, container: int, at: int | None, *, deep: bool) -> int:
    """Return how many things are in a container at `at`."""
    instant = _now(context) if at is None else at
    return await loaders.contents_count(context, Inside(container, instant, deep))


@usecase(Permission.ITEM_READ)
async def timeline(context: Context, item_id: int, page: Slice) -> list[TimelineRow]:
    """Return what happened to an item by event time: one more than `page.first`, if there is."""
    at, event = page.after or (-(2**63), 0)
    return await loaders.timeline(context, Page(item_id, at, event, page.first + 1))


@usecase(Permission.ITEM_READ)
async def timeline_count(context: Context, item_id: int) -> int:
    """Return how many events are about an item."""
    return await loaders.timeline_count(context, item_id)


@usecase(Permission.ITEM_READ)
async def event_document(context: Context, event: int) -> Mapping[str, Any]:
    """Return an event as it was told."""
    document = await loaders.document(context, event)
    assert document is not None, event
    return document


@usecase(Permission.ITEM_READ)
async def mass_balance(context: Context, lot: ItemRow) -> MassBalance:
    """Return what was made of a lot, what was drawn, what is left, now."""
    told = await _amounts(context, lot.id)
    owner = None if lot.class_id is None else await loaders.item_class(context, lot.class_id)
    tolerance = Decimal() if owner is None else owner.balance_tolerance
    return balances.mass_balance(told, tolerance)


@usecase(Permission.ITEM_READ)
async def quantity(context: Context, lot: int) -> Amount | None:
    """Return what was made of a lot; where no quantity was told, how many serials are of it."""
    told = await _amounts(context, lot)
    return balances.made(told) or await loaders.members(context, lot)


async def _amounts(context: Context, lot: int) -> LotAmounts:
    return await loaders.amounts(context, (lot, _now(context)))


@batched
async def _condition(context: Context, items: tuple[int, ...]) -> Mapping[int, Condition]:
    at = _now(context)
    places = [place(context, (item, at)) for item in items]
    async with context.database.reading() as connection:
        told = await timeline_records.tellings(connection, items, at)
        decided = await release_records.quality_of(connection, items)
    found: dict[int, Condition] = {}
    for item, where in zip(items, await _all(places), strict=True):
        status = rules.status(
            told[item],
            where.moved,
            is_consumed=where.consumed_by is not None,
            is_scrapped=where.is_scrapped,
        )
        quality, held = _quality(decided[item])
        holds = (*rules.holds(told[item]), *held)
        found[item] = Condition(status_by_quality(status, quality), holds)
    return found


def _quality(row: QualityRow) -> tuple[Quality, list[Hold]]:
    """Return what the quality record says of an item, and its holds."""
    held = [Hold(each.reason, clock.to_us(each.placed_at), None, each.id) for each in row.holds]
    return Quality(None if row.state is None else LotState(row.state), bool(held)), held


async def _all(loads: Sequence[Any]) -> list[Place]:
    # Started together, so that they share a batch.
    return list(await asyncio.gather(*loads))


def _now(context: Context) -> int:
    """One instant for all of a request, so that its parts agree and share their reads."""
    moment: int = context.batches.setdefault(_now, clock.now_us())
    return moment
