"""MA labels (IDcode of ZIIOT): `MA.156.M0.` registrant `.` product, then units like `.LLOT`.

The product code ends in a check character and the production units may end in `.C` and another;
the issuer does not publish how they are computed, so they are kept as printed and not verified.
"""

import re
from calendar import monthrange
from datetime import date

from lotkin.domain.keys import (
    Reading,
    Scheme,
    bad_date,
    bad_identifier,
    full_year,
    issuer_class,
    item,
)
from lotkin.errors import Problem, ProblemCode

_DEVICE = re.compile(r"MA\.[0-9]{3}\.M0\.[0-9A-Za-z]{6}\.[0-9A-Za-z\-]{8,20}")
_UNITS = "LSMDVEPC"  # lot, serial, made, sterile lot, valid until, expires, produced, check


def looks_like(text: str) -> bool:
    """Return whether text opens like an MA code."""
    return re.match(r"MA\.[0-9]{3}\.", text, re.IGNORECASE | re.ASCII) is not None


def device_identifier(text: str) -> str:
    """Return the device identifier at the start of an MA code. Raises: Problem BAD_IDENTIFIER."""
    parts = text.split(".")
    di = ".".join([parts[0].upper(), *parts[1:2], *(p.upper() for p in parts[2:3]), *parts[3:5]])
    if _DEVICE.fullmatch(di) is None:
        raise bad_identifier(text, "it is not MA.<country>.M0.<registrant>.<product>")
    return di


def read(text: str, today: date) -> Reading:
    """Read an MA code; the sterilisation batch is a number of its own, never the lot."""
    try:
        di = device_identifier(text)
    except Problem as problem:
        return Reading(Scheme.MA, text, problems=(problem,))
    units: dict[str, str] = {}
    problems: list[Problem] = []
    for unit in text.split(".")[5:]:
        name, value = unit[:1].upper(), unit[1:]
        if not value or name not in _UNITS:
            problems.append(bad_identifier(unit, "no MA unit has this form"))
        elif units.setdefault(name, value) != value:
            problems.append(bad_identifier(unit, "the unit stands twice"))
    made = _first_date(units, ("M", "P"), today, problems)
    expires = _first_date(units, ("E", "V"), today, problems)
    identity = None
    if all(p.code is ProblemCode.BAD_DATE for p in problems):
        identity = item(Scheme.MA, issuer_class("ma", di), units.get("L"), units.get("S"))
    return Reading(
        Scheme.MA,
        di,
        identity,
        units.get("L"),
        units.get("S"),
        made,
        expires,
        problems=tuple(problems),
        sterile_lot=units.get("D"),
    )


def _first_date(
    units: dict[str, str], names: tuple[str, ...], today: date, problems: list[Problem]
) -> str | None:
    found: list[str] = []
    for name in names:
        if name in units:
            try:
                found.append(read_date(units[name], today))
            except Problem as problem:
                problems.append(problem)
    return found[0] if found else None


def read_date(value: str, today: date) -> str:
    """Return YYMMDD or YYYYMMDD as an ISO date. Raises: Problem BAD_DATE."""
    if re.fullmatch(r"[0-9]{6}|[0-9]{8}", value) is None:
        raise bad_date(value, "YYMMDD or YYYYMMDD is needed")
    short = len(value) == 6
    year = full_year(int(value[:2]), today) if short else int(value[:4])
    month, day = int(value[-4:-2]), int(value[-2:])
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        raise bad_date(value, "the calendar has no such day")
    return date(year, month, day).isoformat()
