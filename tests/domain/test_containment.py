"""Stays derived from what was told of containment, in any order."""

from decimal import Decimal
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from lotkin.domain.containment import Told, containment, cycle
from lotkin.domain.facts import PackingOp
from lotkin.domain.genealogy import OPEN, ItemKind

ADD, DELETE, DELETE_ALL, OBSERVE = tuple(PackingOp)


def told(
    op: PackingOp, parent: int, at: int, id: int = 0, qty: int | None = None, part: bool = False
) -> Told:
    amount = None if qty is None else Decimal(qty)
    return Told(id or at, id or at, parent, part, op, at, 1, 0, amount, None)


def spans(statements: list[Told], kind: ItemKind = ItemKind.SERIAL) -> list[tuple[int, int, int]]:
    result = containment(kind, statements)
    return sorted((stay.parent, stay.since, stay.until) for stay in result.stays)


def test_a_packed_item_stays_until_it_is_taken_out() -> None:
    assert spans([told(ADD, 7, 10), told(DELETE, 7, 20)]) == [(7, 10, 20)]


def test_an_item_not_taken_out_is_still_inside() -> None:
    assert spans([told(ADD, 7, 10)]) == [(7, 10, OPEN)]


def test_a_delete_without_children_empties_the_container() -> None:
    assert spans([told(ADD, 7, 10), told(DELETE_ALL, 7, 20)]) == [(7, 10, 20)]


def test_a_late_unpacking_moves_the_end_of_the_older_stay() -> None:
    before = [told(ADD, 7, 10), told(ADD, 8, 30)]
    assert spans(before) == [(7, 10, 30), (8, 30, OPEN)]
    assert spans([*before, told(DELETE, 7, 20)]) == [(7, 10, 20), (8, 30, OPEN)]


def test_a_second_parent_before_the_unpacking_closes_the_older_and_says_so() -> None:
    result = containment(ItemKind.SERIAL, [told(ADD, 7, 10), told(ADD, 8, 30)])
    assert [(each.older, each.parent) for each in result.conflicts] == [(7, 8)]


def test_at_one_instant_taking_out_counts_before_putting_in() -> None:
    statements = [told(ADD, 7, 10, 1), told(ADD, 8, 20, 2), told(DELETE, 7, 20, 3)]
    result = containment(ItemKind.SERIAL, statements)
    assert spans(statements) == [(7, 10, 20), (8, 20, OPEN)]
    assert not result.conflicts


def test_a_part_in_a_device_may_lie_in_a_carton_too() -> None:
    statements = [told(ADD, 7, 10, part=True), told(ADD, 9, 20)]
    assert spans(statements) == [(7, 10, OPEN), (9, 20, OPEN)]


def test_a_lot_lies_in_several_containers_and_closes_at_zero() -> None:
    statements = [
        told(ADD, 7, 10, 1, 100),
        told(ADD, 8, 11, 2, 50),
        told(DELETE, 7, 20, 3, 40),
        told(DELETE, 7, 30, 4, 60),
    ]
    assert spans(statements, ItemKind.LOT) == [(7, 10, 30), (8, 11, OPEN)]


def test_taking_out_more_than_was_in_is_reported_and_closes() -> None:
    statements = [told(ADD, 7, 10, 1, 100), told(DELETE, 7, 20, 2, 140)]
    result = containment(ItemKind.LOT, statements)
    assert spans(statements, ItemKind.LOT) == [(7, 10, 20)]
    assert [each.event for each in result.mismatches] == [2]


def test_an_observation_changes_nothing_and_reports_a_mismatch() -> None:
    result = containment(ItemKind.SERIAL, [told(OBSERVE, 7, 10)])
    assert not result.stays
    assert len(result.mismatches) == 1


statement = st.builds(
    told,
    op=st.sampled_from([ADD, DELETE, DELETE_ALL]),
    parent=st.integers(1, 3),
    at=st.integers(1, 6),
    id=st.just(0),
)


@given(st.lists(statement, max_size=5))
def test_the_order_of_arrival_never_matters(statements: list[Told]) -> None:
    numbered = [
        Told(i, i, s.parent, s.is_installation, s.op, s.at, 1, 0) for i, s in enumerate(statements)
    ]
    wanted = spans(numbered)
    for order in permutations(numbered):
        assert spans(list(order)) == wanted


@given(st.lists(statement, max_size=8))
def test_an_item_is_in_at_most_one_container_at_any_instant(statements: list[Told]) -> None:
    stays = spans(statements)
    for at in range(8):
        assert sum(since <= at < until for _, since, until in stays) <= 1


def test_a_carton_cannot_be_packed_into_itself_within_one_document() -> None:
    assert cycle([(1, ADD, "a", "b"), (2, ADD, "b", "c"), (3, ADD, "c", "a")]) == (2, "a", "c")
    assert cycle([(1, ADD, "a", "a")]) == (0, "a", "a")


def test_repacking_the_other_way_round_is_no_cycle() -> None:
    statements = [(1, ADD, "a", "b"), (2, DELETE, "a", "b"), (3, ADD, "b", "a")]
    assert cycle(statements) is None
    assert cycle([(1, ADD, "a", "b"), (2, DELETE_ALL, "a", None), (3, ADD, "b", "a")]) is None
