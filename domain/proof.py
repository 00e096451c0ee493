"""Witnesses: the searches' chains told as steps, whichever class an item has."""

from dataclasses import dataclass

import numpy as np

from lotkin.domain.exclusion import CODES, UNBLOCKED, Blocks
from lotkin.domain.genealogy import NEVER, UNKNOWN, Ints
from lotkin.domain.layers import Timed
from lotkin.domain.rules import RULES, ExposureClass, Rule, Step
from lotkin.domain.taint import Scene
from lotkin.domain.witness import Link, Search


@dataclass(frozen=True, slots=True, eq=False)
class Proofs:
    """What a witness needs of a finished calculus; classes and rules are by item place."""

    scene: Scene
    certain: Search
    timed: Timed
    free: Search
    blocks: Blocks
    classes: Ints
    rules: Ints

    def chain(self, item: int) -> tuple[Step, ...]:
        """Return the witness of `item`, which is one of the exposed items."""
        place = int(np.searchsorted(self.scene.stuff.ids, item))
        if self.rules[place] == RULES.index(Rule.SUSPECT):
            return ()
        match ExposureClass(int(self.classes[place])):
            case ExposureClass.CERTAIN:
                return self._told(self.certain.chain([place]), None)
            case ExposureClass.POSSIBLE if self.timed.search.run.depth[place] < 0:
                return self._told(self.free.chain([place]), None)
            case ExposureClass.POSSIBLE:
                return self._told(self.timed.search.chain([place]), self.timed.edge)
            case ExposureClass.PREVIOUSLY_EXPOSED:
                return self._told(self._timed_chain(place), self.timed.edge)
            case _:
                return self._exclusion(self._first_blocked(place))

    def _timed_chain(self, place: int) -> list[Link]:
        windows = np.flatnonzero(self.scene.node_item == place)
        late = [] if self.timed.residual is None else [self.timed.residual + place]
        return self.timed.search.chain([*windows.tolist(), *late])

    def _told(self, links: list[Link], edge: Ints | None) -> tuple[Step, ...]:
        """Tell links as steps; `edge` maps the search's edges to the scene's."""
        fact = self.scene.fact if edge is None else self.scene.fact[edge]
        return tuple(
            self._step(link.source, link.target, int(fact[link.edge]), int(self.rules[link.target]))
            for link in links
        )

    def _step(self, source: int, target: int, fact: int, rule: int) -> Step:
        stuff, rows = self.scene.stuff, self.scene.stuff.graph
        draws, made = len(stuff.draw_item), len(stuff.made_item)
        activity, at = UNKNOWN, NEVER
        if fact < draws:
            activity, at = int(rows.draws.activity[fact]), int(rows.draws.at[fact])
        elif fact < draws + made:
            activity = int(rows.productions.activity[fact - draws])
            at = int(rows.productions.at[fact - draws])
        elif fact < draws + made + len(stuff.part):
            stays, row = stuff.installations, fact - draws - made
            ended = RULES[rule] is Rule.REMOVED_BEFORE_EXPOSURE
            at = int(stays.until[row] if ended else stays.since[row])
        return Step(int(stuff.ids[source]), int(stuff.ids[target]), activity, at, RULES[rule])

    def _first_blocked(self, place: int) -> int:
        """Return the nearest item up the stream, or `place`, that one fact keeps out by itself."""
        seen, front = {place}, [place]
        while True:
            hit = [item for item in front if self.blocks.item[item] < UNBLOCKED]
            if hit:
                return min(hit)
            front = sorted(set(self.free.sources(front)) - seen)
            seen.update(front)

    def _exclusion(self, place: int) -> tuple[Step, ...]:
        """Return the shortest chain that time allows, and the fact at which it ends."""
        key = int(self.blocks.item[place])
        made, into = self._facts_into(place)
        told, last = min(
            [self._blocked(fact, place, key) for fact in into if self.blocks.fact[fact] == key]
            + [self._unmade(fact, place, key) for fact in made if self.blocks.fact[fact] == key]
        )
        return (*told, last)

    def _facts_into(self, place: int) -> tuple[list[int], list[int]]:
        """Return the productions of an item, and the other facts that may lead to it."""
        scene, stuff = self.scene, self.scene.stuff
        draws, rest = len(stuff.draw_item), len(stuff.draw_item) + len(stuff.made_item)
        made = np.flatnonzero(stuff.made_item == place)
        drawn = np.flatnonzero(np.isin(stuff.draw_activity, stuff.made_activity[made]))
        direct = np.flatnonzero(scene.target[rest : scene.fact_count] == place) + rest
        return (made + draws).tolist(), drawn.tolist() + direct.tolist()

    def _blocked(self, fact: int, place: int, key: int) -> tuple[tuple[Step, ...], Step]:
        source = int(self.scene.source[fact])
        told = self._told(self._timed_chain(source), self.timed.edge)
        return told, self._step(source, place, fact, key % CODES)

    def _unmade(self, fact: int, place: int, key: int) -> tuple[tuple[Step, ...], Step]:
        hop = int(self.scene.source[fact])
        links = self.timed.search.chain([hop + shift for shift in self.timed.hop_shifts])
        last = self._step(links[-1].source, place, fact, key % CODES)
        return self._told(links[:-1], self.timed.edge), last
