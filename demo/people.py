"""People and a program of the demo: one account for each role, with a password for this run."""

import asyncio
from typing import Any

from lotkin import clock
from lotkin.app import open_services
from lotkin.auth.actor import Actor
from lotkin.auth.factors import hash_password
from lotkin.auth.permissions import Role
from lotkin.demo.company import POLYMERS
from lotkin.records import accounts as rows
from lotkin.records import tokens
from lotkin.resolvers import accounts
from lotkin.resolvers.context import Context, Services
from lotkin.settings import Settings

REDIRECT_URI = "http://127.0.0.1:8765/callback"  # where a program of one's own may listen
CLIENT = "demo"
ORGANISATIONS = {
    Role.SUPPLIER: f"urn:epc:id:pgln:{POLYMERS}.00000",  # who made the granulate of the story
    Role.REGULATOR: "urn:lotkin:org:authority",
}


def prepare(settings: Settings) -> dict[str, Any]:
    """Give every role's account a fresh password, making what is missing, and return all of it.

    Shape: {"accounts": {role: {"login", "password"}}, "client": {"id", "redirectUri"}}.
    """
    return asyncio.run(_prepare(settings))


async def _prepare(settings: Settings) -> dict[str, Any]:
    services, driver = open_services(settings)
    try:
        told = {role.value: await _account(services, role) for role in Role}
        await _client(services)
    finally:
        await services.database.close()
        if driver is not None:
            await driver.close()
    return {"accounts": told, "client": {"id": CLIENT, "redirectUri": REDIRECT_URI}}


async def _account(services: Services, role: Role) -> dict[str, str]:
    login, password = role.value, clock.token(12)
    async with services.database.transaction() as connection:
        found = await rows.by_login(connection, login)
        if found is not None:
            await rows.set_password(connection, found.id, hash_password(password), temporary=False)
            await rows.forget_tries(connection, login)
    if found is None:
        await accounts.create_account(
            _administrator(services),
            login,
            name_of(role),
            [role],
            ORGANISATIONS.get(role),
            lasting_password=password,
        )
    return {"login": login, "password": password}


async def _client(services: Services) -> None:
    async with services.database.transaction() as connection:
        known = await connection.run_sync(tokens.find_client, CLIENT)
    if known is None:
        await accounts.create_client(
            _administrator(services),
            CLIENT,
            "Demo",
            {"authorization_code", "refresh_token"},
            redirect_uris=[REDIRECT_URI],
            is_public=True,
        )


def name_of(role: Role) -> str:
    """Return the printed name of the demo's person in a role."""
    return role.value.replace("_", " ").capitalize()


def _administrator(services: Services) -> Context:
    actor = Actor("demo", "Demo", None, frozenset({Role.ADMINISTRATOR}), client="lotkin-demo")
    return Context(actor=actor, services=services)
