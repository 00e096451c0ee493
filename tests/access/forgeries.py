"""Forty ways to forge, borrow or bend an access token; each makes a token that must be refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

Parts = tuple[dict[str, Any], dict[str, Any]]
Forge = Callable[[dict[str, Any], dict[str, Any], ECKey], str]


def part(value: object) -> str:
    """Return base64url of bytes or of JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(header: dict[str, Any], claims: object, key: Any) -> str:
    """Sign anything at all, also what the library would not."""
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    registry.check_header = lambda header: None  # type: ignore[method-assign]
    registry.max_header_length = 1 << 20
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact(header, payload, key, registry=registry)


def _claims(**changes: Any) -> Forge:
    """Well signed, but the claims say something else; None takes a claim away."""

    def forge(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
        told = {
            name: value(claims) if callable(value) else value for name, value in changes.items()
        }
        merged = {**claims, **told}
        return sign(header, {name: v for name, v in merged.items() if v is not None}, key)

    return forge


def _header(**changes: Any) -> Forge:
    def forge(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
        told = {**header, **changes}
        return sign({name: v for name, v in told.items() if v is not None}, claims, key)

    return forge


def _bent(bend: Callable[[str, str, str], str]) -> Forge:
    def forge(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
        return bend(*sign(header, claims, key).split("."))

    return forge


def _alg_none(spelled: object) -> Forge:
    return lambda header, claims, key: f"{part({**header, 'alg': spelled})}.{part(claims)}."


def _hmac(secret: Callable[[ECKey], bytes]) -> Forge:
    """Signed with the public key as if it were a shared secret."""

    def forge(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
        said = f"{part({**header, 'alg': 'HS256'})}.{part(claims)}"
        return f"{said}.{part(hmac.new(secret(key), said.encode(), hashlib.sha256).digest())}"

    return forge


def _by_own_key(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    own = ECKey.generate_key("P-256")
    return sign({**header, "jwk": own.as_dict(private=False)}, claims, own)


def _by_stranger(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    return sign(header, claims, ECKey.generate_key("P-256"))


def _by_other_kind(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    return sign({**header, "alg": "EdDSA"}, claims, OKPKey.generate_key("Ed25519"))


def _by_rs256(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    return sign({**header, "alg": "RS256"}, claims, RSAKey.generate_key(2048))


def _twice(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    text = json.dumps(claims)[:-1] + ', "roles": ["administrator"]}'
    return sign(header, text.encode(), key)


FORGERIES: dict[str, Forge] = {
    "alg none": _alg_none("none"),
    "alg None": _alg_none("None"),
    "alg empty": _alg_none(""),
    "alg a list": _alg_none(["ES256"]),
    "HMAC by the public JWK": _hmac(lambda key: json.dumps(key.as_dict(private=False)).encode()),
    "HMAC by the public PEM": _hmac(lambda key: key.as_pem(private=False)),
    "signed by a stranger": _by_stranger,
    "signed by a key it brings": _by_own_key,
    "signed by a key of another kind": _by_other_kind,
    "signed with RS256": _by_rs256,
    "claims changed after signing": _bent(
        lambda head, body, mark: f"{head}.{part({'roles': ['administrator']})}.{mark}"
    ),
    "signature cut off": _bent(lambda head, body, mark: f"{head}.{body}."),
    "signature of zeros": _bent(lambda head, body, mark: f"{head}.{body}.{part(bytes(64))}"),
    "signature shortened": _bent(lambda head, body, mark: f"{head}.{body}.{mark[:-4]}"),
    "two signatures": _bent(lambda head, body, mark: f"{head}.{body}.{mark}.{mark}"),
    "padding added": _bent(lambda head, body, mark: f"{head}.{body}.{mark}="),
    "JSON serialization": _bent(
        lambda head, body, mark: json.dumps(
            {"payload": body, "signatures": []}, separators=(",", ":")
        )
    ),
    "unknown key id": _header(kid="other"),
    "no key id": _header(kid=None),
    "key id is a path": _header(kid="../../dev/null"),
    "names a key address": _header(jku="https://evil.example/jwks"),
    "names a certificate address": _header(x5u="https://evil.example/c"),
    "brings a certificate": _header(x5c=["AA=="]),
    "asks for an extension": _header(crit=["exp"]),
    "an identity token": _header(typ="JWT"),
    "no type": _header(typ=None),
    "type in its long form": _header(typ="application/at+jwt"),
    "another issuer": _claims(iss="https://evil.example"),
    "no issuer": _claims(iss=None),
    "another audience": _claims(aud="other"),
    "two audiences": _claims(aud=lambda claims: [claims["aud"], "other"]),
    "expired": _claims(iat=lambda c: c["iat"] - 700, exp=lambda c: c["iat"] - 60),
    "from the future": _claims(iat=lambda c: c["iat"] + 90, exp=lambda c: c["iat"] + 200),
    "not valid yet": _claims(nbf=lambda c: c["iat"] + 90),
    "good for ten years": _claims(exp=lambda c: c["iat"] + 315_360_000),
    "no end": _claims(exp=None),
    "end is text": _claims(exp="2099"),
    "no subject": _claims(sub=None),
    "no token id": _claims(jti=None),
    "bound to a key, sent without proof": _claims(cnf={"jkt": "x" * 43}),
    "bound to a certificate": _claims(cnf={"x5t#S256": "x" * 43}),
    "roles told twice": _twice,
    "longer than 8 KB": _claims(pad="x" * 9000),
}
