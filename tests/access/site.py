"""A whole service on a real port, a browser for it, and a program that signs people in."""

import asyncio
import base64
import hashlib
import html
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import uvicorn

from lotkin import clock
from lotkin.app import create_app
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.resolvers import accounts
from lotkin.resolvers.context import Context, Services
from lotkin.settings import Settings

CALLBACK = "https://portal.example/callback"
PASSWORD = "correct horse battery 7"


@dataclass
class Site:
    """One running service and its administrator's hand."""

    settings: Settings
    database: Database

    @property
    def url(self) -> str:
        return self.settings.base_url()

    @property
    def admin(self) -> Context:
        services = Services(
            self.settings, self.database, RelationalReader(self.database.engine), None
        )
        return Context(Actor("root", "Root", None, frozenset({Role.ADMINISTRATOR})), services)

    async def account(self, login: str, *roles: Role, organisation: str | None = None) -> str:
        made = await accounts.create_account(
            self.admin, login, f"Name of {login}", roles or (Role.OPERATOR,), organisation,
            lasting_password=PASSWORD,
        )  # fmt: skip
        return str(made.id)

    async def portal(self, id: str = "portal") -> "Program":
        made = await accounts.create_client(
            self.admin, id, "The portal", {"authorization_code", "refresh_token"},
            redirect_uris=[CALLBACK], is_public=True,
        )  # fmt: skip
        return Program(self.url, made.id)


@asynccontextmanager
async def serving(database: Database, folder: Path, **wishes: Any) -> AsyncIterator[Site]:
    """Run the service on a free port while the block lasts."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        told = {"auth_server": True, "trust_demo_issuer": True, "external_url": url} | wishes
        settings = Settings(state_dir=folder, database_url=database.url, database_pool=4, **told)
        config = uvicorn.Config(
            create_app(settings, background=False), log_level="warning",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            assert not task.done(), task.exception()
            await asyncio.sleep(0.02)
        try:
            yield Site(settings, database)
        finally:
            server.should_exit = True
            await task


@dataclass
class Browser:
    """Fills in forms; follows no redirect by itself."""

    url: str
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.AsyncClient(base_url=self.url, follow_redirects=False)

    async def get(self, address: str, **headers: str) -> httpx.Response:
        return await self.client.get(address, headers=headers)

    async def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Fill in the first form of `page` and send it."""
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        hidden = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert action, page.text
        assert hidden
        return await self.client.post(
            html.unescape(action[1]),
            data={"csrf": html.unescape(hidden[1]), **fields},
            headers={"origin": self.url},
        )

    async def sign_in(
        self, address: str, login: str, password: str = PASSWORD, code: str = ""
    ) -> httpx.Response:
        return await self.submit(await self.get(address), login=login, password=password, code=code)


@dataclass
class Program:
    """A public client with PKCE."""

    url: str
    id: str
    verifier: str = field(default_factory=lambda: clock.token(40))

    def ask(self, **more: str) -> str:
        """Return the address it sends a browser to."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code", "client_id": self.id, "redirect_uri": CALLBACK,
            "scope": "openid", "state": "s1", "nonce": "n1",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | more  # fmt: skip
        return str(httpx.URL("/oauth/authorize", params={k: v for k, v in asked.items() if v}))

    async def exchange(self, code: str, **more: str) -> httpx.Response:
        return await self.token(
            grant_type="authorization_code", code=code, redirect_uri=CALLBACK,
            client_id=self.id, code_verifier=self.verifier, **more,
        )  # fmt: skip

    async def refresh(self, token: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=token, client_id=self.id)

    async def token(self, **form: str) -> httpx.Response:
        return await self.post("/oauth/token", **form)

    async def post(self, path: str, **form: str) -> httpx.Response:
        auth = form.pop("basic", "").split(":", 1)
        headers = {"dpop": form.pop("dpop")} if "dpop" in form else {}
        async with httpx.AsyncClient(base_url=self.url) as client:
            return await client.post(
                path, data=form, headers=headers,
                auth=(auth[0], auth[1]) if len(auth) == 2 else None,
            )  # fmt: skip


def sent_back(response: httpx.Response) -> dict[str, str]:
    """Return what the client is told by a redirect to its own address."""
    assert response.status_code == 303, response.text
    location = response.headers["location"]
    assert location.partition("?")[0] == CALLBACK, location
    return dict(parse_qsl(urlsplit(location).query))


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says, unverified."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def who(url: str, authorization: str, **headers: str) -> httpx.Response:
    """Ask the service who asks."""
    async with httpx.AsyncClient(base_url=url) as client:
        return await client.post(
            "/graphql", json={"query": "{ viewer { name subject roles } }"},
            headers={"authorization": authorization, **headers},
        )  # fmt: skip
