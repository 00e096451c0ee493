"""Accounts of the built-in authorization server, their sign-ins and failed tries."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from lotkin.records.session import Connection

TRIES_MAX = 5  # in TRIES_WINDOW, of one login, whether it exists or not
TRIES_WINDOW = "15 minutes"


class Account(NamedTuple):
    """One person who signs in here."""

    id: UUID
    login: str
    name: str
    organisation: str | None
    roles: Sequence[str]
    password_hash: str
    password_is_temporary: bool
    totp_seed: bytes | None
    totp_last: int
    totp_pending: bytes | None
    is_locked: bool


class SignIn(NamedTuple):
    """A signed-in browser; auth_time in Unix seconds."""

    id: UUID
    account_id: UUID
    auth_time: int
    acr: str


_ACCOUNT = (
    "select id, login, name, organisation, roles, password_hash, password_is_temporary, "
    "totp_seed, totp_last, totp_pending, locked_at is not null as is_locked from account "
)


async def insert(
    connection: Connection,
    *,
    id: UUID,
    login: str,
    name: str,
    organisation: str | None,
    roles: Sequence[str],
    password_hash: str,
    is_temporary: bool,
    created_by: str,
) -> bool:
    """Add an account; False when the login is taken. login: in lower case."""
    added = await connection.execute(
        text(
            "insert into account (id, login, name, organisation, roles, password_hash, "
            "password_is_temporary, created_by) values (:id, :login, :name, :organisation, "
            ":roles, :password_hash, :is_temporary, :created_by) on conflict do nothing "
            "returning id"
        ),
        {
            "id": id,
            "login": login,
            "name": name,
            "organisation": organisation,
            "roles": list(roles),
            "password_hash": password_hash,
            "is_temporary": is_temporary,
            "created_by": created_by,
        },
    )
    return added.one_or_none() is not None


async def by_login(connection: Connection, login: str) -> Account | None:
    """Return the account of a login, or None."""
    return await _one(connection, "where login = :login", {"login": login.lower()})


async def by_id(connection: Connection, id: UUID, *, for_update: bool = False) -> Account | None:
    """Return an account, or None."""
    return await _one(connection, "where id = :id" + " for update" * for_update, {"id": id})


async def set_roles(connection: Connection, id: UUID, roles: Sequence[str]) -> None:
    """Give an account these roles and no others."""
    await _set(connection, id, "roles = :roles", {"roles": list(roles)})


async def set_password(connection: Connection, id: UUID, hashed: str, *, temporary: bool) -> None:
    """Replace an account's password."""
    await _set(
        connection,
        id,
        "password_hash = :hashed, password_is_temporary = :temporary",
        {"hashed": hashed, "temporary": temporary},
    )


async def set_lock(connection: Connection, id: UUID, reason: str | None) -> None:
    """Lock an account for a reason, or unlock it with None."""
    assignment = "locked_reason = :reason, locked_at = case when :locks then clock_timestamp() end"
    await _set(connection, id, assignment, {"reason": reason, "locks": reason is not None})


async def set_pending_totp(connection: Connection, id: UUID, sealed: bytes) -> None:
    """Keep a seed until its first code."""
    await _set(connection, id, "totp_pending = :sealed", {"sealed": sealed})


async def confirm_totp(connection: Connection, id: UUID, counter: int) -> None:
    """Make the pending seed the account's; `counter` is used up."""
    assignment = "totp_seed = totp_pending, totp_pending = null, totp_last = :counter"
    await _set(connection, id, assignment, {"counter": counter})


async def remove_totp(connection: Connection, id: UUID) -> None:
    """Take the second factor off an account."""
    await _set(connection, id, "totp_seed = null, totp_pending = null", {})


async def use_totp(connection: Connection, id: UUID, counter: int) -> bool:
    """Use up a code; False when it, or a later one, was used already."""
    used = await connection.execute(
        text(
            "update account set totp_last = :counter where id = :id and totp_last < :counter "
            "returning id"
        ),
        {"id": id, "counter": counter},
    )
    return used.one_or_none() is not None


async def count_try(connection: Connection, login: str) -> bool:
    """Count one try of a login; False when there were too many. Commit it before checking."""
    # One at a time for each login, so that many at once are no more than one after another.
    await connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('sign-in ' || :login, 0))"),
        {"login": login},
    )
    # One statement: one clock for what is counted and what is added.
    counted = await connection.execute(
        text(
            "with recent as (select count(*) as tries from sign_in_attempt where login = :login "
            f"and at > clock_timestamp() - interval '{TRIES_WINDOW}'), "
            "added as (insert into sign_in_attempt (login) select :login from recent "
            "where tries < :most returning id) select count(*) from added"
        ),
        {"login": login, "most": TRIES_MAX},
    )
    return bool(counted.scalar_one())


async def forget_tries(connection: Connection, login: str) -> None:
    """Begin to count anew, and drop what is too old to count."""
    await connection.execute(
        text(
            "delete from sign_in_attempt where login = :login "
            f"or at < clock_timestamp() - interval '{TRIES_WINDOW}'"
        ),
        {"login": login},
    )


async def open_sign_in(
    connection: Connection,
    *,
    id: UUID,
    secret_sha256: bytes,
    account_id: UUID,
    acr: str,
    lifetime_s: int,
) -> SignIn:
    """Record that a browser signed in just now."""
    opened = await connection.execute(
        text(
            "insert into sign_in (id, secret_sha256, account_id, acr, expires_at) values (:id, "
            ":secret_sha256, :account_id, :acr, clock_timestamp() + make_interval(secs => :secs)) "
            "returning id, account_id, floor(extract(epoch from auth_time))::bigint, acr"
        ),
        {
            "id": id,
            "secret_sha256": secret_sha256,
            "account_id": account_id,
            "acr": acr,
            "secs": lifetime_s,
        },
    )
    return SignIn(*opened.one())


async def find_sign_in(connection: Connection, secret_sha256: bytes) -> SignIn | None:
    """Return the standing sign-in of a cookie's secret, or None."""
    found = await connection.execute(
        text(
            "select s.id, s.account_id, floor(extract(epoch from s.auth_time))::bigint, s.acr "
            "from sign_in s join account a on a.id = s.account_id where secret_sha256 = :secret "
            "and ended_at is null and expires_at > clock_timestamp() and a.locked_at is null"
        ),
        {"secret": secret_sha256},
    )
    row = found.one_or_none()
    return None if row is None else SignIn(*row)


async def end_sign_ins(
    connection: Connection, issuer: str, *, account_id: UUID, sign_in_id: UUID | None = None
) -> None:
    """End one sign-in of an account, or all, and revoke every token they led to."""
    values = {"issuer": issuer, "account": account_id, "sign_in": sign_in_id}
    mine = "account_id = :account and (cast(:sign_in as uuid) is null or {} = :sign_in)"
    for statement in (
        f"update sign_in set ended_at = clock_timestamp() where ended_at is null and {mine}".format(
            "id"
        ),
        "update refresh_token set revoked_at = clock_timestamp() where revoked_at is null and "
        + mine.format("sign_in_id"),
        "insert into revoked_token (issuer, jti, until) select :issuer, jti, expires_at "
        "from access_token where expires_at > clock_timestamp() - interval '1 minute' and "
        + mine.format("sign_in_id")
        + " on conflict do nothing",
    ):
        await connection.execute(text(statement), values)


async def _one(connection: Connection, where: str, values: dict[str, Any]) -> Account | None:
    found = await connection.execute(text(_ACCOUNT + where), values)
    row = found.one_or_none()
    return None if row is None else Account(*row)


async def _set(connection: Connection, id: UUID, assignment: str, values: dict[str, Any]) -> None:
    await connection.execute(
        text(f"update account set {assignment} where id = :id"), {"id": id, **values}
    )
