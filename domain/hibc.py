"""HIBC supplier labels (ANSI/HIBC 2.x): primary, secondary and concatenated data structures.

Primary `+` labeler (4) + product (1 to 18) + unit of measure (1) + check; secondary `+` lot or
serial with quantity and date + link + check; concatenated: both with `/` between, one check.
"""

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

from lotkin.domain.keys import (
    Reading,
    Scheme,
    bad_check_digit,
    bad_date,
    bad_identifier,
    full_year,
    issuer_class,
    item,
)
from lotkin.errors import Problem

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
_PRIMARY = re.compile(r"\+?([A-Z][A-Z0-9]{3}[A-Z0-9]{1,18}[0-9])")
_GAP = re.compile(r"[\s,;*]+(?=\*?\+)")  # between two symbols typed or scanned in one go
_SECOND = re.compile(r"\+(?=[$0-9])")  # where a second symbol may start without any gap
_DATE_WIDTH = {"0": 4, "1": 4, "2": 7, "3": 7, "4": 9, "5": 6, "6": 8, "7": 1}  # with its flag


class _Secondary(NamedTuple):
    lot: str | None = None
    serial: str | None = None
    expires: str | None = None
    manufactured: str | None = None
    problems: tuple[Problem, ...] = ()


def check_character(data: str) -> str:
    """Return the modulo 43 check character of data, the leading + included. Raises: ValueError."""
    return _ALPHABET[sum(_ALPHABET.index(c) for c in data) % 43]


def read(text: str, today: date) -> Reading:
    """Read one HIBC symbol, or a primary and its secondary one after the other."""
    if not text.isascii():
        problem = bad_identifier(text, "it has characters that HIBC does not know")
        return Reading(Scheme.HIBC, text, problems=(problem,))
    bodies: list[str] = []
    for raw in _symbols(text.upper()):
        symbol = _verified(raw)
        if isinstance(symbol, Problem):
            return Reading(Scheme.HIBC, raw.strip("*"), problems=(symbol,))
        bodies.append(symbol)
    return _combined(text, bodies, today)


def _symbols(text: str) -> list[str]:
    """Return the one or two symbols in a text, also when they follow each other without a gap."""
    gapped = [part for part in _GAP.split(text) if part.strip("* \t\r\n")]
    if len(gapped) != 1:
        return gapped
    whole = gapped[0].strip("* \t\r\n")
    for second in _SECOND.finditer(whole, 1):
        head, tail = whole[: second.start()], whole[second.start() :]
        linked = _PRIMARY.fullmatch(head[:-1]) is not None and tail[-2:-1] == head[-1:]
        if linked and isinstance(_verified(head), str) and isinstance(_verified(tail), str):
            return [head, tail]
    return gapped


def device_identifier(text: str) -> str:
    """Return labeler, product and unit of a HIBC symbol. Raises: Problem."""
    body = _verified(text.upper() if text.isascii() else "")
    if isinstance(body, Problem):
        raise body
    found = _PRIMARY.fullmatch(body[:-1].split("/")[0])
    if found is None:
        raise bad_identifier(text, "it is not a HIBC primary data structure")
    return found[1]


def _verified(raw: str) -> str | Problem:
    """Return a symbol with its check character, or what is wrong with it."""
    symbol = raw.strip("*\t\r\n")
    if symbol.endswith("_"):
        symbol = symbol[:-1] + " "  # how a check character of space is printed
    if len(symbol) < 3 or any(c not in _ALPHABET for c in symbol):
        return bad_identifier(raw, "it has characters that HIBC does not know")
    # A blank at the end may be the check character or typed; one that trimming lost is not guessed,
    # for that would let wrong labels pass.
    expected = check_character(symbol[:-1])
    if symbol[-1] == expected:
        return symbol
    trimmed = symbol.rstrip()
    expected = check_character(trimmed[:-1])
    return trimmed if trimmed[-1] == expected else bad_check_digit(trimmed, expected)


def _combined(text: str, bodies: list[str], today: date) -> Reading:
    if not bodies or len(bodies) > 2:
        return Reading(
            Scheme.HIBC, text, problems=(bad_identifier(text, "it is not one HIBC label"),)
        )
    first = bodies[0]
    head, *segments = first[:-1].split("/")
    primary = _PRIMARY.fullmatch(head)
    problems: list[Problem] = []
    if primary is None:  # a secondary symbol alone; its last character links it to a primary
        head, *segments = first[:-2].split("/")
        told = _read_segments([head.removeprefix("+"), *segments], today)
        problem = bad_identifier(text, "the primary symbol is missing; scan both")
        return _reading("", told, [problem])
    if len(bodies) == 2:
        if bodies[1][-2] != first[-1]:
            problems.append(bad_identifier(text, "the second symbol belongs to another first one"))
        segments = [*segments, *bodies[1][1:-2].split("/")]
    return _reading(primary[1], _read_segments(segments, today), problems)


def _reading(di: str, told: _Secondary, problems: list[Problem]) -> Reading:
    identity = None
    if di and not problems:
        identity = item(Scheme.HIBC, issuer_class("hibc", di), told.lot, told.serial)
    return Reading(
        Scheme.HIBC,
        di,
        identity,
        told.lot,
        told.serial,
        told.manufactured,
        told.expires,
        problems=(*problems, *told.problems),
    )


def _read_segments(segments: list[str], today: date) -> _Secondary:
    told = _Secondary()
    for segment in filter(None, segments):
        try:
            told = _read_segment(segment, told, today)
        except Problem as problem:
            told = told._replace(problems=(*told.problems, problem))
    return told


def _read_segment(segment: str, told: _Secondary, today: date) -> _Secondary:
    if segment.startswith("$$+"):
        rest, expires, problems = _dated(segment[3:], told, today)
        return told._replace(serial=rest or None, expires=expires, problems=problems)
    if segment.startswith("$$"):
        rest, expires, problems = _dated(segment[2:], told, today)
        return told._replace(lot=rest or None, expires=expires, problems=problems)
    if segment.startswith("$+"):
        return told._replace(serial=segment[2:] or None)
    if segment.startswith("$"):
        return told._replace(lot=segment[1:] or None)
    if segment.startswith("14D"):
        return told._replace(expires=_full_date(segment[3:]))
    if segment.startswith("16D"):
        return told._replace(manufactured=_full_date(segment[3:]))
    if segment.startswith("S"):
        return told._replace(serial=segment[1:] or None)
    if re.match(r"\d{5}", segment):  # the oldest form: YYJJJ and the lot
        day = _julian(segment[:5], today)
        return told._replace(expires=day, lot=segment[5:] or None)
    return told  # other data identifiers say nothing about identity or dates


def _dated(data: str, told: _Secondary, today: date) -> tuple[str, str | None, tuple[Problem, ...]]:
    """Return what follows quantity and date, the expiry date, and the problems so far."""
    quantity = {"8": 3, "9": 6}.get(data[:1], 0)
    data = data[quantity:]
    if not data:
        return "", told.expires, told.problems
    width = _DATE_WIDTH.get(data[0])
    if width is None or len(data) < width or not data[:width].isdigit():
        problem = bad_date(data[:9], "no date form of HIBC starts so")
        return "", told.expires, (*told.problems, problem)
    try:
        expires = _expiry(data[0], data[:width], today)
    except Problem as problem:
        return data[width:], told.expires, (*told.problems, problem)
    return data[width:], expires or told.expires, told.problems


def _expiry(flag: str, data: str, today: date) -> str | None:
    if flag == "7":
        return None
    if flag in "01":
        return _day(int(data[2:4]), int(data[:2]), 0, data, today)
    body = data[1:]
    if flag in "46" and int(body[-2:]) > 23:
        raise bad_date(data, f"there is no hour {body[-2:]}")
    if flag == "2":
        return _day(int(body[4:6]), int(body[:2]), int(body[2:4]), data, today)
    if flag in "34":
        return _day(int(body[:2]), int(body[2:4]), int(body[4:6]), data, today)
    return _julian(body[:5], today)


def _day(two_digits: int, month: int, day: int, shown: str, today: date) -> str:
    """Return an ISO date; day 0 stands for a date that is given as month and year only."""
    year = full_year(two_digits, today)
    if not 1 <= month <= 12:
        raise bad_date(shown, f"there is no month {month}")
    last = monthrange(year, month)[1]
    if day > last or (day == 0 and len(shown) > 4):
        raise bad_date(shown, f"month {month} of {year} has {last} days")
    return date(year, month, day or last).isoformat()


def _julian(data: str, today: date) -> str:
    year, day = full_year(int(data[:2]), today), int(data[2:5])
    found = date(year, 1, 1) + timedelta(days=day - 1)
    if day == 0 or found.year != year:
        raise bad_date(data, f"{year} has no day {day}")
    return found.isoformat()


def _full_date(data: str) -> str:
    if re.fullmatch(r"[0-9]{8}", data) is None:
        raise bad_date(data, "YYYYMMDD is needed")
    try:
        return date(int(data[:4]), int(data[4:6]), int(data[6:8])).isoformat()
    except ValueError:
        raise bad_date(data, "the calendar has no such day") from None
