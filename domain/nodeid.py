"""Opaque ids of the API: base64url of `Type:row`. Nobody outside reads them; they may change."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from enum import StrEnum

_ROW_MAX = 2**63 - 1


class NodeType(StrEnum):
    """What an id may name; lots, serials and containers are all items."""

    ITEM = "Item"
    ITEM_CLASS = "ItemClass"
    PARTY = "Party"
    LOCATION = "Location"
    ACTIVITY = "Activity"
    EVENT = "Event"
    CHALLENGE = "SignatureChallenge"
    SIGNATURE = "Signature"
    CHANGE = "Change"
    HOLD = "HoldRecord"


def node_id(tag: str, row: int) -> str:
    """Return the opaque id of a row."""
    return urlsafe_b64encode(f"{tag}:{row}".encode()).decode().rstrip("=")


def node_ids(tag: str, rows: Iterable[int]) -> list[str]:
    """Return the opaque ids of many rows."""
    return [urlsafe_b64encode(b"%b:%d" % (tag.encode(), row)).decode().rstrip("=") for row in rows]


def parse_node_id(text: str) -> tuple[str, int] | None:
    """Return (tag, row) of an opaque id; None for anything that is none."""
    try:
        plain = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, UnicodeError):
        return None
    tag, _, row = plain.partition(":")
    if not row.isdigit() or len(row) > 19 or not 0 < int(row) <= _ROW_MAX:
        return None
    # Only the one spelling that we give out, so that an id can be compared as text.
    return (tag, int(row)) if node_id(tag, int(row)) == text else None


def parse_row(text: str, tag: str) -> int | None:
    """Return the row of an opaque id of the type `tag`; None for any other id."""
    parsed = parse_node_id(text)
    return parsed[1] if parsed is not None and parsed[0] == tag else None
