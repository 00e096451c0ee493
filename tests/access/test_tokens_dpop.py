"""A token bound to a key is of use to the key's holder alone (RFC 9449)."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey

from lotkin import clock
from lotkin.auth.permissions import Role
from lotkin.records.session import Database
from lotkin.resolvers import accounts
from tests.access.forgeries import sign
from tests.access.site import Browser, Program, Site, claims_of, sent_back, serving, who
from tests.access.test_tokens_forged import is_let_in

pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
Change = Callable[[dict[str, Any], dict[str, Any]], None]


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(database, tmp_path) as running:
        yield running


@pytest.fixture
def key() -> ECKey:
    return ECKey.generate_key("P-256")


def parts(key: ECKey, method: str, url: str, token: str | None = None) -> tuple[Any, Any]:
    claims = {"htm": method, "htu": url, "iat": int(clock.now_us() / 1e6), "jti": clock.token(12)}
    if token is not None:
        digest = hashlib.sha256(token.encode()).digest()
        claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}, claims


def proof(key: ECKey, method: str, url: str, token: str | None = None) -> str:
    return sign(*parts(key, method, url, token), key)


async def bound_token(site: Site, key: ECKey) -> str:
    made = await accounts.create_client(
        site.admin, "supplier-1", "Supplier", {"client_credentials"}, roles=[Role.SUPPLIER],
        organisation="urn:o:7",
    )  # fmt: skip
    program, basic = Program(site.url, made.id), f"supplier-1:{made.secret}"
    plain = await program.token(grant_type="client_credentials", basic=basic)
    assert plain.json()["error"] == "invalid_dpop_proof", "a partner's program proves its key"
    shown = proof(key, "POST", f"{site.url}/oauth/token")
    answer = await program.token(grant_type="client_credentials", basic=basic, dpop=shown)
    assert answer.json()["token_type"] == "DPoP"
    return str(answer.json()["access_token"])


WRONG: dict[str, Change] = {
    "another method": lambda h, c: c.update(htm="GET"),
    "another address": lambda h, c: c.update(htu=c["htu"] + "/x"),
    "another host": lambda h, c: c.update(htu="https://evil.example/graphql"),
    "another scheme": lambda h, c: c.update(htu=c["htu"].replace("http:", "https:")),
    "a name in the address": lambda h, c: c.update(htu=c["htu"].replace("//", "//a@")),
    "no address": lambda h, c: c.pop("htu"),
    "too old": lambda h, c: c.update(iat=c["iat"] - 61),
    "from the future": lambda h, c: c.update(iat=c["iat"] + 30),
    "no time": lambda h, c: c.pop("iat"),
    "no id": lambda h, c: c.pop("jti"),
    "of another token": lambda h, c: c.update(ath="x" * 43),
    "of no token": lambda h, c: c.pop("ath"),
    "another type": lambda h, c: h.update(typ="JWT"),
    "no type": lambda h, c: h.pop("typ"),
    "no key": lambda h, c: h.pop("jwk"),
    "private key in it": lambda h, c: h["jwk"].update(d="x" * 43),
    "another curve": lambda h, c: h["jwk"].update(crv="P-384"),
    "key by name": lambda h, c: h.update(kid="k1"),
    "an extension": lambda h, c: h.update(crit=["exp"]),
    "another key": lambda h, c: h.update(jwk=ECKey.generate_key("P-256").as_dict(private=False)),
}


async def test_the_holder_of_the_key_is_let_in_and_once_a_proof(site: Site, key: ECKey) -> None:
    token = await bound_token(site, key)
    assert claims_of(token)["cnf"] == {"jkt": key.thumbprint()}
    url = f"{site.url}/graphql"
    shown = proof(key, "POST", url, token)
    first = await who(site.url, f"DPoP {token}", dpop=shown)
    assert first.json()["data"]["viewer"]["roles"] == ["supplier"]
    assert (await who(site.url, f"DPoP {token}", dpop=shown)).status_code == 401, "used before"
    query = proof(key, "POST", url + "?x=1#y", token)
    assert (await who(site.url, f"DPoP {token}", dpop=query)).status_code == 200


async def test_a_bound_token_without_its_proof_is_refused(site: Site, key: ECKey) -> None:
    token = await bound_token(site, key)
    url = f"{site.url}/graphql"
    shown = proof(key, "POST", url, token)
    assert (await who(site.url, f"Bearer {token}")).status_code == 401
    assert (await who(site.url, f"Bearer {token}", dpop=shown)).status_code == 401
    assert (await who(site.url, f"DPoP {token}")).status_code == 401
    async with httpx.AsyncClient(base_url=site.url) as client:
        both = [("authorization", f"DPoP {token}")]
        both += [("dpop", proof(key, "POST", url, token)) for _ in range(2)]
        answer = await client.post("/graphql", json={"query": "{ __typename }"}, headers=both)
        assert answer.status_code == 401, "two proofs"
    accepted = []
    for name, change in WRONG.items():
        header, claims = parts(key, "POST", url, token)
        change(header, claims)
        answer = await who(site.url, f"DPoP {token}", dpop=sign(header, claims, key))
        accepted += [name] if answer.status_code != 401 else []
    other = ECKey.generate_key("P-256")
    answer = await who(site.url, f"DPoP {token}", dpop=proof(other, "POST", url, token))
    accepted += ["a stranger's proof"] if answer.status_code != 401 else []
    secret = OctKey.generate_key(256)
    header, claims = parts(key, "POST", url, token)
    shared = {**header, "alg": "HS256", "jwk": secret.as_dict(private=True)}
    answer = await who(site.url, f"DPoP {token}", dpop=sign(shared, claims, secret))
    accepted += ["a shared secret"] if answer.status_code != 401 else []
    print(f"\n{len(WRONG) + 5} bad proofs, {len(accepted)} accepted")
    assert accepted == []


async def test_a_proof_beside_an_unbound_token_is_refused(site: Site, key: ECKey) -> None:
    await site.account("chen")
    portal, browser = await site.portal(), Browser(site.url)
    back = sent_back(await browser.sign_in(portal.ask(), "chen"))
    token = (await portal.exchange(back["code"])).json()["access_token"]
    shown = proof(key, "POST", f"{site.url}/graphql", token)
    for scheme in ("Bearer", "DPoP"):
        assert (await who(site.url, f"{scheme} {token}", dpop=shown)).status_code == 401
    await browser.client.aclose()


async def test_a_socket_is_opened_by_a_proof(site: Site, key: ECKey) -> None:
    token, url = await bound_token(site, key), f"{site.url}/graphql"
    assert not await is_let_in(site.url, authorization=f"DPoP {token}")
    shown = proof(key, "GET", url, token)
    assert await is_let_in(site.url, authorization=f"DPoP {token}", dpop=shown)
    assert not await is_let_in(site.url, authorization=f"DPoP {token}", dpop=shown)


async def test_a_public_clients_refresh_token_is_bound_to_its_key(site: Site, key: ECKey) -> None:
    await site.account("chen")
    portal, browser, url = await site.portal(), Browser(site.url), f"{site.url}/oauth/token"
    code = sent_back(await browser.sign_in(portal.ask(), "chen"))["code"]
    made = (await portal.exchange(code, dpop=proof(key, "POST", url))).json()
    assert made["token_type"] == "DPoP"
    form = {
        "grant_type": "refresh_token", "refresh_token": made["refresh_token"],
        "client_id": portal.id,
    }  # fmt: skip
    other = ECKey.generate_key("P-256")
    assert (await portal.token(**form)).status_code == 400
    assert (await portal.token(**form, dpop=proof(other, "POST", url))).status_code == 400
    assert (await portal.token(**form, dpop="x")).json()["error"] == "invalid_dpop_proof"
    renewed = (await portal.token(**form, dpop=proof(key, "POST", url))).json()
    assert claims_of(renewed["access_token"])["cnf"] == {"jkt": key.thumbprint()}
    await browser.client.aclose()


async def test_an_ed25519_key_proves_as_well(site: Site, key: ECKey) -> None:
    token = await bound_token(site, key)
    edwards = OKPKey.generate_key("Ed25519")
    header, claims = parts(key, "POST", f"{site.url}/graphql", token)
    header |= {"alg": "EdDSA", "jwk": edwards.as_dict(private=False)}
    # A proof in order, by a key that the token is not bound to.
    assert (
        await who(site.url, f"DPoP {token}", dpop=sign(header, claims, edwards))
    ).status_code == 401
