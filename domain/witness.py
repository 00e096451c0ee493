"""Shortest chains of facts: why an item is in, or out.

A search that has run knows in how many steps each node is first reached. Walking back from the
item, layer by layer, with the latest label that still gets through, finds every chain of that
length and no other; walking forward again picks the one with the least item ids.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lotkin.domain.genealogy import OPEN, Ints
from lotkin.domain.spread import INHERIT, Flags, Network, Run, reverse, spread

_Way = tuple[int, int | None]  # edge out of the source, then edge out of the hop if it leads to one


class Link(NamedTuple):
    """One item-to-item step by places in the graph's columns; `made` is None but for activities.

    target is a hop where the chain ends at one.
    """

    source: int
    target: int
    edge: int
    made: int | None


class Search:
    """A finished run together with what it ran on, so that its chains can be told.

    Node numbers map to item places by `item_of`; edges are named by the caller's numbers, and by
    `rank` where two are equally good.
    """

    def __init__(
        self,
        net: Network,
        seeds: Ints,
        labels: Ints,
        item_of: Ints,
        rank: Ints,
        *,
        code: Ints | None = None,
        allowed: Flags | None = None,
    ) -> None:
        self.run: Run = spread(net, seeds, labels, code=code, allowed=allowed)
        self.item_of = item_of
        self._rank_of = rank[net.order]
        self._net = net
        self._code = None if code is None else code[net.order]
        self._allowed = None if allowed is None else allowed[net.order]
        self._seeds = dict.fromkeys(seeds.tolist(), OPEN)
        for seed, label in zip(seeds.tolist(), labels.tolist(), strict=True):
            self._seeds[seed] = min(self._seeds[seed], label)
        self._back: Network | None = None

    def chain(self, targets: Sequence[int]) -> list[Link]:
        """Return the shortest chain from a seed to the nearest of the nodes `targets`."""
        depth = self.run.depth
        near = [node for node in targets if depth[node] >= 0]
        length = min(int(depth[node]) for node in near)
        near = [node for node in near if depth[node] == length]
        layers, ways = self._layers(near, length)
        return self._least(layers, ways, length)

    def sources(self, targets: Sequence[int]) -> list[int]:
        """Return the items one step up from `targets` that the search reached."""
        return [
            self._item(source)
            for target in targets
            for source, _, _ in self._into(target, OPEN, final=False)
            if self.run.depth[source] >= 0
        ]

    def _layers(
        self, targets: list[int], length: int
    ) -> tuple[list[dict[int, int]], list[dict[int, list[tuple[int, _Way]]]]]:
        """Return by steps left: the latest label of each node, and its ways to the layer before."""
        layers: list[dict[int, int]] = [dict.fromkeys(targets, OPEN)]
        ways: list[dict[int, list[tuple[int, _Way]]]] = [{}]
        for left in range(1, length + 1):
            layer: dict[int, int] = {}
            links: dict[int, list[tuple[int, _Way]]] = {}
            for target, latest in layers[-1].items():
                for source, way, label in self._into(target, latest, final=left == 1):
                    if self.run.depth[source] <= length - left:
                        layer[source] = max(layer.get(source, label), label)
                        links.setdefault(source, []).append((target, way))
            layers.append(layer)
            ways.append(links)
        return layers, ways

    def _into(self, target: int, latest: int, *, final: bool) -> list[tuple[int, _Way, int]]:
        found: list[tuple[int, _Way, int]] = []
        split = self._net.split
        for edge, source, label in self._edges_into(target, latest):
            if source < split:
                found.append((source, (edge, None), label))
                continue
            for first, item, label_1 in self._edges_into(source, label):
                found.append((item, (first, edge), label_1))
        if not final or self._code is None or target >= split:
            return found
        named = [way for way in found if self._code_of(way[0], way[1]) == self.run.code[target]]
        return named or found

    def _edges_into(self, target: int, latest: int) -> list[tuple[int, int, int]]:
        """Return (edge, source, latest label at the source) of every edge that gets through."""
        if self._back is None:
            self._back = reverse(self._net)
        back, net = self._back, self._net
        found = []
        first, last = int(back.pointer[target]), int(back.pointer[target + 1])
        for edge in back.order[first:last].tolist():
            usable = self._allowed is None or self._allowed[edge]
            if usable and net.weight[edge] <= latest:
                found.append((edge, int(net.source[edge]), min(latest, int(net.gate[edge]))))
        return found

    def _code_of(self, source: int, way: _Way) -> int:
        assert self._code is not None
        code = int(self._code[way[0]])
        return int(self.run.code[source]) if code == INHERIT else code

    def _least(
        self,
        layers: list[dict[int, int]],
        ways: list[dict[int, list[tuple[int, _Way]]]],
        length: int,
    ) -> list[Link]:
        starts = [
            (self._item(node), label, node)
            for node, label in self._seeds.items()
            if node in layers[length] and label <= layers[length][node]
        ]
        _, label, node = min(starts)
        chain = []
        for left in range(length, 0, -1):
            onward = []
            for target, way in ways[left][node]:
                passed = self._pass(way, label)
                if passed is not None and passed <= layers[left - 1][target]:
                    onward.append((self._item(target), passed, self._rank(way), target, way))
            item, label, _, target, way = min(onward)
            made = None if way[1] is None else int(self._net.order[way[1]])
            chain.append(Link(self._item(node), item, int(self._net.order[way[0]]), made))
            node = target
        return chain

    def _pass(self, way: _Way, label: int) -> int | None:
        for edge in way:
            if edge is None:
                break
            if self._net.gate[edge] < label:
                return None
            label = max(label, int(self._net.weight[edge]))
        return label

    def _rank(self, way: _Way) -> tuple[int, int]:
        return int(self._rank_of[way[0]]), -1 if way[1] is None else int(self._rank_of[way[1]])

    def _item(self, node: int) -> int:
        return node if node >= self._net.split else int(self.item_of[node])
