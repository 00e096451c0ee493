"""Bearer access tokens in the shape of RFC 9068: one strict reading, everything else is refused.

Keys come from a JWKS file (the issuer's public keys, or the demo's own), read again when it
changes. Why a token was refused goes to the log, never to the caller.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from lotkin import clock
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.errors import Refusal, RefusalCode
from lotkin.settings import Settings

ALGORITHMS = {"ES256": ECKey, "EdDSA": OKPKey, "PS256": RSAKey}
TOKEN_TYPE = "at+jwt"  # noqa: S105 (a media type)
TOKEN_BYTES_MAX = 8 * 1024  # a signed set of ten roles needs 1 KB
SKEW_S = 30
RSA_BITS_MIN = 2048
CLAIM_CHARS_MAX = 256

# Each lets the sender of a token choose the key or the rules it is checked by.
_FORBIDDEN_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_COMPACT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_ROLES = {role.value: role for role in Role}


class TokenVerifier:
    """Turns a token into an Actor by the site's issuer, audience and keys."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = _KeyFile(jwks_path(settings))

    def actor(self, token: str) -> Actor:
        """Return who `token` speaks for.

        Raises: Refusal UNAUTHENTICATED, with the reason as detail, for any flaw.
        """
        try:
            claims = self._verified(token)
            self._check_claims(claims)
            return Actor(
                subject=claims["sub"],
                name=_optional_text(claims, "name") or claims["sub"],
                organisation=_optional_text(claims, "org"),
                roles=frozenset(_roles(claims.get("roles"))),
                client=claims["client_id"],
            )
        except _RefusedError as flaw:
            raise Refusal(RefusalCode.UNAUTHENTICATED, detail=str(flaw)) from flaw

    def _verified(self, token: str) -> dict[str, Any]:
        raw = token.encode("utf-8", "replace")
        if len(raw) > TOKEN_BYTES_MAX:
            raise _RefusedError("longer than 8 KB")
        if not _COMPACT.fullmatch(raw):
            raise _RefusedError("not three base64url parts")
        header_part, claims_part, signature_part = raw.split(b".")
        header = _object(header_part, "header")
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise _RefusedError("algorithm")
        if forbidden := _FORBIDDEN_HEADERS & header.keys():
            raise _RefusedError(f"header {min(forbidden)}")
        if header.get("typ") != TOKEN_TYPE:
            raise _RefusedError("typ")
        _bytes_of(signature_part, "signature")
        key = self._keys.get(header.get("kid"))
        if key is None or not isinstance(key, ALGORITHMS[algorithm]):
            raise _RefusedError("kid")
        registry = _Registry(algorithms=[algorithm], strict_check_header=False)
        try:
            jws.deserialize_compact(raw, key, registry=registry)
        except (JoseError, ValueError, TypeError) as error:
            raise _RefusedError("signature") from error
        return _object(claims_part, "claims")

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        settings = self._settings
        if claims.get("iss") != settings.token_issuer:
            raise _RefusedError("iss")
        if claims.get("aud") not in (settings.token_audience, [settings.token_audience]):
            raise _RefusedError("aud")
        now = clock.now_us() / 1_000_000
        issued, expires = _time(claims, "iat"), _time(claims, "exp")
        if not 0 < expires - issued <= settings.token_lifetime_max_s:
            raise _RefusedError("lifetime")
        if issued > now + SKEW_S or expires <= now - SKEW_S:
            raise _RefusedError("exp or iat")
        if "nbf" in claims and _time(claims, "nbf") > now + SKEW_S:
            raise _RefusedError("nbf")
        for name in ("sub", "client_id", "jti"):
            if not _optional_text(claims, name):
                raise _RefusedError(name)
        # A token bound to a key must come with a proof of that key, which is not read here.
        if "cnf" in claims:
            raise _RefusedError("cnf")


def jwks_path(settings: Settings) -> Path:
    """Return the file of public keys: the issuer's, or the demo's."""
    return settings.token_jwks_file or settings.state_dir / "demo-issuer.jwks.json"


class _RefusedError(Exception):
    """The flaw of a token, for the log."""


class _Registry(jws.JWSRegistry):
    max_header_length = TOKEN_BYTES_MAX

    def get_alg(self, name: str) -> Any:
        # The list of algorithms is ours, so the library's advice on each is not repeated.
        assert self.allowed is not None
        assert name in self.allowed
        return self.algorithms[name]


class _KeyFile:
    """Public keys of a JWKS file by kid; no file, no keys."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, Key] = {}

    def get(self, kid: object) -> Key | None:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp != self._stamp:
            self._keys = read_keys(self._path)
            self._stamp = stamp
        return self._keys.get(kid) if isinstance(kid, str) else None


def read_keys(path: Path) -> dict[str, Key]:
    """Return the usable signature keys of a JWKS file by kid; others are left out.

    Raises: Refusal UNAVAILABLE when the file is not a key set.
    """
    try:
        listed = KeySet.import_key_set(json.loads(path.read_bytes())).keys
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Refusal(RefusalCode.UNAVAILABLE, detail=f"{path} is not a JWKS") from error
    return {key.kid: key for key in listed if key.kid and _usable(key)}


def _usable(key: Key) -> bool:
    declared = key.as_dict(private=False)
    if declared.get("use", "sig") != "sig" or declared.get("alg") not in {None, *ALGORITHMS}:
        return False
    if isinstance(key, ECKey):
        return bool(key.curve_name == "P-256")
    if isinstance(key, OKPKey):
        return bool(key.curve_name == "Ed25519")
    return isinstance(key, RSAKey) and key.raw_value.key_size >= RSA_BITS_MIN


def _bytes_of(part: bytes, name: str) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError as error:
        raise _RefusedError(name) from error
    # Spare bits in the last character would give one token several spellings.
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part:
        raise _RefusedError(name)
    return decoded


def _object(part: bytes, name: str) -> dict[str, Any]:
    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise _RefusedError(f"{name} says something twice")
        return made

    try:
        value = json.loads(_bytes_of(part, name), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(name) from error
    if not isinstance(value, dict):
        raise _RefusedError(name)
    return value


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise _RefusedError(name)
    return value


def _optional_text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > CLAIM_CHARS_MAX or not value.isprintable():
        raise _RefusedError(name)
    return value


def _roles(value: object) -> list[Role]:
    # Roles of other services are none of ours, so unknown names are passed over.
    names = value if isinstance(value, list) else []
    return [_ROLES[name] for name in names if isinstance(name, str) and name in _ROLES]
