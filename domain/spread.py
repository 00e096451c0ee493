"""Label-correcting search over a network of facts: the one loop under every closure.

Taint, or the way back to an origin, spreads along edges. An edge lets a label pass while its gate
is not below it, and raises it to at least its weight; a node keeps the least label it got. Nodes
from `split` on are hops (activities): they are passed within the round that reaches them, so the
round in which an item is first reached is its distance in item-to-item steps, and the labels of a
round are the least ones of chains of that many steps. No path is ever listed, so a lattice of
2^20 paths costs its edges. What labels and codes mean belongs to the callers.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lotkin.domain.genealogy import NEVER, OPEN, Ints

Flags: TypeAlias = NDArray[np.bool_]

INHERIT = -1  # an edge code: the target takes the code of the source
NO_CODE = 127  # above every real code, so that a minimum removes it
SCALAR_EDGES_MAX = 48  # below this a plain loop beats the fixed cost of some twenty array calls


@dataclass(frozen=True, slots=True)
class Network:
    """Edges sorted by source. `order` maps a sorted edge to its place in the caller's columns."""

    count: int
    split: int
    pointer: Ints
    order: Ints
    source: Ints
    target: Ints
    gate: Ints
    weight: Ints


class Run(NamedTuple):
    """Least label by node (OPEN = not reached), first round by node (-1), and deciding code."""

    label: Ints
    depth: Ints
    code: Ints

    @property
    def reached(self) -> Flags:
        """Nodes that any chain reaches."""
        return self.depth >= 0


def network(
    count: int, split: int, source: Ints, target: Ints, gate: Ints, weight: Ints
) -> Network:
    """Return the edges as a network of `count` nodes, sorted once."""
    # Small keys take the radix path of NumPy's stable sort, several times faster than int64.
    order = np.argsort(source.astype(np.int32), kind="stable")
    pointer = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(source, minlength=count), out=pointer[1:])
    return Network(
        count, split, pointer, order, source[order], target[order], gate[order], weight[order]
    )


def reverse(net: Network) -> Network:
    """Return the mirror: edges turned round, labels and bounds complemented.

    A chain passes when no weight exceeds a later gate. Read from the other end that is the same
    sentence with gates for weights; `~` turns the order of integers round without overflow.
    """
    return network(net.count, net.split, net.target, net.source, ~net.weight, ~net.gate)


def untimed(net: Network) -> Network:
    """Return the same edges with every gate open and every weight gone."""
    gate, weight = np.full_like(net.gate, OPEN), np.full_like(net.weight, NEVER)
    return Network(
        net.count, net.split, net.pointer, net.order, net.source, net.target, gate, weight
    )


def spread(
    net: Network,
    seeds: Ints,
    labels: Ints,
    *,
    code: Ints | None = None,
    allowed: Flags | None = None,
    need: Ints | None = None,
) -> Run:
    """Return the least labels that reach each node from `seeds` starting at `labels`.

    code: by edge in the caller's order; an item takes the least code of its first round, a hop that
    of its least label. allowed: by edge, which may be used. need: by node, from how many edges it
    must be reached before it counts (an "and" node); its label is still the least of them.
    """
    wave = _Wave(net, code, allowed, need)
    front = wave.start(seeds, labels)
    step = 0
    while len(front):
        step += 1
        items, hops = wave.relax(front, step)
        while len(hops):
            more, hops = wave.relax(hops, step)
            items = (
                np.union1d(items, more)
                if len(items) and len(more)
                else (items if len(items) else more)
            )
        front = items
    return Run(wave.label, wave.depth, wave.code)


class _Wave:
    """State of one run. `best` is what arrived; `label` follows once the node has what it needs."""

    def __init__(
        self, net: Network, code: Ints | None, allowed: Flags | None, need: Ints | None
    ) -> None:
        self.net = net
        self.label = np.full(net.count, OPEN, dtype=np.int64)
        self.best = self.label if need is None else self.label.copy()
        self.depth = np.full(net.count, -1, dtype=np.int64)
        self.code = np.full(net.count, NO_CODE, dtype=np.int64)
        self.edge_code = None if code is None else code[net.order]
        self.allowed = None if allowed is None else allowed[net.order]
        self.need = None if need is None else need.copy()
        self.arrived = None if need is None else np.zeros(len(net.target), dtype=np.bool_)

    def start(self, seeds: Ints, labels: Ints) -> Ints:
        np.minimum.at(self.best, seeds, labels)
        self.label[seeds] = self.best[seeds]
        self.depth[seeds] = 0
        if self.need is not None:
            self.need[seeds] = 0
        return np.unique(seeds)

    def relax(self, front: Ints, step: int) -> tuple[Ints, Ints]:
        """Push the labels of `front` one edge on; return the items and the hops that fell."""
        first = self.net.pointer[front]
        size = self.net.pointer[front + 1] - first
        total = int(size.sum())
        if total > SCALAR_EDGES_MAX:
            fell = self._relax_many(front, first, size, total, step)
        else:
            fell = self._relax_few(front, step)
        cut = int(np.searchsorted(fell, self.net.split))
        return fell[:cut], fell[cut:]

    def _relax_many(self, front: Ints, first: Ints, size: Ints, total: int, step: int) -> Ints:
        net = self.net
        edge = np.repeat(first - np.cumsum(size) + size, size) + np.arange(total)
        label = np.repeat(self.label[front], size)
        carries = net.gate[edge] >= label
        if self.allowed is not None:
            carries &= self.allowed[edge]
        edge, label = edge[carries], label[carries]
        target, label = net.target[edge], np.maximum(label, net.weight[edge])
        if self.edge_code is not None:
            self._offer_items(edge, target, step)
        touched = label < self.best[target]
        if self.need is not None and self.arrived is not None:
            fresh = ~self.arrived[edge]
            self.arrived[edge[fresh]] = True
            np.subtract.at(self.need, target[fresh], 1)
            touched |= fresh
        edge, target, label = edge[touched], target[touched], label[touched]
        nodes = self._distinct(target)
        np.minimum.at(self.best, target, label)
        if self.edge_code is not None:
            self._code_hops(edge, target, label)
        if self.need is not None:
            nodes = nodes[(self.need[nodes] <= 0) & (self.best[nodes] < self.label[nodes])]
            self.label[nodes] = self.best[nodes]
        unseen = nodes[self.depth[nodes] < 0]
        self.depth[unseen] = step
        return nodes

    def _offer_items(self, edge: Ints, target: Ints, step: int) -> None:
        seen = self.depth[target]
        offers = (target < self.net.split) & ((seen < 0) | (seen == step))
        np.minimum.at(self.code, target[offers], self._codes(edge[offers]))

    def _code_hops(self, edge: Ints, target: Ints, label: Ints) -> None:
        wins = (target >= self.net.split) & (label == self.best[target])
        edge, target = edge[wins], target[wins]
        codes = self._codes(edge)
        self.code[target] = NO_CODE
        np.minimum.at(self.code, target, codes)

    def _codes(self, edge: Ints) -> Ints:
        assert self.edge_code is not None
        codes = self.edge_code[edge]
        return np.where(codes == INHERIT, self.code[self.net.source[edge]], codes)

    def _distinct(self, nodes: Ints) -> Ints:
        if len(nodes) * 8 < self.net.count:
            return np.unique(nodes)
        marks = np.zeros(self.net.count, dtype=np.bool_)
        marks[nodes] = True
        return np.flatnonzero(marks)

    def _relax_few(self, front: Ints, step: int) -> Ints:
        """Do what `_relax_many` does, edge by edge: long chains have one edge a round."""
        net, best = self.net, self.best
        fell: dict[int, int] = {}  # node -> least label that arrived before this round's
        arrivals = []
        for node in front.tolist():
            held = int(self.label[node])
            for edge in range(int(net.pointer[node]), int(net.pointer[node + 1])):
                if net.gate[edge] < held or not (self.allowed is None or self.allowed[edge]):
                    continue
                arrivals.append((edge, int(net.target[edge]), max(held, int(net.weight[edge]))))
        if self.edge_code is not None and arrivals:
            edges, targets = np.array([(e, t) for e, t, _ in arrivals], dtype=np.int64).T
            self._offer_items(edges, targets, step)
        improved = []
        for edge, target, label in arrivals:
            fresh = False
            if self.arrived is not None and self.need is not None and not self.arrived[edge]:
                self.arrived[edge] = fresh = True
                self.need[target] -= 1
            if fresh or label < fell.get(target, int(best[target])):
                fell.setdefault(target, int(best[target]))
                improved.append((edge, target, label))
        for _, target, label in improved:
            best[target] = min(int(best[target]), label)
        if self.edge_code is not None and improved:
            columns = np.array(improved, dtype=np.int64).T
            self._code_hops(columns[0], columns[1], columns[2])
        return self._settle(sorted(fell), step)

    def _settle(self, nodes: list[int], step: int) -> Ints:
        kept = []
        for node in nodes:
            if self.need is not None:
                if self.need[node] > 0 or self.best[node] >= self.label[node]:
                    continue
                self.label[node] = self.best[node]
            kept.append(node)
            if self.depth[node] < 0:
                self.depth[node] = step
        return np.array(kept, dtype=np.int64)
