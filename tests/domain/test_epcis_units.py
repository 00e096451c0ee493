"""Units: exact conversion, pieces, UCUM; an unknown unit is never guessed."""

from decimal import Decimal

import pytest

from lotkin.domain import units


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1.5", "GRM", ("0.0015", "KGM")),
        ("3", "LBR", ("1.36077711", "KGM")),
        ("2", "MTQ", ("2000", "LTR")),
        ("12", "INH", ("0.3048", "MTR")),
        ("1", "CMK", ("0.0001", "MTK")),
        ("2", "DZN", ("24", "H87")),
        ("7", None, ("7", "H87")),
    ],
)
def test_known_units_convert_exactly(
    value: str, unit: str | None, expected: tuple[str, str]
) -> None:
    assert units.base(Decimal(value), unit) == (Decimal(expected[0]), expected[1])


def test_an_unknown_unit_is_not_guessed() -> None:
    assert units.base(Decimal(1), "BX") is None
    assert units.pieces(Decimal(1), "BX") is None
    assert units.ucum("BX") == "{BX}"


@pytest.mark.parametrize(
    ("value", "unit", "count"),
    [("3", None, 3), ("3.0", "EA", 3), ("1", "GRO", 144), ("2.5", "C62", None), ("3", "KGM", None)],
)
def test_pieces_are_whole_counts_only(value: str, unit: str | None, count: int | None) -> None:
    assert units.pieces(Decimal(value), unit) == count


def test_ucum_codes_are_those_of_the_unit() -> None:
    assert [units.ucum(u) for u in ("KGM", "MLT", "C62", None)] == ["kg", "mL", "1", "{piece}"]
