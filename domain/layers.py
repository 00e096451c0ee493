"""The timed search, in two layers where parts were taken out again.

Live taint is in the item still, as far as anyone can tell. Residual taint came only by parts that
were surely taken out, or by draws surely after such a removal. A residual item gives live taint on
when a draw may have come before the removal, and by memberships and parts that stayed in.
"""

from typing import NamedTuple

import numpy as np

from lotkin.domain.certainty import Certainty, is_kept
from lotkin.domain.genealogy import OPEN, Ints
from lotkin.domain.rules import NUMBER, Rule
from lotkin.domain.spread import INHERIT, Flags, Network, network, spread
from lotkin.domain.taint import Scene
from lotkin.domain.witness import Search


class Timed(NamedTuple):
    """A finished timed search. label and depth are by node of the scene, the better of both layers.

    residual: node of item 0 in the second layer. edge: by edge of the search, that of the scene.
    """

    search: Search
    residual: int | None
    hop_shifts: tuple[int, ...]  # from an activity's node in the scene to its nodes in the search
    edge: Ints
    label: Ints
    depth: Ints


def timed(scene: Scene, net: Network, settled: Certainty) -> Timed:
    """Return the earliest taint of every node, with the rule by which it is POSSIBLE or was."""
    code = _codes(scene, settled)
    ended = ~is_kept(scene)
    if not ended.any():
        search = Search(net, scene.seeds, scene.seed_labels, scene.node_item, scene.rank, code=code)
        every = np.arange(len(scene.source))
        return Timed(search, None, (0,), every, search.run.label, search.run.depth)
    return _two_layers(scene, net, code, ended)


def _codes(scene: Scene, settled: Certainty) -> Ints:
    code = np.full(len(scene.source), INHERIT, dtype=np.int64)
    draws = scene.is_draw
    code[draws] = np.where(
        settled.short[scene.fact[draws]], NUMBER[Rule.TOO_FEW_PIECES], NUMBER[Rule.MIXED_SUPPLY]
    )
    code[~scene.sure] = NUMBER[Rule.WINDOWED_SUSPECT]
    return code


def _two_layers(scene: Scene, net: Network, code: Ints, ended: Flags) -> Timed:
    n, items, hops = scene.stuff.item_count, scene.split, scene.count - scene.split
    removed_by = _removals(scene, net, ended)
    own = np.arange(len(scene.source)) < scene.fact_count  # no copy that leaves a window
    source_hop, target_hop = scene.source >= items, scene.target >= items
    # Live items and windows, residual items, live hops, residual hops.
    live_source = np.where(source_hop, scene.source + n, scene.source)
    live_target = np.where(target_hop, scene.target + n, scene.target)
    late_source = np.where(source_hop, scene.source + n + hops, scene.source + items)
    late_target = np.where(target_hop, scene.target + n + hops, scene.target + items)
    after = scene.is_draw & own
    after[after] = scene.weight[after] > removed_by[scene.source[after]]
    stays_late = own & (ended | after | source_hop)
    back_alive = own & ~stays_late
    parts = [
        (~ended, live_source, live_target, code),
        (ended, live_source, late_target, np.full_like(code, NUMBER[Rule.PART_REMOVED])),
        (back_alive, late_source, live_target, np.full_like(code, NUMBER[Rule.UNCERTAIN_TIME])),
        (stays_late, late_source, late_target, _late_codes(code, ended, after)),
    ]
    edge = np.concatenate([np.flatnonzero(chosen) for chosen, *_ in parts])
    source, target, codes = (
        np.concatenate([part[column][part[0]] for part in parts]) for column in (1, 2, 3)
    )
    both = network(
        items + n + 2 * hops, items + n, source, target, scene.gate[edge], scene.weight[edge]
    )
    node_item = np.concatenate([scene.node_item, np.arange(n)])
    search = Search(both, scene.seeds, scene.seed_labels, node_item, scene.rank[edge], code=codes)
    live = np.arange(scene.count) + np.where(np.arange(scene.count) >= items, n, 0)
    late = np.concatenate(
        [
            np.arange(items, items + n),
            np.arange(n, items),  # windows: themselves
            np.arange(items, scene.count) + n + hops,
        ]
    )
    label = np.minimum(search.run.label[live], search.run.label[late])
    unseen = np.int64(OPEN)
    depths = np.where(search.run.depth < 0, unseen, search.run.depth)
    depth = np.minimum(depths[live], depths[late])
    depth = np.where(depth == unseen, -1, depth)
    return Timed(search, items, (n, n + hops), edge, label, depth)


def _late_codes(code: Ints, ended: Flags, after: Flags) -> Ints:
    late = np.full_like(code, INHERIT)
    late[ended] = NUMBER[Rule.PART_REMOVED]
    late[after] = NUMBER[Rule.AFTER_PART_REMOVED]
    return late


def _removals(scene: Scene, net: Network, ended: Flags) -> Ints:
    """Return by item the latest removal that it, or anything it was made of, may have seen.

    A maximum spreads as a minimum of complements. NEVER where there was none.
    """
    label = spread(net, scene.seeds, scene.seed_labels).label
    carries = (label[scene.source] != OPEN) & (scene.gate >= label[scene.source])
    out = ended & carries
    free = np.full(len(scene.source), OPEN, dtype=np.int64)
    first = len(scene.stuff.draw_item) + len(scene.stuff.made_item)
    flows = carries & (np.arange(len(scene.source)) < first)
    onward = network(
        scene.count,
        scene.split,
        scene.source[flows],
        scene.target[flows],
        free[flows],
        ~free[flows],
    )
    return ~spread(onward, scene.target[out], ~scene.gate[out]).label[: scene.stuff.item_count]
