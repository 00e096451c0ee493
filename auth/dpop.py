"""Proof of possession, RFC 9449: a token bound to a key is of use to the key's holder alone.

The address in a proof is compared with the one this service is configured to have, never with
what a request says it was sent to. Nonces of ours are not asked for: a proof is good for one
request within PROOF_AGE_S, and its id is remembered until then.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from lotkin import clock
from lotkin.auth.compact import Compact, FlawError, take_apart, text_of, time_of, verify_signature

PROOF_TYPE = "dpop+jwt"
PROOF_ALGORITHMS: dict[str, type[Key]] = {"ES256": ECKey, "EdDSA": OKPKey, "PS256": RSAKey}
PROOF_AGE_S = 60.0
PROOF_SKEW_S = 5.0  # a clock ahead of ours; behind, the age allows for it
REMEMBERED_MAX = 200_000  # some 20 MB; more in a minute is an attack

_HEADERS = frozenset({"typ", "alg", "jwk"})
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_FORM = {  # members that make a public key; anything more is somebody's trick
    "EC": frozenset({"kty", "crv", "x", "y"}),
    "OKP": frozenset({"kty", "crv", "x"}),
    "RSA": frozenset({"kty", "n", "e"}),
}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_PORTS = {"https": 443, "http": 80}


class Replays(Protocol):
    """Remembers which proofs were used."""

    async def first_use(self, digest: bytes, until: float) -> bool:
        """Remember `digest` until Unix time `until`; False when it was remembered already."""


class MemoryReplays:
    """Remembers proofs in this process: enough where one process serves."""

    def __init__(self) -> None:
        self._until: dict[bytes, float] = {}

    async def first_use(self, digest: bytes, until: float) -> bool:
        """Remember `digest`; when there is no room, no proof is a first use any more."""
        now = clock.now_us() / 1e6
        if len(self._until) >= REMEMBERED_MAX:
            self._until = {known: end for known, end in self._until.items() if end > now}
        if len(self._until) >= REMEMBERED_MAX or self._until.get(digest, 0) > now:
            return False
        self._until[digest] = until
        return True


async def check_proof(
    proofs: list[str], replays: Replays, *, method: str, url: str, token: str | None = None
) -> str:
    """Return the thumbprint (`jkt`) of the key that the one proof shows to be held.

    token: the access token it comes with; None at the token endpoint, where there is none yet.
    Raises: FlawError.
    """
    if len(proofs) != 1:
        raise FlawError("not one DPoP proof")
    proof = _named("proof", take_apart, proofs[0])
    key = _key_of(proof.header)
    verify_signature(proof, key, str(proof.header["alg"]))
    claims = proof.claims
    if claims.get("htm") != method or not _is_same(claims.get("htu"), url):
        raise FlawError("proof is for another request")
    now, issued = clock.now_us() / 1e6, time_of(claims, "iat")
    if not now - PROOF_AGE_S <= issued <= now + PROOF_SKEW_S:
        raise FlawError("proof is too old or from the future")
    if token is not None and not _is_hash(claims.get("ath"), token):
        raise FlawError("proof is for another token")
    thumbprint = key.thumbprint()
    jti = text_of(claims, "jti")
    if not jti:
        raise FlawError("proof without id")
    digest = hashlib.sha256(f"{thumbprint}\0{jti}".encode()).digest()
    if not await replays.first_use(digest, issued + PROOF_AGE_S + PROOF_SKEW_S):
        raise FlawError("proof used before")
    return thumbprint


def _named(name: str, read: Any, value: str) -> Compact:
    try:
        found: Compact = read(value)
    except FlawError as flaw:
        raise FlawError(f"{name}: {flaw}") from flaw
    return found


def _key_of(header: Mapping[str, Any]) -> Key:
    algorithm, declared = header.get("alg"), header.get("jwk")
    if header.get("typ") != PROOF_TYPE or header.keys() != _HEADERS:
        raise FlawError("proof header")
    if not isinstance(algorithm, str) or algorithm not in PROOF_ALGORITHMS:
        raise FlawError("proof algorithm")
    if not isinstance(declared, dict) or _PRIVATE & declared.keys():
        raise FlawError("proof key")
    kind = declared.get("kty")
    if kind not in _FORM or not _FORM[kind] <= declared.keys():
        raise FlawError("proof key")
    if kind in _CURVES and declared.get("crv") != _CURVES[kind]:
        raise FlawError("proof key")
    try:
        # Only what makes the key: `use`, `kid` and the like say nothing about who holds it.
        key = PROOF_ALGORITHMS[algorithm].import_key({name: declared[name] for name in _FORM[kind]})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise FlawError("proof key") from error
    if isinstance(key, RSAKey) and not 2048 <= key.raw_value.key_size <= 8192:
        raise FlawError("proof key")
    return key


def _is_same(told: object, url: str) -> bool:
    """Tell whether two addresses name one resource, without query and fragment."""
    if not isinstance(told, str):
        return False
    try:
        return _normal(told) == _normal(url)
    except ValueError:  # a port that is no number
        return False


def _normal(url: str) -> tuple[str, str | None, int | None, str]:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a name in it")
    port = parts.port or _PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.path or "/"


def _is_hash(told: object, token: str) -> bool:
    digest = hashlib.sha256(token.encode("ascii", "replace")).digest()
    wanted = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return isinstance(told, str) and hmac.compare_digest(told.encode("utf-8", "replace"), wanted)
