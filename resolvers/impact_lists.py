"""Lists and counts of an impact: pages of items, consignees with what they have, witnesses."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from lotkin.auth.permissions import Permission
from lotkin.domain import balance as balances
from lotkin.domain import custody as custody_rules
from lotkin.domain.balance import Amount
from lotkin.domain.exposure import ExposureClass, Step
from lotkin.domain.genealogy import UNKNOWN, Ints, ItemKind
from lotkin.domain.units import COUNT
from lotkin.errors import RefusalCode
from lotkin.records import trace as records
from lotkin.records.session import Connection
from lotkin.resolvers import starts
from lotkin.resolvers.context import Context
from lotkin.resolvers.impact import Impact
from lotkin.resolvers.items import condition
from lotkin.resolvers.lookup import Lookup, wanted_of
from lotkin.resolvers.pages import Page, ranked_page
from lotkin.resolvers.usecase import usecase

KINDS = len(ItemKind)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which items of an impact a list shows; None = all."""

    classes: frozenset[ExposureClass]
    kinds: frozenset[ItemKind] | None = None
    statuses: frozenset[str] | None = None
    consignee: int | None = None


@dataclass(frozen=True, slots=True)
class Consignee:
    """What a party was sent and still has; times in microseconds.

    items, serials and amounts: what did not come back. shipped: all that was ever sent.
    """

    party: int
    items: int
    serials: int
    shipped: int
    amounts: Sequence[Amount]
    first: int
    last: int


@usecase(Permission.RECALL_RUN)
async def impact_places(context: Context, impact: Impact, chosen: Chosen) -> Ints:
    """Return the places in the exposure of the items that a list shows, ascending by item."""
    exposure = impact.exposure
    wanted = np.isin(exposure.classes, [int(each) for each in chosen.classes])
    if chosen.kinds is not None:
        wanted &= np.isin(impact.kinds, [int(each) for each in chosen.kinds])
    if chosen.consignee is not None:
        sent = impact.consignments
        wanted &= np.isin(exposure.items, sent.item[sent.party == chosen.consignee])
    places = np.flatnonzero(wanted)
    if chosen.statuses is not None:
        items = exposure.items[places].tolist()
        told = await _statuses(context, items)
        places = places[[status in chosen.statuses for status in told]] if items else places
    return places


@usecase(Permission.RECALL_RUN)
async def impact_page(
    context: Context, impact: Impact, places: Ints, *, after: tuple[int, str] | None, first: int
) -> Page:
    """Return a page of the items at `places` by class, kind, key."""
    items, ranks = impact.exposure.items[places], rank(impact)[places]
    async with context.database.reading() as connection:
        page = await ranked_page(connection, items, ranks, after=after, first=first)
    return page._replace(place=places[page.place])


@usecase(Permission.RECALL_RUN)
async def impact_consignees(context: Context, impact: Impact) -> list[Consignee]:
    """Return who was sent exposed items, by party id, also who gave everything back."""
    sent = impact.consignments
    kinds = impact.kinds[np.searchsorted(impact.exposure.items, sent.item)]
    async with context.database.reading() as connection:
        lots = await _lots_out(connection, impact, np.flatnonzero(kinds == ItemKind.LOT))
    told: list[Consignee] = []
    for party in np.unique(sent.party).tolist():
        here = sent.party == party
        out = here & (sent.is_out == 1)
        serials = len(np.unique(sent.item[out & (kinds != ItemKind.LOT)]))
        left = lots.get(party, [])
        pieces = [Amount(Decimal(serials), None)] if serials else []
        told.append(
            Consignee(
                party,
                items=serials + len(left),
                serials=serials,
                shipped=len(np.unique(sent.item[here])),
                amounts=_summed([*pieces, *(amount for each in left for amount in each)]),
                first=int(sent.shipped_at[here].min()),
                last=int(sent.shipped_at[here].max()),
            )
        )
    return told


@usecase(Permission.RECALL_RUN)
async def impact_witness(context: Context, impact: Impact, lookup: Lookup) -> Sequence[Step]:
    """Return the chain that shows why an item is in, or out; empty for a suspect or a stranger.

    Raises: Refusal NOT_FOUND, AMBIGUOUS_ITEM, BAD_INPUT.
    """
    wanted = wanted_of(context, lookup)
    async with context.database.reading() as connection:
        found = await starts.resolve(connection, [wanted], ambiguous=RefusalCode.AMBIGUOUS_ITEM)
    try:
        return impact.exposure.witness(found[0])
    except KeyError:
        return ()


def rank(impact: Impact) -> Ints:
    """Return the order of the exposure's items in lists: by class, then kind."""
    return impact.exposure.classes * KINDS + impact.kinds


def holders(impact: Impact) -> list[int | None]:
    """Return the party that holds each item of the exposure; None where it is used up."""
    stand = impact.standing
    held = np.where(stand.holder == UNKNOWN, impact.own_holder or UNKNOWN, stand.holder)
    held[stand.is_consumed] = UNKNOWN
    return [None if party == UNKNOWN else party for party in held.tolist()]


async def _statuses(context: Context, items: Sequence[int]) -> list[str]:
    found = await asyncio.gather(*(condition(context, item) for item in items))
    return [each.status.value for each in found]


async def _lots_out(
    connection: Connection, impact: Impact, rows: Ints
) -> dict[int, list[list[Amount]]]:
    """Return by party the amounts of each lot that it still has; `rows`: consignments of lots.

    Of a lot whose amounts all ways are known and can be subtracted, a return closes no more than
    it brought back; else it closes what was sent before it.
    """
    if not len(rows):
        return {}
    sent = impact.consignments
    ways = [
        (int(sent.item[row]), int(sent.party[row]), int(sent.movement[row]), int(at))
        for row, at in zip(rows, sent.shipped_at[rows], strict=True)
    ]
    lots, at = np.unique(sent.item[rows]), impact.stand.event_time
    home = custody_rules.homecomings(impact.custody, lots, at, impact.found.own)
    amounts = await _lot_amounts(connection, impact, [*ways, *home])
    out: dict[int, list[list[Amount]]] = {}
    for item, party in sorted({way[:2] for way in ways}):
        gone = [n for n, way in enumerate(ways) if way[:2] == (item, party)]
        back = [amounts.get(n) for n, way in enumerate(home, len(ways)) if way[:2] == (item, party)]
        left = _left([amounts.get(n) for n in gone], back)
        if left is not None:
            still = [left] if left.value is not None and left.value > 0 else None
        else:
            open_ways = [n for n in gone if sent.is_out[rows[n]]]
            still = [amounts[n] for n in open_ways if n in amounts] if open_ways else None
        if still is not None:
            out.setdefault(party, []).append(still)
    return out


def _left(sent: Sequence[Amount | None], back: Sequence[Amount | None]) -> Amount | None:
    """Return what was sent less what came back; None where an amount is not known."""
    if not back:
        return None
    known = [each for each in (*sent, *back) if each is not None]
    if len(known) < len(sent) + len(back):
        return None
    gone, returned = balances.total(known[: len(sent)]), balances.total(known[len(sent) :])
    return balances.minus(gone, returned)


async def _lot_amounts(
    connection: Connection, impact: Impact, ways: Sequence[tuple[int, int, int, int]]
) -> dict[int, Amount]:
    """Return the amount of each way (lot, party, movement, time) of a lot, by its place, where one
    was told.

    A lot named by its shipment has the shipment's amount; one that went in a box, the box's.
    """
    moves, stays = impact.custody.movements, impact.custody.stays
    named = dict(zip(moves.id.tolist(), moves.item.tolist(), strict=True))
    direct, boxed = dict[int, int](), dict[int, list[int]]()
    for row, (item, _, movement, at) in enumerate(ways):
        if named.get(movement) == item:
            direct[row] = movement
        else:
            held = (stays.child == item) & (stays.since <= at) & (at < stays.until)
            boxed[row] = stays.id[held].tolist()
    told = await records.movement_amounts(connection, sorted(set(direct.values())))
    packed = await records.stay_amounts(connection, sorted({s for b in boxed.values() for s in b}))
    amounts = {row: Amount(*told[movement]) for row, movement in direct.items()}
    for row, inside in boxed.items():
        if inside:
            amounts[row] = Amount(*packed[inside[-1]])
    return amounts


def _summed(amounts: Sequence[Amount]) -> list[Amount]:
    """Return the sum of what was told, one amount a unit, pieces first."""
    sums: dict[str | None, Decimal] = {}
    for amount in amounts:
        if amount.value is not None:
            unit = None if amount.unit == COUNT else amount.unit
            sums[unit] = sums.get(unit, Decimal()) + amount.value
    return [Amount(value, unit) for unit, value in sorted(sums.items(), key=_pieces_first)]


def _pieces_first(entry: tuple[str | None, Decimal]) -> str:
    return entry[0] or ""
