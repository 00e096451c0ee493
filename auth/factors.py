"""Factors of a signature: what proves that it is this person who signs this content.

Each check takes the challenge digest and returns evidence that can be verified offline, without
this service and its database. Why a proof is wrong is for nobody but the log.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from joserfc.jwk import Key
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.exceptions import WebAuthnException

from lotkin.auth.challenge import base64url, canonical
from lotkin.auth.compact import Compact, FlawError, take_apart, text_of, time_of, verify_signature
from lotkin.auth.issuers import Trusted
from lotkin.auth.keys import ALGORITHMS
from lotkin.auth.sitekeys import AttestationKey
from lotkin.domain.signature import Factor

ATTEST_FORMAT = "lotkin-attest/1"
TOTP_STEP_S = 30
TOTP_WINDOW = 1  # steps a phone's clock may be off, either way
SKEW_S = 30
PROOF_BYTES_MAX = 16 * 1024  # a WebAuthn answer has 1 KB
PASSWORD_CHARS_MAX = 256

# 19 MiB, two passes, one lane: 20 ms on the machines this was measured on.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked where there is no account, so that the answer takes as long.
_NOBODY = _HASHER.hash("nobody")

# What the libraries raise on input that is none; all of it means the same.
_MALFORMED = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError)


class WrongProofError(Exception):
    """The proof is not valid; the reason is for the log."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A proof that held. counter: what must rise in the factor's row, with its id."""

    factor: Factor
    evidence: dict[str, Any]
    factor_id: int | None = None
    counter: int | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """Who we are to an authenticator: relying party id and the pages it may be asked from."""

    id: str
    origins: frozenset[str]


@dataclass(frozen=True, slots=True)
class UserKey:
    """An enrolled WebAuthn credential."""

    id: int
    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class NewKey:
    """What an enrolment brought."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def verify_webauthn(
    credential: object, keys: Collection[UserKey], *, digest: bytes, party: Party
) -> Proven:
    """Return the evidence of an assertion over `digest`; the person was verified by the key.

    Raises: WrongProofError for another challenge, origin, key, no user verification, or a
    signature counter that did not rise.
    """
    shown = _object(credential)
    key = next((each for each in keys if base64url(each.credential_id) == shown.get("id")), None)
    if key is None:
        raise WrongProofError("unknown credential")
    answer = _object(shown.get("response"))
    try:
        verified = verify_authentication_response(
            credential=shown,
            expected_challenge=digest,
            expected_rp_id=party.id,
            expected_origin=sorted(party.origins),
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise WrongProofError(f"webauthn: {error}") from error
    # Only what the key signed, or what is compared with it: every bit of it can be verified.
    names = ("authenticatorData", "clientDataJSON", "signature")
    evidence = {
        "factor": Factor.WEBAUTHN.value,
        "rpId": party.id,
        "publicKey": base64url(key.public_key),
        **{name: str(answer[name]).rstrip("=") for name in names},
    }
    return Proven(Factor.WEBAUTHN, evidence, key.id, verified.new_sign_count)


def verify_registration(credential: object, *, challenge: bytes, party: Party) -> NewKey:
    """Return the key that an enrolment brought. Raises: WrongProofError."""
    try:
        found = verify_registration_response(
            credential=_object(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=sorted(party.origins),
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise WrongProofError(f"webauthn: {error}") from error
    return NewKey(found.credential_id, found.credential_public_key, found.sign_count)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return _HASHER.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Tell whether `password` is the one of `stored`; None takes as long and is never right."""
    try:
        is_right = _HASHER.verify(stored or _NOBODY, password[:PASSWORD_CHARS_MAX])
    except (VerificationError, InvalidHashError):
        return False
    return is_right and stored is not None


def new_seed() -> str:
    """Return a fresh TOTP seed in base32 (160 bits, RFC 4226)."""
    return pyotp.random_base32()


def provisioning_uri(seed: str, subject: str, issuer: str) -> str:
    """Return the otpauth address that an authenticator app reads from a code."""
    return pyotp.TOTP(seed).provisioning_uri(name=subject, issuer_name=issuer)


def totp_counter(seed: str, code: str, *, last: int, now_s: float) -> int | None:
    """Return the counter of a right code above `last`, None for a wrong or used one."""
    current, generator, found = int(now_s) // TOTP_STEP_S, pyotp.HOTP(seed), None
    for counter in range(current - TOTP_WINDOW, current + TOTP_WINDOW + 1):
        # All are compared, whichever fits.
        if pyotp.utils.strings_equal(generator.at(counter), code) and counter > last:
            found = counter
    return found


def attest(
    key: AttestationKey, digest: bytes, factors: Mapping[str, Any], counter: tuple[int, int] | None
) -> Proven:
    """Return the service's own word that it saw these factors for `digest`.

    factors: ids and times, never a secret. counter: (factor id, TOTP counter).
    """
    evidence = {
        "factor": Factor.PASSWORD_TOTP.value,
        "factors": dict(factors),
        "kid": key.kid,
        "publicKey": base64url(key.public),
        "signature": base64url(key.sign(attested_bytes(digest, factors))),
    }
    factor_id, value = counter or (None, None)
    return Proven(Factor.PASSWORD_TOTP, evidence, factor_id, value)


def attested_bytes(digest: bytes, factors: Mapping[str, Any]) -> bytes:
    """Return what an attestation signs."""
    return ATTEST_FORMAT.encode() + b"\x00" + digest + canonical(factors)


@dataclass(frozen=True, slots=True)
class Login:
    """What an identity token must tell: who, when at the earliest, how strongly, to which app."""

    subject: str
    nonce: str
    not_before: float
    acr_values: frozenset[str]
    audiences: frozenset[str]


async def verify_id_token(
    token: str, issuers: Mapping[str, Trusted], wanted: Login, *, now_s: float
) -> Proven:
    """Return the evidence of a log-in made for this very challenge (its nonce is the digest).

    Raises: WrongProofError; Refusal UNAVAILABLE while the issuer's keys cannot be had.
    """
    try:
        parts = take_apart(token)
        key = await _key_of(parts, issuers, wanted, now_s)
    except FlawError as flaw:
        raise WrongProofError(f"id token: {flaw}") from flaw
    told = key.as_dict(private=False)
    jwk = {name: told[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in told}
    return Proven(Factor.ID_TOKEN, {"factor": Factor.ID_TOKEN.value, "idToken": token, "jwk": jwk})


async def _key_of(
    parts: Compact, issuers: Mapping[str, Trusted], wanted: Login, now_s: float
) -> Key:
    """Return the key that signed a token which tells what is wanted. Raises: FlawError."""
    issuer = issuers.get(str(parts.claims.get("iss")))
    if issuer is None:
        raise FlawError("iss")
    await issuer.keys.ready(parts.header.get("kid"))
    key = issuer.keys.get(parts.header.get("kid"))
    algorithm = str(parts.header.get("alg"))
    if key is None or algorithm not in ALGORITHMS or not isinstance(key, ALGORITHMS[algorithm]):
        raise FlawError("kid or alg")
    # An access token of the same issuer is signed by the same key and proves no log-in.
    if parts.header.get("typ") not in {None, "JWT"} or "crit" in parts.header:
        raise FlawError("typ")
    verify_signature(parts, key, algorithm)
    _check_login(parts, issuer, wanted, now_s)
    return key


def _check_login(parts: Compact, issuer: Trusted, wanted: Login, now_s: float) -> None:
    claims = parts.claims
    if issuer.subject_prefix + str(text_of(claims, "sub")) != wanted.subject:
        raise FlawError("sub")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if len(named) != 1 or named[0] not in wanted.audiences:
        raise FlawError("aud")
    if claims.get("nonce") != wanted.nonce:
        raise FlawError("nonce")
    if not time_of(claims, "iat") - SKEW_S <= now_s <= time_of(claims, "exp") + SKEW_S:
        raise FlawError("iat or exp")
    if time_of(claims, "auth_time") < wanted.not_before - SKEW_S:
        raise FlawError("auth_time")
    if wanted.acr_values and text_of(claims, "acr") not in wanted.acr_values:
        raise FlawError("acr")


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, str) and len(value) <= PROOF_BYTES_MAX:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise WrongProofError("not JSON") from error
    if not isinstance(value, dict):
        raise WrongProofError("not an object")
    return value
