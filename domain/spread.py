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
SCALAR_WORK_MAX = 64  # nodes or edges; up to it a loop beats the fixed cost of twenty array calls


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
    front, step = wave.start(seeds, labels), 0
    while len(front):
        if len(front) <= SCALAR_WORK_MAX:
            front, step = wave.narrow(front.tolist(), step)
        else:
            step += 1
            front = wave.wide(front, step)
    return Run(wave.label, wave.depth, wave.code)


class _View(NamedTuple):
    """The same memory, read one number at a time: three times faster than by array index."""

    pointer: "memoryview[int]"
    target: "memoryview[int]"
    gate: "memoryview[int]"
    weight: "memoryview[int]"
    label: "memoryview[int]"
    best: "memoryview[int]"
    depth: "memoryview[int]"
    code: "memoryview[int]"


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
        self.view = _View(
            *(column.data for column in (net.pointer, net.target, net.gate, net.weight)),
            *(column.data for column in (self.label, self.best, self.depth, self.code)),
        )

    def start(self, seeds: Ints, labels: Ints) -> Ints:
        np.minimum.at(self.best, seeds, labels)
        self.label[seeds] = self.best[seeds]
        self.depth[seeds] = 0
        if self.need is not None:
            self.need[seeds] = 0
        return np.unique(seeds)

    def wide(self, front: Ints, step: int) -> Ints:
        """Push the labels of `front` on to the next items; return those that fell."""
        items, hops = self._parted(self._relax_many(front, step))
        while len(hops):
            more, hops = self._parted(self._relax_many(hops, step))
            if len(items) and len(more):
                more = np.union1d(items, more)
            items = more if len(more) else items
        return items

    def narrow(self, front: list[int], step: int) -> tuple[Ints, int]:
        """Go on round by round while few items fall; return the first front that is not few."""
        split = self.net.split
        while front and len(front) <= SCALAR_WORK_MAX:
            step += 1
            items: set[int] = set()
            while front:
                fell = self._relax_list(front, step)
                items.update(node for node in fell if node < split)
                front = [node for node in fell if node >= split]
            front = sorted(items)
        return np.array(front, dtype=np.int64), step

    def _relax_list(self, front: list[int], step: int) -> list[int]:
        pointer = self.view.pointer
        work = sum(pointer[node + 1] - pointer[node] for node in front)
        if work <= SCALAR_WORK_MAX:
            return self._relax_few(front, step)
        fell: list[int] = self._relax_many(np.array(front, dtype=np.int64), step).tolist()
        return fell

    def _parted(self, nodes: Ints) -> tuple[Ints, Ints]:
        cut = int(np.searchsorted(nodes, self.net.split))
        return nodes[:cut], nodes[cut:]

    def _relax_many(self, front: Ints, step: int) -> Ints:
        net = self.net
        size = net.pointer[front + 1] - net.pointer[front]
        front, size = front[size > 0], size[size > 0]
        offset = np.repeat(net.pointer[front] - np.cumsum(size) + size, size)
        edge = offset + np.arange(len(offset))
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
            nodes = np.sort(nodes)
            return nodes[np.concatenate([[True], nodes[1:] != nodes[:-1]])] if len(nodes) else nodes
        marks = np.zeros(self.net.count, dtype=np.bool_)
        marks[nodes] = True
        return np.flatnonzero(marks)

    def _relax_few(self, front: list[int], step: int) -> list[int]:
        """Do what `_relax_many` does, edge by edge: long chains have one edge a round."""
        view, allowed = self.view, self.allowed
        arrivals = [
            (edge, view.target[edge], max(view.label[node], view.weight[edge]))
            for node in front
            for edge in range(view.pointer[node], view.pointer[node + 1])
            if view.gate[edge] >= view.label[node] and (allowed is None or allowed[edge])
        ]
        if self.edge_code is not None:
            for edge, target, _ in arrivals:
                if target < self.net.split and view.depth[target] in (-1, step):
                    view.code[target] = min(view.code[target], self._code(edge))
        if self.arrived is not None:
            fell = [one for one in arrivals if self._arrives(*one)]
        else:
            fell = [one for one in arrivals if one[2] < view.best[one[1]]]
        for _, target, label in fell:
            view.best[target] = min(view.best[target], label)
        if self.edge_code is not None:
            self._code_few([one for one in fell if one[1] >= self.net.split])
        return self._settle({target for _, target, _ in fell}, step)

    def _arrives(self, edge: int, target: int, label: int) -> bool:
        assert self.arrived is not None
        assert self.need is not None
        fresh = not self.arrived[edge]
        if fresh:
            self.arrived[edge] = True
            self.need[target] -= 1
        return fresh or label < self.view.best[target]

    def _code(self, edge: int) -> int:
        assert self.edge_code is not None
        code = int(self.edge_code[edge])
        return self.view.code[int(self.net.source[edge])] if code == INHERIT else code

    def _code_few(self, fell: list[tuple[int, int, int]]) -> None:
        codes: dict[int, int] = {}
        for edge, target, label in fell:
            if label == self.view.best[target]:
                codes[target] = min(codes.get(target, NO_CODE), self._code(edge))
        for target, code in codes.items():
            self.view.code[target] = code

    def _settle(self, nodes: set[int], step: int) -> list[int]:
        view, kept = self.view, []
        for node in nodes:
            if self.need is not None:
                if self.need[node] > 0 or view.best[node] >= view.label[node]:
                    continue
                view.label[node] = view.best[node]
            kept.append(node)
            if view.depth[node] < 0:
                view.depth[node] = step
        return kept
