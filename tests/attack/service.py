"""The endpoint as composed, without servers behind it: nothing hostile may get that far."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from lotkin import schema
from lotkin.auth import demo
from lotkin.auth.middleware import BearerAuthentication, BodyLimit
from lotkin.auth.permissions import Role
from lotkin.auth.tokens import TokenVerifier
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.resolvers.context import Services
from lotkin.schema.endpoint import GraphQLEndpoint
from lotkin.settings import RoleLimits, Settings

NEW = "application/graphql-response+json"
# Rates have a test of their own; here they would hide what is looked for.
GENEROUS = {
    role: RoleLimits(operations_per_minute=10**9, cost_per_minute=10**9, depth_max=depth)
    for role, depth in (("viewer", 12), ("operator", 12), ("supplier", 8), ("regulator", 8),
                        ("auditor", 12), ("administrator", 12), ("anonymous", 8))
}  # fmt: skip


def settings(folder: Path, **others: Any) -> Settings:
    """Settings of a service in `folder` whose rates are no hindrance."""
    return Settings(**{"state_dir": folder, "role_limits": GENEROUS, **others})


def token(site: Settings, role: Role, *, developer: bool = False) -> str:
    """A token of a role; developer: one that may see the schema."""
    scope = "dev:introspect" if developer else ""
    return demo.mint(site, role, subject=f"attack-{role.value}", name="Mallory", scope=scope)


def app(site: Settings) -> Any:
    """The endpoint behind its layers, with no database."""
    nowhere = Database("postgresql://nobody@127.0.0.1:9/nothing")  # nothing listens there
    services = Services(site, nowhere, RelationalReader(nowhere.engine), None)
    endpoint = GraphQLEndpoint(schema.build(), services)
    return layered(endpoint, site)


def layered(endpoint: Any, site: Settings) -> Any:
    """An endpoint behind its layers."""
    limited = BodyLimit(endpoint, site.body_bytes_max, site.document_bytes_max)
    return BearerAuthentication(limited, TokenVerifier(site))


@asynccontextmanager
async def client(site: Settings, bearer: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the endpoint in this process."""
    headers = {"accept": NEW} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    transport = httpx.ASGITransport(app=app(site))
    async with httpx.AsyncClient(transport=transport, base_url="http://t", headers=headers) as made:
        yield made
