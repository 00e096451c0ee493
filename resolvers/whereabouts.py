"""Where items are at an instant, who holds them, what used them up (ruling 13).

Custody comes from the PostgreSQL engine: it is always current.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from lotkin.domain import custody as rules
from lotkin.domain.balance import LotAmounts, mass_balance
from lotkin.domain.custody import CustodyState, HolderColumns, Succession
from lotkin.domain.genealogy import (
    NEVER,
    UNKNOWN,
    ActivityKind,
    Intervals,
    Known,
    ints,
)
from lotkin.domain.status import Moved
from lotkin.records import amounts as amount_records
from lotkin.records import places as records
from lotkin.records.places import Sighting, Span, Use
from lotkin.records.session import Connection
from lotkin.resolvers import engines, loaders
from lotkin.resolvers.batching import batched
from lotkin.resolvers.context import Context


@dataclass(frozen=True, slots=True)
class Place:
    """Whereabouts of one item at `at`, as row ids; containers innermost first.

    is_passing: the place was only read at, not told as where the item stays. moved: its last
    movement, None = none. is_scrapped: the activity that used it up was scrapping.
    """

    at: int
    containers: tuple[int, ...] = ()
    location: int | None = None
    is_passing: bool = False
    holder: int | None = None
    in_transit_to: int | None = None
    installed_in: int | None = None
    consumed_by: int | None = None
    successor: int | None = None
    moved: Moved | None = None
    is_scrapped: bool = False


class _Held(NamedTuple):
    """One row of `HolderColumns`, as plain numbers."""

    item: int
    state: int
    holder: int
    receiver: int
    container: int
    since: int
    event: int
    is_return: int


@dataclass(frozen=True, slots=True)
class _Known:
    """What the record says of all asked items at one instant."""

    at: int
    labels: Mapping[int, Sequence[int]]  # item: itself and the labels it was given later
    devices: Mapping[int, tuple[int, int]]
    uses: Mapping[int, Use]
    spent_lots: frozenset[int]
    inside: Mapping[int, int]  # thing: its innermost container
    stays: Mapping[int, Sequence[tuple[int, int, int]]]  # thing: (container, since, until)
    held: Mapping[int, "_Held"]
    own_holder: int | None


@batched
async def place(
    context: Context, asked: tuple[tuple[int, int], ...]
) -> Mapping[tuple[int, int], Place]:
    """Load the whereabouts of (item, instant)."""
    found: dict[tuple[int, int], Place] = {}
    for at in {at for _, at in asked}:
        items = [item for item, then in asked if then == at]
        for item, where in (await _places(context, items, at)).items():
            found[item, at] = where
    return found


async def _places(context: Context, items: Sequence[int], at: int) -> Mapping[int, Place]:
    own = await loaders.own_parties(context, None)
    async with context.database.reading() as connection:
        labels, _ = await _labels(connection, items, at)
        current = {chain[-1] for chain in labels.values()}
        devices = await records.devices(connection, current, at)
        subjects = sorted({*items, *(_outermost(devices, item) for item in current)})
        labels, succession = await _labels(connection, subjects, at)
        uses = await records.last_uses(connection, current, at)
        spent = await _spent_lots(connection, uses, at)
    reader, bounds = context.relational, engines.bounds(context)
    named = sorted({label for chain in labels.values() for label in chain})
    custody = await reader.custody(named, known=Known(), bounds=bounds)
    custody = rules.followed(custody, succession)
    held = rules.holders(custody, ints(subjects), at, own)
    known = _Known(
        at, labels, devices, uses, spent, rules.open_containers(custody.stays, at),
        _by_child(custody.stays), _by_item(held), min(own, default=None),
    )  # fmt: skip
    spans = list(_spans(known, items))
    async with context.database.reading() as connection:
        seen = await records.sightings(connection, spans) if spans else {}
    return {item: _place(known, item, seen.get(item)) for item in items}


async def _labels(
    connection: Connection, items: Sequence[int], at: int
) -> tuple[dict[int, list[int]], Succession]:
    """Each item with the labels it was given up to `at`, in order, and all the steps."""
    steps = await records.succession(connection, items, at)
    following = dict(zip(steps.old.tolist(), steps.new.tolist(), strict=True))
    labels: dict[int, list[int]] = {}
    for item in items:
        chain = labels[item] = [item]
        while (new := following.get(chain[-1])) is not None and new not in chain:
            chain.append(new)
    return labels, steps


async def _spent_lots(connection: Connection, uses: Mapping[int, Use], at: int) -> frozenset[int]:
    """Those of the drawn items that are lots of which nothing is left."""
    lots = [item for item, use in uses.items() if use.is_lot]
    told = await amount_records.of_lots(connection, lots, at) if lots else {}
    return frozenset(lot for lot in lots if _is_spent(told[lot]))


def _is_spent(told: LotAmounts) -> bool:
    left = mass_balance(told, Decimal()).on_hand
    return left is not None and left.value is not None and left.value <= 0


def _place(known: _Known, item: int, seen: Sighting | None) -> Place:
    current = known.labels[item][-1]
    successor = known.labels[item][1] if len(known.labels[item]) > 1 else None
    consumed_by = _consumed_by(known, current)
    device = known.devices.get(current)
    subject = _subject(known, item)
    held = known.held[subject]
    moved = None
    if held.since != UNKNOWN:
        moved = Moved(CustodyState(held.state), held.since, bool(held.is_return))
    if consumed_by is not None:
        return Place(
            known.at,
            consumed_by=consumed_by,
            successor=successor,
            moved=moved,
            is_scrapped=known.uses[current].kind is ActivityKind.SCRAP,
        )
    is_away = held.state == CustodyState.IN_TRANSIT
    location = None if seen is None else seen.biz_location or seen.read_point
    return Place(
        known.at,
        containers=rules.container_chain(known.inside, subject),
        location=location,
        is_passing=seen is not None and seen.biz_location is None,
        holder=known.own_holder if held.holder == UNKNOWN else held.holder,
        in_transit_to=held.receiver if is_away and held.receiver != UNKNOWN else None,
        installed_in=None if device is None else device[0],
        successor=successor,
        moved=moved,
    )


def _by_item(held: HolderColumns) -> Mapping[int, _Held]:
    rows = (_Held(*row) for row in zip(*(column.tolist() for column in held), strict=True))
    return {row.item: row for row in rows}


def _consumed_by(known: _Known, item: int) -> int | None:
    use = known.uses.get(item)
    if use is None or use.is_produced_again:
        return None
    return use.activity if not use.is_lot or item in known.spent_lots else None


def _subject(known: _Known, item: int) -> int:
    """What tells where an item is: the outermost device it is fitted in, else itself."""
    current = known.labels[item][-1]
    outermost = _outermost(known.devices, current)
    return item if outermost == current else outermost


def _outermost(devices: Mapping[int, tuple[int, int]], item: int) -> int:
    seen = {item}
    while (above := devices.get(item)) is not None and above[0] not in seen:
        item = above[0]
        seen.add(item)
    return item


def _spans(known: _Known, items: Iterable[int]) -> Iterator[Span]:
    """Whose events tell the place of each item, and from when to when."""
    for item in items:
        subject = _subject(known, item)
        held = known.held[subject]
        if held.state == CustodyState.IN_TRANSIT:
            continue  # between a shipment and its receipt there is no place
        # A movement ends what was told of places before it; its own event may tell the new one.
        since = NEVER if held.since == UNKNOWN else held.since
        for label in known.labels[subject]:
            for thing, low, high in _inside_of(known.stays, label, since, known.at + 1):
                yield Span(item, thing, low, high)


def _by_child(stays: Intervals) -> Mapping[int, Sequence[tuple[int, int, int]]]:
    found: dict[int, list[tuple[int, int, int]]] = {}
    columns = (stays.child, stays.parent, stays.since, stays.until)
    for child, *stay in zip(*(column.tolist() for column in columns), strict=True):
        found.setdefault(child, []).append((stay[0], stay[1], stay[2]))
    return found


def _inside_of(
    stays: Mapping[int, Sequence[tuple[int, int, int]]], item: int, since: int, until: int
) -> Iterator[tuple[int, int, int]]:
    """The item, and each container for the time it was in it, however nested."""
    waiting, seen = [(item, since, until)], set[tuple[int, int, int]]()
    while waiting:
        span = waiting.pop()
        if span in seen:
            continue
        seen.add(span)
        yield span
        thing, low, high = span
        for container, first, last in stays.get(thing, ()):
            if first < high and last > low:
                waiting.append((container, max(first, low), min(last, high)))
