"""GS1 element strings: with separators, with brackets, and with the separators lost.

Application identifiers and their formats come from biip. Where a scanner dropped FNC1, every split
of the text into known fields is tried; the readings that survive check digits, dates and the rule
that no field stands twice are all plausible, and more than one makes the scan ambiguous.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from biip import ParseError
from biip.checksums import gs1_standard_check_digit
from biip.gs1_application_identifiers import GS1ApplicationIdentifier

from lotkin.domain.epc import PRIMARY, QUALIFIERS, Link, link_identity
from lotkin.domain.keys import (
    CANONICAL_HOST,
    Identity,
    Reading,
    Scheme,
    bad_check_digit,
    bad_date,
    bad_identifier,
    encoded,
    full_year,
)
from lotkin.errors import Problem, ProblemCode

GS = "\x1d"
_HRI = re.compile(r"\((\d{2,4})\)")
# A lost separator is only looked for before fields that device labels carry; otherwise every lot
# number with two digits in it would be in doubt.
_AFTER_LOST = frozenset(
    ("10", "11", "12", "13", "15", "16", "17", "20", "21", "22", "30", "37", "240", "241", "250")
)
_SPLIT_MAX = 30  # characters of the longest field before which a separator may be lost
_SEARCHED_MAX = 256  # characters of a text in which lost separators are looked for
_STEPS_MAX = 5_000
_READINGS_MAX = 32

_DATES = ("11", "12", "13", "15", "16", "17")
# Where the check digit of a field ends, counted from the start of its value.
_CHECKED = {
    "00": (0, 18),
    "01": (0, 14),
    "02": (0, 14),
    "03": (0, 14),
    "253": (0, 13),
    "255": (0, 13),
    "402": (0, 17),
    "410": (0, 13),
    "411": (0, 13),
    "412": (0, 13),
    "413": (0, 13),
    "414": (0, 13),
    "415": (0, 13),
    "416": (0, 13),
    "417": (0, 13),
    "8003": (1, 14),
    "8006": (0, 14),
    "8017": (0, 18),
    "8018": (0, 18),
}

Fields = tuple[tuple[str, str], ...]


class _Form(NamedTuple):
    ai: str
    pattern: re.Pattern[str]
    open_end: bool


@lru_cache(maxsize=4096)
def _form(head: str) -> _Form | None:
    """Return the field format that the first four characters of a text announce."""
    try:
        found = GS1ApplicationIdentifier.extract(head)
    except ParseError:
        return None
    # Dates are judged by the calendar later, so that an impossible one is named as such.
    pattern = rf"{found.ai}\d{{6}}" if found.ai in _DATES else found.pattern
    return _Form(found.ai, re.compile(pattern, re.ASCII), found.separator_required)


def wrong_check(ai: str, value: str) -> Problem | None:
    """Return the problem of a wrong check digit in a field; None if right or if it has none."""
    start, end = _CHECKED.get(ai, (0, 0))
    if start and not value.startswith("0"):
        return None  # a GRAI without its filling zero: where its check digit stands is not known
    digits = value[start:end]
    if not end or len(digits) < end - start or not (digits.isascii() and digits.isdigit()):
        return None
    expected = str(gs1_standard_check_digit(digits[:-1]))
    return None if digits[-1] == expected else bad_check_digit(value[:end], expected)


def read_date(value: str, today: date) -> str:
    """Return YYMMDD as an ISO date, day 00 as the last of its month. Raises: Problem BAD_DATE."""
    if re.fullmatch(r"[0-9]{6,}", value) is None:
        raise bad_date(value, "six digits are needed")
    year, month, day = full_year(int(value[:2]), today), int(value[2:4]), int(value[4:6])
    if not 1 <= month <= 12:
        raise bad_date(value, f"there is no month {month}")
    last = monthrange(year, month)[1]
    if day > last:
        raise bad_date(value, f"month {month} of {year} has {last} days")
    return date(year, month, day or last).isoformat()


def has_brackets(text: str) -> bool:
    """Return whether text is written for people: `(01)…(10)…`."""
    return _HRI.match(text) is not None


def read_bracketed(text: str, today: date) -> Reading:
    """Read `(01)09521568251204(10)ABC`."""
    parts = _HRI.split(text)
    fields = tuple((ai, _typed(ai, v)) for ai, v in zip(parts[1::2], parts[2::2], strict=True))
    for ai, value in fields:
        form = _form(ai)
        fits = form is not None and form.ai == ai and form.pattern.fullmatch(ai + value)
        if not fits or not value.isascii():
            problem = wrong_check(ai, value) or bad_identifier(
                f"({ai}){value}", "the field does not have the form of its application identifier"
            )
            return Reading(Scheme.GS1_ELEMENT_STRING, text, problems=(problem,))
    return from_fields(fields, today)


def _typed(ai: str, value: str) -> str:
    # No GS1 value has blanks, so those are for the eye; people also write GTINs unpadded.
    value = "".join(value.split())
    return value.zfill(14) if ai in ("01", "02") and len(value) in (8, 12, 13) else value


def read_elements(text: str, today: date, *, trusted: bool) -> Reading | None:
    """Read an element string without brackets; None if it is none.

    trusted: the scanner announced GS1 data, so separators are where they belong and any leading
    field will do. Untrusted text must name a primary key that has a check digit, or any text would
    be something; and lost separators are considered.
    """
    if not text.isascii():
        return None
    strict = _with_separators(text)
    if strict is not None and (trusted or GS in text):
        return from_fields(strict, today)
    readings = [r for r in _without_separators(text) if trusted or _has_checked_key(r)]
    plausible = [r for r in readings if not _problems(r, today)]
    if not plausible:
        return _best_refusal(strict, readings, today, trusted=trusted)
    if len(plausible) == 1:
        return from_fields(plausible[0], today)
    return _ambiguous([from_fields(r, today) for r in plausible])


def _best_refusal(
    strict: Fields | None, readings: list[Fields], today: date, *, trusted: bool
) -> Reading | None:
    # Nothing flawless: the plainest reading says best what is wrong with the label.
    if strict is not None and (trusted or _has_checked_key(strict)):
        return from_fields(strict, today)
    return from_fields(readings[0], today) if readings else None


def _with_separators(text: str) -> Fields | None:
    """Return the fields of a well-formed element string, an open-ended one ending at GS only."""
    fields: list[tuple[str, str]] = []
    for part in filter(None, text.split(GS)):
        rest = part
        while rest:
            form = _form(rest[:4])
            if form is None:
                return None
            end = len(rest) if form.open_end else _fixed_end(form, rest)
            if end is None or form.pattern.fullmatch(rest[:end]) is None:
                return None
            fields.append((form.ai, rest[len(form.ai) : end]))
            rest = rest[end:]
    return tuple(fields) or None


def _fixed_end(form: _Form, text: str) -> int | None:
    found = re.match(form.pattern.pattern.removesuffix("$"), text)
    return found.end() if found else None


def _without_separators(text: str) -> list[Fields]:
    """Return the ways to split text into fields when separators may be lost, the plainest first."""
    if len(text) > _SEARCHED_MAX:
        return []
    found: list[Fields] = []
    steps = 0
    stack: list[tuple[str, Fields]] = [(text, ())]
    while stack and steps < _STEPS_MAX and len(found) < _READINGS_MAX:
        steps += 1
        rest, fields = stack.pop()
        if not rest:
            found.append(fields)
            continue
        stack.extend(_next_fields(rest, fields))
    if stack and len(found) < 2:  # too tangled to know that a reading is the only one
        raise Problem(ProblemCode.AMBIGUOUS_SCAN, reason="too many readings to list")
    return found


def _next_fields(rest: str, fields: Fields) -> Iterator[tuple[str, Fields]]:
    form = _form(rest[:4])
    if form is None or any(form.ai == ai for ai, _ in fields):
        return
    start = len(form.ai)
    if not form.open_end:
        end = _fixed_end(form, rest)
        if end is not None:
            yield rest[end:].removeprefix(GS), (*fields, (form.ai, rest[start:end]))
        return
    # Ends from near to far: the stack takes the longest field first, which is the plainest reading.
    told, mark, tail = rest.partition(GS)
    for end in range(start + 1, min(len(told), start + _SPLIT_MAX + 1)):
        following = _form(told[end : end + 4])
        if following is None or following.ai not in _AFTER_LOST:
            continue
        if form.pattern.fullmatch(told[:end]):
            yield told[end:] + mark + tail, (*fields, (form.ai, told[start:end]))
    if form.pattern.fullmatch(told):
        yield tail, (*fields, (form.ai, told[start:]))


def _primary(fields: Fields) -> tuple[str, str] | None:
    return next(((ai, value) for ai, value in fields if ai in PRIMARY), None)


def _problems(fields: Fields, today: date) -> tuple[Problem, ...]:
    checks = [p for ai, value in fields if (p := wrong_check(ai, value)) is not None]
    return (*checks, *date_problems(dict(fields), today))


def _has_checked_key(fields: Fields) -> bool:
    primary = _primary(fields)
    return primary is not None and primary[0] in _CHECKED


def date_problems(values: Mapping[str, str], today: date) -> tuple[Problem, ...]:
    """Return the problems of all date fields among values by application identifier."""
    found: list[Problem] = []
    for ai in (*_DATES, "7003"):
        if ai in values:
            try:
                read_date(values[ai], today)
            except Problem as problem:
                found.append(problem)
    return tuple(found)


def from_fields(fields: Fields, today: date) -> Reading:
    """Return the reading of fields already split; problems are stated, never raised."""
    values = dict(fields)
    primary = _primary(fields)
    problems = list(_problems(fields, today))
    identity: Identity | None = None
    link: str | None = None
    if any(values[ai] != value for ai, value in fields):
        problems.append(bad_identifier("".join(v for _, v in fields), "a field stands twice"))
    elif primary is None:
        problems.append(
            bad_identifier("".join(f"({ai}){v}" for ai, v in fields), "it has no primary key")
        )
    elif not any(p.code is ProblemCode.BAD_CHECK_DIGIT for p in problems):
        key = _key(primary, values)
        identity = link_identity(key, Scheme.GS1_ELEMENT_STRING)
        link = canonical_link(key)
    return Reading(
        Scheme.GS1_ELEMENT_STRING,
        primary[1] if primary else "",
        identity,
        values.get("10"),
        values.get("21"),
        _date_of(values, ("11",), today),
        _date_of(values, ("17", "7003"), today),
        link,
        problems=tuple(problems),
    )


def _key(primary: tuple[str, str], values: Mapping[str, str]) -> Link:
    ai, value = primary
    return Link(ai, value, {q: values[q] for q in QUALIFIERS.get(ai, ()) if q in values})


def canonical_link(link: Link) -> str:
    """Return the canonical Digital Link of a key, qualifiers in the order 22, 10, 21."""
    ordered = [(q, link.qualifiers[q]) for q in QUALIFIERS.get(link.ai, ()) if q in link.qualifiers]
    if link.ai == "414":
        ordered = [(q, v) for q, v in ordered if v != "0"]
    path = "".join(f"/{ai}/{encoded(v)}" for ai, v in [(link.ai, link.value), *ordered])
    return CANONICAL_HOST + path


def _date_of(values: Mapping[str, str], ais: tuple[str, ...], today: date) -> str | None:
    for ai in ais:
        if ai in values:
            try:
                return read_date(values[ai], today)
            except Problem:
                return None
    return None


def attribute_dates(values: Mapping[str, str], today: date) -> tuple[str | None, str | None]:
    """Return manufacturing and expiry date among attributes, e.g. of a Digital Link's query."""
    return _date_of(values, ("11",), today), _date_of(values, ("17", "7003"), today)


def _ambiguous(readings: list[Reading]) -> Reading:
    candidates = {
        (r.identity.key, r.identity.lot): r.identity for r in readings if r.identity is not None
    }
    if len(readings) == 1 or (len(candidates) == 1 and len(set(map(_said, readings))) == 1):
        return readings[0]

    def agreed(name: str) -> str | None:
        told = {getattr(r, name) for r in readings}
        return told.pop() if len(told) == 1 else None

    shown = "; ".join(f"lot {r.lot or '-'}, serial {r.serial or '-'}" for r in readings[:3])
    problem = Problem(ProblemCode.AMBIGUOUS_SCAN, reason=shown)
    return Reading(
        Scheme.GS1_ELEMENT_STRING,
        readings[0].primary,
        None,
        agreed("lot"),
        agreed("serial"),
        agreed("manufactured"),
        agreed("expires"),
        None,
        ambiguous=True,
        candidates=tuple(candidates.values()),
        problems=(problem,),
    )


def _said(reading: Reading) -> tuple[str | None, ...]:
    return (reading.lot, reading.serial, reading.manufactured, reading.expires)
