"""One name for each thing: canonical keys from every label and URI scheme.

The public face of the scheme readers beside it. Everything here is pure; texts of any kind may be
given to `scan`, which states problems and never raises.
"""

import re
from datetime import date
from urllib.parse import parse_qsl

from lotkin.domain import ahm, gs1, hibc, iccbba, ma
from lotkin.domain.epc import link_identity as _link_identity
from lotkin.domain.epc import parse_epc, read_link, read_path, read_urn
from lotkin.domain.keys import (
    Identity,
    Reading,
    Scheme,
    Thing,
    bad_identifier,
    digital_link,
    is_clean,
    issuer_class,
    lot_key,
    number_class,
    own_urn,
    serial_key,
)
from lotkin.errors import Problem, ProblemCode

__all__ = [
    "Identity",
    "Reading",
    "Scheme",
    "Thing",
    "class_key",
    "digital_link",
    "item_key",
    "lot_key",
    "parse_epc",
    "scan",
    "serial_key",
]

_SCAN_MAX = 2048  # characters; the largest 2D symbols hold 3,116 digits, no device label half of it
_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_GS1_SYMBOLOGIES = ("]C1", "]d2", "]Q3", "]e0", "]J1", "]e1", "]e2")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s]+")
_GTIN_LENGTHS = (8, 12, 13, 14)
_ANY_DAY = date(2000, 1, 1)  # keys do not depend on dates


def scan(text: str, *, today: date) -> Reading:
    """Return what a scanner or a person gave, in whatever scheme; never raises.

    `today` settles the century of two-digit years. A wrong check digit gives no identity and the
    problem BAD_CHECK_DIGIT. Unknown text gives UNKNOWN_SCHEME, and its identity if it is a URI.
    """
    stripped = text.lstrip(" \t\r\n\x00").rstrip("\t\r\n\x00")
    if not stripped.strip() or len(stripped) > _SCAN_MAX or not is_clean(_without_marks(stripped)):
        return _unknown(stripped)
    try:
        return _scan(stripped, today)
    except Problem as problem:
        tangled = problem.code is ProblemCode.AMBIGUOUS_SCAN
        return Reading(Scheme.UNKNOWN, stripped, ambiguous=tangled, problems=(problem,))


def item_key(text: str) -> str:
    """Return the canonical key of any form in which a client may name an item.

    Labels, EPCs, links and our own keys are normalised; other text is returned unchanged. Raises:
    Problem BAD_CHECK_DIGIT, AMBIGUOUS_SCAN.
    """
    canonical = _canonical(text)
    if canonical is not None:
        return canonical.key
    reading = scan(text, today=_ANY_DAY)
    for problem in reading.problems:
        if problem.code in (ProblemCode.BAD_CHECK_DIGIT, ProblemCode.AMBIGUOUS_SCAN):
            raise problem
    return text if reading.identity is None else reading.identity.key


def class_key(text: str) -> str:
    """Return the canonical key of an item class.

    Takes a GTIN of 8, 12, 13 or 14 digits, any identifier of a class or of an item of it, a device
    identifier of HIBC, ICCBBA, MA or AHM, another URI (kept), or a maker's own item number
    (`urn:lotkin:class:…`). Raises: Problem BAD_CHECK_DIGIT, BAD_IDENTIFIER.
    """
    stripped = text.strip()
    if not stripped or not is_clean(stripped):
        raise bad_identifier(text, "it is empty or has control characters")
    canonical = _canonical(stripped)
    if canonical is not None:
        return canonical.item_class or canonical.key
    known = _issuer_class(stripped)
    if known is not None:
        return known
    reading = scan(stripped, today=_ANY_DAY)
    for problem in reading.problems:
        if problem.code is ProblemCode.BAD_CHECK_DIGIT:
            raise problem
    if reading.identity is not None:
        return reading.identity.item_class or reading.identity.key
    owners = {c.item_class for c in reading.candidates}
    owner = owners.pop() if len(owners) == 1 else None
    return owner or number_class(stripped)


def _canonical(text: str) -> Identity | None:
    """Return the identity of a canonical key or EPC URN, where no check digit is to be judged."""
    if not is_clean(text):
        return None
    try:
        if text.startswith("/"):
            link = read_path(text)
            return None if link is None else _link_identity(link)
        if text[:8].lower() == "urn:epc:":
            return read_urn(text)
        return own_urn(text)
    except Problem:
        return None


def _issuer_class(text: str) -> str | None:
    if text.startswith("+"):
        return issuer_class("hibc", hibc.device_identifier(text))
    if ma.looks_like(text):
        return issuer_class("ma", ma.device_identifier(text))
    if ahm.looks_like(text):
        return issuer_class("ahm", ahm.device_identifier(text))
    return None


def _scan(text: str, today: date) -> Reading:
    mark = _SYMBOLOGY.match(text)
    announced = mark is not None and mark[0] in _GS1_SYMBOLOGIES
    body = (text[3:] if mark else text).strip(gs1.GS)
    if not body.startswith(("+", "*+")):  # in HIBC a space at the end may be the check character
        body = body.strip()
    if not body:
        return _unknown(text)
    reading = _by_opening(body, today) or _elements(body, today, announced=announced)
    return reading or _unknown(body)


def _by_opening(text: str, today: date) -> Reading | None:
    """Return the reading of a text whose first characters show its scheme; None otherwise."""
    lower = text[:8].lower()
    if lower.startswith("urn:"):
        return _urn(text)
    if lower.startswith(("http://", "https://")) or text.startswith("/"):
        return _link(text, today)
    if gs1.has_brackets(text):
        return gs1.read_bracketed(text, today)
    if text.startswith(("+", "*+")):
        return hibc.read(text, today)
    if iccbba.looks_like(text):
        return iccbba.read(text, today)
    if ma.looks_like(text):
        return ma.read(text, today)
    if ahm.looks_like(text):
        return ahm.read(text, today)
    return None


def _elements(text: str, today: date, *, announced: bool) -> Reading | None:
    # No element string that names its key has one of the lengths of a bare number.
    plain = None if announced else _plain(text)
    return plain or gs1.read_elements(text, today, trusted=announced or gs1.GS in text)


def _plain(text: str) -> Reading | None:
    """Return the reading of bare digits: a GTIN of 8, 12, 13 or 14, or an SSCC of 18."""
    digits = text.replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if len(digits) in _GTIN_LENGTHS:
        ai, value = "01", digits.zfill(14)
    elif len(digits) == 18:
        ai, value = "00", digits
    else:
        return None
    found = gs1.from_fields(((ai, value),), _ANY_DAY)
    identity = found.identity and _spelled(found.identity, Scheme.PLAIN)
    return Reading(
        Scheme.PLAIN, value, identity, digital_link=found.digital_link, problems=found.problems
    )


def _urn(text: str) -> Reading:
    own = own_urn(text)
    if own is not None:
        primary = own.item_class or own.key
        return Reading(own.scheme, primary, own, own.lot, own.serial)
    if text[:8].lower() != "urn:epc:":
        return _unknown(text)
    try:
        identity = read_urn(text)
    except Problem as problem:
        # What capture stored it under; the label is odd, the thing is known by it all the same.
        opaque = parse_epc(text) if _URI.fullmatch(text) else None
        return Reading(Scheme.EPC_URN, text, opaque, problems=(problem,))
    return Reading(
        Scheme.EPC_URN,
        _primary_of(identity),
        identity,
        identity.lot,
        identity.serial,
        digital_link=digital_link(identity),
    )


def _link(text: str, today: date) -> Reading:
    try:
        link = read_path(text) if text.startswith("/") else read_link(text)
    except Problem as problem:
        return Reading(Scheme.UNKNOWN, text, problems=(problem,))
    if link is None:
        return _unknown(text)
    wrong = gs1.wrong_check(link.ai, link.value)
    if wrong is not None:
        return Reading(Scheme.GS1_DIGITAL_LINK, link.value, problems=(wrong,))
    identity = _link_identity(link)
    attributes = dict(parse_qsl(text.partition("#")[0].partition("?")[2]))
    manufactured, expires = gs1.attribute_dates(attributes, today)
    return Reading(
        Scheme.GS1_DIGITAL_LINK,
        link.value,
        identity,
        identity.lot,
        identity.serial,
        manufactured,
        expires,
        gs1.canonical_link(link),
        problems=gs1.date_problems(attributes, today),
    )


def _unknown(text: str) -> Reading:
    problem = Problem(ProblemCode.UNKNOWN_SCHEME, value=bad_identifier(text, "").facts["value"])
    identity = None
    if _URI.fullmatch(text) and is_clean(text):
        identity = Identity(text, Thing.ITEM, Scheme.UNKNOWN)
    return Reading(Scheme.UNKNOWN, text, identity, problems=(problem,))


def _primary_of(identity: Identity) -> str:
    link = read_path(identity.key)
    return identity.key if link is None else link.value


def _spelled(identity: Identity, scheme: Scheme) -> Identity:
    return Identity(
        identity.key,
        identity.thing,
        scheme,
        identity.kind,
        identity.item_class,
        identity.lot,
        identity.serial,
    )


def _without_marks(text: str) -> str:
    # Separators and line ends are control characters that belong to scans.
    return re.sub(r"[\x1d\r\n\t]", "", text)
