"""Checks a kept signature by itself: payload, digest and evidence, without any database."""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException

from lotkin.auth.challenge import base64url, digest_of, from_base64url, read
from lotkin.auth.compact import FlawError, take_apart, verify_signature
from lotkin.auth.factors import attested_bytes
from lotkin.auth.sitekeys import key_name
from lotkin.domain.signature import Factor

_MALFORMED = (
    WebAuthnException, InvalidSignature, FlawError, JoseError,
    ValueError, TypeError, KeyError, AttributeError, IndexError,
)  # fmt: skip


def flaw_of(payload: bytes, digest: bytes, evidence: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a kept signature, None when it holds."""
    try:
        read(payload)
    except _MALFORMED:
        return "PAYLOAD"
    if digest_of(payload) != digest:
        return "DIGEST"
    try:
        _CHECKS[Factor(evidence["factor"])](digest, evidence)
    except _MALFORMED:
        return "EVIDENCE"
    return None


def _webauthn(digest: bytes, evidence: Mapping[str, Any]) -> None:
    names = ("authenticatorData", "clientDataJSON", "signature")
    response = {name: base64url(from_base64url(evidence[name])) for name in names}
    verify_authentication_response(
        # The credential's name is no part of what its key signed, so it is not kept.
        credential={"id": "AA", "rawId": "AA", "type": "public-key", "response": response},
        expected_challenge=digest,
        expected_rp_id=evidence["rpId"],
        # Compared with the site's own when the signature was made.
        expected_origin=json.loads(from_base64url(evidence["clientDataJSON"]))["origin"],
        credential_public_key=from_base64url(evidence["publicKey"]),
        credential_current_sign_count=0,
        require_user_verification=True,
    )


def _attestation(digest: bytes, evidence: Mapping[str, Any]) -> None:
    public = from_base64url(evidence["publicKey"])
    if key_name(public) != evidence["kid"]:
        raise ValueError("kid")
    key = Ed25519PublicKey.from_public_bytes(public)
    message = attested_bytes(digest, evidence["factors"])
    key.verify(from_base64url(evidence["signature"]), message)


def _id_token(digest: bytes, evidence: Mapping[str, Any]) -> None:
    (key,) = KeySet.import_key_set({"keys": [dict(evidence["jwk"])]}).keys
    parts = take_apart(evidence["idToken"])
    verify_signature(parts, key, str(parts.header["alg"]))
    if parts.claims["nonce"] != base64url(digest):
        raise FlawError("nonce")


_CHECKS = {
    Factor.WEBAUTHN: _webauthn,
    Factor.PASSWORD_TOTP: _attestation,
    Factor.ID_TOKEN: _id_token,
}
