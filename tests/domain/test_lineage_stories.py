"""Closures told by hand: shapes that have broken others, edges, instants."""

from decimal import Decimal

import numpy as np
import pytest

from lotkin.domain.bound import at_most
from lotkin.domain.genealogy import NEVER, OPEN, UNKNOWN, Direction, ItemKind, ints
from lotkin.domain.lineage import EdgeKind, Policy, as_of, edges, material, reach, span
from lotkin.errors import Refusal, RefusalCode
from tests.domain.genealogies import (
    Draw,
    Facts,
    Installation,
    Membership,
    Production,
    Time,
    story,
    to_subgraph,
)

FORWARD, BACKWARD = Direction.FORWARD, Direction.BACKWARD
UNTIMED, TIMED = Policy.UNTIMED, Policy.TIMED
SERIAL = (ItemKind.SERIAL, UNKNOWN)


def flow(*steps: tuple[int, int]) -> Facts:
    """One activity a step, an hour each."""
    told = []
    for number, (source, target) in enumerate(steps):
        told.append(Draw(100 + number, source, 500 + number, Time(2 * number)))
        told.append(Production(300 + number, 500 + number, target, Time(2 * number + 1)))
    return story(*told)


def test_a_lattice_of_a_million_paths_is_forty_items() -> None:
    told = flow(*[
        (2 * level + one, 2 * level + 2 + other)
        for level in range(20) for one in (0, 1) for other in (0, 1)
    ])  # fmt: skip
    found = reach(to_subgraph(told), [0], FORWARD, UNTIMED)
    assert len(found.items) == 40
    assert found.depth.tolist() == sorted([*range(1, 21)] * 2)


@pytest.mark.parametrize("policy", list(Policy))
def test_a_chain_of_ten_thousand_has_its_depths(policy: Policy) -> None:
    graph = to_subgraph(flow(*[(item, item + 1) for item in range(10_000)]))
    assert reach(graph, [0], FORWARD, policy).depth.tolist() == list(range(1, 10_001))
    assert reach(graph, [10_000], BACKWARD, policy).items.tolist() == list(range(9_999, -1, -1))


def test_a_fan_out_of_two_thousand_is_whole() -> None:
    told = story(Draw(1, 1, 500, Time(0)))
    told.productions = [Production(n, 500, n, Time(1)) for n in range(10, 2010)]
    told.items |= dict.fromkeys(range(10, 2010), SERIAL)
    graph = to_subgraph(told)
    found = reach(graph, [1], FORWARD, TIMED)
    assert found.items.tolist() == list(range(10, 2010))
    assert len(edges(graph, [1], found, FORWARD, TIMED, rows_max=2000).source) == 2000


def test_too_many_edges_are_refused_not_cut() -> None:
    graph = to_subgraph(flow((1, 2), (2, 3)))
    found = reach(graph, [1], FORWARD, UNTIMED)
    with pytest.raises(Refusal) as refused:
        edges(graph, [1], found, FORWARD, UNTIMED, rows_max=1)
    assert refused.value.code is RefusalCode.WALK_TOO_LARGE


def test_rework_onto_the_same_serial_ends() -> None:
    graph = to_subgraph(flow((1, 2), (2, 1), (1, 1)))
    assert reach(graph, [1], FORWARD, UNTIMED).items.tolist() == [2]
    found = edges(graph, [1], reach(graph, [1], FORWARD, UNTIMED), FORWARD, UNTIMED, rows_max=9)
    assert set(zip(found.source.tolist(), found.target.tolist(), strict=True)) == {
        (1, 2), (2, 1), (1, 1),
    }  # fmt: skip


def test_an_edge_says_by_what_and_when_material_flowed() -> None:
    told = story(
        Draw(1, 1, 500, Time(4)), Production(2, 500, 2, Time(5)), Production(3, 500, 2, Time(6)),
        Membership(2, 3), Installation(4, 3, 9, Time(8)), i3=SERIAL,
    )  # fmt: skip
    graph = to_subgraph(told)
    found = edges(graph, [1], reach(graph, [1], FORWARD, TIMED), FORWARD, TIMED, rows_max=3)
    assert sorted(zip(*(column.tolist() for column in found), strict=True)) == [
        (1, 2, EdgeKind.TRANSFORMATION, 500, 1, 4),
        (2, 3, EdgeKind.MEMBERSHIP, UNKNOWN, UNKNOWN, NEVER),
        (3, 9, EdgeKind.INSTALLATION, UNKNOWN, UNKNOWN, 8),
    ]


def test_a_serial_leads_back_to_its_lot_but_a_lot_not_to_its_serials() -> None:
    graph = to_subgraph(story(Membership(1, 2), Membership(1, 3)))
    assert reach(graph, [2], BACKWARD, UNTIMED).items.tolist() == [1]
    assert reach(graph, [1], BACKWARD, UNTIMED).items.tolist() == []


def test_time_cuts_the_way_back_as_it_cuts_the_way_on() -> None:
    told = flow((2, 3), (1, 2))  # 2 was drawn before it was made of 1
    graph = to_subgraph(told)
    assert reach(graph, [1], FORWARD, UNTIMED).items.tolist() == [2, 3]
    assert reach(graph, [1], FORWARD, TIMED).items.tolist() == [2]
    assert reach(graph, [3], BACKWARD, TIMED).items.tolist() == [2]


def test_starts_nobody_mentions_reach_nothing() -> None:
    graph = to_subgraph(flow((1, 2)))
    assert reach(graph, [77], FORWARD, UNTIMED).items.tolist() == []
    assert reach(to_subgraph(Facts()), [77], BACKWARD, TIMED).items.tolist() == []


def test_facts_after_the_asked_instant_are_invisible() -> None:
    told = story(
        Draw(1, 1, 500, Time(4)), Production(2, 500, 2, Time(6)),
        Installation(3, 2, 9, Time(5), Time(8)), Installation(4, 2, 8, Time(7)),
    )  # fmt: skip
    seen = as_of(to_subgraph(told), 5)
    assert seen.draws.id.tolist() == [1]
    assert seen.productions.id.tolist() == []
    assert seen.installations.id.tolist() == [3]
    assert seen.installations.until.tolist() == [OPEN]


def test_only_measured_times_bound_the_truth_and_none_overflows() -> None:
    at, quality = ints([50, 50, 50, OPEN, OPEN - 1, NEVER + 1]), ints([0, 1, 2, 0, 0, 0])
    found = span(at, quality, np.full(6, 3, dtype=np.int64))
    assert found.lower.tolist() == [47, NEVER, NEVER, OPEN, OPEN - 4, NEVER]
    assert found.upper.tolist() == [53, OPEN, OPEN, OPEN, OPEN, NEVER + 4]


def test_sparse_ids_find_their_places() -> None:
    far = 1 << 60
    stuff = material(to_subgraph(flow((1, far))))
    assert stuff.made_item.tolist() == [1]
    assert reach(to_subgraph(flow((1, far))), [far], BACKWARD, TIMED).items.tolist() == [1]


def test_the_bound_is_suspect_quantity_over_usage_per_unit() -> None:
    told = story(
        Draw(1, 1, 500, Time(0)), Draw(2, 7, 500, Time(0)),
        *(Production(n, 500, n, Time(1)) for n in range(10, 20)),
        i1=(ItemKind.LOT, 100), i7=(ItemKind.LOT, 100),
        **{f"i{n}": (ItemKind.SERIAL, 200) for n in range(10, 20)},
    )  # fmt: skip
    graph = to_subgraph(told)
    # 5 kg for 10 units is 0.5 kg each: 1.7 kg is the whole usage of 3 units.
    assert at_most(graph, {1}, {1: Decimal("1.7"), 2: Decimal("3.3")}) == {200: 3}
    assert at_most(graph, {1}, {1: Decimal("1.7")}) == {}
