"""Signature challenges: the exact bytes that are signed, their digest, and what people read.

Pure. The payload is canonical JSON (RFC 8785), so that one content has one digest; whoever proves
possession of a factor over that digest signs that content and nothing else.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import rfc8785

from lotkin.domain.signature import Action, Meaning, Subject
from lotkin.errors import Language

FORMAT = "lotkin-sign/1"
LIFETIME_S = 120  # long enough to read and touch a key, too short to leave a desk
NONCE_BYTES = 32
INTEGER_MAX = 2**53 - 1

FIELDS = frozenset(
    {"v", "cid", "aud", "act", "ent", "prior", "meaning", "reason", "signer", "sid", "jkt"}
    | {"nonce", "iat", "exp", "tz"}
)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who is to sign, and from where: the session and the token's key."""

    subject: str
    name: str
    roles: Sequence[str]
    session: str | None
    jkt: str | None


@dataclass(frozen=True, slots=True)
class Issue:
    """What makes one challenge unlike any other: id, audience, nonce, times, the site's zone."""

    cid: str
    audience: str
    nonce: bytes
    issued: datetime
    expires: datetime
    zone: str


def payload_of(
    subject: Subject,
    action: Action,
    meaning: Meaning,
    reason: str | None,
    *,
    signer: Signer,
    issue: Issue,
    prior: Sequence[str] = (),
) -> bytes:
    """Return the canonical bytes of what `signer` is asked to sign. prior: earlier signatures."""
    return canonical(
        {
            "v": FORMAT,
            "cid": issue.cid,
            "aud": issue.audience,
            "act": action.value,
            "ent": {
                "type": subject.type,
                "id": subject.key,
                "ver": subject.version,
                "dig": record_digest(subject.record),
            },
            "prior": list(prior),
            "meaning": meaning.value,
            "reason": reason,
            "signer": {
                "sub": signer.subject,
                "name": signer.name,
                "roles": sorted(signer.roles),
            },
            "sid": signer.session,
            "jkt": signer.jkt,
            "nonce": base64url(issue.nonce),
            "iat": moment(issue.issued),
            "exp": moment(issue.expires),
            "tz": issue.zone,
        }
    )


def digest_of(payload: bytes) -> bytes:
    """Return the challenge: SHA-256 over format, a zero byte and the payload."""
    return hashlib.sha256(FORMAT.encode() + b"\x00" + payload).digest()


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the digest of a record as displayed, base64url."""
    return base64url(hashlib.sha256(b"\x01" + canonical(record)).digest())


def read(payload: bytes) -> dict[str, Any]:
    """Return what a payload says. Raises: ValueError unless it is a canonical payload."""
    told = json.loads(payload)
    if not isinstance(told, dict) or told.keys() != FIELDS or told["v"] != FORMAT:
        raise ValueError("not a signature payload")
    if canonical(told) != payload:
        raise ValueError("not canonical")
    return told


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return canonical JSON of strings, booleans, null, integers below 2^53, lists and objects.

    Raises: TypeError for anything else: a float has no one spelling that people agree on.
    """
    _check(value)
    return rfc8785.dumps(dict(value))


def base64url(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Return the bytes of base64url without padding. Raises: ValueError."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("not base64url in its one spelling")
    return data


def moment(at: datetime) -> str:
    """Return a UTC time as RFC 3339 with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check(value: object) -> None:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                raise TypeError("a key is not text")
            _check(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _check(each)
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > INTEGER_MAX:
            raise TypeError("an integer above 2^53 - 1")
    elif value is not None and not isinstance(value, str | bool):
        raise TypeError(f"{type(value).__name__} may not be signed")


# --- for people ------------------------------------------------------------------------------

_WORDS: dict[str, tuple[str, str]] = {
    "act": ("Action", "操作"),
    "meaning": ("Meaning", "含义"),
    "reason": ("Reason", "原因"),
    "record": ("Record", "记录"),
    "version": ("Version", "版本"),
    "digest": ("Digest of the record", "记录摘要"),
    "signer": ("Signer", "签署人"),
    "roles": ("Roles", "角色"),
    "prior": ("Earlier signatures", "先前签名"),
    "exp": ("Sign before", "签署期限"),
    "at": ("Signed at", "签署时间"),
    "none": ("none", "无"),
}


def display(
    payload: bytes, record: Mapping[str, Any] | None = None, language: Language = "en"
) -> str:
    """Return what the signer reads, made from the very bytes that are signed and the record.

    Raises: ValueError when `record` is not the one whose digest the payload holds.
    """
    told = read(payload)
    if record is not None and record_digest(record) != told["ent"]["dig"]:
        raise ValueError("the payload is about another record")
    lines = [
        ("act", told["act"]),
        ("meaning", told["meaning"]),
        ("reason", told["reason"] or _word("none", language)),
        ("record", f"{told['ent']['type']} {told['ent']['id']}"),
        ("version", str(told["ent"]["ver"])),
        ("digest", told["ent"]["dig"]),
        ("signer", f"{told['signer']['name']} ({told['signer']['sub']})"),
        ("roles", ", ".join(told["signer"]["roles"])),
        ("prior", ", ".join(told["prior"]) or _word("none", language)),
        ("exp", f"{told['exp']} ({told['tz']})"),
    ]
    shown = [f"{_word(name, language)}: {value}" for name, value in lines]
    return "\n".join(shown if record is None else [*shown, "", *_flat(record)])


def manifest(payload: bytes, signed_at: datetime, language: Language = "en") -> str:
    """Return how a signature is shown and printed: name, time with zone, meaning (21 CFR 11.50)."""
    told = read(payload)
    zone = UTC if told["tz"] == "UTC" else ZoneInfo(told["tz"])
    local = signed_at.astimezone(zone).isoformat(timespec="seconds")
    words = [
        f"{told['signer']['name']} ({told['signer']['sub']})",
        f"{_word('meaning', language)}: {told['meaning']}",
        f"{_word('at', language)}: {local} {told['tz']}",
    ]
    if told["reason"]:
        words.append(f"{_word('reason', language)}: {told['reason']}")
    return "\n".join(words)


def _word(name: str, language: Language) -> str:
    return _WORDS[name][0 if language == "en" else 1]


def _flat(record: Mapping[str, Any], under: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in record.items():
        if isinstance(value, Mapping):
            lines += _flat(value, f"{under}{name}.")
        elif isinstance(value, list | tuple):
            lines.append(f"{under}{name}: {', '.join(map(str, value))}")
        else:
            lines.append(f"{under}{name}: {'' if value is None else value}")
    return lines
