"""Identifiers that may stand in EPCIS events: EPC URNs, GS1 Digital Links, any other URI.

EPC URNs follow the GS1 EPC Tag Data Standard 2.x, links the GS1 Digital Link URI syntax 1.x. URNs
carry no check digit, so it is computed; a link's digits are taken as they are written, because an
event tells what happened and is never refused for a check digit.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from biip.checksums import gs1_standard_check_digit

from lotkin.domain.genealogy import ItemKind
from lotkin.domain.keys import (
    Identity,
    Scheme,
    Thing,
    bad_identifier,
    decoded,
    encoded,
    is_clean,
    item,
    own_urn,
    serial_key,
)
from lotkin.errors import Problem

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s]+")
_URN = re.compile(r"urn:epc:(id|idpat|class):([a-z]+):(.+)", re.IGNORECASE)


class Link(NamedTuple):
    """The parts of a GS1 key: primary AI, its value, and its qualifiers by AI."""

    ai: str
    value: str
    qualifiers: Mapping[str, str]


def parse_epc(
    text: str,
    *,
    default_kind: ItemKind = ItemKind.SERIAL,
    default_thing: Thing = Thing.ITEM,
) -> Identity:
    """Return the canonical identity of any identifier of an EPCIS event.

    EPC URNs (`urn:epc:id`, `:class`, `:idpat`), GS1 Digital Links on any domain, keys of ours. Any
    other URI, an ill-formed EPC URN too, is kept as it is: scheme UNKNOWN, of the default thing
    and, for items, kind. Check digits are not verified. Raises: Problem BAD_IDENTIFIER for what is
    empty, no URI, or has blanks or control characters.
    """
    if not is_clean(text) or _URI.fullmatch(text) is None:
        raise bad_identifier(text, "it is not a URI")
    known = _known(text)
    if known is not None:
        return known
    if text.lower().startswith("urn:epc:idpat:"):
        return Identity(text, Thing.ITEM_CLASS, Scheme.UNKNOWN, None, text)
    kind = default_kind if default_thing is Thing.ITEM else None
    return Identity(text, default_thing, Scheme.UNKNOWN, kind)


def _known(text: str) -> Identity | None:
    head = text[:12].lower()
    try:
        if head.startswith("urn:epc:"):
            return read_urn(text)
        if head.startswith(("http://", "https://")):
            link = read_link(text)
            return None if link is None else link_identity(link)
        return own_urn(text)
    except Problem:
        return None  # not of the scheme that it looks like: an opaque URI


# -- GS1 keys -------------------------------------------------------------------------------------

_X = r"[!-~]"  # printable ASCII; the narrower GS1 set is a matter of printing, not of identity
PRIMARY = {
    "00": re.compile(r"\d{18}", re.ASCII),
    "01": re.compile(r"\d{14}", re.ASCII),
    "253": re.compile(rf"\d{{13}}{_X}{{0,17}}", re.ASCII),
    "255": re.compile(r"\d{13}\d{0,12}", re.ASCII),
    "401": re.compile(rf"{_X}{{1,30}}", re.ASCII),
    "402": re.compile(r"\d{17}", re.ASCII),
    "414": re.compile(r"\d{13}", re.ASCII),
    "415": re.compile(r"\d{13}", re.ASCII),
    "417": re.compile(r"\d{13}", re.ASCII),
    "8003": re.compile(rf"\d{{14}}{_X}{{0,16}}", re.ASCII),
    "8004": re.compile(rf"{_X}{{1,30}}", re.ASCII),
    "8006": re.compile(r"\d{18}", re.ASCII),
    "8010": re.compile(rf"{_X}{{1,30}}", re.ASCII),
    "8013": re.compile(rf"{_X}{{1,25}}", re.ASCII),
    "8017": re.compile(r"\d{18}", re.ASCII),
    "8018": re.compile(r"\d{18}", re.ASCII),
}
QUALIFIERS = {
    "01": ("22", "10", "21", "235"),
    "8006": ("22", "10", "21"),
    "8010": ("8011",),
    "414": ("254", "7040"),
    "415": ("8020",),
    "417": ("7040",),
    "8004": ("7040",),
    "8017": ("8019",),
    "8018": ("8019",),
}
# Length of the class number where the serial is appended to it.
_CLASS_LENGTH = {"8003": 14, "253": 13, "255": 13}
_PLAIN_THING = {
    "414": Thing.LOCATION,
    "415": Thing.PARTY,
    "417": Thing.PARTY,
    "401": Thing.DOCUMENT,
    "402": Thing.DOCUMENT,
    "8013": Thing.ITEM_CLASS,
}
_KIND = {
    "00": ItemKind.CONTAINER,
    "8003": ItemKind.CONTAINER,
    "8004": ItemKind.CONTAINER,
}


def link_identity(link: Link, scheme: Scheme = Scheme.GS1_DIGITAL_LINK) -> Identity:
    """Return the identity that a GS1 key and its qualifiers name."""
    base = f"/{link.ai}/{encoded(link.value)}"
    if link.ai in ("01", "8006", "8010"):
        return _trade_item(link, base, scheme)
    if link.ai in _CLASS_LENGTH:
        return _appended(link, scheme)
    if link.ai in _PLAIN_THING:
        extension = link.qualifiers.get("254")
        if link.ai == "414" and extension not in (None, "", "0"):
            base += f"/254/{encoded(str(extension))}"
        return Identity(base, _PLAIN_THING[link.ai], scheme)
    return Identity(base, Thing.ITEM, scheme, _KIND.get(link.ai, ItemKind.SERIAL))


def _trade_item(link: Link, base: str, scheme: Scheme) -> Identity:
    lot = link.qualifiers.get("10")
    serial = link.qualifiers.get("8011" if link.ai == "8010" else "21")
    third_party = link.qualifiers.get("235")
    if serial is None and third_party is not None:
        key = f"{base}/235/{encoded(third_party)}"
        return Identity(key, Thing.ITEM, scheme, ItemKind.SERIAL, base, lot, third_party)
    return item(scheme, base, lot, serial)


def _appended(link: Link, scheme: Scheme) -> Identity:
    length = _CLASS_LENGTH[link.ai]
    base, serial = f"/{link.ai}/{link.value[:length]}", link.value[length:]
    if not serial:
        return Identity(base, Thing.ITEM_CLASS, scheme, None, base)
    kind = _KIND.get(link.ai, ItemKind.SERIAL)
    return Identity(serial_key(base, serial), Thing.ITEM, scheme, kind, base, None, serial)


def read_link(uri: str) -> Link | None:
    """Return the GS1 key of a Digital Link on any domain, None if the URI is no such link.

    Qualifiers are read in any order, in the query too; other attributes are left to the caller.
    Raises: Problem BAD_IDENTIFIER for a segment with broken escapes.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    link = read_path(parts.path)
    if link is None:
        return None
    allowed = QUALIFIERS.get(link.ai, ())
    asked = {ai: v for ai, v in parse_qsl(parts.query) if ai in allowed and v and is_clean(v)}
    return link._replace(qualifiers=asked | dict(link.qualifiers))


def read_path(path: str) -> Link | None:
    """Return the GS1 key at the end of a URI path or in a canonical key; None if there is none."""
    segments = path.rstrip("/").split("/")
    for at, ai in enumerate(segments[:-1]):
        if ai in PRIMARY and (len(segments) - at) % 2 == 0:
            link = _read_segments(segments[at:])
            if link is not None:
                return link
    return None


def _read_segments(segments: list[str]) -> Link | None:
    ai, value = segments[0], decoded(segments[1])
    if ai == "01" and value.isdigit() and len(value) in (8, 12, 13):
        value = value.zfill(14)
    names, values = segments[2::2], segments[3::2]
    if PRIMARY[ai].fullmatch(value) is None or not value.isascii():
        return None
    if any(name not in QUALIFIERS.get(ai, ()) for name in names) or len(set(names)) < len(names):
        return None
    return Link(ai, value, {n: decoded(v) for n, v in zip(names, values, strict=True)})


# -- EPC URNs -------------------------------------------------------------------------------------


def read_urn(text: str) -> Identity:
    """Return the identity of an EPC URN, class or pattern. Raises: Problem BAD_IDENTIFIER."""
    found = _URN.fullmatch(text)
    if found is None:
        raise bad_identifier(text, "it is not an EPC URN")
    form, scheme, rest = found[1].lower(), found[2].lower(), found[3]
    if form == "class" and scheme != "lgtin":
        raise bad_identifier(text, f"class {scheme} is not known")
    reader = _READERS.get(scheme)
    if reader is None or (scheme == "lgtin") is not (form == "class"):
        raise bad_identifier(text, f"EPC scheme {scheme} is not known")
    # A dot may be part of the last field only.
    fields = rest.split(".", _FIELDS.get(scheme, 2) - 1)
    if form == "idpat":
        fields = _pattern_fields(text, fields)
    elif not fields[-1]:
        raise bad_identifier(text, "its last field is empty")
    try:
        return reader(scheme, fields)
    except (ValueError, IndexError):
        raise bad_identifier(text, f"it does not fit the EPC scheme {scheme}") from None


def _pattern_fields(text: str, fields: list[str]) -> list[str]:
    # Only patterns whose last field alone is open name a class; a serial left out says the same.
    if fields[-1] != "*" or "*" in fields[:-1]:
        raise bad_identifier(text, "the pattern names no single class")
    return [*fields[:-1], ""]


def _checked(digits: str, length: int) -> str:
    if len(digits) != length or not (digits.isascii() and digits.isdigit()):
        raise ValueError(digits)
    return digits + str(gs1_standard_check_digit(digits))


def _gtin(company: str, reference: str) -> str:
    return _checked(reference[:1] + company + reference[1:], 13)


def _link(ai: str, value: str, **qualifiers: str) -> Identity:
    if PRIMARY[ai].fullmatch(value) is None:
        raise ValueError(value)
    named = {name.removeprefix("q"): decoded(v) for name, v in qualifiers.items() if v}
    return link_identity(Link(ai, value, named), Scheme.EPC_URN)


def _trade(scheme: str, fields: list[str]) -> Identity:
    company, reference, tail = _exactly(fields, 3)
    gtin = _gtin(company, reference)
    if scheme == "lgtin":
        if not tail:
            raise ValueError(fields)
        return _link("01", gtin, q10=tail)
    return _link("01", gtin, q235=tail) if scheme == "upui" else _link("01", gtin, q21=tail)


def _itip(_: str, fields: list[str]) -> Identity:
    company, reference, piece, total, serial = _exactly(fields, 5)
    if len(piece) != 2 or len(total) != 2:
        raise ValueError(fields)
    return _link("8006", _gtin(company, reference) + piece + total, q21=serial)


def _sscc(_: str, fields: list[str]) -> Identity:
    company, reference = _exactly(fields, 2)
    return _link("00", _checked(reference[:1] + company + reference[1:], 17))


def _location(_: str, fields: list[str]) -> Identity:
    company, reference, extension = _exactly(fields, 3)
    return _link("414", _checked(company + reference, 12), q254=extension)


def _party(_: str, fields: list[str]) -> Identity:
    company, reference = _exactly(fields, 2)
    return _link("417", _checked(company + reference, 12))


def _numbered(scheme: str, fields: list[str]) -> Identity:
    # GRAI, GDTI and GCN: thirteen digits with their check digit, then the serial.
    company, kind, serial = _exactly(fields, 3)
    number = _checked(company + kind, 12)
    tail = decoded(serial) if serial else ""
    if scheme == "grai":
        return _link("8003", "0" + number + tail)
    return _link("253" if scheme == "gdti" else "255", number + tail)


def _asset(scheme: str, fields: list[str]) -> Identity:
    company, reference = _exactly(fields, 2)
    if not (company.isascii() and company.isdigit() and 6 <= len(company) <= 12):
        raise ValueError(company)
    return _link("8004" if scheme == "giai" else "401", company + decoded(reference))


def _service(scheme: str, fields: list[str]) -> Identity:
    company, reference = _exactly(fields, 2)
    return _link("8018" if scheme == "gsrn" else "8017", _checked(company + reference, 17))


def _shipment(_: str, fields: list[str]) -> Identity:
    company, reference = _exactly(fields, 2)
    return _link("402", _checked(company + reference, 16))


def _component(_: str, fields: list[str]) -> Identity:
    company, part, serial = _exactly(fields, 3)
    if not (company.isascii() and company.isdigit()):
        raise ValueError(company)
    return _link("8010", company + decoded(part), q8011=serial)


def _without_gs1_key(scheme: str, fields: list[str]) -> Identity:
    # ADI, USDOD, GID, BIC and IMO numbers have no Digital Link: the normalised URN is the key.
    count = _FIELDS.get(scheme, 2)
    values = [decoded(f) if f else "" for f in _exactly(fields, count)]
    if count == 3 and values[2] == "" and values[1] and values[0]:
        pattern = f"urn:epc:idpat:{scheme}:{'.'.join(map(encoded, values[:2]))}.*"
        return Identity(pattern, Thing.ITEM_CLASS, Scheme.EPC_URN, None, pattern)
    if not values[-1] or not values[0]:
        raise ValueError(fields)
    key = f"urn:epc:id:{scheme}:{'.'.join(map(encoded, values))}"
    kind = ItemKind.CONTAINER if scheme in ("bic", "imovn") else ItemKind.SERIAL
    owner = None
    if count == 3 and values[1]:
        owner = f"urn:epc:idpat:{scheme}:{'.'.join(map(encoded, values[:2]))}.*"
    serial = values[-1] if count > 1 else None
    return Identity(key, Thing.ITEM, Scheme.EPC_URN, kind, owner, None, serial)


def _exactly(fields: list[str], count: int) -> list[str]:
    if len(fields) != count:
        raise ValueError(fields)
    return fields


_FIELDS = {  # two, where not told
    "sgtin": 3,
    "lgtin": 3,
    "upui": 3,
    "itip": 5,
    "sgln": 3,
    "grai": 3,
    "gdti": 3,
    "sgcn": 3,
    "gcn": 3,
    "cpi": 3,
    "adi": 3,
    "gid": 3,
    "bic": 1,
    "imovn": 1,
}
_READERS: Mapping[str, Callable[[str, list[str]], Identity]] = {
    "sgtin": _trade,
    "upui": _trade,
    "lgtin": _trade,
    "itip": _itip,
    "sscc": _sscc,
    "sgln": _location,
    "pgln": _party,
    "grai": _numbered,
    "gdti": _numbered,
    "sgcn": _numbered,
    "gcn": _numbered,
    "giai": _asset,
    "ginc": _asset,
    "gsrn": _service,
    "gsrnp": _service,
    "gsin": _shipment,
    "cpi": _component,
    "adi": _without_gs1_key,
    "usdod": _without_gs1_key,
    "gid": _without_gs1_key,
    "bic": _without_gs1_key,
    "imovn": _without_gs1_key,
}
