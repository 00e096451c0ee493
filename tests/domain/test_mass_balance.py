"""Mass balance of a lot: exact, in units that can be added, silent about what is not known."""

from decimal import Decimal

from lotkin.domain.balance import Amount, LotAmounts, mass_balance, total


def kg(value):
    return Amount(Decimal(value), "KGM")


def balance(tolerance="0", **told):
    return mass_balance(LotAmounts(**told), Decimal(tolerance))


def test_what_was_made_less_what_was_drawn_is_on_hand():
    found = balance(produced=[kg("1.1")], drawn=[kg("0.2"), Amount(Decimal(300), "GRM")])
    assert (found.on_hand, found.is_within_tolerance) == (kg("0.6"), True)
    assert found.discrepancy is not None
    assert found.discrepancy.value == 0


def test_production_counts_before_what_was_told_at_creation_and_that_before_receipts():
    assert balance(produced=[kg(1)], added=[kg(2)], received=[kg(3)]).produced == kg(1)
    assert balance(added=[kg(2)], received=[kg(3)]).produced == kg(2)
    assert balance(received=[kg(3)]).produced == kg(3)


def test_more_drawn_than_there_was_is_a_negative_discrepancy():
    found = balance(produced=[kg(452)], drawn=[kg(500)])
    assert (found.on_hand, found.discrepancy) == (kg(0), kg(-48))
    assert not found.is_within_tolerance
    assert balance("0.096", produced=[kg(452)], drawn=[kg(500)]).is_within_tolerance
    assert not balance("0.0959", produced=[kg(452)], drawn=[kg(500)]).is_within_tolerance


def test_a_count_shows_what_fell_without_a_draw():
    found = balance(
        produced=[kg(10)], drawn=[kg(4)], counted=kg(5), drawn_since_count=[kg(1)], tolerance="0.1"
    )
    assert (found.on_hand, found.discrepancy) == (kg(4), kg(2))
    assert not found.is_within_tolerance


def test_what_is_not_known_is_null_and_violates_nothing():
    untold = balance(produced=[kg(1)], drawn=[Amount(None, "KGM")])
    assert (untold.drawn, untold.on_hand, untold.is_within_tolerance) == (None, None, True)
    strange = balance(produced=[kg(1)], drawn=[Amount(Decimal(1), None)])
    assert (strange.on_hand, strange.discrepancy) == (None, None)
    assert balance().produced is None


def test_amounts_of_one_unknown_unit_add_up_and_of_two_do_not():
    assert total([Amount(Decimal(1), "XX"), Amount(Decimal(2), "XX")]) == Amount(Decimal(3), "XX")
    assert total([Amount(Decimal(1), "XX"), Amount(Decimal(2), "YY")]) is None
