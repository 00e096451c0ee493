"""Signing in to the built-in authorization server, and what a signed-in person may change.

No permission is asked for: the password, and after it the browser's cookie, say who it is. The
record is reached as the service itself, never in the role of a partner, which may only read.
"""

import asyncio
import hashlib
import unicodedata
from dataclasses import dataclass, replace

import structlog

from lotkin import clock
from lotkin.auth.actor import Actor
from lotkin.auth.factors import (
    hash_password,
    is_password,
    new_seed,
    provisioning_uri,
    totp_counter,
)
from lotkin.auth.minting import ACR_PASSWORD, ACR_TWO_FACTOR
from lotkin.auth.permissions import Role
from lotkin.auth.sitekeys import seal, unseal
from lotkin.records import accounts
from lotkin.records.accounts import Account, SignIn
from lotkin.resolvers.accounts import fit_password, tell
from lotkin.resolvers.context import Context

_log = structlog.get_logger(__name__)

FIELD_CHARS_MAX = 256


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser that signed in just now; secret: for its cookie, told once."""

    secret: str
    sign_in: SignIn
    must_choose_password: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A signed-in browser and its account."""

    sign_in: SignIn
    account: Account


async def sign_in(context: Context, login: str, password: str, code: str) -> SignedIn | None:
    """Sign a browser in; None for whatever is wrong: nobody learns which part it was.

    After TRIES_MAX failures of one login in a quarter of an hour nothing is checked any more.
    code: of the authenticator app, where the account has one.
    """
    login = login.strip().lower()[:FIELD_CHARS_MAX]
    async with context.services.database.transaction() as connection:
        is_counted = await accounts.count_try(connection, login)
    if not is_counted:
        _log.warning("sign_in_locked", login_sha256=_digest(login).hex()[:16])
        return None
    async with context.services.database.reading() as connection:
        account = await accounts.by_login(connection, login)
    stored = account.password_hash if account else None
    password = password[:FIELD_CHARS_MAX]
    is_right = await asyncio.to_thread(is_password, stored, _spelled(password))
    counter = _counter(context, account, code)
    if account is None or account.is_locked or not is_right or counter is None:
        return None
    return await _open(context, account, counter)


async def standing(context: Context, secret: str) -> Standing | None:
    """Return the sign-in of a cookie's secret while it stands, or None."""
    async with context.services.database.reading() as connection:
        found = await accounts.find_sign_in(connection, _digest(secret))
        account = found and await accounts.by_id(connection, found.account_id)
    return Standing(found, account) if found and account else None


async def sign_out(context: Context, here: Standing) -> None:
    """End a sign-in and every token it led to."""
    context = as_person(context, here.account)
    issuer = context.settings.base_url()
    async with context.services.database.transaction() as connection:
        account_id, sign_in_id = here.account.id, here.sign_in.id
        await accounts.end_sign_ins(
            connection, issuer, account_id=account_id, sign_in_id=sign_in_id
        )
        await tell(connection, context, "account.signed_out", str(account_id), {})


async def choose_password(context: Context, here: Standing, old: str, new: str) -> bool:
    """Replace one's own password; False when the old one is wrong, which counts as a try.

    Every other sign-in of the account stays: only whoever knew the old one can do this.
    Raises: Refusal BAD_INPUT for a weak password.
    """
    account = here.account
    new = fit_password(new, account.login)
    if not await _is_own_password(context, account, old):
        return False
    hashed = await asyncio.to_thread(hash_password, new)
    context = as_person(context, account)
    async with context.services.database.transaction() as connection:
        await accounts.set_password(connection, account.id, hashed, temporary=False)
        await accounts.forget_tries(connection, account.login)
        await tell(connection, context, "account.password_chosen", str(account.id), {})
    return True


async def begin_totp(context: Context, here: Standing, password: str) -> tuple[str, str] | None:
    """Return a new seed and its otpauth address; None when the password is wrong.

    The seed counts from its first code on (`confirm_totp`); until then the old one does.
    """
    account = here.account
    if not await _is_own_password(context, account, password):
        return None
    seed = new_seed()
    sealed = seal(context.settings.state_dir, seed.encode(), str(account.id))
    async with context.services.database.transaction() as connection:
        await accounts.set_pending_totp(connection, account.id, sealed)
        await accounts.forget_tries(connection, account.login)
    return seed, provisioning_uri(seed, account.login, "Lotkin")


async def confirm_totp(context: Context, here: Standing, code: str) -> bool:
    """Put a phone to the account by its first code; False when the code is wrong."""
    context = as_person(context, here.account)
    async with context.services.database.transaction() as connection:
        if not await accounts.count_try(connection, here.account.login):
            return False
    async with context.services.database.transaction() as connection:
        account = await accounts.by_id(connection, here.account.id, for_update=True)
        if account is None or account.totp_pending is None:
            return False
        counter = _checked(context, account, account.totp_pending, code, last=0)
        if counter is None:
            return False
        await accounts.confirm_totp(connection, account.id, counter)
        await accounts.forget_tries(connection, account.login)
        await tell(connection, context, "account.second_factor_set", str(account.id), {})
    return True


def as_person(context: Context, account: Account) -> Context:
    """Return the context of one who acts by their own account."""
    known = {role.value for role in Role}
    actor = Actor(
        subject=str(account.id),
        name=account.name,
        organisation=account.organisation,
        roles=frozenset(Role(name) for name in account.roles if name in known),
    )
    return replace(context, actor=actor)


async def _open(context: Context, account: Account, counter: int) -> SignedIn | None:
    secret, id = clock.token(32), clock.new_id()
    acr = ACR_TWO_FACTOR if account.totp_seed else ACR_PASSWORD
    context = as_person(context, account)
    async with context.services.database.transaction() as connection:
        # Of two with the same code at once one is let in.
        if account.totp_seed and not await accounts.use_totp(connection, account.id, counter):
            return None
        opened = await accounts.open_sign_in(
            connection,
            id=id,
            secret_sha256=_digest(secret),
            account_id=account.id,
            acr=acr,
            lifetime_s=context.settings.sign_in_s,
        )
        await accounts.forget_tries(connection, account.login)
        said = {"sid": str(id), "acr": acr}
        await tell(connection, context, "account.signed_in", str(account.id), said)
    return SignedIn(secret, opened, account.password_is_temporary)


async def _is_own_password(context: Context, account: Account, password: str) -> bool:
    async with context.services.database.transaction() as connection:
        if not await accounts.count_try(connection, account.login):
            return False
    given = _spelled(password[:FIELD_CHARS_MAX])
    return await asyncio.to_thread(is_password, account.password_hash, given)


def _counter(context: Context, account: Account | None, code: str) -> int | None:
    """Return the counter of a right code, 0 where none is asked for, None for a wrong one."""
    if account is None or account.totp_seed is None:
        return 0
    return _checked(context, account, account.totp_seed, code, last=account.totp_last)


def _checked(
    context: Context, account: Account, sealed: bytes, code: str, *, last: int
) -> int | None:
    seed = unseal(context.settings.state_dir, sealed, str(account.id)).decode()
    given = "".join(code.split())[:10]
    if not given.isascii():
        return None
    return totp_counter(seed, given, last=last, now_s=clock.now_us() / 1e6)


def _spelled(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
