"""ICCBBA labels: ISBT 128 data structures of devices with material of human origin.

A compound message is a row of data structures, each opened by two identifier characters and of
fixed length. The device identifier has no check character; a donation number has one only where
its flag characters carry it (60 to 96: ISO/IEC 7064 modulo 37-2), and then it is verified.
Pack numbers are unique within a donation only, so the key of a piece holds both.
"""

import re
from datetime import date, timedelta
from typing import NamedTuple

from lotkin.domain.keys import (
    Reading,
    Scheme,
    bad_check_digit,
    bad_date,
    bad_identifier,
    issuer_class,
    item,
)
from lotkin.errors import Problem, ProblemCode

_ISO_7064 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"


class _Structure(NamedTuple):
    opener: str
    name: str
    pattern: str


# Longer openers first: a bare = opens a donation number.
_STRUCTURES = (
    _Structure("&,1", "lot", r"[0-9A-Z]{18}"),
    _Structure("=/", "di", r"[A-NP-Z1-9][0-9A-Z]{15}"),
    _Structure("=,", "serial", r"[0-9A-Z]{6}"),
    _Structure("=>", "expires", r"\d{6}"),
    _Structure("=}", "manufactured", r"\d{6}"),
    _Structure("&>", "expires", r"\d{10}"),
    _Structure("&}", "manufactured", r"\d{10}"),
    _Structure("=)", "bag", r"[0-9A-Z]{10}"),
    _Structure("&)", "bag_lot", r"[0-9A-Z]{10}"),
    _Structure("=+", "", r"\d{5}"),  # how many structures follow
    _Structure("=*", "", r"\d{6}"),  # collected at
    _Structure("&*", "", r"\d{10}"),
    _Structure("=<", "", r"[0-9A-Z]{8}"),  # product code of blood components
    _Structure("=", "donation", r"[A-NP-Z1-9][0-9A-Z]{12}[0-9A-Z]{2}"),
)


def looks_like(text: str) -> bool:
    """Return whether text opens like an ISBT 128 data structure."""
    return text.startswith(("=", "&,1", "&>", "&}", "&)"))


def check_value(donation: str) -> int:
    """Return the ISO/IEC 7064 modulo 37-2 value of the 13 characters of a donation number."""
    rest = 0
    for character in donation:
        rest = (rest + _ISO_7064.index(character)) * 2 % 37
    return (38 - rest) % 37


def read(text: str, today: date) -> Reading:
    """Read a compound message or a single structure; `today` settles the century of a year."""
    told: dict[str, str] = {}
    problems: list[Problem] = []
    rest = text
    while rest:
        structure = _structure(rest)
        if structure is None:
            problems.append(bad_identifier(rest, "no ISBT 128 data structure has this form"))
            break
        found, rest = structure
        name, value = found
        if name and told.setdefault(name, value) != value:
            problems.append(bad_identifier(text, f"it names two values of {name}"))
    return _reading(text, told, problems, today)


def _structure(text: str) -> tuple[tuple[str, str], str] | None:
    for opener, name, pattern in _STRUCTURES:
        found = re.match(f"{re.escape(opener)}({pattern})", text, re.ASCII)
        if found:
            return (name, found[1]), text[found.end() :].lstrip()
    return None


def _reading(text: str, told: dict[str, str], problems: list[Problem], today: date) -> Reading:
    di = told.get("di") or told.get("bag")
    lot = told.get("lot") or told.get("bag_lot")
    donation = told.get("donation")
    problems.extend(_donation_problems(donation))
    if di is None and not problems:
        problems.append(bad_identifier(text, "the device identifier (=/) is missing"))
    dates: dict[str, str | None] = {}
    for name in ("manufactured", "expires"):
        try:
            dates[name] = _day(told[name], today) if name in told else None
        except Problem as problem:
            problems.append(problem)
    identity = None
    if di is not None and all(p.code is ProblemCode.BAD_DATE for p in problems):
        serial = ".".join(p for p in (donation and donation[:13], told.get("serial")) if p) or None
        identity = item(Scheme.ICCBBA, issuer_class("iccbba", di), lot, serial)
    return Reading(
        Scheme.ICCBBA,
        di or "",
        identity,
        lot,
        told.get("serial"),
        dates.get("manufactured"),
        dates.get("expires"),
        problems=tuple(problems),
    )


def _donation_problems(donation: str | None) -> list[Problem]:
    if donation is None or not donation[13:].isdigit() or not 60 <= int(donation[13:]) <= 96:
        return []
    expected = check_value(donation[:13]) + 60
    return [] if int(donation[13:]) == expected else [bad_check_digit(donation, str(expected))]


def _day(value: str, today: date) -> str:
    """Return YYYJJJ[HHMM] (year without its thousand, day of the year) as an ISO date."""
    year, day = 2000 + int(value[:3]), int(value[3:6])
    if year > today.year + 500:  # 9YY is of the last century
        year -= 1000
    found = date(year, 1, 1) + timedelta(days=day - 1)
    if day == 0 or found.year != year:
        raise bad_date(value, f"{year} has no day {day}")
    if len(value) == 10 and (int(value[6:8]) > 23 or int(value[8:]) > 59):
        raise bad_date(value, f"there is no time {value[6:8]}:{value[8:]}")
    return found.isoformat()
