"""Reading compact JWS strictly: one spelling, one meaning, checked before any key is touched."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

TOKEN_BYTES_MAX = 8 * 1024  # a signed set of ten roles needs 1 KB
CLAIM_CHARS_MAX = 256

_COMPACT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class FlawError(Exception):
    """Why a token is refused, for the log."""


@dataclass(frozen=True, slots=True)
class Compact:
    """A token taken apart; nothing in it is verified yet."""

    raw: bytes
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def take_apart(token: str) -> Compact:
    """Return the parts of `token`. Raises: FlawError."""
    raw = token.encode("utf-8", "replace")
    if len(raw) > TOKEN_BYTES_MAX:
        raise FlawError("longer than 8 KB")
    if not _COMPACT.fullmatch(raw):
        raise FlawError("not three base64url parts")
    header_part, claims_part, signature_part = raw.split(b".")
    header = _object(header_part, "header")
    _bytes_of(signature_part, "signature")
    return Compact(raw, header, _object(claims_part, "claims"))


def verify_signature(token: Compact, key: Key, algorithm: str) -> None:
    """Do nothing if `key` signed the token by `algorithm`. Raises: FlawError."""
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(token.raw, key, registry=registry)
    except (JoseError, ValueError, TypeError) as error:
        raise FlawError("signature") from error


def time_of(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate in Unix seconds. Raises: FlawError when it is missing or none."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise FlawError(name)
    return value


def text_of(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a short printable text, None when absent. Raises: FlawError for anything else."""
    return checked_text(claims.get(name), name)


def checked_text(value: object, name: str) -> str | None:
    """Return `value` if it is a short printable text or None. Raises: FlawError."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > CLAIM_CHARS_MAX or not value.isprintable():
        raise FlawError(name)
    return value


class _Registry(jws.JWSRegistry):
    max_header_length = TOKEN_BYTES_MAX

    def get_alg(self, name: str) -> Any:
        # The list of algorithms is ours, so the library's advice on each is not repeated.
        assert self.allowed is not None
        assert name in self.allowed
        return self.algorithms[name]


def _bytes_of(part: bytes, name: str) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError as error:
        raise FlawError(name) from error
    # Spare bits in the last character would give one token several spellings.
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part:
        raise FlawError(name)
    return decoded


def _object(part: bytes, name: str) -> dict[str, Any]:
    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise FlawError(f"{name} says something twice")
        return made

    try:
        value = json.loads(_bytes_of(part, name), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise FlawError(name) from error
    if not isinstance(value, dict):
        raise FlawError(name)
    return value
