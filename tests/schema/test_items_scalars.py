"""Scalars, cursors and ids: what goes out, what is taken in, what is refused."""

from decimal import Decimal

import pytest
from graphql import GraphQLError

from lotkin.domain.nodeid import node_id, node_ids, parse_node_id
from lotkin.errors import Refusal
from lotkin.schema import scalars
from lotkin.schema.paging import cursor, read_cursor


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z"),
        ("2026-11-21t16:00:00.500+08:00", "2026-11-21T08:00:00.500000Z"),
        ("2026-11-20T23:59:59.1234569-00:30", "2026-11-21T00:29:59.123456Z"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
    ],
)
def test_an_instant_is_told_with_any_zone_and_shown_in_utc(told, shown):
    assert scalars.date_time(scalars.parse_date_time(told)) == shown


@pytest.mark.parametrize(
    "told",
    ["2026-11-21T08:00:00", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "", 5,
     "2026-11-21T24:00:01Z", "2026-11-21T08:00:00+0800", "٢٠٢٦-11-21T08:00:00Z", None],
)  # fmt: skip
def test_an_instant_without_zone_or_sense_is_refused(told):
    with pytest.raises(GraphQLError):
        scalars.parse_date_time(told)


def test_decimals_are_exact_text():
    assert scalars.decimal(Decimal("1E+3")) == "1000"
    assert scalars.decimal(Decimal("452.500")) == "452.500"
    assert scalars.parse_decimal("0.1") == Decimal("0.1")
    for told in ("NaN", "Infinity", "1e999", "one", 0.1, True, None):
        with pytest.raises(GraphQLError):
            scalars.parse_decimal(told)


def test_a_big_integer_is_text_where_json_would_round_it():
    assert scalars.big_int(2**53 - 1) == 2**53 - 1
    assert scalars.big_int(2**53) == "9007199254740992"
    assert scalars.parse_big_int("9007199254740993") == 9007199254740993
    for told in ("1.0", 1.5, True, 2**63, "9" * 20, ""):
        with pytest.raises(GraphQLError):
            scalars.parse_big_int(told)


def test_a_cursor_goes_back_into_its_own_kind_of_list_only():
    place = cursor("timeline", 5, 7)
    assert read_cursor("timeline", place, int, int) == (5, 7)
    assert read_cursor("timeline", None, int, int) is None
    for tag, text in (
        ("contents", place),
        ("timeline", "x"),
        ("timeline", "é"),
        ("timeline", ""),
        ("timeline", cursor("timeline", 5, "7")),
        ("timeline", cursor("timeline", 2**63, 1)),
        ("timeline", "a" * 5_000),
    ):
        with pytest.raises(Refusal):
            read_cursor(tag, text, int, int)


def test_an_id_has_one_spelling():
    made = node_id("Item", 12)
    assert parse_node_id(made) == ("Item", 12)
    assert node_ids("Item", [12]) == [made]
    for text in (
        made + "=",
        made + "A",
        "",
        "é",
        "Item:12",
        node_id("Item", 0),
        node_id("I", 2**63),
    ):
        assert parse_node_id(text) is None, text
    assert parse_node_id("SXRlbTowMTI") is None, "Item:012"
