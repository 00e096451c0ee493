"""`lotkin account`, `lotkin client`, `lotkin keys`: the built-in authorization server's people,
programs and signing keys, from the machine it runs on."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from lotkin.app import open_services
from lotkin.auth.actor import Actor
from lotkin.auth.keyring import OVERLAP_S, Keyring
from lotkin.auth.permissions import Role
from lotkin.resolvers import accounts
from lotkin.resolvers.accounts import NewAccount
from lotkin.resolvers.context import Context
from lotkin.settings import Settings

T = TypeVar("T")

account = typer.Typer(no_args_is_help=True, help="People who sign in here.")
client = typer.Typer(no_args_is_help=True, help="Programs that ask for tokens here.")
keys = typer.Typer(no_args_is_help=True, help="Keys that sign tokens here.")

console = Console()

Login = Annotated[str, typer.Argument(help="The login, in small letters.")]
Roles = Annotated[list[str], typer.Option("--role", help="A role; repeat for more.")]
Organisation = Annotated[
    str | None, typer.Option(help="Key of the organisation; a partner must have one.")
]
Reason = Annotated[str, typer.Option(help="Why; it stands in the journal.")]


@account.command("add")
def account_add(
    login: Login,
    name: Annotated[str, typer.Option(help="The name that stands beside signatures.")],
    role: Roles,
    organisation: Organisation = None,
) -> None:
    """Make an account and print the password with which the person chooses another."""
    wanted = _roles(role)
    _show(_run(lambda context: accounts.create_account(context, login, name, wanted, organisation)))


@account.command("roles")
def account_roles(login: Login, role: Roles) -> None:
    """Give an account these roles and no others; the person signs in again."""
    wanted = _roles(role)
    _run(lambda context: accounts.set_account_roles(context, login, wanted))
    console.print("done")


@account.command("reset")
def account_reset(
    login: Login,
    phone: Annotated[bool, typer.Option("--phone", help="Also take the one-time codes off.")] = (
        False
    ),
) -> None:
    """Print a new password with which the person chooses another."""
    _show(_run(lambda context: accounts.reset_password(context, login, with_totp=phone)))


@account.command("lock")
def account_lock(login: Login, reason: Reason) -> None:
    """Lock an account; all its tokens end within seconds."""
    _run(lambda context: accounts.lock_account(context, login, reason))
    console.print("locked")


@account.command("unlock")
def account_unlock(login: Login, reason: Reason) -> None:
    """Let an account sign in again, also after too many tries."""
    _run(lambda context: accounts.unlock_account(context, login, reason))
    console.print("unlocked")


@client.command("add")
def client_add(
    id: Annotated[str, typer.Argument(help="The client id.")],
    name: Annotated[str, typer.Option(help="What people read when they sign in.")] = "",
    redirect: Annotated[
        list[str] | None, typer.Option(help="Where it takes people back to; repeat for more.")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="A role of its own tokens, without a person.")
    ] = None,
    organisation: Organisation = None,
    public: Annotated[
        bool, typer.Option("--public", help="It can keep no secret: an app or a page.")
    ] = False,
    dpop: Annotated[
        bool, typer.Option("--dpop", help="Its tokens must be bound to a key.")
    ] = False,
    introspects: Annotated[
        bool, typer.Option("--introspects", help="It may ask what any token says.")
    ] = False,
) -> None:
    """Register a program and print its secret: with --redirect for people, with --role alone."""
    grants = {"authorization_code", "refresh_token"} if redirect else set()
    grants |= {"client_credentials"} if role or introspects else set()
    wanted = _roles(role or [])
    made = _run(
        lambda context: accounts.create_client(
            context,
            id,
            name,
            grants,
            redirect_uris=redirect or [],
            roles=wanted,
            organisation=organisation,
            is_public=public,
            needs_dpop=dpop,
            introspects=introspects,
        )
    )
    typer.echo(f"client {made.id}" + (f" secret {made.secret}" if made.secret else ""))


@keys.command("rotate")
def keys_rotate(
    stolen: Annotated[
        bool, typer.Option("--stolen", help="Drop the old key at once: everybody signs in again.")
    ] = False,
) -> None:
    """Sign with a new key from now on; the old one is good for what it signed, for an hour."""
    kid = Keyring(Settings()).rotate(overlap_s=0 if stolen else OVERLAP_S)
    typer.echo(f"key {kid}")


def _show(made: NewAccount) -> None:
    typer.echo(f"account {made.login} id {made.id} password {made.password}")


def _roles(names: list[str]) -> list[Role]:
    try:
        return [Role(name) for name in names]
    except ValueError as error:
        known = ", ".join(each.value for each in Role)
        raise typer.BadParameter(f"use some of {known}", param_hint="--role") from error


def _run(work: Callable[[Context], Awaitable[T]]) -> T:
    """Do `work` as the administrator that whoever has this machine's shell is."""

    async def inside() -> T:
        services, driver = open_services(Settings())
        actor = Actor(
            f"shell:{getpass.getuser()}",
            getpass.getuser(),
            None,
            frozenset({Role.ADMINISTRATOR}),
            client="lotkin-cli",
        )
        try:
            return await work(Context(actor=actor, services=services))
        finally:
            await services.database.close()
            if driver is not None:
                await driver.close()

    return asyncio.run(inside())
