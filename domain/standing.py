"""Where the items of a walk stand at an instant: used up, in a device, in a box, with whom.

Pure; reads the walked columns that `domain.custody` does not know: draws, installations and
renumberings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotkin.domain import custody as rules
from lotkin.domain.custody import CustodyState, HolderColumns, Succession
from lotkin.domain.genealogy import (
    UNKNOWN,
    ActivityKind,
    Custody,
    Flows,
    Ints,
    ItemKind,
    Subgraph,
    ints,
)

Flags = NDArray[np.bool_]

NESTING_MAX = 64  # part in part in device; only rows that contradict each other nest deeper


@dataclass(frozen=True, slots=True)
class Standing:
    """One row for each asked item.

    subject: what tells where it is, itself or the device it is fitted in. holder: party id,
    UNKNOWN for what is used up or never moved. is_shipped: with another party, or on its way to
    one.
    """

    item: Ints
    subject: Ints
    is_consumed: Flags
    is_shipped: Flags
    holder: Ints

    @property
    def is_in_stock(self) -> Flags:
        """Neither used up nor shipped."""
        return ~self.is_consumed & ~self.is_shipped


def standing(
    graph: Subgraph,
    custody: Custody,
    items: Ints,
    at: int,
    *,
    own: frozenset[int],
    spent: frozenset[int],
) -> Standing:
    """Return where each of `items` stands at `at`.

    graph: without facts after `at`. custody: already followed through renumberings. own: our own
    party ids. spent: lots of which nothing is left.
    """
    consumed = _is_consumed(graph, items, spent)
    subject = subjects(graph, items, at)
    held = rules.holders(custody, subject, at, own)
    away = _is_away(held, own)
    holder = np.where(consumed, UNKNOWN, held.holder)
    return Standing(items, subject, consumed, away & ~consumed, holder)


def drawn_lots(graph: Subgraph, items: Ints) -> Ints:
    """Return those of `items` that are lots and were drawn from: they may be used up."""
    row = np.searchsorted(graph.items.id, items)
    lots = items[graph.items.kind[row] == ItemKind.LOT]
    drawn: Ints = lots[np.isin(lots, graph.draws.item)]
    return drawn


def succession(graph: Subgraph) -> Succession:
    """Return which label became which. Only one item renumbered into one other says so."""
    renumbers = graph.activities.id[graph.activities.kind == ActivityKind.RENUMBER]
    draws, made = graph.draws, graph.productions
    drawn, draw_row = _single(draws, renumbers)
    produced, made_row = _single(made, renumbers)
    both, first, second = np.intersect1d(drawn, produced, return_indices=True)
    if not len(both):
        return Succession(ints([]), ints([]), ints([]))
    old, new = draws.item[draw_row[first]], made.item[made_row[second]]
    told = old != new
    return Succession(old[told], new[told], made.at[made_row[second]][told])


def subjects(graph: Subgraph, items: Ints, at: int) -> Ints:
    """Return what tells where each item is: the outermost device it is fitted in, else itself."""
    fitted = graph.installations
    now = (fitted.since <= at) & (at < fitted.until)
    order = np.lexsort((fitted.since[now], fitted.child[now]))
    child, parent = fitted.child[now][order], fitted.parent[now][order]
    subject = items
    for _ in range(min(len(child), NESTING_MAX)):
        last = np.searchsorted(child, subject, side="right") - 1
        inside = (last >= 0) & (child[last] == subject)
        if not inside.any():
            break
        subject = np.where(inside, parent[last], subject).astype(np.int64)
    return subject


def all_containers(custody: Custody, items: Ints, at: int) -> Ints:
    """Return every container that holds one of `items` at `at`, directly or not, ascending."""
    found = np.empty(0, dtype=np.int64)
    level = np.unique(items)
    while len(level):
        above = np.unique(rules.containers(custody.stays, level, at))
        level = np.setdiff1d(above[above != UNKNOWN], found)
        found = np.union1d(found, level)
    return found


def _is_consumed(graph: Subgraph, items: Ints, spent: frozenset[int]) -> Flags:
    """Drawn and not produced again, after the draw or by the activity that drew it.

    Of a lot something is left after a draw, unless it is known to be spent.
    """
    draws, made = graph.draws, graph.productions
    order = np.lexsort((draws.id, draws.at, draws.item))
    item = draws.item[order]
    last = np.searchsorted(item, items, side="right") - 1
    drawn = (last >= 0) & (item[last] == items) if len(item) else np.zeros(len(items), bool)
    if not drawn.any():
        return drawn
    row = order[np.where(drawn, last, 0)]
    at, activity = draws.at[row], draws.activity[row]
    place = np.searchsorted(items, made.item)
    place[place == len(items)] = 0
    again = (items[place] == made.item) & (
        (made.at > at[place]) | (made.activity == activity[place])
    )
    drawn[np.unique(place[again])] = False
    kind = graph.items.kind[np.searchsorted(graph.items.id, items)]
    gone: Flags = drawn & ((kind != ItemKind.LOT) | np.isin(items, ints([*spent])))
    return gone


def _is_away(held: HolderColumns, own: frozenset[int]) -> Flags:
    ours = np.isin(held.receiver, ints([*own]))
    on_its_way = (held.state == CustodyState.IN_TRANSIT) & ~ours
    away: Flags = on_its_way | (held.state == CustodyState.SHIPPED)
    return away


def _single(flows: Flows, activities: Ints) -> tuple[Ints, Ints]:
    """Return the activities with exactly one such flow, and its row."""
    rows = np.flatnonzero(np.isin(flows.activity, activities))
    activity, first, count = np.unique(flows.activity[rows], return_index=True, return_counts=True)
    return activity[count == 1], rows[first[count == 1]]
