"""Random genealogies as plain facts, and the way from facts to columns.

Times are few and close together, so that equal instants, overlaps and gaps are all common.
"""

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


@dataclass
class Facts:
    """A genealogy as a person would tell it: items are id -> (kind, item class)."""

    items: dict[int, tuple[ItemKind, int]] = field(default_factory=dict)
    draws: list[Draw] = field(default_factory=list)
    productions: list[Production] = field(default_factory=list)
    installations: list[Installation] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)


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
STATED = st.one_of(
    st.builds(Time, TIMES, st.just(0), st.sampled_from([0, 0, 0, 1, 2])),
    st.builds(Time, TIMES, st.sampled_from([1, 2]), st.just(0)),
)
PIECES = st.sampled_from([UNKNOWN, 1, 2, 3])


@st.composite
def genealogies(draw: st.DrawFn, items_max: int = 8) -> Facts:
    """Random facts: cycles, diamonds, repeats, every time quality, parts in and out, members."""
    count = draw(st.integers(2, items_max))
    kinds = st.sampled_from([ItemKind.LOT, ItemKind.LOT, ItemKind.SERIAL, ItemKind.SERIAL])
    classes = st.sampled_from([UNKNOWN, UNKNOWN, 100, 101])
    item = st.integers(1, count)
    activity = st.integers(50, 50 + draw(st.integers(0, 4)))
    ended = st.one_of(st.just(Time(OPEN)), STATED, STATED)
    draws = draw(st.lists(st.tuples(item, activity, STATED, PIECES), max_size=9))
    made = draw(st.lists(st.tuples(activity, item, STATED, PIECES), max_size=9))
    stays = draw(st.lists(st.tuples(item, item, STATED, ended), max_size=4))
    members = draw(st.sets(st.tuples(item, item), max_size=2))
    return Facts(
        {number: (draw(kinds), draw(classes)) for number in range(1, count + 1)},
        [Draw(number, *row) for number, row in enumerate(draws, 200)],
        [Production(number, *row) for number, row in enumerate(made, 300)],
        [Installation(number, *row) for number, row in enumerate(stays, 400)],
        [Membership(*pair) for pair in sorted(members) if pair[0] != pair[1]],
    )


@st.composite
def suspicions(draw: st.DrawFn, facts: Facts) -> list[Suspect]:
    """Random suspects among the items: mostly whole, some windowed, some named twice."""
    since, until = st.one_of(st.just(NEVER), TIMES), st.one_of(st.just(OPEN), TIMES)
    item = st.sampled_from(sorted(facts.items))
    whole = st.builds(Suspect, item)
    windowed = st.builds(Suspect, item, since, until)
    return draw(st.lists(st.one_of(whole, windowed), min_size=1, max_size=3))
