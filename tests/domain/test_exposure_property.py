"""The calculus against its brute-force reference, on random genealogies."""

import os
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from lotkin.domain.exposure import Exposure, ExposureClass, Suspect, expose
from lotkin.domain.lineage import Policy
from tests.domain.compare import ALTERNATES, mismatches
from tests.domain.genealogies import ANY, Facts, suspicions, to_subgraph
from tests.domain.reference import classes

EXAMPLES = int(os.environ.get("LOTKIN_EXAMPLES", "300"))


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
def test_classes_labels_and_shortest_witnesses_are_those_of_the_reference(case) -> None:
    assert mismatches(*case) == []


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases())
def test_narrowing_to_timed_only_takes_items_out(case) -> None:
    facts, suspects, alternates = case
    graph = to_subgraph(facts)
    wide = table(expose(graph, suspects, Policy.UNTIMED, alternates=alternates))
    narrow = table(expose(graph, suspects, Policy.TIMED, alternates=alternates))
    assert set(wide) == set(narrow) == set(classes(facts, suspects, alternates))
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
