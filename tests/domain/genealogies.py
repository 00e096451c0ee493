"""Random genealogies as plain facts, and the way from facts to columns.

Times are few and close together, so that equal instants, overlaps and gaps are all common.
"""

import random
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hypothesis import strategies as st

from lotkin.domain.exposure import Suspect
from lotkin.domain.genealogy import (
    NEVER,
    OPEN,
    UNKNOWN,
    Activities,
    Flows,
    Intervals,
    ItemKind,
    Items,
    Memberships,
    Subgraph,
    TimeQuality,
    ints,
)


class Time(NamedTuple):
    """A stated time."""

    at: int
    quality: int = int(TimeQuality.MEASURED)
    uncertainty: int = 0

    @property
    def lower(self) -> int:
        return self.at - self.uncertainty if self.quality == 0 else NEVER

    @property
    def upper(self) -> int:
        return self.at + self.uncertainty if self.quality == 0 and self.at != OPEN else OPEN


class Draw(NamedTuple):
    id: int
    item: int
    activity: int
    at: Time
    pieces: int = UNKNOWN


class Production(NamedTuple):
    id: int
    activity: int
    item: int
    at: Time
    pieces: int = UNKNOWN


class Installation(NamedTuple):
    id: int
    part: int
    device: int
    since: Time
    until: Time = Time(OPEN)


class Membership(NamedTuple):
    lot: int
    serial: int


class Edge(NamedTuple):
    """A fact as one edge between items and activities; `steps` of a chain of items."""

    source: int
    target: int
    at: Time
    end: int  # the last instant at which taint can pass
    steps: int
    fact: Draw | Production | Installation | Membership

    @property
    def is_over(self) -> bool:
        """Whether it is an installation that has surely ended."""
        return isinstance(self.fact, Installation) and self.end < OPEN


@dataclass
class Facts:
    """A genealogy as a person would tell it: items are id -> (kind, item class)."""

    items: dict[int, tuple[ItemKind, int]] = field(default_factory=dict)
    draws: list[Draw] = field(default_factory=list)
    productions: list[Production] = field(default_factory=list)
    installations: list[Installation] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)

    def edges(self) -> list[Edge]:
        """Return all facts as edges."""
        return [
            *(Edge(d.item, d.activity, d.at, d.at.upper, 1, d) for d in self.draws),
            *(Edge(p.activity, p.item, p.at, p.at.upper, 0, p) for p in self.productions),
            *(Edge(s.part, s.device, s.since, s.until.upper, 1, s) for s in self.installations),
            *(Edge(m.lot, m.serial, Time(NEVER), OPEN, 1, m) for m in self.memberships),
        ]

    def timeless(self) -> list[Edge]:
        """Return all facts as edges, at any time."""
        anytime = Time(0, int(TimeQuality.DECLARED))
        return [edge._replace(at=anytime, end=OPEN) for edge in self.edges()]


def to_subgraph(facts: Facts) -> Subgraph:
    """Return the facts as the columns a graph engine would return."""

    def flows(rows: list[Any]) -> Flows:
        return Flows(
            ints([row.id for row in rows]),
            ints([row.item for row in rows]),
            ints([row.activity for row in rows]),
            *(ints([row.at[column] for row in rows]) for column in range(3)),
            ints([row.pieces for row in rows]),
        )

    activities = sorted({row.activity for row in [*facts.draws, *facts.productions]})
    stays = facts.installations
    return Subgraph(
        Items(
            ints(list(facts.items)),
            ints([int(kind) for kind, _ in facts.items.values()]),
            ints([item_class for _, item_class in facts.items.values()]),
        ),
        Activities(ints(activities), ints([0] * len(activities))),
        flows(facts.draws),
        flows(facts.productions),
        Intervals(
            ints([stay.id for stay in stays]),
            ints([stay.part for stay in stays]),
            ints([stay.device for stay in stays]),
            *(ints([stay.since[column] for stay in stays]) for column in range(3)),
            *(ints([stay.until[column] for stay in stays]) for column in range(3)),
        ),
        Memberships(
            ints([member.lot for member in facts.memberships]),
            ints([member.serial for member in facts.memberships]),
        ),
    )


def story(
    *told: Draw | Production | Installation | Membership, **kinds: tuple[ItemKind, int]
) -> Facts:
    """Return facts told by hand. Items are lots without class, or as told: `i7=(SERIAL, 100)`."""
    facts = Facts()
    for fact in told:
        match fact:
            case Draw():
                facts.draws.append(fact)
                names = [fact.item]
            case Production():
                facts.productions.append(fact)
                names = [fact.item]
            case Installation():
                facts.installations.append(fact)
                names = [fact.part, fact.device]
            case Membership():
                facts.memberships.append(fact)
                names = [fact.lot, fact.serial]
        for name in names:
            facts.items[name] = kinds.get(f"i{name}", (ItemKind.LOT, UNKNOWN))
    return facts


TIMES = st.integers(0, 12)
PIECES = st.sampled_from([UNKNOWN, 1, 2, 3])


def stated(around: int) -> st.SearchStrategy[Time]:
    """Stated times near an instant, mostly measured."""
    at = st.integers(around - 2, around + 3)
    return st.one_of(
        st.builds(Time, at, st.just(0), st.sampled_from([0, 0, 0, 1, 2])),
        st.builds(Time, at, st.sampled_from([0, 1, 2]), st.just(0)),
    )


@st.composite
def genealogies(draw: st.DrawFn, items_max: int = 9) -> Facts:
    """Random facts: chains, diamonds, cycles, repeats, parts in and out, members, any times.

    Activities mostly run from lower to higher ids as time goes on, so that long chains are common;
    the rest of the facts join anything to anything.
    """
    count = draw(st.integers(2, items_max))
    kinds = st.sampled_from([ItemKind.LOT, ItemKind.SERIAL])
    classes = st.sampled_from([UNKNOWN, UNKNOWN, 100, 101])
    item = st.integers(1, count)
    facts = Facts({number: (draw(kinds), draw(classes)) for number in range(1, count + 1)})
    for activity in range(50, 50 + draw(st.integers(0, 5))):
        middle = draw(st.integers(1, count))
        wild = draw(st.integers(0, 4)) == 0
        inputs = item if wild else st.integers(max(1, middle - 2), middle)
        outputs = item if wild else st.integers(middle, min(count, middle + 2))
        times = stated(draw(TIMES) if wild else middle + 1)
        for row in draw(st.lists(st.tuples(inputs, times, PIECES), max_size=3)):
            facts.draws.append(Draw(200 + len(facts.draws), row[0], activity, *row[1:]))
        for row in draw(st.lists(st.tuples(outputs, times, PIECES), max_size=3)):
            facts.productions.append(Production(300 + len(facts.productions), activity, *row))
    for _ in range(draw(st.integers(0, 3))):
        part, device, since = draw(item), draw(item), draw(TIMES)
        until = draw(st.one_of(st.just(Time(OPEN)), stated(since + 2), stated(since + 2)))
        if part != device or since % 2:
            facts.installations.append(
                Installation(
                    400 + len(facts.installations), part, device, draw(stated(since)), until
                )
            )
    for lot, serial in sorted(draw(st.sets(st.tuples(item, item), max_size=2))):
        if lot != serial:
            facts.memberships.append(Membership(lot, serial))
    return facts


def grown(seed: int) -> Facts:
    """Return a fuller genealogy than a search for small examples draws: deep, mixed, rarely odd."""
    dice = random.Random(seed)
    count, odd = dice.randint(4, 9), dice.choice([0, 0.1, 0.3])
    measured, classed = dice.choice([0.7, 0.9, 1]), dice.choice([0, 0.3])

    def time(around: int) -> Time:
        at = around + dice.choice([0, 0, 1, -1, 2, -3])
        if dice.random() < measured:
            return Time(at, 0, dice.choice([0, 0, 0, 1, 3]))
        return Time(at, dice.choice([1, 2]))

    def item(low: int, high: int) -> int:
        if dice.random() < odd:
            return dice.randint(1, count)
        low, high = min(max(1, low), count), min(count, high)
        return dice.randint(low, high)

    facts = Facts()
    for number in range(1, count + 1):
        item_class = 100 + dice.randint(0, 1) if dice.random() < classed else UNKNOWN
        facts.items[number] = (dice.choice([ItemKind.LOT, ItemKind.SERIAL]), item_class)
    for activity in range(50, 50 + dice.randint(1, count)):
        middle = dice.randint(1, count)
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            row = (item(middle - 2, middle), activity, time(middle), dice.choice([-1, 1, 2]))
            facts.draws.append(Draw(200 + len(facts.draws), *row))
        for _ in range(dice.choice([1, 1, 1, 2])):
            row = (activity, item(middle + 1, middle + 2), time(middle), dice.choice([-1, 1, 2]))
            facts.productions.append(Production(300 + len(facts.productions), *row))
    for number in range(400, 400 + dice.choice([0, 1, 1, 2, 3])):
        part = dice.randint(1, count)
        until = dice.choice([Time(OPEN), time(part + 1), time(part + 2)])
        stay = Installation(number, part, item(part + 1, part + 2), time(part), until)
        facts.installations.append(stay)
    facts.memberships += [
        Membership(lot, lot + 1) for lot in dice.choice([[], [], [1], [count - 1]])
    ]
    return facts


ANY = st.one_of(genealogies(), st.integers(0, 2**40).map(grown))


@st.composite
def suspicions(draw: st.DrawFn, facts: Facts) -> list[Suspect]:
    """Random suspects among the items: mostly whole, some windowed, some named twice."""
    since, until = st.one_of(st.just(NEVER), TIMES), st.one_of(st.just(OPEN), TIMES)
    item = st.sampled_from(sorted(facts.items))
    whole = item.map(Suspect)
    windowed = st.tuples(item, since, until).map(lambda told: Suspect(*told))
    first = draw(st.sampled_from([Suspect(1), Suspect(1), Suspect(1, 1, 4), draw(windowed)]))
    more = draw(st.lists(st.one_of(whole, windowed), max_size=2))
    return [first, *more[draw(st.integers(0, 2)) :]]
