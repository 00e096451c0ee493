"""Every rule of the exposure calculus once, told by hand; and the pitfalls of traversal.

Items are numbers, activities are tens; times are hours measured exactly unless told otherwise.
"""

import pytest

from lotkin.domain.exposure import RULES, ExposureClass, Rule, Step, Suspect, expose
from lotkin.domain.genealogy import NEVER, OPEN, UNKNOWN, ItemKind, Subgraph
from lotkin.domain.lineage import Policy, as_of
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

DECLARED, BACKFLUSHED = 1, 2
CERTAIN, POSSIBLE, PREVIOUSLY, EXCLUDED = ExposureClass
SERIAL = (ItemKind.SERIAL, UNKNOWN)
LOT = (ItemKind.LOT, UNKNOWN)


def draw(item: int, activity: int, at: int, quality: int = 0, pieces: int = UNKNOWN) -> Draw:
    return Draw(1000 * activity + 10 * item + at % 10, item, activity, Time(at, quality), pieces)


def make(activity: int, item: int, at: int, quality: int = 0, pieces: int = UNKNOWN) -> Production:
    number = 1000 * activity + 10 * item + at % 10
    return Production(number, activity, item, Time(at, quality), pieces)


def fit(part: int, device: int, since: int, until: Time = Time(OPEN)) -> Installation:  # noqa: B008
    return Installation(10 * part + device, part, device, Time(since), until)


def verdict(
    facts: Facts | Subgraph,
    item: int,
    *suspects: Suspect,
    policy: Policy = Policy.TIMED,
    alternates: dict[int, int] | None = None,
) -> tuple[ExposureClass, Rule]:
    graph = to_subgraph(facts) if isinstance(facts, Facts) else facts
    found = expose(graph, suspects or [Suspect(1)], policy, alternates=alternates)
    place = found.items.tolist().index(item)
    return ExposureClass(int(found.classes[place])), RULES[int(found.rules[place])]


def listed(facts: Facts, *suspects: Suspect, policy: Policy = Policy.TIMED) -> list[int]:
    return expose(to_subgraph(facts), suspects or [Suspect(1)], policy).items.tolist()


# ---------------------------------------------------------------- certain


def test_a_suspect_is_certain_and_listed_even_alone() -> None:
    facts = story(draw(1, 50, 1))
    assert verdict(facts, 1) == (CERTAIN, Rule.SUSPECT)
    assert listed(facts) == [1]


def test_a_serial_of_a_certain_lot_is_certain() -> None:
    facts = story(draw(1, 50, 1), make(50, 2, 2), Membership(2, 3), i3=SERIAL)
    assert verdict(facts, 3) == (CERTAIN, Rule.MEMBER_OF_LOT)


def test_a_device_with_a_certain_part_in_it_is_certain() -> None:
    assert verdict(story(fit(1, 2, 5)), 2) == (CERTAIN, Rule.PART_INSTALLED)


def test_an_output_of_suspect_supply_alone_is_certain() -> None:
    facts = story(draw(1, 50, 1), draw(7, 50, 1), make(50, 2, 2), i1=(0, 100), i7=(0, 101))
    assert verdict(facts, 2) == (CERTAIN, Rule.ALL_SUPPLY_TAINTED)


def test_a_serial_that_took_all_of_an_activity_is_certain_by_that() -> None:
    facts = story(
        draw(1, 50, 1), draw(7, 50, 1), make(50, 2, 2), i1=(0, 100), i7=(0, 100), i2=SERIAL
    )
    assert verdict(facts, 2) == (CERTAIN, Rule.ALL_CONSUMED_IN_IT)


def test_a_lot_that_took_all_of_an_activity_is_not_certain_by_that() -> None:
    facts = story(draw(1, 50, 1), draw(7, 50, 1), make(50, 2, 2), i1=(0, 100), i7=(0, 100))
    assert verdict(facts, 2) == (POSSIBLE, Rule.MIXED_SUPPLY)


def test_every_production_of_a_certain_item_is_surely_tainted() -> None:
    facts = story(draw(1, 50, 1), make(50, 2, 2), make(60, 2, 2))
    assert verdict(facts, 2) == (POSSIBLE, Rule.MIXED_SUPPLY)


def test_a_cycle_does_not_prove_itself() -> None:
    # 2 and 3 are made of each other; 1 only joins a supply that has clean 7 in it.
    facts = story(
        draw(1, 50, 1), draw(7, 50, 1), draw(3, 50, 1), make(50, 2, 2), draw(2, 60, 3),
        make(60, 3, 4), i1=(0, 100), i7=(0, 100),
    )  # fmt: skip
    assert verdict(facts, 2) == (POSSIBLE, Rule.MIXED_SUPPLY)
    assert verdict(facts, 3)[0] == POSSIBLE


# ---------------------------------------------------------------- possible


def test_partial_consumption_leaves_every_unit_possible() -> None:
    facts = story(
        draw(1, 50, 1), draw(7, 50, 1), make(50, 2, 2), make(50, 3, 2),
        i1=(0, 100), i7=(0, 100), i2=SERIAL, i3=SERIAL,
    )  # fmt: skip
    assert [verdict(facts, item) for item in (2, 3)] == [(POSSIBLE, Rule.MIXED_SUPPLY)] * 2


def test_alternates_are_one_supply() -> None:
    facts = story(draw(1, 50, 1), draw(7, 50, 1), make(50, 2, 2), i1=(0, 100), i7=(0, 101))
    assert verdict(facts, 2)[0] == CERTAIN
    assert verdict(facts, 2, alternates={101: 100}) == (POSSIBLE, Rule.MIXED_SUPPLY)


def test_fewer_pieces_than_outputs_cannot_be_in_all_of_them() -> None:
    facts = story(draw(1, 50, 1, pieces=1), make(50, 2, 2), make(50, 3, 2), i2=SERIAL, i3=SERIAL)
    assert verdict(facts, 2) == (POSSIBLE, Rule.TOO_FEW_PIECES)


@pytest.mark.parametrize(("drawn", "made"), [(2, 1), (UNKNOWN, 1), (1, UNKNOWN)])
def test_pieces_not_known_to_be_fewer_are_enough(drawn: int, made: int) -> None:
    facts = story(
        draw(1, 50, 1, pieces=drawn), make(50, 2, 2, pieces=made), make(50, 3, 2, pieces=1)
    )
    assert verdict(facts, 2) == (CERTAIN, Rule.ALL_SUPPLY_TAINTED)


def test_an_output_of_unknown_amount_does_not_hide_that_the_pieces_are_too_few() -> None:
    facts = story(
        draw(1, 50, 1, pieces=1), make(50, 2, 2), make(50, 3, 2), make(50, 4, 2, pieces=UNKNOWN),
        i2=SERIAL, i3=SERIAL,
    )  # fmt: skip
    assert [verdict(facts, item) for item in (2, 4)] == [(POSSIBLE, Rule.TOO_FEW_PIECES)] * 2


def test_a_serial_counts_as_one_piece_whatever_is_told() -> None:
    facts = story(draw(1, 50, 1), make(50, 2, 2), make(50, 3, 2), i1=SERIAL, i2=SERIAL, i3=SERIAL)
    assert verdict(facts, 2) == (POSSIBLE, Rule.TOO_FEW_PIECES)


def test_a_declared_draw_of_a_windowed_suspect_stays_in_as_possible() -> None:
    facts = story(draw(1, 50, 30, DECLARED), make(50, 2, 31, DECLARED))
    assert verdict(facts, 2, Suspect(1, 5, 10)) == (POSSIBLE, Rule.WINDOWED_SUSPECT)
    assert verdict(facts, 2, Suspect(1)) == (CERTAIN, Rule.ALL_SUPPLY_TAINTED)


def test_a_measured_draw_inside_the_window_is_certain() -> None:
    facts = story(draw(1, 50, 5), make(50, 2, 6))
    assert verdict(facts, 2, Suspect(1, 5, 6)) == (CERTAIN, Rule.ALL_SUPPLY_TAINTED)


def test_two_windows_that_touch_are_one() -> None:
    facts = story(Draw(1, 1, 50, Time(10, 0, 2)), make(50, 2, 20))
    assert verdict(facts, 2, Suspect(1, 5, 10), Suspect(1, 10, 15))[0] == CERTAIN


def test_a_window_does_not_bound_what_another_suspect_brings() -> None:
    facts = story(draw(9, 40, 1), make(40, 1, 2), draw(1, 50, 30), make(50, 2, 31))
    assert verdict(facts, 2, Suspect(1, 5, 10)) == (EXCLUDED, Rule.DRAWN_AFTER_WINDOW)
    assert verdict(facts, 2, Suspect(1, 5, 10), Suspect(9)) == (CERTAIN, Rule.ALL_SUPPLY_TAINTED)


def test_a_window_does_not_bound_what_rework_brings_back() -> None:
    facts = story(
        draw(1, 50, 6), make(50, 1, 7), draw(1, 60, 30), make(60, 2, 31), i1=SERIAL, i2=SERIAL
    )
    assert verdict(facts, 2, Suspect(1, 5, 10))[0] == CERTAIN


# ---------------------------------------------------------------- previously exposed


def test_a_part_taken_out_leaves_the_device_previously_exposed() -> None:
    assert verdict(story(fit(1, 2, 5, Time(9))), 2) == (PREVIOUSLY, Rule.PART_REMOVED)


@pytest.mark.parametrize("quality", [DECLARED, BACKFLUSHED])
def test_a_removal_that_was_not_measured_proves_nothing(quality: int) -> None:
    facts = story(fit(1, 2, 5, Time(9, quality)))
    assert verdict(facts, 2) == (CERTAIN, Rule.PART_INSTALLED)


def test_what_is_drawn_surely_after_the_removal_was_never_exposed() -> None:
    facts = story(fit(1, 2, 5, Time(9)), draw(2, 50, 10), make(50, 3, 11))
    assert verdict(facts, 3) == (PREVIOUSLY, Rule.AFTER_PART_REMOVED)


def test_what_is_drawn_at_the_removal_may_be_exposed() -> None:
    facts = story(fit(1, 2, 5, Time(9)), draw(2, 50, 9), make(50, 3, 11))
    assert verdict(facts, 3) == (POSSIBLE, Rule.UNCERTAIN_TIME)


def test_one_live_way_beside_a_removed_part_is_enough() -> None:
    facts = story(fit(1, 2, 5, Time(9)), draw(1, 50, 1), draw(7, 50, 1), make(50, 2, 2),
                  i1=(0, 100), i7=(0, 100))  # fmt: skip
    assert verdict(facts, 2) == (POSSIBLE, Rule.MIXED_SUPPLY)


def test_a_removal_after_the_asked_instant_has_not_happened() -> None:
    graph = to_subgraph(story(fit(1, 2, 5, Time(9))))
    assert verdict(as_of(graph, 8), 2) == (CERTAIN, Rule.PART_INSTALLED)
    assert verdict(as_of(graph, 9), 2) == (PREVIOUSLY, Rule.PART_REMOVED)


# ---------------------------------------------------------------- excluded


def test_what_was_drawn_before_the_taint_came_is_excluded() -> None:
    facts = story(fit(1, 2, 20), draw(2, 50, 10), make(50, 3, 11))
    assert verdict(facts, 3) == (EXCLUDED, Rule.DRAWN_BEFORE_EXPOSURE)
    assert verdict(facts, 3, policy=Policy.UNTIMED) == (POSSIBLE, Rule.UNCERTAIN_TIME)


def test_an_output_from_before_the_bad_input_of_a_long_activity_is_excluded() -> None:
    facts = story(draw(7, 50, 1), make(50, 2, 5), draw(1, 50, 10), make(50, 3, 15))
    assert verdict(facts, 2) == (EXCLUDED, Rule.PRODUCED_BEFORE_EXPOSURE)
    assert verdict(facts, 3) == (CERTAIN, Rule.ALL_SUPPLY_TAINTED)


@pytest.mark.parametrize("quality", [DECLARED, BACKFLUSHED])
def test_a_time_booked_at_shift_end_excludes_nothing(quality: int) -> None:
    facts = story(draw(1, 50, 10, quality), make(50, 2, 5))
    assert verdict(facts, 2)[0] == CERTAIN


def test_the_clocks_of_both_sources_are_allowed_for() -> None:
    drawn, made = Time(10, 0, 3), Time(5, 0, 2)
    facts = story(Draw(1, 1, 50, drawn), Production(2, 50, 2, made))
    assert verdict(facts, 2)[0] == CERTAIN  # 10 - 3 <= 5 + 2: equal instants count as exposed
    facts.productions[0] = facts.productions[0]._replace(at=Time(5, 0, 1))
    assert verdict(facts, 2) == (EXCLUDED, Rule.PRODUCED_BEFORE_EXPOSURE)


def test_a_draw_at_the_end_of_the_window_is_after_it() -> None:
    facts = story(draw(1, 50, 10), make(50, 2, 11))
    assert verdict(facts, 2, Suspect(1, 5, 10)) == (EXCLUDED, Rule.DRAWN_AFTER_WINDOW)


def test_a_part_removed_before_its_own_taint_is_no_way() -> None:
    facts = story(fit(2, 3, 1, Time(4)), draw(1, 50, 9), make(50, 2, 10))
    assert verdict(facts, 3) == (EXCLUDED, Rule.REMOVED_BEFORE_EXPOSURE)


def test_what_comes_of_an_excluded_item_is_excluded_with_it() -> None:
    facts = story(draw(1, 50, 10), make(50, 2, 5), draw(2, 60, 6), make(60, 3, 7))
    assert verdict(facts, 3) == (EXCLUDED, Rule.UPSTREAM_EXCLUDED)
    found = expose(to_subgraph(facts), [Suspect(1)], Policy.TIMED)
    assert found.witness(3) == (Step(1, 2, 50, 5, Rule.PRODUCED_BEFORE_EXPOSURE),)


# ---------------------------------------------------------------- pitfalls and witnesses


def test_a_serial_reworked_onto_itself_stays_in_as_possible() -> None:
    # Its second making rests on the serial itself, which a least fixed point never takes as proof.
    facts = story(
        draw(1, 50, 1), make(50, 2, 2), draw(2, 60, 3), make(60, 2, 4), draw(2, 70, 5),
        make(70, 3, 6), i2=SERIAL, i3=SERIAL,
    )  # fmt: skip
    assert [verdict(facts, item)[0] for item in (2, 3)] == [POSSIBLE] * 2


def test_rework_ends_and_keeps_the_serial_in() -> None:
    facts = story(
        draw(1, 50, 1), make(50, 2, 2), draw(2, 60, 3), make(60, 3, 4), draw(3, 70, 5),
        make(70, 2, 6), i2=SERIAL, i3=SERIAL,
    )  # fmt: skip
    assert listed(facts) == [1, 2, 3]


def test_siblings_are_not_descendants() -> None:
    facts = story(draw(1, 50, 1), make(50, 2, 2), make(50, 3, 2), draw(2, 60, 3), make(60, 4, 4))
    assert listed(facts, Suspect(2)) == [2, 4]


def test_a_serial_leads_to_no_sister_through_its_lot() -> None:
    assert listed(story(Membership(1, 2), Membership(1, 3)), Suspect(2)) == [2]


def test_a_container_is_never_exposed() -> None:
    facts = story(fit(1, 2, 5), i2=(ItemKind.CONTAINER, UNKNOWN))
    assert listed(facts) == [1]


def test_exposed_at_is_the_earliest_possible_taint() -> None:
    facts = story(draw(1, 50, 10), make(50, 2, 12), draw(7, 60, 1), make(60, 3, 1))
    found = expose(to_subgraph(facts), [Suspect(1), Suspect(7, 5)], Policy.TIMED)
    assert dict(zip(found.items.tolist(), found.exposed_at.tolist(), strict=True)) == {
        1: NEVER, 2: 12, 3: NEVER, 7: 5,
    }  # fmt: skip


def test_a_witness_is_the_shortest_chain_of_least_items() -> None:
    facts = story(
        draw(1, 50, 1), make(50, 3, 2), draw(1, 60, 1), make(60, 2, 2), draw(3, 70, 3),
        draw(2, 70, 3), make(70, 4, 4), draw(4, 80, 5), make(80, 5, 6),
    )  # fmt: skip
    found = expose(to_subgraph(facts), [Suspect(1)], Policy.TIMED)
    tainted = Rule.ALL_SUPPLY_TAINTED
    assert found.witness(1) == ()
    assert found.witness(5) == (
        Step(1, 2, 60, 1, tainted),
        Step(2, 4, 70, 3, tainted),
        Step(4, 5, 80, 5, tainted),
    )


def test_a_witness_never_goes_back_in_time() -> None:
    # 3 is one step from 1, but late; what was drawn of it early came the longer way.
    facts = story(
        draw(1, 50, 20), make(50, 3, 21), draw(1, 60, 1), make(60, 2, 2), draw(2, 70, 3),
        make(70, 3, 4), draw(3, 80, 10), make(80, 4, 11),
    )  # fmt: skip
    found = expose(to_subgraph(facts), [Suspect(1)], Policy.TIMED)
    assert [step.target for step in found.witness(3)] == [3]
    assert [step.target for step in found.witness(4)] == [2, 3, 4]


def test_a_witness_of_an_item_not_exposed_is_refused() -> None:
    found = expose(to_subgraph(story(draw(1, 50, 1), make(50, 2, 2))), [Suspect(2)], Policy.TIMED)
    with pytest.raises(KeyError):
        found.witness(1)


def test_a_suspect_nobody_mentions_is_left_out() -> None:
    assert listed(story(draw(1, 50, 1)), Suspect(99), Suspect(1)) == [1]


def test_nothing_known_gives_nothing() -> None:
    assert listed(Facts(), Suspect(1)) == []
