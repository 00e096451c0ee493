"""Canonical keys: what an identity is and how its key is spelled, whatever label it came from.

Scheme readers (`gs1`, `epc`, `hibc`, `iccbba`, `ma`, `ahm`) build on this; callers import the same
names from `lotkin.domain.identity`.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from urllib.parse import quote, unquote

from lotkin.domain.genealogy import ItemKind
from lotkin.errors import Problem, ProblemCode

OWN_URN = "urn:lotkin:"
ISSUERS = ("hibc", "iccbba", "ma", "ahm")  # schemes whose classes are `urn:lotkin:<scheme>:<DI>`
CANONICAL_HOST = "https://id.gs1.org"

# Primary keys that number single things by appending to the class key, not by a further segment.
_APPENDED = ("8003", "253", "255")
_SERIAL_SEGMENT = {"01": "21", "8006": "21", "8010": "8011"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Scheme(StrEnum):
    """How an identifier was written; values of `ScanScheme` in the API."""

    GS1_ELEMENT_STRING = "GS1_ELEMENT_STRING"
    GS1_DIGITAL_LINK = "GS1_DIGITAL_LINK"
    EPC_URN = "EPC_URN"
    HIBC = "HIBC"
    ICCBBA = "ICCBBA"
    MA = "MA"
    AHM = "AHM"
    PLAIN = "PLAIN"
    UNKNOWN = "UNKNOWN"


class Thing(StrEnum):
    """What an identifier names."""

    ITEM = "ITEM"
    ITEM_CLASS = "ITEM_CLASS"
    LOCATION = "LOCATION"
    PARTY = "PARTY"
    DOCUMENT = "DOCUMENT"


@dataclass(frozen=True, slots=True)
class Identity:
    """A canonical identity.

    key: GS1 Digital Link path without host (`/01/09521568251204/21/12345`) or a `urn:` form; one
    thing has one key whatever the label. A key with both lot and serial is the serial's; the lot
    is kept in `lot`.
    """

    key: str
    thing: Thing
    scheme: Scheme
    kind: ItemKind | None = None  # items only
    item_class: str | None = None  # canonical key of the class: `/01/09521568251204`
    lot: str | None = None
    serial: str | None = None

    @property
    def lot_key(self) -> str | None:
        """The key of the lot that this label names, for a serial whose label carries its lot."""
        if self.kind is not ItemKind.SERIAL or self.item_class is None or self.lot is None:
            return None
        return lot_key(self.item_class, self.lot)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scanner's or a person's text says.

    identity is None when nothing was named, a check digit is wrong, or several readings survive:
    then `candidates` has them, `ambiguous` is True and the fields hold what all of them agree on.
    Dates are ISO dates. digital_link is the canonical link without attributes in the query.
    """

    scheme: Scheme
    primary: str
    identity: Identity | None = None
    lot: str | None = None
    serial: str | None = None
    manufactured: str | None = None
    expires: str | None = None
    digital_link: str | None = None
    ambiguous: bool = False
    candidates: tuple[Identity, ...] = ()
    problems: tuple[Problem, ...] = ()
    sterile_lot: str | None = None  # MA labels only: the sterilisation batch, not the product lot


def encoded(text: str) -> str:
    """Return text as one segment of a key: everything but unreserved characters escaped."""
    return quote(text, safe="")


def decoded(segment: str) -> str:
    """Return the text of a segment. Raises: Problem BAD_IDENTIFIER for what is no clean text."""
    if _BAD_ESCAPE.search(segment):
        raise bad_identifier(segment, "a % is not followed by two hexadecimal digits")
    try:
        text = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise bad_identifier(segment, "its escapes are not UTF-8") from None
    if not text or _CONTROL.search(text):
        raise bad_identifier(segment, "it is empty or has control characters")
    return text


def is_clean(text: str) -> bool:
    """Return whether text has no control character and no half of a surrogate pair."""
    return _CONTROL.search(text) is None


def lot_key(class_key: str, lot: str) -> str:
    """Return the key of a lot of a class: `/01/<gtin14>/10/<lot>`, else `<class>:lot:<lot>`."""
    if class_key.startswith("/"):
        return f"{class_key}/10/{encoded(lot)}"
    return f"{class_key}:lot:{encoded(lot)}"


def serial_key(class_key: str, serial: str) -> str:
    """Return the key of one piece of a class: `/01/<gtin14>/21/<serial>`, else `<class>:serial:…`.

    GRAI, GDTI and GCN append the serial to the class number, as their Digital Links do.
    """
    if not class_key.startswith("/"):
        return f"{class_key}:serial:{encoded(serial)}"
    primary = class_key.split("/")[1]
    if primary in _APPENDED:
        return class_key + encoded(serial)
    return f"{class_key}/{_SERIAL_SEGMENT.get(primary, '21')}/{encoded(serial)}"


def issuer_class(issuer: str, di: str) -> str:
    """Return the class key of a device identifier of one of `ISSUERS`."""
    return f"{OWN_URN}{issuer}:{encoded(di)}"


def number_class(number: str) -> str:
    """Return the class key of a maker's own item number."""
    return f"{OWN_URN}class:{encoded(number)}"


def item(
    scheme: Scheme,
    class_key: str,
    lot: str | None = None,
    serial: str | None = None,
) -> Identity:
    """Return the narrowest identity that class, lot and serial give: serial, lot or class."""
    if serial is not None:
        key, kind = serial_key(class_key, serial), ItemKind.SERIAL
        return Identity(key, Thing.ITEM, scheme, kind, class_key, lot, serial)
    if lot is not None:
        key, kind = lot_key(class_key, lot), ItemKind.LOT
        return Identity(key, Thing.ITEM, scheme, kind, class_key, lot)
    return Identity(class_key, Thing.ITEM_CLASS, scheme, None, class_key)


def digital_link(identity: Identity) -> str | None:
    """Return the canonical GS1 Digital Link of a GS1 identity, lot before serial; else None."""
    if not identity.key.startswith("/"):
        return None
    owner = identity.item_class
    if identity.lot is not None and identity.serial is not None and owner is not None:
        tail = identity.key.removeprefix(owner)
        return f"{CANONICAL_HOST}{owner}/10/{encoded(identity.lot)}{tail}"
    return CANONICAL_HOST + identity.key


_OWN = re.compile(
    r"urn:lotkin:(?P<space>hibc|iccbba|ma|ahm|class):(?P<di>[^:]+)"
    r"(?::lot:(?P<lot>[^:]+))?(?::serial:(?P<serial>[^:]+))?"
)
_OWN_SCHEME = {"hibc": Scheme.HIBC, "iccbba": Scheme.ICCBBA, "ma": Scheme.MA, "ahm": Scheme.AHM}


def own_urn(text: str) -> Identity | None:
    """Return the identity of a key of ours (`urn:lotkin:hibc:…:serial:…`); None if it is none.

    A URN with both lot and serial is read like a Digital Link with both. Raises: Problem
    BAD_IDENTIFIER.
    """
    found = _OWN.fullmatch(text)
    if found is None:
        return None
    space = found["space"]
    class_key = f"{OWN_URN}{space}:{encoded(decoded(found['di']))}"
    lot = decoded(found["lot"]) if found["lot"] else None
    serial = decoded(found["serial"]) if found["serial"] else None
    return item(_OWN_SCHEME.get(space, Scheme.PLAIN), class_key, lot, serial)


def bad_identifier(value: str, reason: str) -> Problem:
    """Return the problem of an identifier that cannot be read."""
    return Problem(ProblemCode.BAD_IDENTIFIER, value=_shown(value), reason=reason)


def bad_check_digit(value: str, expected: str) -> Problem:
    """Return the problem of a wrong check character, with the one that was expected."""
    return Problem(ProblemCode.BAD_CHECK_DIGIT, value=_shown(value), expected=expected)


def bad_date(value: str, reason: str) -> Problem:
    """Return the problem of an impossible date."""
    return Problem(ProblemCode.BAD_DATE, value=_shown(value), reason=reason)


def full_year(two_digits: int, today: date) -> int:
    """Return the year meant by two digits: at most 49 years ago, at most 50 years ahead.

    The sliding window of the GS1 General Specifications; other schemes give no rule of their own.
    """
    year = today.year - today.year % 100 + two_digits
    ahead = year - today.year
    if ahead > 50:
        return year - 100
    return year + 100 if ahead < -49 else year


def _shown(value: str) -> str:
    # Client text goes into messages: keep it short and printable.
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
    return clean if len(clean) <= 80 else clean[:79] + "…"
