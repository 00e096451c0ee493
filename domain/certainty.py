"""Which items are surely exposed: the least fixed point of CERTAIN, as a search of its own.

An "and" is a node that must be reached from all its edges: the supply of one item class of an
activity (all draws of the class), and the making of an item (all its productions). The least fixed
point is then what spreads from the suspects, so a rework cycle never supports itself. Labels are
kept here too: a fact that time shows to have come before the taint is not sure of anything.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lotkin.domain.genealogy import NEVER, OPEN, UNKNOWN, Ints, ItemKind
from lotkin.domain.lineage import Material
from lotkin.domain.spread import Flags, Network, network, spread
from lotkin.domain.taint import Scene


class Certainty(NamedTuple):
    """What the fixed point settled. `proof` is by edge of the scene, the rest by draw.

    supply: all draws of the class are sure and there are pieces enough. short: all sure, too few
    pieces. sole: the activity's only output is one serial.
    """

    proof: Flags
    supply: Flags
    short: Flags
    sole: Flags


class _Supply(NamedTuple):
    """Draws grouped by (activity, item class)."""

    of_draw: Ints
    activity: Ints
    draws: Ints
    enough: Flags  # not known to be fewer pieces than the outputs


class _Edges:
    """Edges of the fixed point while they are gathered."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.parts: list[tuple[Ints, Ints, Ints, Ints]] = []

    def add(self, source: Ints, target: Ints) -> None:
        """Add edges that time never closes."""
        free = np.full(len(source), OPEN, dtype=np.int64)
        self.parts.append((source, target, free, ~free))

    def add_scene(self, chosen: Flags, target: Ints) -> None:
        """Add the chosen edges of the scene, turned to `target`."""
        scene = self.scene
        self.parts.append((scene.source[chosen], target, scene.gate[chosen], scene.weight[chosen]))

    def network(self, count: int) -> Network:
        """Return what was added as one network."""
        columns = [np.concatenate(column) for column in zip(*self.parts, strict=True)]
        return network(count, self.scene.split, columns[0], columns[1], columns[2], columns[3])


def certainty(scene: Scene, alternates: Mapping[int, int]) -> Certainty:
    """Return which edges prove CERTAIN; `alternates` maps a class to the one it counts as."""
    stuff = scene.stuff
    groups = _supplies(stuff, alternates)
    sole = _sole(stuff)[stuff.draw_activity]
    windowed, draw_node = _windowed_draws(scene)
    # Nodes: items, windows, activities as in the scene; then supplies, makings, windowed draws.
    supply_0 = scene.count
    making_0 = supply_0 + len(groups.activity)
    drawn_0 = making_0 + stuff.item_count
    count = drawn_0 + int(windowed.sum())
    is_draw, is_made = scene.is_draw, scene.is_made
    kept = is_kept(scene)
    edges = _Edges(scene)

    through = np.zeros(len(is_draw), dtype=np.bool_)
    through[is_draw] = windowed[scene.fact[is_draw]]
    plain = is_draw & ~through
    edges.add_scene(plain, supply_0 + groups.of_draw[scene.fact[plain]])
    alone = plain.copy()
    alone[is_draw] &= sole[scene.fact[is_draw]]
    edges.add_scene(alone, scene.target[alone])
    through &= scene.sure
    edges.add_scene(through, drawn_0 + draw_node[scene.fact[through]])
    own = np.flatnonzero(windowed)
    edges.add(drawn_0 + draw_node[own], supply_0 + groups.of_draw[own])
    own = own[sole[own]]
    edges.add(drawn_0 + draw_node[own], scene.target[own])
    full = np.flatnonzero(groups.enough)
    edges.add(supply_0 + full, scene.split + groups.activity[full])
    edges.add_scene(is_made, making_0 + scene.target[is_made])
    makings = np.bincount(stuff.made_item, minlength=stuff.item_count)
    made = np.flatnonzero(makings)
    edges.add(making_0 + made, made)
    direct = ~is_draw & ~is_made & kept & scene.sure
    edges.add_scene(direct, scene.target[direct])

    need = np.ones(count, dtype=np.int64)
    need[supply_0:making_0] = groups.draws
    need[making_0:drawn_0] = makings
    net = edges.network(count)
    reached = spread(net, scene.seeds, scene.seed_labels, need=need).reached

    all_sure = reached[supply_0 + groups.of_draw]
    supply = all_sure & groups.enough[groups.of_draw]
    proof = kept & scene.sure
    proof[is_draw] &= (supply | sole)[scene.fact[is_draw]]
    proof[is_made] &= reached[making_0 + scene.target[is_made]]
    return Certainty(proof, supply, all_sure & ~groups.enough[groups.of_draw], sole)


def is_kept(scene: Scene) -> Flags:
    """Return by edge whether it is no installation that has surely ended."""
    first = len(scene.stuff.draw_item) + len(scene.stuff.made_item)
    kept = np.ones(len(scene.fact), dtype=np.bool_)
    stays = (scene.fact >= first) & (scene.fact < first + len(scene.stuff.part))
    kept[stays] = scene.gate[stays] == OPEN
    return kept


def _supplies(stuff: Material, alternates: Mapping[int, int]) -> _Supply:
    classes = stuff.item_class[stuff.draw_item]
    for one, other in alternates.items():
        classes = np.where(stuff.item_class[stuff.draw_item] == one, other, classes)
    # An input without a class is its own class: negative keys cannot meet class ids.
    keys = np.where(classes == UNKNOWN, -2 - stuff.draw_item, classes)
    _, keys = np.unique(keys, return_inverse=True)
    joint = stuff.draw_activity * (int(keys.max(initial=0)) + 1) + keys
    _, first, of_draw = np.unique(joint, return_index=True, return_inverse=True)
    activity = stuff.draw_activity[first]
    size = len(first)
    drawn, draws_known = _pieces(stuff, stuff.graph.draws.pieces, stuff.draw_item, of_draw, size)
    made, _ = _pieces(
        stuff,
        stuff.graph.productions.pieces,
        stuff.made_item,
        stuff.made_activity,
        len(stuff.activities),
    )
    # Outputs of unknown amount come on top: fewer than the known ones is fewer than all of them.
    fewer = draws_known & (drawn < made[activity])
    return _Supply(of_draw, activity, np.bincount(of_draw, minlength=size), ~fewer)


def _pieces(
    stuff: Material, pieces: Ints, item: Ints, group: Ints, size: int
) -> tuple[Ints, Flags]:
    """Return by group the sum of the known pieces and whether all are; a serial is one piece."""
    pieces = np.where(stuff.kind[item] == int(ItemKind.SERIAL), 1, pieces)
    known = np.bincount(group[pieces == UNKNOWN], minlength=size) == 0
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, group, np.where(pieces == UNKNOWN, 0, pieces))
    return total, known


def _sole(stuff: Material) -> Flags:
    """Return by activity whether its only output is one serial."""
    least = np.full(len(stuff.activities), OPEN, dtype=np.int64)
    most = np.full(len(stuff.activities), NEVER, dtype=np.int64)
    np.minimum.at(least, stuff.made_activity, stuff.made_item)
    np.maximum.at(most, stuff.made_activity, stuff.made_item)
    one: Flags = least == most
    one[one] = stuff.kind[least[one]] == int(ItemKind.SERIAL)
    return one


def _windowed_draws(scene: Scene) -> tuple[Flags, Ints]:
    """Return by draw whether its item has a window, and its number among those that do.

    Such a draw is sure through the item or through a window, yet one draw of its supply.
    """
    windowed = np.isin(scene.stuff.draw_item, scene.window_item)
    return windowed, np.cumsum(windowed) - 1
