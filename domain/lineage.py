"""Closures over the genealogy: what an item became, what it came from, by which edges, when known.

Every stated time becomes a span of possible true times; only measured ones are finite, so only
they can exclude. A fact is then an edge that a label passes while the label is not above the
latest possible time of the fact (`spread`). The policy UNTIMED opens every gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

import numpy as np

from lotkin.domain.genealogy import (
    NEVER,
    NO_INTS,
    OPEN,
    UNKNOWN,
    Direction,
    Flows,
    Intervals,
    Ints,
    ItemKind,
    Subgraph,
    TimeQuality,
    ints,
)
from lotkin.domain.spread import Flags, Network, Run, network, reverse, spread, untimed
from lotkin.errors import Refusal, RefusalCode


class Policy(StrEnum):
    """Which way a scope is drawn: by topology alone, or by what came after."""

    UNTIMED = "UNTIMED"
    TIMED = "TIMED"


class EdgeKind(IntEnum):
    """Which relation carries material from one item to the next."""

    TRANSFORMATION = 0
    MEMBERSHIP = 1
    INSTALLATION = 2


class Reach(NamedTuple):
    """Items reached, without the starts and without containers, sorted by (depth, id)."""

    items: Ints
    depth: Ints


class Edges(NamedTuple):
    """Item-to-item edges, one row per (draw, output item), membership or installation.

    activity and draw are UNKNOWN, and `at` is NEVER for memberships, `since` for installations.
    """

    source: Ints
    target: Ints
    kind: Ints
    activity: Ints
    draw: Ints
    at: Ints


class Span(NamedTuple):
    """Earliest and latest possible true time of each fact."""

    lower: Ints
    upper: Ints


@dataclass(frozen=True, slots=True)
class Material:
    """A subgraph with ids replaced by places in `ids` and `activities`, and times by spans.

    Nodes of its network are the items, then the activities. Edges are, in this order: draws,
    productions, installations, memberships; `kept` installations have containers as parents left
    out, which hold what is exposed and are never exposed themselves.
    """

    graph: Subgraph
    ids: Ints  # items, ascending
    kind: Ints
    item_class: Ints
    activities: Ints  # ascending
    draw_item: Ints
    draw_activity: Ints
    drawn: Span
    made_item: Ints
    made_activity: Ints
    made: Span
    part: Ints
    device: Ints
    fitted: Span
    removed: Span
    installations: Intervals
    lot: Ints
    serial: Ints

    @property
    def item_count(self) -> int:
        """How many items there are; activities are nodes from here on."""
        return len(self.ids)

    def edges(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return source, target, gate and weight of every fact, in the order told above."""
        n = self.item_count
        always = np.full(len(self.lot), OPEN, dtype=np.int64)
        return (
            np.concatenate([self.draw_item, self.made_activity + n, self.part, self.lot]),
            np.concatenate([self.draw_activity + n, self.made_item, self.device, self.serial]),
            np.concatenate([self.drawn.upper, self.made.upper, self.removed.upper, always]),
            np.concatenate([self.drawn.lower, self.made.lower, self.fitted.lower, ~always]),
        )

    def network(self) -> Network:
        """Return the facts as a network that a label spreads over."""
        n = self.item_count
        return network(n + len(self.activities), n, *self.edges())

    def places(self, items: Sequence[int]) -> Ints:
        """Return where `items` stand in `ids`, each once; those that no row names are left out."""
        asked = np.sort(ints(items))
        place = np.searchsorted(self.ids, asked)
        known = place < len(self.ids)
        known[known] = self.ids[place[known]] == asked[known]
        return np.flatnonzero(np.bincount(place[known], minlength=1))


def span(at: Ints, quality: Ints, uncertainty: Ints) -> Span:
    """Return the earliest and latest possible time of each stated time, saturating.

    Only MEASURED times bound the truth; an end that has not come (OPEN) stays open.
    """
    measured = quality == int(TimeQuality.MEASURED)
    lower = np.where(at < NEVER + uncertainty, NEVER, at - np.where(at == OPEN, 0, uncertainty))
    upper = np.where(at > OPEN - uncertainty, OPEN, at + np.minimum(uncertainty, OPEN - at.clip(0)))
    lower = np.where(measured, lower, NEVER)
    upper = np.where(measured & (at != OPEN), upper, OPEN)
    return Span(lower.astype(np.int64), upper.astype(np.int64))


def as_of(graph: Subgraph, at: int) -> Subgraph:
    """Return the graph as it stood at `at`: later facts are invisible, later ends still open."""
    stays = graph.installations
    seen = stays.since <= at
    stays = Intervals(*(column[seen] for column in stays))
    ended = stays.until <= at
    stays = stays._replace(until=np.where(ended, stays.until, OPEN))
    return Subgraph(
        graph.items,
        graph.activities,
        Flows(*(column[graph.draws.at <= at] for column in graph.draws)),
        Flows(*(column[graph.productions.at <= at] for column in graph.productions)),
        stays,
        graph.memberships,
    )


def material(graph: Subgraph) -> Material:
    """Return the graph with its ids turned into places, which every search works on."""
    by_id = np.argsort(graph.items.id, kind="stable")
    ids = graph.items.id[by_id]
    kind, item_class = graph.items.kind[by_id], graph.items.item_class[by_id]
    activities = np.sort(graph.activities.id)
    stays = graph.installations
    if len(stays.id):
        parents = kind[_places(ids, stays.parent)]
        stays = Intervals(*(column[parents != int(ItemKind.CONTAINER)] for column in stays))
    draws, made = graph.draws, graph.productions
    return Material(
        graph=graph,
        ids=ids,
        kind=kind,
        item_class=item_class,
        activities=activities,
        draw_item=_places(ids, draws.item),
        draw_activity=_places(activities, draws.activity),
        drawn=span(draws.at, draws.quality, draws.uncertainty),
        made_item=_places(ids, made.item),
        made_activity=_places(activities, made.activity),
        made=span(made.at, made.quality, made.uncertainty),
        part=_places(ids, stays.child),
        device=_places(ids, stays.parent),
        fitted=span(stays.since, stays.since_quality, stays.since_uncertainty),
        removed=span(stays.until, stays.until_quality, stays.until_uncertainty),
        installations=stays,
        lot=_places(ids, graph.memberships.lot),
        serial=_places(ids, graph.memberships.serial),
    )


def reach(graph: Subgraph, starts: Sequence[int], direction: Direction, policy: Policy) -> Reach:
    """Return what `starts` became (FORWARD) or came from (BACKWARD), without the starts.

    Shape: depth is the fewest item-to-item edges of a chain that the policy allows.
    y is in the forward reach of x exactly when x is in the backward reach of y, in both policies.
    """
    stuff = material(graph)
    places = stuff.places(starts)
    run = _run(stuff, places, direction, policy)
    depth = run.depth[: stuff.item_count].copy()
    depth[places] = -1
    found = np.flatnonzero((depth >= 0) & (stuff.kind != int(ItemKind.CONTAINER)))
    found = found[np.argsort(depth[found], kind="stable")]
    return Reach(stuff.ids[found], depth[found])


def edges(
    graph: Subgraph,
    starts: Sequence[int],
    reached: Reach,
    direction: Direction,
    policy: Policy,
    *,
    rows_max: int,
) -> Edges:
    """Return the edges among starts and reached items, as the material flowed.

    Shape: one row per (draw, output item); under TIMED only the pairs that time allows.
    Raises: Refusal WALK_TOO_LARGE above `rows_max`, before any row is built.
    """
    stuff = material(graph)
    places = stuff.places(starts)
    label = _labels(stuff, places, direction, policy)
    inside = np.zeros(stuff.item_count, dtype=np.bool_)
    inside[places] = True
    inside[_places(stuff.ids, reached.items)] = True
    direct = _direct(stuff, inside, label, direction, policy)
    pairs, rows = _pairing(stuff, inside, label, direction, policy)
    if rows + len(direct[0]) > rows_max:
        raise Refusal(RefusalCode.WALK_TOO_LARGE, limit=rows_max, what="edges")
    draw, made = pairs.expand()
    if policy is Policy.TIMED:
        draw, made = _in_time(stuff, draw, made, label, direction)
    draws = stuff.graph.draws
    return Edges(
        np.concatenate([draws.item[draw], direct[0]]),
        np.concatenate([stuff.ids[stuff.made_item[made]], direct[1]]),
        np.concatenate([np.full(len(draw), int(EdgeKind.TRANSFORMATION)), direct[2]]),
        np.concatenate([draws.activity[draw], np.full(len(direct[0]), UNKNOWN)]),
        np.concatenate([draws.id[draw], np.full(len(direct[0]), UNKNOWN)]),
        np.concatenate([draws.at[draw], direct[3]]),
    )


class _Pairs(NamedTuple):
    """Draws, and for each the run of `made` rows of its activity that it meets."""

    draw: Ints
    first: Ints
    size: Ints
    made: Ints

    def expand(self) -> tuple[Ints, Ints]:
        """Return a row per pair."""
        offset = np.repeat(self.first - np.cumsum(self.size) + self.size, self.size)
        return np.repeat(self.draw, self.size), self.made[offset + np.arange(len(offset))]


def _run(stuff: Material, places: Ints, direction: Direction, policy: Policy) -> Run:
    net = stuff.network()
    if direction is Direction.BACKWARD:
        net = reverse(net)
    if policy is Policy.UNTIMED:
        net = untimed(net)
    return spread(net, places, np.full(len(places), NEVER, dtype=np.int64))


def _labels(stuff: Material, places: Ints, direction: Direction, policy: Policy) -> Ints:
    """Earliest taint of each item (FORWARD), latest time that still leads on (BACKWARD)."""
    if policy is Policy.UNTIMED:
        return NO_INTS
    label = _run(stuff, places, direction, policy).label[: stuff.item_count]
    return label if direction is Direction.FORWARD else ~label


def _direct(
    stuff: Material, inside: Flags, label: Ints, direction: Direction, policy: Policy
) -> tuple[Ints, Ints, Ints, Ints]:
    fits = inside[stuff.part] & inside[stuff.device]
    if policy is Policy.TIMED and direction is Direction.FORWARD:
        fits &= stuff.removed.upper >= label[stuff.part]
    elif policy is Policy.TIMED:
        fits &= stuff.fitted.lower <= label[stuff.device]
    born = inside[stuff.lot] & inside[stuff.serial]
    stays, members = stuff.installations, stuff.graph.memberships
    fitted, serials = int(fits.sum()), int(born.sum())
    return (
        np.concatenate([stays.child[fits], members.lot[born]]),
        np.concatenate([stays.parent[fits], members.serial[born]]),
        np.repeat([int(EdgeKind.INSTALLATION), int(EdgeKind.MEMBERSHIP)], [fitted, serials]),
        np.concatenate([stays.since[fits], np.full(serials, NEVER, dtype=np.int64)]),
    )


def _pairing(
    stuff: Material, inside: Flags, label: Ints, direction: Direction, policy: Policy
) -> tuple[_Pairs, int]:
    """Match draws with distinct outputs by activity; of repeated outputs the latest counts."""
    draws, made = inside[stuff.draw_item], inside[stuff.made_item]
    if policy is Policy.TIMED and direction is Direction.FORWARD:
        draws &= stuff.drawn.upper >= label[stuff.draw_item]
    elif policy is Policy.TIMED:
        made &= stuff.made.lower <= label[stuff.made_item]
    draw, output = np.flatnonzero(draws), np.flatnonzero(made)
    output = output[
        np.lexsort(
            (-stuff.made.upper[output], stuff.made_item[output], stuff.made_activity[output])
        )
    ]
    activity, item = stuff.made_activity[output], stuff.made_item[output]
    repeats = np.zeros(len(output), dtype=np.bool_)
    repeats[1:] = (activity[1:] == activity[:-1]) & (item[1:] == item[:-1])
    output, activity = output[~repeats], activity[~repeats]
    first = np.searchsorted(activity, stuff.draw_activity[draw], side="left")
    last = np.searchsorted(activity, stuff.draw_activity[draw], side="right")
    size = last - first
    return _Pairs(draw, first, size, output), int(size.sum())


def _in_time(
    stuff: Material, draw: Ints, made: Ints, label: Ints, direction: Direction
) -> tuple[Ints, Ints]:
    drawn, latest = stuff.drawn.lower[draw], stuff.made.upper[made]
    fits = latest >= drawn
    if direction is Direction.FORWARD:
        fits &= latest >= label[stuff.draw_item[draw]]
    else:
        fits &= drawn <= label[stuff.made_item[made]]
    return draw[fits], made[fits]


def _places(ids: Ints, values: Ints) -> Ints:
    """Return where each value stands in the ascending `ids`, which name all of them."""
    if not len(values):
        return NO_INTS
    low, high = int(ids[0]), int(ids[-1])
    if high - low < 8 * len(ids) + 1024:  # dense ids: a table beats the logarithm tenfold
        table = np.zeros(high - low + 1, dtype=np.int64)
        table[ids - low] = np.arange(len(ids))
        return table[values - low]
    return np.searchsorted(ids, values)
