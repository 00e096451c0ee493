"""The calculus against its brute-force reference, on random genealogies."""

import os
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from lotkin.domain.exposure import RULES, Exposure, ExposureClass, Rule, Suspect, expose
from lotkin.domain.genealogy import NEVER, OPEN, UNKNOWN
from lotkin.domain.lineage import Policy
from tests.domain.genealogies import ANY, Facts, suspicions, to_subgraph
from tests.domain.reference import classes, least, removals, seeds_of, timed, untimed, ways

EXAMPLES = int(os.environ.get("LOTKIN_EXAMPLES", "300"))
ALTERNATES = {101: 100}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Facts, list[Suspect], dict[int, int]]:
    facts = draw(ANY)
    return facts, draw(suspicions(facts)), draw(st.sampled_from([{}, ALTERNATES]))


def table(found: Exposure) -> dict[int, tuple[int, int]]:
    return dict(
        zip(
            found.items.tolist(),
            zip(found.classes.tolist(), found.exposed_at.tolist(), strict=True),
            strict=True,
        )
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases())
def test_timed_classes_and_labels_are_those_of_the_reference(case) -> None:
    facts, suspects, alternates = case
    found = expose(to_subgraph(facts), suspects, Policy.TIMED, alternates=alternates)
    expected = classes(facts, suspects, alternates)
    assert table(found) == {item: told[:2] for item, told in expected.items()}


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases())
def test_every_witness_is_valid_and_as_short_as_can_be(case) -> None:
    facts, suspects, alternates = case
    found = expose(to_subgraph(facts), suspects, Policy.TIMED, alternates=alternates)
    for item, (exposure_class, _, steps) in classes(facts, suspects, alternates).items():
        chain = found.witness(item)
        rule = RULES[int(found.rules[found.items.searchsorted(item)])]
        if exposure_class == ExposureClass.EXCLUDED:
            excludes(facts, suspects, chain, item, rule)
            continue
        assert len(chain) == steps
        if chain:
            assert chain[-1].target == item
            assert chain[-1].rule == rule
            assert holds(facts, suspects, chain)


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases())
def test_narrowing_to_timed_only_takes_items_out(case) -> None:
    facts, suspects, alternates = case
    graph = to_subgraph(facts)
    wide = table(expose(graph, suspects, Policy.UNTIMED, alternates=alternates))
    narrow = table(expose(graph, suspects, Policy.TIMED, alternates=alternates))
    assert set(wide) == set(narrow) == {s[0] for s, _ in untimed(facts, suspects)}
    for item, (before, _) in wide.items():
        after = narrow[item][0]
        assert after == before or (before, after) == (ExposureClass.POSSIBLE, 3)


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_neither_order_of_rows_nor_width_of_waves_changes_anything(case, random) -> None:
    facts, suspects, alternates = case
    first = expose(to_subgraph(facts), suspects, Policy.TIMED, alternates=alternates)
    # The loop for narrow waves and the arrays for wide ones must agree to the last witness.
    with patch("lotkin.domain.spread.SCALAR_WORK_MAX", -1):
        wide = expose(to_subgraph(facts), suspects, Policy.TIMED, alternates=alternates)
    assert same(first, wide)
    for rows in (facts.draws, facts.productions, facts.installations, facts.memberships, suspects):
        random.shuffle(rows)
    second = expose(to_subgraph(facts), suspects, Policy.TIMED, alternates=alternates)
    assert same(first, second)


def same(one: Exposure, other: Exposure) -> bool:
    return (
        table(one) == table(other)
        and one.rules.tolist() == other.rules.tolist()
        and all(one.witness(item) == other.witness(item) for item in one.items.tolist())
    )


def holds(facts, suspects, chain) -> bool:
    """Whether time lets taint through all facts of the chain, one after the other."""
    seeds = seeds_of(suspects)
    removed = removals(facts, seeds)
    states = {seed for seed in seeds if seed[0][0] == chain[0].source}
    for step in chain:
        states = {
            way[:2]
            for state, label in states
            for way in ways(facts, state, label, removed)
            if way[0][0] == step.target and way[1] < OPEN and tells(step, way)
        }
    return bool(states)


def tells(step, way) -> bool:
    _, _, _, fact, made = way
    if made is not None:
        return (step.activity, step.at) in {
            (fact.activity, fact.at.at),
            (made.activity, made.at.at),
        }
    at = {fact.since.at, fact.until.at} if hasattr(fact, "since") else {NEVER}
    return step.activity == UNKNOWN and step.at in at


def excludes(facts, suspects, chain, item, rule) -> None:
    """Assert that time allows the chain but for its last fact, whose item nothing reaches."""
    labels = least(timed(facts, seeds_of(suspects), {}))
    exposed = {state[0] for state in labels}
    *before, last = chain
    assert not before or holds(facts, suspects, before)
    assert last.source in exposed
    assert last.target not in exposed
    assert (last.target == item) == (rule != Rule.UPSTREAM_EXCLUDED)
    free = (last.source, NEVER, OPEN, False)
    assert any(w[0][0] == last.target and tells(last, w) for w in ways(facts, free, NEVER, {}))
