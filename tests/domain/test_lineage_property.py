"""Closures on random genealogies: mirrors, narrowing, edges."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from lotkin.domain.exposure import Suspect
from lotkin.domain.genealogy import Direction
from lotkin.domain.lineage import Policy, edges, reach
from tests.domain.genealogies import ANY, to_subgraph
from tests.domain.reference import seeds_of, spread

EXAMPLES = int(os.environ.get("LOTKIN_EXAMPLES", "300"))
POLICIES = st.sampled_from(list(Policy))


@settings(max_examples=EXAMPLES, deadline=None)
@given(ANY, POLICIES)
def test_forward_and_backward_are_mirrors(facts, policy) -> None:
    graph = to_subgraph(facts)
    pairs = {
        direction: {
            (one, other, depth)
            for one in facts.items
            for other, depth in zip(
                *(column.tolist() for column in reach(graph, [one], direction, policy)),
                strict=True,
            )
        }
        for direction in Direction
    }
    turned = {(other, one, depth) for one, other, depth in pairs[Direction.BACKWARD]}
    assert pairs[Direction.FORWARD] == turned


@settings(max_examples=EXAMPLES, deadline=None)
@given(ANY, POLICIES, st.data())
def test_reach_is_that_of_the_reference(facts, policy, data) -> None:
    starts = data.draw(st.sets(st.sampled_from(sorted(facts.items)), min_size=1, max_size=3))
    found = reach(to_subgraph(facts), sorted(starts), Direction.FORWARD, policy)
    rows = facts.edges() if policy is Policy.TIMED else facts.timeless()
    depth: dict[int, int] = {}
    for taint, steps in spread(rows, seeds_of([Suspect(item) for item in starts]), {}).items():
        if taint[0] in facts.items:
            depth[taint[0]] = min(steps, depth.get(taint[0], steps))
    expected = sorted((steps, item) for item, steps in depth.items() if item not in starts)
    assert list(zip(found.depth.tolist(), found.items.tolist(), strict=True)) == expected


@settings(max_examples=EXAMPLES, deadline=None)
@given(ANY, POLICIES, st.sampled_from(list(Direction)), st.data())
def test_edges_join_each_item_to_its_start(facts, policy, direction, data) -> None:
    start = data.draw(st.sampled_from(sorted(facts.items)))
    graph = to_subgraph(facts)
    reached = reach(graph, [start], direction, policy)
    found = edges(graph, [start], reached, direction, policy, rows_max=1000)
    joined = {start}
    pairs = list(zip(found.source.tolist(), found.target.tolist(), strict=True))
    if direction is Direction.BACKWARD:
        pairs = [(target, source) for source, target in pairs]
    for _ in facts.items:
        joined |= {target for source, target in pairs if source in joined}
    assert joined == {start, *reached.items.tolist()}
    rows = list(zip(*(column.tolist() for column in found[:5]), strict=True))
    draws = [row for row in rows if row[4] != -1]
    assert len(draws) == len(set(draws))
