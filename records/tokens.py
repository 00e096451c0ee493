"""Codes, refresh and access tokens of the built-in server, clients, and revocations of any issuer.

The functions take the synchronous connection that `AsyncConnection.run_sync` hands out: they are
called from inside the authorization server's library, which knows no other kind.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import text

from lotkin import clock
from lotkin.errors import Refusal, RefusalCode
from lotkin.records.session import Connection, Database

READ_AGAIN_S = 1.0  # how far behind the record a process may be with revocations
KEPT = "1 day"  # rows of ended codes and tokens, so that a reuse is still recognised


class ClientRow(NamedTuple):
    """A program that may ask for tokens."""

    id: str
    name: str
    secret_sha256: bytes | None
    redirect_uris: Sequence[str]
    grants: Sequence[str]
    roles: Sequence[str]
    organisation: str | None
    needs_dpop: bool
    introspects: bool


class CodeRow(NamedTuple):
    """An authorization code and what it was given for."""

    family: UUID
    client_id: str
    account_id: UUID
    sign_in_id: UUID
    redirect_uri: str
    scope: str
    nonce: str | None
    challenge: str


class RefreshRow(NamedTuple):
    """A refresh token; a used or revoked one is never good again."""

    family: UUID
    client_id: str
    account_id: UUID
    sign_in_id: UUID
    scope: str
    jkt: str | None
    expires_at: int
    is_used: bool
    is_over: bool


class Holder(NamedTuple):
    """The person behind a sign-in, as their tokens tell it."""

    account_id: UUID
    sign_in_id: UUID
    name: str
    organisation: str | None
    roles: Sequence[str]
    auth_time: int
    acr: str


async def insert_client(connection: Connection, client: ClientRow, *, created_by: str) -> bool:
    """Add a client; False when its id is taken."""
    added = await connection.execute(
        text(
            "insert into oauth_client (id, name, secret_sha256, redirect_uris, grants, roles, "
            "organisation, needs_dpop, introspects, created_by) values (:id, :name, "
            ":secret_sha256, :redirect_uris, :grants, :roles, :organisation, :needs_dpop, "
            ":introspects, :created_by) on conflict do nothing returning id"
        ),
        {
            **client._asdict(),
            "redirect_uris": list(client.redirect_uris),
            "grants": list(client.grants),
            "roles": list(client.roles),
            "created_by": created_by,
        },
    )
    return added.one_or_none() is not None


def find_client(connection: SyncConnection, id: str) -> ClientRow | None:
    """Return a client that is not disabled, or None."""
    row = connection.execute(
        text(
            "select id, name, secret_sha256, redirect_uris, grants, roles, organisation, "
            "needs_dpop, introspects from oauth_client where id = :id and disabled_at is null"
        ),
        {"id": id},
    ).one_or_none()
    return None if row is None else ClientRow(*row)


def find_holder(connection: SyncConnection, sign_in_id: UUID) -> Holder | None:
    """Return who signed in, or None when the sign-in ended or the account is locked."""
    row = connection.execute(
        text(
            "select a.id, s.id, a.name, a.organisation, a.roles, "
            "floor(extract(epoch from s.auth_time))::bigint, s.acr "
            "from sign_in s join account a on a.id = s.account_id where s.id = :id "
            "and s.ended_at is null and s.expires_at > clock_timestamp() and a.locked_at is null "
            "and not a.password_is_temporary"
        ),
        {"id": sign_in_id},
    ).one_or_none()
    return None if row is None else Holder(*row)


def insert_code(connection: SyncConnection, digest: bytes, code: CodeRow, *, secs: int) -> None:
    """Keep a code for `secs`, and drop what ended long ago."""
    for table in ("oauth_code", "refresh_token", "access_token"):
        connection.execute(
            text(f"delete from {table} where expires_at < clock_timestamp() - interval '{KEPT}'")
        )
    connection.execute(
        text(
            "insert into oauth_code (code_sha256, family, client_id, account_id, sign_in_id, "
            "redirect_uri, scope, nonce, challenge, expires_at) values (:digest, :family, "
            ":client_id, :account_id, :sign_in_id, :redirect_uri, :scope, :nonce, :challenge, "
            "clock_timestamp() + make_interval(secs => :secs))"
        ),
        {"digest": digest, "secs": secs, **code._asdict()},
    )


def use_code(connection: SyncConnection, digest: bytes, client_id: str) -> CodeRow | None:
    """Use up a client's code; None when it is unknown, over or used.

    Of many at once one gets it: the row is locked by the update.
    """
    row = connection.execute(
        text(
            "update oauth_code set used_at = clock_timestamp() where code_sha256 = :digest and "
            "client_id = :client and used_at is null and expires_at > clock_timestamp() "
            "returning family, client_id, account_id, sign_in_id, redirect_uri, scope, nonce, "
            "challenge"
        ),
        {"digest": digest, "client": client_id},
    ).one_or_none()
    return None if row is None else CodeRow(*row)


def family_of_used_code(connection: SyncConnection, digest: bytes) -> UUID | None:
    """Return what a used code led to, None when it was never used."""
    statement = "select family from oauth_code where code_sha256 = :digest and used_at is not null"
    found = connection.execute(text(statement), {"digest": digest}).scalar_one_or_none()
    return None if found is None else UUID(str(found))


def insert_refresh(
    connection: SyncConnection, digest: bytes, holder: Holder, token: RefreshRow, *, secs: int
) -> None:
    """Keep a refresh token until its sign-in ends, at most `secs`."""
    connection.execute(
        text(
            "insert into refresh_token (token_sha256, family, client_id, account_id, sign_in_id, "
            "scope, jkt, expires_at) select :digest, :family, :client_id, :account_id, "
            ":sign_in_id, :scope, :jkt, least(s.expires_at, clock_timestamp() + "
            "make_interval(secs => :secs)) from sign_in s where s.id = :sign_in_id"
        ),
        {
            "digest": digest,
            "secs": secs,
            "family": token.family,
            "client_id": token.client_id,
            "account_id": holder.account_id,
            "sign_in_id": holder.sign_in_id,
            "scope": token.scope,
            "jkt": token.jkt,
        },
    )


def find_refresh(connection: SyncConnection, digest: bytes, *, lock: bool) -> RefreshRow | None:
    """Return a refresh token in whatever state, or None; lock: until the transaction ends."""
    row = connection.execute(
        text(
            "select family, client_id, account_id, sign_in_id, scope, jkt, "
            "floor(extract(epoch from expires_at))::bigint, used_at is not null, "
            "revoked_at is not null or expires_at <= clock_timestamp() from refresh_token "
            "where token_sha256 = :digest" + " for update" * lock
        ),
        {"digest": digest},
    ).one_or_none()
    return None if row is None else RefreshRow(*row)


def use_refresh(connection: SyncConnection, digest: bytes) -> None:
    """Mark a refresh token as used."""
    connection.execute(
        text("update refresh_token set used_at = clock_timestamp() where token_sha256 = :digest"),
        {"digest": digest},
    )


def insert_access(
    connection: SyncConnection,
    *,
    jti: str,
    client_id: str,
    expires: int,
    family: UUID | None = None,
    holder: Holder | None = None,
) -> None:
    """Remember that an access token was given out. expires: Unix seconds."""
    connection.execute(
        text(
            "insert into access_token (jti, family, client_id, account_id, sign_in_id, "
            "expires_at) values (:jti, :family, :client, :account, :sign_in, to_timestamp(:exp))"
        ),
        {
            "jti": jti,
            "family": family,
            "client": client_id,
            "account": holder and holder.account_id,
            "sign_in": holder and holder.sign_in_id,
            "exp": expires,
        },
    )


def revoke_family(connection: SyncConnection, issuer: str, family: UUID) -> None:
    """Revoke every refresh and access token that one consent led to."""
    connection.execute(
        text(
            "update refresh_token set revoked_at = clock_timestamp() "
            "where family = :family and revoked_at is null"
        ),
        {"family": family},
    )
    connection.execute(
        text(
            "insert into revoked_token (issuer, jti, until) select :issuer, jti, expires_at "
            "from access_token where family = :family on conflict do nothing"
        ),
        {"issuer": issuer, "family": family},
    )


def revoke_access(connection: SyncConnection, issuer: str, jti: str, until: int) -> None:
    """Revoke one access token. until: its end in Unix seconds."""
    connection.execute(
        text(
            "insert into revoked_token (issuer, jti, until) "
            "values (:issuer, :jti, to_timestamp(:until)) on conflict do nothing"
        ),
        {"issuer": issuer, "jti": jti, "until": until},
    )


def is_access_revoked(connection: SyncConnection, issuer: str, jti: str) -> bool:
    """Tell whether an access token was revoked, by the record itself."""
    found = connection.execute(
        text("select 1 from revoked_token where issuer = :issuer and jti = :jti"),
        {"issuer": issuer, "jti": jti},
    )
    return found.one_or_none() is not None


class RevocationList:
    """The revoked tokens of all issuers in memory, read again when older than READ_AGAIN_S."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revoked: frozenset[tuple[str, str]] = frozenset()
        self._read_at = self._failed_at = float("-inf")
        self._lock = asyncio.Lock()

    async def is_revoked(self, issuer: str, token_id: str) -> bool:
        """Tell whether a token was revoked. Raises: Refusal UNAVAILABLE without the record."""
        if clock.elapsed() - self._read_at > READ_AGAIN_S:
            async with self._lock:  # one reads for all who wait
                if clock.elapsed() - self._read_at > READ_AGAIN_S:
                    await self._read()
        return (issuer, token_id) in self._revoked

    async def _read(self) -> None:
        asked = clock.elapsed()
        if asked - self._failed_at < READ_AGAIN_S:  # not each of a crowd waits for a lost server
            raise Refusal(RefusalCode.UNAVAILABLE, detail="revocations cannot be read")
        try:
            await self._fetch()
        except Refusal:
            self._failed_at = clock.elapsed()
            raise
        self._read_at = asked

    async def _fetch(self) -> None:
        # A token lives on for the skew allowed to clocks.
        statement = (
            "select issuer, jti from revoked_token where until > clock_timestamp() - "
            "interval '5 minutes'"
        )
        async with self._database.reading() as connection:
            rows = await connection.execute(text(statement))
            self._revoked = frozenset((issuer, jti) for issuer, jti in rows)


class ProofMemory:
    """Which proofs of possession were used, for all processes together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def first_use(self, digest: bytes, until: float) -> bool:
        """Remember `digest` until Unix time `until`; False when it was known already."""
        async with self._database.transaction() as connection:
            await connection.execute(
                text(
                    "delete from dpop_proof where ctid = any(array(select ctid from dpop_proof "
                    "where until < clock_timestamp() limit 20 for update skip locked))"
                )
            )
            added = await connection.execute(
                text(
                    "insert into dpop_proof (digest, until) values (:digest, "
                    "to_timestamp(:until)) on conflict do nothing returning digest"
                ),
                {"digest": digest, "until": until},
            )
            return added.one_or_none() is not None
