"""Who holds what, inside what, and who was sent it: rules over custody columns.

Pure: a graph engine brings the stays in containers and the movements (`genealogy.Custody`); here
a container's movement is handed down to what is inside it at that instant, voided shipments are
closed, and the last word of each item is read. Places need events and are read in `domain.place`.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lotkin.domain.genealogy import (
    OPEN,
    UNKNOWN,
    Custody,
    Intervals,
    Ints,
    MovementKind,
    Movements,
    TimeQuality,
    ints,
)

Flags: TypeAlias = NDArray[np.bool_]
Rows = TypeVar("Rows", Intervals, Movements)


class CustodyState(IntEnum):
    """What the last movement of an item left it in."""

    HELD = 0  # never moved, or with ourselves
    IN_TRANSIT = 1  # shipped and not received
    SHIPPED = 2  # received by somebody else


class HolderColumns(NamedTuple):
    """One row for each asked item, in the asked order.

    holder: party id; UNKNOWN = no movement says, so the maker holds it. receiver: where an item in
    transit is going. container: innermost open container. since: time of the deciding movement
    and `event` its event row, both UNKNOWN where nothing moved. is_return: 1 for a return.
    """

    item: Ints
    state: Ints
    holder: Ints
    receiver: Ints
    container: Ints
    since: Ints
    event: Ints
    is_return: Ints


class ConsignmentColumns(NamedTuple):
    """One row for each time an item went to a party, ordered by item and time.

    is_out: 0 once the item was returned by, or received back from, that party.
    """

    item: Ints
    party: Ints
    shipped_at: Ints
    movement: Ints
    event: Ints
    is_out: Ints


class Succession(NamedTuple):
    """Renumbered items: `old` was given the label `new` at `at`."""

    old: Ints
    new: Ints
    at: Ints


def holders(
    custody: Custody, items: Ints, at: int, own: frozenset[int] = frozenset()
) -> HolderColumns:
    """Return who holds each of `items` at the instant `at` (ruling 13).

    own: our own party ids; a receipt by any of them is HELD, by others SHIPPED. Where none is
    configured, a receipt that no shipment came before is HELD too.
    """
    moves = _effective(custody, at)
    last = np.searchsorted(moves.item, items, side="right") - 1
    moved = np.zeros(len(items), dtype=bool)
    if moves.item.size:
        moved = (last >= 0) & (moves.item[last] == items)
    row = np.where(moved, last, 0)
    state, holder = np.zeros_like(items), np.full_like(items, UNKNOWN)
    receiver, since, event = holder.copy(), holder.copy(), holder.copy()
    is_return = state.copy()
    if moved.any():
        row = row[moved]
        shipped = moves.kind[row] == MovementKind.SHIP
        away = ~shipped & _is_other(moves.receiver[row], own)
        if not own:  # then only what was shipped before can have been received elsewhere
            away &= _shipped_before(moves)[row]
        state[moved] = np.where(shipped, CustodyState.IN_TRANSIT, away * int(CustodyState.SHIPPED))
        holder[moved] = np.where(shipped, moves.sender[row], moves.receiver[row])
        receiver[moved] = np.where(shipped, moves.receiver[row], UNKNOWN)
        since[moved], event[moved] = moves.at[row], moves.event[row]
        is_return[moved] = moves.kind[row] == MovementKind.RETURN
    inside = containers(custody.stays, items, at)
    return HolderColumns(items, state, holder, receiver, inside, since, event, is_return)


def consignments(
    custody: Custody,
    items: Ints,
    exposed_since: Ints,
    at: int,
    own: frozenset[int],
    windows: Iterable[tuple[int, int, int]] = (),
) -> ConsignmentColumns:
    """Return who was sent which of `items` up to `at`, not before it was exposed (ruling 11).

    exposed_since: L of each item, microseconds; NEVER lists every consignment, OPEN none but those
    in a window. A shipment counts if `upper(shipped) >= L`. windows: (item, since, until) of
    suspects; a shipment surely outside does not count by them (ruling 5). A receipt elsewhere
    counts where no shipment to that party is known.
    """
    moves = _only(_effective(custody, at), items)
    order = np.argsort(items, kind="stable")
    tainted_from = (
        exposed_since[order][np.searchsorted(items[order], moves.item)]
        if moves.item.size
        else moves.item
    )
    in_time = _not_before(moves, tainted_from) & (tainted_from != OPEN)
    for item, since, until in windows:
        in_time |= (moves.item == item) & _not_before(moves, since) & _may_be_before(moves, until)
    elsewhere = _is_other(moves.receiver, own)
    kept = (
        elsewhere & in_time & (_is_kind(moves, MovementKind.SHIP) | _is_untold_shipment(moves, own))
    )
    out = _still_out(moves, own)
    return ConsignmentColumns(
        moves.item[kept],
        moves.receiver[kept],
        moves.at[kept],
        moves.id[kept],
        moves.event[kept],
        out[kept],
    )


def homecomings(
    custody: Custody, items: Ints, at: int, own: frozenset[int]
) -> list[tuple[int, int, int, int]]:
    """Return (item, party, movement, time) for each movement up to `at` that brought some of
    `items` home from the party, or from one to whom it had passed them on.
    """
    moves = _only(_effective(custody, at), items)
    found = {
        (int(moves.item[home]), party, int(moves.id[home]), int(moves.at[home]))
        for home, closed in _closings(moves, own)
        for party in np.unique(moves.receiver[closed]).tolist()
    }
    return sorted(found)


def containers(stays: Intervals, items: Ints, at: int) -> Ints:
    """Return the innermost open container of each item at `at`, or UNKNOWN.

    Two open at once (a conflict, ruling 16): the later packed one.
    """
    held = (stays.since <= at) & (at < stays.until)
    order = np.lexsort((stays.id[held], stays.since[held], stays.child[held]))
    child, parent = stays.child[held][order], stays.parent[held][order]
    if not child.size:
        return np.full_like(items, UNKNOWN)
    last = np.searchsorted(child, items, side="right") - 1
    return np.where((last >= 0) & (child[last] == items), parent[last], UNKNOWN)


def open_containers(stays: Intervals, at: int) -> dict[int, int]:
    """Return the innermost open container of everything that is in one at `at`."""
    held = np.unique(stays.child)
    inside = containers(stays, held, at)
    return {
        child: parent
        for child, parent in zip(held.tolist(), inside.tolist(), strict=True)
        if parent != UNKNOWN
    }


def container_chain(inside: Mapping[int, int], item: int) -> tuple[int, ...]:
    """Return the containers of one item, innermost first; a cycle is cut.

    inside: `open_containers` of the asked instant.
    """
    chain: list[int] = []
    while (parent := inside.get(chain[-1] if chain else item)) is not None:
        if parent == item or parent in chain:
            break
        chain.append(parent)
    return tuple(chain)


def followed(custody: Custody, succession: Succession) -> Custody:
    """Return the custody in which what was told of a new label counts for the old one too.

    Renumbered items keep their own facts; whereabouts and consignees follow forward (ruling 21).
    """
    stays, moves = custody.stays, custody.movements
    for old, new in _chains(succession):
        of_new = stays.child == new
        copy = stays._replace(child=np.full_like(stays.child, old))
        stays = _joined(stays, Intervals(*(column[of_new] for column in copy)))
        named = moves.item == new
        told = moves._replace(item=np.full_like(moves.item, old))
        moves = _joined(moves, Movements(*(column[named] for column in told)))
    return Custody(stays, moves)


def _chains(succession: Succession) -> list[tuple[int, int]]:
    # Last renumbering first: A -> B is copied after B -> C has made C's facts B's.
    order = np.argsort(-succession.at, kind="stable")
    return [(int(succession.old[row]), int(succession.new[row])) for row in order]


def _joined(one: Rows, other: Rows) -> Rows:
    columns = [np.concatenate(pair) for pair in zip(one, other, strict=True)]
    return type(one)(*columns)


def _effective(custody: Custody, at: int) -> Movements:
    """All movements up to `at`, handed down to contents, voided ones gone; by item and time."""
    told = _rows(custody.movements, custody.movements.at <= at)
    voids = told.kind == MovementKind.VOID
    moves = _rows(told, ~voids)
    row, item = _carried(custody.stays, moves.item, moves.at)
    moves = _rows(moves, row)._replace(item=item)
    order = np.lexsort((moves.id, moves.event, moves.at, moves.item))
    moves = _rows(moves, order)
    if voids.any():
        moves = _without_voided(moves, _rows(told, voids), custody.stays)
    return _receivers_filled(moves)


def _carried(stays: Intervals, item: Ints, at: Ints) -> tuple[Ints, Ints]:
    """Pairs (row, thing): the named item of each row and everything inside it at its instant."""
    order = np.argsort(stays.parent, kind="stable")
    parent, child = stays.parent[order], stays.child[order]
    since, until = stays.since[order], stays.until[order]
    row = np.arange(item.size, dtype=np.int64)
    thing = item
    found = np.stack([row, thing])
    while row.size:
        low = np.searchsorted(parent, thing, side="left")
        count = np.searchsorted(parent, thing, side="right") - low
        outer = np.repeat(np.arange(row.size), count)
        inner = np.arange(outer.size) - np.repeat(np.cumsum(count) - count, count) + low[outer]
        now = at[row[outer]]
        inside = (since[inner] <= now) & (now < until[inner])
        fresh = np.unique(np.stack([row[outer][inside], child[inner][inside]]), axis=1)
        both = np.concatenate([found, fresh], axis=1)
        first = np.sort(np.unique(both, axis=1, return_index=True)[1])
        # Only pairs not met before go on: nested pallets end, and so would a cycle.
        row, thing = both[:, first[first >= found.shape[1]]]
        found = both[:, first]
    return found[0], found[1]


def _without_voided(moves: Movements, voids: Movements, stays: Intervals) -> Movements:
    """Close the open shipments of what each voiding names, and of what was inside it then.

    The contents are those of the shipment's instant: a voiding says that it never left.
    """
    closed: list[int] = []
    for item, at, receiver in zip(
        *(c.tolist() for c in (voids.item, voids.at, voids.receiver)), strict=True
    ):
        low = int(np.searchsorted(moves.item, item, side="left"))
        row = int(np.searchsorted(moves.item, item, side="right")) - 1
        while row >= low and (moves.at[row] > at or moves.kind[row] == MovementKind.SHIP):
            same = receiver in {UNKNOWN, int(moves.receiver[row])}
            if moves.at[row] <= at and same:
                closed.append(row)
            row -= 1
    if not closed:
        return moves
    shipped = _rows(moves, np.unique(ints(closed)))
    within, things = _carried(stays, shipped.item, shipped.at)
    # By event, not by row: an event may name the pallet and the serials on it.
    gone = set(zip(shipped.event[within].tolist(), things.tolist(), strict=True))
    kept = [
        pair not in gone or kind != MovementKind.SHIP
        for pair, kind in zip(
            zip(moves.event.tolist(), moves.item.tolist(), strict=True),
            moves.kind.tolist(),
            strict=True,
        )
    ]
    return _rows(moves, np.asarray(kept, dtype=bool))


def _receivers_filled(moves: Movements) -> Movements:
    """A receipt that does not say by whom is by whom the shipment before it went to; a shipment
    that does not say from whom is from who held the item before."""
    if not moves.item.size:
        return moves
    sender, receiver = moves.sender.copy(), moves.receiver.copy()
    same = np.concatenate([[False], moves.item[1:] == moves.item[:-1]])
    received, shipped = moves.kind == MovementKind.RECEIVE, moves.kind == MovementKind.SHIP
    for row in np.flatnonzero(same & received & (receiver == UNKNOWN)):
        receiver[row] = receiver[row - 1]
    for row in np.flatnonzero(same & shipped & (sender == UNKNOWN)):
        sender[row] = sender[row - 1] if shipped[row - 1] else receiver[row - 1]
    return moves._replace(sender=sender, receiver=receiver)


def _not_before(moves: Movements, instant: Ints | int) -> Flags:
    """Rows that are not surely before an instant."""
    measured = moves.quality == TimeQuality.MEASURED
    # Written as a difference so that an instant of -2^63 cannot overflow.
    late: Flags = ~measured | (moves.at >= instant) | (instant - moves.at <= moves.uncertainty)
    return late


def _may_be_before(moves: Movements, instant: int) -> Flags:
    """Rows that are not surely at or after an instant."""
    measured = moves.quality == TimeQuality.MEASURED
    early: Flags = ~measured | (moves.at - moves.uncertainty < instant)
    return early


def _is_kind(moves: Movements, kind: MovementKind) -> Flags:
    return np.equal(moves.kind, int(kind))


def _is_home(moves: Movements, own: frozenset[int]) -> Flags:
    """Rows that bring the item back to us."""
    received = _is_kind(moves, MovementKind.RECEIVE) & np.isin(moves.receiver, ints([*own]))
    return _is_kind(moves, MovementKind.RETURN) | received


def _is_untold_shipment(moves: Movements, own: frozenset[int]) -> Flags:
    """Receipts by a party to whom nothing says the item was shipped since it was last at home."""
    lap = np.cumsum(_is_home(moves, own))
    order = np.lexsort((np.arange(moves.item.size), moves.receiver, lap, moves.item))
    key = np.stack([moves.item[order], lap[order], moves.receiver[order]])
    first = np.ones(moves.item.size, dtype=bool)
    first[1:] = (key[:, 1:] != key[:, :-1]).any(axis=0)
    untold = np.zeros(moves.item.size, dtype=bool)
    untold[order] = first
    return untold & _is_kind(moves, MovementKind.RECEIVE)


def _still_out(moves: Movements, own: frozenset[int]) -> Ints:
    """1 for each row whose goods did not come home afterwards.

    A return by P closes what went to P, and to whoever passed it on to P; a return that does not
    say by whom, or by one to whom nothing went, closes everything.
    """
    out = np.ones(moves.item.size, dtype=np.int64)
    for _, closed in _closings(moves, own):
        out[closed] = 0
    return out


def _closings(moves: Movements, own: frozenset[int]) -> Iterator[tuple[int, Ints]]:
    """Yield (row that brought goods home, rows that it closes)."""
    for home in np.flatnonzero(_is_home(moves, own)).tolist():
        start = int(np.searchsorted(moves.item, moves.item[home], side="left"))
        before = np.arange(start, home)
        parties, seen = {int(moves.sender[home])}, set[int]()
        if UNKNOWN in parties or not np.isin(moves.receiver[before], [*parties]).any():
            yield home, before
            continue
        while parties := parties - seen:
            sent = before[np.isin(moves.receiver[before], [*parties])]
            yield home, sent
            seen |= parties
            parties = {int(party) for party in moves.sender[sent]} - own - {UNKNOWN}


def _shipped_before(moves: Movements) -> Flags:
    """Rows before which their item was shipped."""
    shipments = np.cumsum(_is_kind(moves, MovementKind.SHIP))
    first = np.searchsorted(moves.item, moves.item, side="left")
    before_item = np.where(first > 0, shipments[first - 1], 0)
    return np.greater(shipments, before_item)


def _is_other(party: Ints, own: frozenset[int]) -> Flags:
    """Known parties that are not ourselves."""
    return np.not_equal(party, UNKNOWN) & ~np.isin(party, ints([*own]))


def _only(moves: Movements, items: Ints) -> Movements:
    return _rows(moves, np.isin(moves.item, items))


def _rows(moves: Movements, rows: Ints | Flags) -> Movements:
    return Movements(*(column[rows] for column in moves))
