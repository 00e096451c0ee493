"""No forged token is believed, over HTTP or a WebSocket. `-s` prints the figure."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from lotkin import clock
from lotkin.auth import demo
from lotkin.auth.permissions import Role
from lotkin.records.session import Database
from tests.access.forgeries import FORGERIES, sign
from tests.access.site import Site, serving, who

PROTOCOL: Any = ["graphql-transport-ws"]
pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(database, tmp_path, token_lifetime_max_s=900) as running:
        yield running


def parts_of(site: Site, key: ECKey) -> tuple[dict[str, Any], dict[str, Any]]:
    now = clock.now_us() // 1_000_000
    claims = {
        "iss": site.settings.token_issuer, "aud": site.settings.token_audience, "sub": "u1",
        "client_id": "c1", "iat": now, "exp": now + 600, "jti": clock.token(8),
        "roles": ["quality_engineer"],
    }  # fmt: skip
    return {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, claims


async def is_let_in(url: str, **init: str) -> bool:
    """Open a socket and introduce oneself; True when that is acknowledged."""
    address = url.replace("http", "ws", 1) + "/graphql"
    async with connect(address, subprotocols=PROTOCOL) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": init}))
        try:
            found = json.loads(await socket.recv())
        except ConnectionClosed:
            found = {}
        assert found or socket.close_code == 4401
        return bool(found)


async def test_forty_forged_tokens_are_refused_over_http_and_sockets(site: Site) -> None:
    key = demo.ensure_key(site.settings)
    good = sign(*parts_of(site, key), key)
    assert (await who(site.url, f"Bearer {good}")).status_code == 200
    assert await is_let_in(site.url, authorization=f"Bearer {good}")
    accepted, tried = [], 0
    for name, forge in FORGERIES.items():
        token = forge(*parts_of(site, key), key)
        answer = await who(site.url, f"Bearer {token}")
        tried += 2
        if answer.status_code != 401 or "data" in answer.json():
            accepted.append(f"{name} over HTTP")
        if await is_let_in(site.url, authorization=f"Bearer {token}"):
            accepted.append(f"{name} over a socket")
    print(f"\nA3: {len(FORGERIES)} forged classes, {tried} tries, {len(accepted)} accepted")
    assert len(FORGERIES) >= 40
    assert accepted == []


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer bearer", "DPoP"])
async def test_other_schemes_are_refused(site: Site, scheme: str) -> None:
    token = demo.mint(site.settings, Role.VIEWER, subject="u", name="U")
    assert (await who(site.url, f"{scheme} {token}")).status_code == 401
    assert not await is_let_in(site.url, authorization=f"{scheme} {token}")


async def test_a_token_in_the_address_or_the_body_counts_for_nothing(site: Site) -> None:
    token = demo.mint(site.settings, Role.QUALITY_ENGINEER, subject="u", name="U")
    async with httpx.AsyncClient(base_url=site.url) as client:
        answer = await client.post(
            f"/graphql?access_token={token}",
            json={"query": "{ viewer { name } }", "access_token": token},
        )
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
