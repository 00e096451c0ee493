"""Accounts and clients of the built-in authorization server: who is let in, and as what."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lotkin import clock
from lotkin.auth.factors import hash_password
from lotkin.auth.permissions import Permission, Role
from lotkin.auth.segregation import conflicts
from lotkin.errors import Refusal, RefusalCode
from lotkin.journal import intent as journal_intent
from lotkin.records import accounts, tokens
from lotkin.records.accounts import Account
from lotkin.records.session import Connection
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting
from lotkin.resolvers.usecase import usecase

PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 128
GRANTS = frozenset({"authorization_code", "refresh_token", "client_credentials"})

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,99}")
_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")
# An address a browser may be sent to: no fragment, no spaces; http on this machine alone.
_REDIRECT = re.compile(
    r"(https://[^\s#@/?]+[^\s#]*|http://(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?(/[^\s#]*)?"
    r"|[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/[^\s#]*)"
)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A fresh account and the password for its first sign-in, told once."""

    id: UUID
    login: str
    password: str


@dataclass(frozen=True, slots=True)
class NewClient:
    """A fresh client; secret: told once, None for a public one."""

    id: str
    secret: str | None


@usecase(Permission.ACCOUNT_MANAGE, writes=True)
async def create_account(
    context: Context,
    login: str,
    name: str,
    roles: Collection[Role],
    organisation: str | None = None,
    *,
    lasting_password: str | None = None,
) -> NewAccount:
    """Make an account with a password with which the person chooses another.

    lasting_password: stays as it is; for the demo and for programs that test.
    Raises: Refusal BAD_INPUT for a taken or unfit login, roles nobody holds together, a partner
    without organisation, or a weak password.
    """
    login, name = login.strip().lower(), unicodedata.normalize("NFC", name.strip())
    if not _LOGIN.fullmatch(login):
        raise _bad("A login has 2 to 100 small letters, digits and . _ @ + -")
    if not name or len(name) > 200 or not name.isprintable():
        raise _bad("Give the name that stands beside signatures, up to 200 characters")
    _check_roles(roles, organisation)
    password = lasting_password or clock.token(12)
    hashed = hash_password(fit_password(password, login))
    id = clock.new_id()
    async with context.database.transaction() as connection:
        added = await accounts.insert(
            connection,
            id=id,
            login=login,
            name=name,
            organisation=organisation,
            roles=_names(roles),
            password_hash=hashed,
            is_temporary=lasting_password is None,
            created_by=context.actor.subject,
        )
        if not added:
            raise _bad(f"The login {login} is taken")
        said = {"login": login, "name": name, "roles": _names(roles), "organisation": organisation}
        await tell(connection, context, "account.created", str(id), said)
    return NewAccount(id, login, password)


@usecase(Permission.ACCOUNT_MANAGE, writes=True)
async def set_account_roles(context: Context, login: str, roles: Collection[Role]) -> None:
    """Give an account these roles and no others; whoever uses it signs in again.

    Raises: Refusal BAD_INPUT as `create_account`; NOT_FOUND.
    """
    async with context.database.transaction() as connection:
        account = await _account(connection, login)
        _check_roles(roles, account.organisation)
        await accounts.set_roles(connection, account.id, _names(roles))
        await _end(connection, context, account)
        said = {"before": sorted(account.roles), "after": _names(roles)}
        await tell(connection, context, "account.roles_set", str(account.id), said)


@usecase(Permission.ACCOUNT_MANAGE, writes=True)
async def lock_account(context: Context, login: str, reason: str) -> None:
    """Lock an account: nobody signs in with it, and all its tokens end within seconds.

    Raises: Refusal NOT_FOUND; BAD_INPUT without a reason.
    """
    if not reason.strip():
        raise _bad("Give the reason")
    async with context.database.transaction() as connection:
        account = await _account(connection, login)
        await accounts.set_lock(connection, account.id, reason.strip()[:500])
        await _end(connection, context, account)
        await tell(connection, context, "account.locked", str(account.id), {"reason": reason})


@usecase(Permission.ACCOUNT_MANAGE, writes=True)
async def unlock_account(context: Context, login: str, reason: str) -> None:
    """Let an account sign in again, also after too many tries. Raises: as `lock_account`."""
    if not reason.strip():
        raise _bad("Give the reason")
    async with context.database.transaction() as connection:
        account = await _account(connection, login)
        await accounts.set_lock(connection, account.id, None)
        await accounts.forget_tries(connection, account.login)
        await tell(connection, context, "account.unlocked", str(account.id), {"reason": reason})


@usecase(Permission.ACCOUNT_MANAGE, writes=True)
async def reset_password(context: Context, login: str, *, with_totp: bool = False) -> NewAccount:
    """Give an account a password to choose another with; with_totp: and take its phone off.

    Factors of signatures are others and stay (`resolvers.factors`). Raises: Refusal NOT_FOUND.
    """
    password = clock.token(12)
    hashed = hash_password(password)
    async with context.database.transaction() as connection:
        account = await _account(connection, login)
        await accounts.set_password(connection, account.id, hashed, temporary=True)
        if with_totp:
            await accounts.remove_totp(connection, account.id)
        await _end(connection, context, account)
        said = {"secondFactorRemoved": with_totp}
        await tell(connection, context, "account.password_reset", str(account.id), said)
    return NewAccount(account.id, account.login, password)


@usecase(Permission.ACCOUNT_MANAGE, writes=True)
async def create_client(
    context: Context,
    id: str,
    name: str,
    grants: Collection[str],
    *,
    redirect_uris: Sequence[str] = (),
    roles: Collection[Role] = (),
    organisation: str | None = None,
    is_public: bool = False,
    needs_dpop: bool = False,
    introspects: bool = False,
) -> NewClient:
    """Register a program that asks for tokens; a secret is made and told once.

    roles: of its own tokens, by client credentials. Partners' programs must prove their key.
    Raises: Refusal BAD_INPUT for what does not fit together.
    """
    _check_client(id, grants, redirect_uris, is_public=is_public)
    _check_roles(roles, organisation, may_be_none=True)
    secret = None if is_public else clock.token(32)
    is_partner = bool(set(roles) & {Role.SUPPLIER, Role.REGULATOR})
    row = tokens.ClientRow(
        id=id,
        name=name.strip() or id,
        secret_sha256=None if secret is None else hashlib.sha256(secret.encode()).digest(),
        redirect_uris=list(redirect_uris),
        grants=sorted(grants),
        roles=_names(roles),
        organisation=organisation,
        needs_dpop=needs_dpop or is_partner,
        introspects=introspects and not is_public,
    )
    async with context.database.transaction() as connection:
        if not await tokens.insert_client(connection, row, created_by=context.actor.subject):
            raise _bad(f"The client id {id} is taken")
        said = {
            "name": row.name,
            "grants": list(row.grants),
            "roles": list(row.roles),
            "redirectUris": list(row.redirect_uris),
            "public": is_public,
        }
        await tell(connection, context, "client.created", id, said, kind="client")
    return NewClient(id, secret)


@usecase(Permission.ACCOUNT_MANAGE, writes=True)
async def revoke_token(context: Context, issuer: str, token_id: str, until: int) -> None:
    """Call back one token of any issuer by its `jti`. until: its `exp`, Unix seconds."""
    async with context.database.transaction() as connection:
        await connection.run_sync(tokens.revoke_access, issuer, token_id, until)
        said = {"issuer": issuer, "until": until}
        await tell(connection, context, "token.revoked", token_id, said, kind="token")


def fit_password(password: str, login: str) -> str:
    """Return a password in one spelling. Raises: Refusal BAD_INPUT when it is too weak."""
    password = unicodedata.normalize("NFKC", password)
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise _bad(f"A password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")
    if login in password.lower() or len(set(password)) < 5:
        raise _bad("Choose a password without the login and with more different characters")
    return password


async def tell(
    connection: Connection,
    context: Context,
    event: str,
    id: str,
    body: dict[str, Any],
    *,
    kind: str = "account",
) -> None:
    """Write into the journal what was done to an account, a client or a token."""
    entry = journal_intent.intent(
        id=clock.new_id(),
        at=clock.now(),
        event=event,
        actor=acting(context),
        entity={"type": kind, "id": id, "ver": 0},
        body=body,
    )
    await journal_intent.append(connection, [entry])


async def _account(connection: Connection, login: str) -> Account:
    found = await accounts.by_login(connection, login.strip())
    if found is None:
        raise Refusal(RefusalCode.NOT_FOUND, index=0)
    return found


async def _end(connection: Connection, context: Context, account: Account) -> None:
    issuer = context.settings.base_url()
    await accounts.end_sign_ins(connection, issuer, account_id=account.id)


def _check_roles(
    roles: Collection[Role], organisation: str | None, *, may_be_none: bool = False
) -> None:
    if not roles and not may_be_none:
        raise _bad("Give at least one role")
    if broken := conflicts(roles):
        raise _bad(f"Nobody holds these roles together ({', '.join(broken)})")
    if set(roles) & {Role.SUPPLIER, Role.REGULATOR} and not organisation:
        raise _bad("A supplier or regulator has an organisation")


def _check_client(
    id: str, grants: Collection[str], redirect_uris: Sequence[str], *, is_public: bool
) -> None:
    if not _CLIENT_ID.fullmatch(id):
        raise _bad("A client id has 3 to 64 small letters, digits and . _ -")
    if not grants or not GRANTS.issuperset(grants):
        raise _bad(f"Grants are {', '.join(sorted(GRANTS))}")
    if ("authorization_code" in grants) != bool(redirect_uris):
        raise _bad("Redirect addresses belong to authorization_code, and to nothing else")
    if is_public and "client_credentials" in grants:
        raise _bad("A public client has no credentials")
    for address in redirect_uris:
        if not _REDIRECT.fullmatch(address) or not address.isprintable():
            raise _bad(f"{address} is no address a browser may be sent to")


def _names(roles: Collection[Role]) -> list[str]:
    return sorted(role.value for role in set(roles))


def _bad(reason: str) -> Refusal:
    return Refusal(RefusalCode.BAD_INPUT, reason=reason)
