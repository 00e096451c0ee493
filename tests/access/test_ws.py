"""A socket is open for whom it was opened, and no longer than their token. `-s` prints figures."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lotkin import clock
from lotkin.auth import demo
from lotkin.auth.permissions import Role
from lotkin.records.session import Database
from lotkin.resolvers import accounts
from tests.access.site import Site, claims_of, serving

PROTOCOL: Any = ["graphql-transport-ws"]


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(database, tmp_path, allowed_origins=["https://portal.example"]) as running:
        yield running


def opening(site: Site, **more: Any) -> connect:
    address = site.url.replace("http", "ws", 1) + "/graphql"
    return connect(address, subprotocols=PROTOCOL, **more)


def token_of(site: Site, lifetime_s: int = 600) -> str:
    return demo.mint(
        site.settings, Role.QUALITY_ENGINEER, subject="u", name="Eve", lifetime_s=lifetime_s
    )


async def introduced(socket: ClientConnection, token: str) -> None:
    await say(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
    assert json.loads(await socket.recv()) == {"type": "connection_ack"}


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def asked(socket: ClientConnection, query: str = "{ viewer { name } }") -> Any:
    await say(socket, type="subscribe", id="1", payload={"query": query})
    raw = await socket.recv()
    assert isinstance(raw, str), "messages are text frames"
    await socket.recv()
    return json.loads(raw)["payload"]


async def closed_with(socket: ClientConnection, within_s: float) -> int:
    async with asyncio.timeout(within_s):
        await socket.wait_closed()
    assert socket.close_code is not None
    return socket.close_code


async def test_whoever_introduces_themselves_is_answered(site: Site) -> None:
    async with opening(site) as socket:
        await introduced(socket, token_of(site))
        assert (await asked(socket))["data"] == {"viewer": {"name": "Eve"}}


async def test_a_token_may_come_with_the_handshake(site: Site) -> None:
    headers = {"authorization": f"Bearer {token_of(site)}"}
    async with opening(site, additional_headers=headers) as socket:
        await say(socket, type="connection_init")
        await socket.recv()
        assert (await asked(socket))["data"] == {"viewer": {"name": "Eve"}}


async def test_asking_before_an_introduction_is_4401(site: Site) -> None:
    headers = {"authorization": f"Bearer {token_of(site)}"}
    for more in ({}, {"additional_headers": headers}):
        async with opening(site, **more) as socket:
            await say(socket, type="subscribe", id="1", payload={"query": "{ viewer { name } }"})
            assert await closed_with(socket, 5) == 4401


@pytest.mark.parametrize(
    "payload",
    [None, {}, {"authorization": None}, {"authorization": ""}, {"authorization": 7},
     {"authorization": ["Bearer x"]}, {"authorization": "Bearer x.y.z"}, {"token": "x"}],
)  # fmt: skip
async def test_no_token_or_a_bad_one_is_4401(site: Site, payload: object) -> None:
    async with opening(site) as socket:
        message = {"type": "connection_init"} | ({} if payload is None else {"payload": payload})
        await say(socket, **message)
        assert await closed_with(socket, 5) == 4401


async def test_a_bad_token_in_the_handshake_is_4401_too(site: Site) -> None:
    async with opening(site, additional_headers={"authorization": "Bearer x"}) as socket:
        await say(socket, type="connection_init")
        assert await closed_with(socket, 5) == 4401


async def test_nobody_changes_who_they_are_on_an_open_socket(site: Site) -> None:
    async with opening(site) as socket:
        await introduced(socket, token_of(site))
        await say(socket, type="connection_init", payload={"authorization": "Bearer x"})
        assert await closed_with(socket, 5) == 4429


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [("https://evil.example", False), ("null", False), ("https://portal.example.evil", False),
     ("http://127.0.0.1:1", False), ("https://portal.example", True), ("", True)],
)  # fmt: skip
async def test_pages_of_other_origins_are_answered_403(
    site: Site, origin: str, is_let_in: bool
) -> None:
    more: dict[str, Any] = {"origin": origin} if origin else {}
    if is_let_in:
        async with opening(site, **more) as socket:
            await introduced(socket, token_of(site))
        return
    with pytest.raises(InvalidStatus) as refused:
        await opening(site, **more)
    assert refused.value.response.status_code == 403


async def test_our_own_page_is_let_in(site: Site) -> None:
    async with opening(site, origin=site.url) as socket:
        await introduced(socket, token_of(site))


async def test_a_socket_ends_with_its_token(site: Site) -> None:
    async with opening(site) as socket:
        token = token_of(site, lifetime_s=2)
        await introduced(socket, token)
        assert await closed_with(socket, 10) == 4401
        late = clock.now_us() / 1e6 - claims_of(token)["exp"]
    print(f"\nA8: closed {late:.2f} s after the token's end")
    assert -0.1 <= late <= 5


async def test_a_revoked_token_ends_its_socket(site: Site) -> None:
    async with opening(site) as socket, opening(site) as other:
        token = token_of(site)
        await introduced(socket, token)
        await introduced(other, token_of(site))
        claims = claims_of(token)
        await accounts.revoke_token(site.admin, claims["iss"], claims["jti"], claims["exp"])
        revoked = clock.elapsed()
        assert await closed_with(socket, 12) == 4401
        late = clock.elapsed() - revoked
        print(f"\nA8: closed {late:.2f} s after the revocation")
        assert late <= 10
        assert (await asked(other))["data"] == {"viewer": {"name": "Eve"}}


async def test_a_running_subscription_ends_with_the_token(site: Site) -> None:
    async with opening(site) as socket:
        await introduced(socket, token_of(site, lifetime_s=2))
        answers = await asyncio.gather(_ask_on(socket), return_exceptions=True)
        assert isinstance(answers[0], ConnectionClosed)
        assert socket.close_code == 4401


async def _ask_on(socket: ClientConnection) -> None:
    while True:
        await asked(socket)
        await asyncio.sleep(0.1)
