"""Custom scalars. Inside, an instant is an int of microseconds; outside it is RFC 3339 in UTC."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from lotkin import clock

DateTime = NewType("DateTime", int)
BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)

_SAFE_MAX = 2**53 - 1  # the largest integer that every JSON reader keeps exactly
_LONG_MAX = 2**63 - 1
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DECIMAL_DIGITS_MAX = 100  # PostgreSQL takes more; nobody measures that well


def date_time(us: int) -> str:
    """Return an instant as RFC 3339 in UTC: `2026-11-21T08:00:00Z`, fractions where there are."""
    return clock.from_us(us).isoformat().replace("+00:00", "Z")


def parse_date_time(value: object) -> DateTime:
    """Return the instant that RFC 3339 text with a zone says; finer than 1 us is cut.

    Raises: GraphQLError.
    """
    found = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise GraphQLError("A DateTime is RFC 3339 text with a zone, like 2026-11-21T08:00:00Z.")
    day, time, fraction, zone = found.groups()
    zone = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{(fraction or '0')[:6]:0<6}{zone}")
    except ValueError as error:
        raise GraphQLError(f"{value} is not a DateTime: {error}.") from error
    return DateTime(clock.to_us(moment))


def decimal(value: Decimal) -> str:
    """Return a decimal in plain digits, trailing zeros as told."""
    return format(value, "f")


def parse_decimal(value: object) -> Decimal:
    """Return the decimal that text, or a JSON integer, says. Raises: GraphQLError."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite() and abs(number.adjusted()) < _DECIMAL_DIGITS_MAX:
            return number
    raise GraphQLError('A Decimal is text in digits, like "452.50".')


def big_int(value: int) -> int | str:
    """Return a number where JSON keeps it exactly, else its digits as text."""
    return value if -_SAFE_MAX <= value <= _SAFE_MAX else str(value)


def parse_big_int(value: object) -> BigInt:
    """Return the integer that a number or text in digits says. Raises: GraphQLError."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LONG_MAX:
        return BigInt(value)
    raise GraphQLError("A BigInt is an integer of 64 bits, as a number or as text in digits.")


# What every schema of ours is configured with: `StrawberryConfig(scalar_map=SCALARS)`.
SCALARS: Mapping[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant: RFC 3339 text, always with zone; answers are in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=date_time,
        parse_value=parse_date_time,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="A decimal number of any precision, as text in plain digits.",
        serialize=decimal,
        parse_value=parse_decimal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer of 64 bits: a number up to 2^53-1, text in digits above.",
        serialize=big_int,
        parse_value=parse_big_int,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}
