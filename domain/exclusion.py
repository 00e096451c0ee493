"""Which single fact keeps an item out, where time allows the chain up to it."""

from typing import NamedTuple

import numpy as np

from lotkin.domain.genealogy import OPEN, Ints
from lotkin.domain.layers import Timed
from lotkin.domain.rules import NUMBER, Rule
from lotkin.domain.spread import Flags
from lotkin.domain.taint import Scene

UNBLOCKED = 1 << 40  # above any key: no fact keeps this item out by itself
CODES = 1 << 5  # a key is steps * CODES + rule


class Blocks(NamedTuple):
    """By fact, the key of the block it is (UNBLOCKED if none); by item and activity, the least."""

    fact: Ints
    item: Ints
    activity: Ints


def blocks(scene: Scene, timed: Timed) -> Blocks:
    """Return the facts that exclude: their source is exposed, yet time says they carried nothing.

    Key: steps of the shortest chain up to the fact, then the rule.
    """
    stuff, n, facts = scene.stuff, scene.stuff.item_count, scene.fact_count
    label, depth = _by_item(scene, timed)
    source, gate = scene.source[:facts], scene.gate[:facts]
    blocked = (label[source] != OPEN) & ~_carried(scene, timed)
    late = gate >= label[source]
    rule = np.full(facts, NUMBER[Rule.REMOVED_BEFORE_EXPOSURE], dtype=np.int64)
    rule[scene.is_draw[:facts]] = NUMBER[Rule.DRAWN_BEFORE_EXPOSURE]
    rule[late] = NUMBER[Rule.DRAWN_AFTER_WINDOW]
    made = scene.is_made[:facts]
    rule[made] = NUMBER[Rule.PRODUCED_BEFORE_EXPOSURE]
    steps = np.where(made, depth[source] - 1, depth[source])
    fact = np.where(blocked, steps * CODES + rule, UNBLOCKED)
    activity = np.full(len(stuff.activities), UNBLOCKED, dtype=np.int64)
    np.minimum.at(activity, stuff.draw_activity, fact[: len(stuff.draw_item)])
    item = np.full(n, UNBLOCKED, dtype=np.int64)
    np.minimum.at(item, stuff.made_item, np.minimum(fact[made], activity[stuff.made_activity]))
    rest = len(stuff.draw_item) + len(stuff.made_item)
    np.minimum.at(item, scene.target[rest:facts], fact[rest:])
    return Blocks(fact, item, activity)


def _by_item(scene: Scene, timed: Timed) -> tuple[Ints, Ints]:
    """Return label and depth by node, with windows counted to their items."""
    label, depth = timed.label.copy(), timed.depth.copy()
    windows = np.arange(scene.stuff.item_count, scene.split)
    np.minimum.at(label, scene.window_item, timed.label[windows])
    depth[scene.window_item] = 0
    return label, depth


def _carried(scene: Scene, timed: Timed) -> Flags:
    label = timed.label[scene.source]
    carries: Flags = (label != OPEN) & (scene.gate >= label)
    carried = carries[: scene.fact_count]
    carried[scene.fact[scene.fact_count :][carries[scene.fact_count :]]] = True
    return carried
