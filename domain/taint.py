"""The suspects and the facts their taint spreads over, as networks ready for `spread`.

A suspect with a window is two things: the item, tainted by whatever else reaches it, and a source
of its own whose outgoing facts end with the window. So it gets a node of its own, a *window*, with
copies of those facts that time does not surely put after its end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lotkin.domain.genealogy import NEVER, OPEN, Ints, ints
from lotkin.domain.lineage import Material
from lotkin.domain.spread import Flags, Network, network


class Suspect(NamedTuple):
    """An item that is suspect, as far as its outgoing facts lie in [since, until)."""

    item: int
    since: int = NEVER
    until: int = OPEN


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Material and suspects as one list of edges.

    Nodes: items, then windows, then activities from `split` on. Edges: those of `Material.edges`
    (draws, productions, installations, memberships), then the copies that leave windows.
    """

    stuff: Material
    suspects: Ints  # places of all suspect items
    seeds: Ints  # nodes at which taint starts: items without a window, and windows
    seed_labels: Ints
    window_item: Ints
    window_until: Ints
    node_item: Ints  # by item or window node: the item place
    split: int
    count: int
    source: Ints
    target: Ints
    gate: Ints
    weight: Ints
    fact: Ints  # by edge: the place of the fact it stands for among `Material.edges`
    fact_count: int  # so many facts; copies come after them
    rank: Ints  # by edge: the id of its row, so that answers do not hang on the order of rows
    sure: Flags  # by edge: False for a window's fact that may lie outside the window

    def network(self) -> Network:
        """Return all edges as one network."""
        return network(self.count, self.split, self.source, self.target, self.gate, self.weight)

    @property
    def is_draw(self) -> Flags:
        """By edge, whether it is a draw."""
        return self.fact < len(self.stuff.draw_item)

    @property
    def is_made(self) -> Flags:
        """By edge, whether it is a production."""
        draws = len(self.stuff.draw_item)
        return (self.fact >= draws) & (self.fact < draws + len(self.stuff.made_item))


def scene(stuff: Material, suspects: Sequence[Suspect]) -> Scene:
    """Return the edges and seeds of `suspects`; those that no row names are left out."""
    known = set(stuff.ids[stuff.places([suspect.item for suspect in suspects])].tolist())
    merged = _merged(suspect for suspect in suspects if suspect.item in known)
    whole = [suspect for suspect in merged if suspect[1:] == (NEVER, OPEN)]
    windows = [suspect for suspect in merged if suspect[1:] != (NEVER, OPEN)]
    n = stuff.item_count
    split = n + len(windows)
    source, target, gate, weight = stuff.edges()
    source = np.where(source >= n, source + len(windows), source)
    target = np.where(target >= n, target + len(windows), target)
    window_item = np.searchsorted(stuff.ids, ints([suspect.item for suspect in windows]))
    fact, window, sure = _copies(stuff, windows, window_item, source)
    rows = stuff.graph
    rank = np.concatenate(
        [rows.draws.id, rows.productions.id, stuff.installations.id, np.zeros_like(stuff.lot)]
    )
    return Scene(
        stuff=stuff,
        suspects=stuff.places([suspect.item for suspect in merged]),
        seeds=np.concatenate([stuff.places([s.item for s in whole]), np.arange(n, split)]),
        seed_labels=ints([NEVER] * len(whole) + [suspect.since for suspect in windows]),
        window_item=window_item,
        window_until=ints([suspect.until for suspect in windows]),
        node_item=np.concatenate([np.arange(n), window_item]),
        split=split,
        count=split + len(stuff.activities),
        source=np.concatenate([source, n + window]),
        target=np.concatenate([target, target[fact]]),
        gate=np.concatenate([gate, gate[fact]]),
        weight=np.concatenate([weight, weight[fact]]),
        fact=np.concatenate([np.arange(len(source)), fact]),
        fact_count=len(source),
        rank=np.concatenate([rank, rank[fact]]),
        sure=np.concatenate([np.ones(len(source), dtype=np.bool_), sure]),
    )


def _merged(suspects: Iterable[Suspect]) -> list[Suspect]:
    """Join windows of one item that touch, so that one fact need not be sure of one half."""
    merged: list[Suspect] = []
    for suspect in sorted(suspects):
        last = merged[-1] if merged else None
        if last is not None and last.item == suspect.item and suspect.since <= last.until:
            merged[-1] = last._replace(until=max(last.until, suspect.until))
        else:
            merged.append(suspect)
    return merged


def _copies(
    stuff: Material, windows: Sequence[Suspect], window_item: Ints, source: Ints
) -> tuple[Ints, Ints, Flags]:
    """Return fact, window and sureness of every fact that may leave within a window."""
    first = np.searchsorted(window_item, source, side="left")
    size = np.searchsorted(window_item, source, side="right") - first
    fact = np.repeat(np.arange(len(source)), size)
    window = np.repeat(first - np.cumsum(size) + size, size) + np.arange(len(fact))
    since = ints([suspect.since for suspect in windows])[window]
    until = ints([suspect.until for suspect in windows])[window]
    always = np.full(len(stuff.lot), NEVER, dtype=np.int64)
    begun = (stuff.drawn, stuff.made, stuff.fitted)
    lower = np.concatenate([*(span.lower for span in begun), always])[fact]
    upper = np.concatenate([*(span.upper for span in begun), always])[fact]
    may = (lower < until) | (until == OPEN)
    # A part that was in before the window opened is inside it while it stays in, and a serial is
    # one of its lot at any time: only a draw happens at one instant.
    begins = (fact >= len(stuff.draw_item)) | (since == NEVER) | (lower >= since)
    ends = (until == OPEN) | (upper < until)
    return fact[may], window[may], (begins & ends)[may]
