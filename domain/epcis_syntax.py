"""What may stand in a field: URIs, times, numbers, lists and objects, checked one by one.

A check takes (value, context) and raises `Flaw`; each object and list on the way out adds its
place to the flaw's path, so a good event pays nothing for paths. Formats are those of JSON Schema
draft 7: `uri` is RFC 3986, `date-time` RFC 3339.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from ipaddress import AddressValueError, IPv6Address
from math import isfinite
from typing import Any, NamedTuple, TypeAlias

from lotkin.domain.cbv import Family
from lotkin.domain.epcis_context import Context
from lotkin.errors import Problem, ProblemCode

Check: TypeAlias = Callable[[Any, Context], None]


class Flaw(Exception):  # noqa: N818 - it never leaves the reader; a Problem does
    """Why a value is refused; `path` is collected innermost first."""

    def __init__(
        self, reason: str, code: ProblemCode = ProblemCode.BAD_EVENT, **facts: Any
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.facts = {"reason": reason, **facts}
        self.path: list[str | int] = []

    @classmethod
    def of(cls, problem: Problem) -> "Flaw":
        """Return the flaw that carries another reader's problem to its place."""
        flaw = cls(problem.detail, problem.code)
        flaw.facts = dict(problem.facts)
        return flaw

    def at(self, *path: str | int) -> "Flaw":
        """Return itself, placed inside `path`."""
        self.path.extend(reversed(path))
        return self

    def problem(self, code: ProblemCode | None = None) -> Problem:
        """Return it as the problem that the sender reads; `code` overrides its own."""
        return Problem(code or self.code, path=self.path[::-1], **self.facts)


# ---------------------------------------------------------------- URIs (RFC 3986, appendix A)
_CHAR = r"A-Za-z0-9._~!$&'()*+,;=:@\-"
_PATH = rf"(?:[{_CHAR}/]++|%[0-9A-Fa-f]{{2}})*+"
_REST = rf"(?:[{_CHAR}/?]++|%[0-9A-Fa-f]{{2}})*+"
_NAME = r"(?:[A-Za-z0-9._~!$&'()*+,;=\-]++|%[0-9A-Fa-f]{2})*+"
_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*:"
    rf"(?://(?:(?:[A-Za-z0-9._~!$&'()*+,;=:\-]|%[0-9A-Fa-f]{{2}})*@)?(?:\[([^\]]*)\]|{_NAME})"
    rf"(?::[0-9]*)?(?:/{_PATH})?|(?!//){_PATH})"
    rf"(?:\?{_REST})?(?:\#{_REST})?"
)
_FUTURE_IP = re.compile(r"v[0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+")


def is_uri(text: str) -> bool:
    """Whether a text is an absolute URI with only the characters of RFC 3986."""
    found = _URI.fullmatch(text)
    if found is None:
        return False
    literal = found[1]
    return literal is None or _is_ip_literal(literal)


def _is_ip_literal(text: str) -> bool:
    if _FUTURE_IP.fullmatch(text):
        return True
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return "%" not in text  # a zone id needs RFC 6874, which the format does not know


# ---------------------------------------------------------------- times (RFC 3339)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)"
    r"(?:\.([0-9]+))?(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_YEARS = (-62_135_596_800, 253_402_300_799)  # seconds of years 1 to 9999 UTC, all that can be shown


class Instant(NamedTuple):
    """A point of UTC: whole seconds since 1970 and the fraction's digits without trailing zeros."""

    seconds: int
    fraction: str

    @property
    def us(self) -> int:
        """Microseconds since 1970; finer digits are cut off."""
        return self.seconds * 1_000_000 + int(self.fraction[:6].ljust(6, "0"))


def instant(text: object) -> Instant:
    """Return the instant that an RFC 3339 time with zone names.

    A leap second (23:59:60 UTC, nowhere else) is the second after it, as in Unix time.
    Raises: Flaw.
    """
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise Flaw("a date and time with zone is needed, such as 2026-01-31T08:30:00+01:00")
    year, month, day, hour, minute, second, fraction, sign, ahead, ahead_minutes = found.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
    except ValueError:
        raise Flaw("there is no such day") from None
    at = days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        shift = int(ahead) * 3600 + int(ahead_minutes) * 60
        at += shift if sign == "-" else -shift
    if second == "60" and at % 86_400:
        raise Flaw("a leap second can only be 23:59:60 UTC")
    if not _YEARS[0] <= at <= _YEARS[1]:
        raise Flaw("the year is out of range in UTC")
    return Instant(at, (fraction or "").rstrip("0"))


# ---------------------------------------------------------------- checks of one value
_CBV = re.compile(r"urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/")


def uri(value: Any, _: Context) -> None:
    """Refuse all but an absolute URI."""
    if not isinstance(value, str) or not is_uri(value):
        raise Flaw("a URI is needed")


def time(value: Any, _: Context) -> None:
    """Refuse all but a date and time with zone."""
    instant(value)


def text(value: Any, _: Context) -> None:
    """Refuse all but text."""
    if not isinstance(value, str):
        raise Flaw("text is needed")


def boolean(value: Any, _: Context) -> None:
    """Refuse all but true and false."""
    if not isinstance(value, bool):
        raise Flaw("true or false is needed")


_NUMBERS = (int, float, Decimal)  # made once: this is asked for every number of a document


def is_number(value: object) -> bool:
    """Whether a JSON number; true, false, NaN and infinities are none."""
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return False
    if isinstance(value, int):
        return True
    return value.is_finite() if isinstance(value, Decimal) else isfinite(value)


def number(value: Any, _: Context) -> None:
    """Refuse all but a finite number."""
    if not is_number(value):
        raise Flaw("a number is needed")


def one_of(*words: str) -> Check:
    """Return a check that the text is one of `words`."""
    allowed = frozenset(words)

    def check(value: Any, _: Context) -> None:
        if not isinstance(value, str) or value not in allowed:
            raise Flaw(f"one of {', '.join(words)} is needed")

    return check


def pattern(expression: str, meaning: str) -> Check:
    """Return a check that the whole text matches; `meaning` completes "… is needed"."""
    compiled = re.compile(expression)

    def check(value: Any, _: Context) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise Flaw(f"{meaning} is needed")

    return check


def word(family: Family) -> Check:
    """Return a check for a CBV word of `family` in any spelling, or a URI of one's own."""

    def check(value: Any, context: Context) -> None:
        if not isinstance(value, str):
            raise Flaw(f"a {family.name} is text")
        if value in family.words:
            return
        iri = context.expand(value)
        if family.bare(iri) is None and (not is_uri(value) or _CBV.match(iri)):
            raise Flaw(f"{value[:80]!r} is neither a CBV {family.name} nor a URI of your own")

    return check


def either(first: Check, second: Check) -> Check:
    """Return a check that passes what one of two checks passes; the flaw told is the second's."""

    def check(value: Any, context: Context) -> None:
        try:
            first(value, context)
        except Flaw:
            second(value, context)

    return check


# ---------------------------------------------------------------- checks of structure
def is_deeper(value: object, limit: int) -> bool:
    """Whether lists and objects nest deeper than `limit`; itself without recursion."""
    layer = [value]
    for _ in range(limit + 1):
        inner: list[object] = []
        for each in layer:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        if not inner:
            return False
        layer = inner
    return True


def items(check: Check, *, least: int = 0, unique: bool = False) -> Check:
    """Return a check of a list: every entry, the least number, and (texts only) no repeats."""

    def check_list(value: Any, context: Context) -> None:
        if not isinstance(value, list):
            raise Flaw("a list is needed")
        if len(value) < least:
            raise Flaw(f"at least {least} is needed")
        index = 0
        try:
            for index, entry in enumerate(value):  # noqa: B007 - read when a check fails
                check(entry, context)
        except Flaw as flaw:
            raise flaw.at(index) from None
        if unique and len(set(value)) != len(value):
            raise Flaw("an entry stands twice")

    return check_list


def fields(
    known: Mapping[str, Check], *, required: tuple[str, ...] = (), others: Check | None = None
) -> Check:
    """Return a check of an object.

    others: what the name of an unknown field must pass (`uri` for extensions, `closed` for none,
    absent: any name).
    """

    def check(value: Any, context: Context) -> None:
        if not isinstance(value, dict):
            raise Flaw("an object is needed")
        for name in required:
            if name not in value:
                raise Flaw(f"{name} is missing").at(name)
        name = ""
        try:
            for name, entry in value.items():
                rule = known.get(name)
                if rule is not None:
                    rule(entry, context)
                elif others is not None:
                    others(name, context)
        except Flaw as flaw:
            raise flaw.at(name) from None

    return check


def closed(name: str, _: Context) -> None:
    """Refuse a field that the standard does not know here, extension or not."""
    raise Flaw(f"{name[:80]!r} is no field of EPCIS here")


def extension(name: str, _: Context) -> None:
    """Refuse an unknown field whose name has no namespace."""
    if ":" not in name or not is_uri(name):
        raise Flaw(f"{name[:80]!r} is no field of EPCIS here; fields of your own need a prefix")
