"""A bearer token is read one way only; every forgery known to us is refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from lotkin import clock
from lotkin.auth import demo
from lotkin.auth.actor import ANONYMOUS
from lotkin.auth.issuers import jwks_path
from lotkin.auth.permissions import Permission, Role
from lotkin.auth.tokens import TokenVerifier
from lotkin.errors import Refusal, RefusalCode
from lotkin.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
Edit = Callable[[dict[str, Any], dict[str, Any]], None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path)


@pytest.fixture
def key(settings: Settings) -> ECKey:
    return demo.ensure_key(settings)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts_of(settings: Settings, key: ECKey) -> tuple[dict[str, Any], dict[str, Any]]:
    now = clock.now_us() // 1_000_000
    claims = {
        "iss": settings.token_issuer, "aud": settings.token_audience, "sub": "u1",
        "client_id": "c1", "iat": now, "exp": now + 600, "jti": "j1", "roles": ["operator"],
    }  # fmt: skip
    return {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, claims


def sign(header: dict[str, Any], claims: object, key: Any) -> str:
    """Sign anything at all, also what the library would not."""
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    registry.check_header = lambda header: None  # type: ignore[method-assign]
    registry.max_header_length = 1 << 20
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact(header, payload, key, registry=registry)


def refused(settings: Settings, token: str) -> str:
    with pytest.raises(Refusal) as caught:
        TokenVerifier(settings).actor(token)
    assert caught.value.code is RefusalCode.UNAUTHENTICATED
    assert not token or token not in caught.value.detail
    return caught.value.detail


def test_a_minted_token_tells_who_and_in_which_role(settings: Settings) -> None:
    token = demo.mint(
        settings, Role.OPERATOR, subject="u7", name="Chen Wei 陈伟", organisation="urn:o:1"
    )
    actor = TokenVerifier(settings).actor(token)
    assert (actor.subject, actor.name, actor.organisation) == ("u7", "Chen Wei 陈伟", "urn:o:1")
    assert actor.roles == {Role.OPERATOR}
    assert Permission.EVENT_CAPTURE in actor.permissions


def test_the_private_key_is_for_its_owner_alone_and_stays(settings: Settings) -> None:
    first = demo.ensure_key(settings)
    file = settings.state_dir / "demo-issuer.key.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert demo.ensure_key(settings).kid == first.kid
    assert '"d"' not in jwks_path(settings).read_text()
    assert {path.name for path in settings.state_dir.iterdir()} == {
        "demo-issuer.key.json", "demo-issuer.jwks.json",
    }  # fmt: skip


def test_the_demo_mints_nothing_where_a_real_issuer_is_named(tmp_path: Path) -> None:
    site = Settings(state_dir=tmp_path, token_jwks_file=tmp_path / "issuer.json")
    with pytest.raises(Refusal):
        demo.mint(site, Role.OPERATOR, subject="u", name="u")


def test_no_keys_means_no_token_is_valid(settings: Settings, tmp_path: Path) -> None:
    token = demo.mint(settings, Role.VIEWER, subject="u", name="u")
    elsewhere = Settings(state_dir=tmp_path / "elsewhere")
    assert refused(elsewhere, token) == "kid"


def test_unknown_roles_are_passed_over(settings: Settings, key: ECKey) -> None:
    header, claims = parts_of(settings, key)
    claims["roles"] = ["operator", "root", 7, None]
    assert TokenVerifier(settings).actor(sign(header, claims, key)).roles == {Role.OPERATOR}
    claims["roles"] = "operator"
    assert not TokenVerifier(settings).actor(sign(header, claims, key)).permissions


def test_a_rotated_key_is_taken_up_and_the_old_one_dropped(tmp_path: Path) -> None:
    file = tmp_path / "issuer.json"
    settings = Settings(token_jwks_file=file)
    verifier = TokenVerifier(settings)
    old = ECKey.generate_key("P-256", auto_kid=True)
    new = OKPKey.generate_key("Ed25519", auto_kid=True)
    file.write_text(json.dumps(KeySet([old]).as_dict(private=False)))
    header, claims = parts_of(settings, old)
    token = sign(header, claims, old)
    assert verifier.actor(token).subject == "u1"
    file.write_text(json.dumps(KeySet([new]).as_dict(private=False)) + " ")
    with pytest.raises(Refusal):
        verifier.actor(token)
    renewed = sign(header | {"alg": "EdDSA", "kid": new.kid}, claims, new)
    assert verifier.actor(renewed).subject == "u1"


def test_ps256_is_accepted_and_a_short_rsa_key_is_not(tmp_path: Path) -> None:
    file = tmp_path / "issuer.json"
    settings = Settings(token_jwks_file=file)
    short = RSAKey.import_key(rsa.generate_private_key(65537, 1024), {"kid": "short"})
    long = RSAKey.generate_key(2048, {"kid": "long"})
    file.write_text(json.dumps(KeySet([short, long]).as_dict(private=False)))
    header, claims = parts_of(settings, ECKey.generate_key("P-256"))
    header |= {"alg": "PS256", "kid": "long"}
    assert TokenVerifier(settings).actor(sign(header, claims, long)).subject == "u1"
    refused(settings, sign(header | {"kid": "short"}, claims, short))


CLAIM_FORGERIES: dict[str, Edit] = {
    "issuer of someone else": lambda h, c: c.update(iss="https://evil.example"),
    "issuer missing": lambda h, c: c.pop("iss"),
    "issuer with a slash more": lambda h, c: c.update(iss=c["iss"] + "/"),
    "audience of another service": lambda h, c: c.update(aud="other"),
    "two audiences": lambda h, c: c.update(aud=[c["aud"], "other"]),
    "audience missing": lambda h, c: c.pop("aud"),
    "no audience in a list": lambda h, c: c.update(aud=[]),
    "expired": lambda h, c: c.update(iat=c["iat"] - 700, exp=c["iat"] - 31),
    "issued in the future": lambda h, c: c.update(iat=c["iat"] + 60, exp=c["iat"] + 120),
    "lives too long": lambda h, c: c.update(exp=c["iat"] + 901),
    "ends before it starts": lambda h, c: c.update(exp=c["iat"]),
    "no end": lambda h, c: c.pop("exp"),
    "no start": lambda h, c: c.pop("iat"),
    "end as text": lambda h, c: c.update(exp=str(c["exp"])),
    "end is true": lambda h, c: c.update(exp=True),
    "end is infinite": lambda h, c: c.update(exp=float("inf")),
    "end is not a number": lambda h, c: c.update(exp=float("nan")),
    "not valid yet": lambda h, c: c.update(nbf=c["iat"] + 60),
    "no subject": lambda h, c: c.pop("sub"),
    "empty subject": lambda h, c: c.update(sub=""),
    "subject is a number": lambda h, c: c.update(sub=7),
    "subject with a line break": lambda h, c: c.update(sub="u1\nroot"),
    "no client": lambda h, c: c.pop("client_id"),
    "no id": lambda h, c: c.pop("jti"),
    "bound to a key nobody proved": lambda h, c: c.update(cnf={"jkt": "x"}),
    "name is an object": lambda h, c: c.update(name={"a": 1}),
    "an id token": lambda h, c: h.update(typ="JWT"),
    "no type": lambda h, c: h.pop("typ"),
    "type in other letters": lambda h, c: h.update(typ="AT+JWT"),
    "type in its long form": lambda h, c: h.update(typ="application/at+jwt"),
    "unknown key id": lambda h, c: h.update(kid="other"),
    "no key id": lambda h, c: h.pop("kid"),
    "key id is a list": lambda h, c: h.update(kid=[h["kid"]]),
    "brings its own key": lambda h, c: h.update(jwk={"kty": "EC"}),
    "names a key address": lambda h, c: h.update(jku="https://evil.example/jwks"),
    "names a certificate address": lambda h, c: h.update(x5u="https://evil.example/c"),
    "brings a certificate": lambda h, c: h.update(x5c=["AA=="]),
    "asks for an extension": lambda h, c: h.update(crit=["exp"]),
    "unencoded payload": lambda h, c: h.update(b64=True),
    "header of 9 KB": lambda h, c: h.update(pad="x" * 9000),
}


@pytest.mark.parametrize("name", CLAIM_FORGERIES)
def test_a_well_signed_token_that_is_not_for_us_is_refused(
    name: str, settings: Settings, key: ECKey
) -> None:
    header, claims = parts_of(settings, key)
    assert TokenVerifier(settings).actor(sign(header, claims, key)) != ANONYMOUS
    CLAIM_FORGERIES[name](header, claims)
    refused(settings, sign(header, claims, key))


def test_forged_signatures_are_refused(settings: Settings, key: ECKey) -> None:
    header, claims = parts_of(settings, key)
    good = sign(header, claims, key)
    head, body, signature = good.split(".")
    admin = part(claims | {"roles": ["administrator"]})
    stranger = ECKey.generate_key("P-256", {"kid": key.kid})
    public = json.dumps(key.as_dict(private=False)).encode()
    hs_head = part(header | {"alg": "HS256"})
    hs = hmac.new(public, f"{hs_head}.{body}".encode(), hashlib.sha256).digest()
    forgeries = [
        f"{head}.{admin}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{part(bytes(64))}",
        f"{head}.{body}.{signature[:-4]}",
        f"{head}.{body}.{signature}=",
        f" {good}",
        f"{good}\n",
        good.replace(".", ". ", 1),
        f"{head}.{body}.{signature}.{signature}",
        sign(header, claims, stranger),
        f"{hs_head}.{body}.{part(hs)}",
        jwt.encode(header | {"alg": "HS256"}, claims, OctKey.import_key(public), ["HS256"]),
        *(f"{part(header | {'alg': none})}.{body}." for none in ("none", "None", "")),
        *(f"{part(header | {'alg': none})}.{body}.{signature}" for none in ("none", 7, ["ES256"])),
        f"{part(header | {'alg': 'EdDSA'})}.{body}.{signature}",
        f"{part(header | {'alg': 'ES384'})}.{body}.{signature}",
        f"{part(b'[]')}.{body}.{signature}",
        f"{part(b'{')}.{body}.{signature}",
        f"{part(b'[' * 5000)}.{body}.{signature}",
        "",
        "..",
        "demo",
        "ключ.ключ.ключ",
    ]
    for forgery in forgeries:
        refused(settings, forgery)


def test_a_signature_has_one_spelling(settings: Settings, key: ECKey) -> None:
    header, claims = parts_of(settings, key)
    good = sign(header, claims, key)
    # 64 bytes leave spare bits in the last character; another one decodes to the same bytes.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = good[:-1] + letters[letters.index(good[-1]) ^ 1]
    assert refused(settings, twin) == "signature"


def test_nothing_is_said_twice(settings: Settings, key: ECKey) -> None:
    header, claims = parts_of(settings, key)
    doubled = json.dumps(claims)[:-1] + ', "roles": ["administrator"]}'
    assert "twice" in refused(settings, sign(header, doubled.encode(), key))
    head = part((json.dumps(header)[:-1] + ', "alg": "none"}').encode())
    assert "twice" in refused(settings, f"{head}.{part(claims)}.{part(bytes(64))}")


@pytest.mark.parametrize("claims", [b"[]", b"null", b"7", b"", b"{", b"\xff\xfe", b"{}"])
def test_claims_that_are_no_object_are_refused(
    claims: bytes, settings: Settings, key: ECKey
) -> None:
    header, _ = parts_of(settings, key)
    refused(settings, sign(header, claims, key))


def test_an_encryption_key_signs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "issuer.json"
    settings = Settings(token_jwks_file=file)
    key = ECKey.generate_key("P-256", {"kid": "e"})
    file.write_text(json.dumps({"keys": [key.as_dict(private=False) | {"use": "enc"}]}))
    header, claims = parts_of(settings, key)
    assert refused(settings, sign(header, claims, key)) == "kid"
