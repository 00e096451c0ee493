"""Enrolled signing factors, their enrolment and reset, and continuous signing periods."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from lotkin.records.session import Connection
from lotkin.records.signatures import Caller


class FactorRow(NamedTuple):
    """One enrolled factor that is not revoked."""

    id: int
    kind: str
    label: str
    credential_id: bytes | None
    public_key: bytes | None
    sign_count: int
    seed: bytes | None
    last_totp: int


class EnrolmentRow(NamedTuple):
    """An enrolment that was begun."""

    kind: str
    secret: bytes


class ResetRow(NamedTuple):
    """A reset that waits for the second administrator."""

    id: int
    requested_by: str


async def of(connection: Connection, signer: str) -> list[FactorRow]:
    """Return a person's factors, oldest first; none while a reset waits for enrolment."""
    found = await connection.execute(
        text(
            "select id, kind, label, credential_id, public_key, sign_count, seed, last_totp "
            "from signing_factor where signer = :signer and revoked_at is null order by id"
        ),
        {"signer": signer},
    )
    return [FactorRow(*row) for row in found]


async def is_blocked(connection: Connection, signer: str) -> bool:
    """Tell whether a reset took the person's factors and none was enrolled since."""
    found = await connection.execute(
        text(
            "select exists (select from factor_reset where subject = :signer "
            "and approved_at is not null and enrolled_at is null)"
        ),
        {"signer": signer},
    )
    return bool(found.scalar_one())


async def advance(connection: Connection, id: int, counter: int) -> bool:
    """Raise a factor's counter; False where it did not rise, so that a proof is used once.

    An authenticator that keeps no counter tells 0 each time.
    """
    found = await connection.execute(
        text(
            "update signing_factor set "
            "sign_count = case kind when 'WEBAUTHN' then :counter else sign_count end, "
            "last_totp = case kind when 'TOTP' then :counter else last_totp end "
            "where id = :id and revoked_at is null and ("
            "kind = 'TOTP' and last_totp < :counter or kind = 'WEBAUTHN' "
            "and (sign_count < :counter or sign_count = 0 and :counter = 0)) returning id"
        ),
        {"id": id, "counter": counter},
    )
    return found.scalar_one_or_none() is not None


async def insert_webauthn(
    connection: Connection,
    signer: str,
    label: str,
    *,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
) -> int | None:
    """Keep a key; return its row id, or None where that credential is enrolled already."""
    found = await connection.execute(
        text(
            "insert into signing_factor (signer, kind, label, credential_id, public_key, "
            "sign_count, enrolled_by) values (:signer, 'WEBAUTHN', :label, :credential_id, "
            ":public_key, :sign_count, :signer) on conflict (credential_id) do nothing returning id"
        ),
        {
            "signer": signer,
            "label": label,
            "credential_id": credential_id,
            "public_key": public_key,
            "sign_count": sign_count,
        },
    )
    return found.scalar_one_or_none()


async def insert_totp(
    connection: Connection, signer: str, label: str, *, seed: bytes, counter: int
) -> int:
    """Keep a seed in place of the person's earlier one; return its row id."""
    await connection.execute(
        text(
            "update signing_factor set revoked_at = clock_timestamp() "
            "where signer = :signer and kind = 'TOTP' and revoked_at is null"
        ),
        {"signer": signer},
    )
    found = await connection.execute(
        text(
            "insert into signing_factor (signer, kind, label, seed, last_totp, enrolled_by) "
            "values (:signer, 'TOTP', :label, :seed, :counter, :signer) returning id"
        ),
        {"signer": signer, "label": label, "seed": seed, "counter": counter},
    )
    return int(found.scalar_one())


async def begin(
    connection: Connection,
    id: UUID,
    signer: str,
    session_id: str | None,
    *,
    kind: str,
    secret: bytes,
    lifetime: timedelta,
) -> None:
    """Keep an enrolment that was begun."""
    await connection.execute(
        text(
            "insert into factor_enrolment (id, signer, session_id, kind, secret, expires_at) "
            "values (:id, :signer, :session_id, :kind, :secret, clock_timestamp() + :lifetime)"
        ),
        {
            "id": id,
            "signer": signer,
            "session_id": session_id,
            "kind": kind,
            "secret": secret,
            "lifetime": lifetime,
        },
    )


async def use(
    connection: Connection, id: UUID, signer: str, session_id: str | None, kind: str
) -> EnrolmentRow | None:
    """Use an enrolment up; None unless it is this person's, of this session, and in time."""
    found = await connection.execute(
        text(
            "update factor_enrolment set used_at = clock_timestamp() where id = :id "
            "and signer = :signer and session_id is not distinct from :session_id "
            "and kind = :kind and used_at is null and expires_at > clock_timestamp() "
            "returning kind, secret"
        ),
        {"id": id, "signer": signer, "session_id": session_id, "kind": kind},
    )
    row = found.one_or_none()
    return None if row is None else EnrolmentRow(row[0], bytes(row[1]))


async def enrolled(connection: Connection, signer: str) -> None:
    """End the block that a reset put on the person, and any open signing period."""
    await connection.execute(
        text(
            "update factor_reset set enrolled_at = clock_timestamp() "
            "where subject = :signer and approved_at is not null and enrolled_at is null"
        ),
        {"signer": signer},
    )
    await end_period(connection, signer, "FACTOR_CHANGED")


# --- reset -----------------------------------------------------------------------------------


async def open_reset(connection: Connection, subject: str) -> ResetRow | None:
    """Return the reset that waits for its second administrator, locked."""
    found = await connection.execute(
        text(
            "select id, requested_by from factor_reset "
            "where subject = :subject and approved_at is null for update"
        ),
        {"subject": subject},
    )
    row = found.one_or_none()
    return None if row is None else ResetRow(*row)


async def request_reset(connection: Connection, subject: str, reason: str, by: str) -> None:
    """Keep the first administrator's word."""
    await connection.execute(
        text(
            "insert into factor_reset (subject, reason, requested_by) "
            "values (:subject, :reason, :by)"
        ),
        {"subject": subject, "reason": reason, "by": by},
    )


async def approve_reset(connection: Connection, reset: ResetRow, subject: str, by: str) -> int:
    """Revoke every factor of `subject`; return how many there were."""
    await connection.execute(
        text(
            "update factor_reset set approved_by = :by, approved_at = clock_timestamp() "
            "where id = :id"
        ),
        {"id": reset.id, "by": by},
    )
    found = await connection.execute(
        text(
            "update signing_factor set revoked_at = clock_timestamp(), approved_by = :by "
            "where signer = :subject and revoked_at is null returning id"
        ),
        {"subject": subject, "by": by},
    )
    await connection.execute(
        text(
            "update signature_challenge set state = 'REVOKED' "
            "where signer = :subject and state = 'PENDING'"
        ),
        {"subject": subject},
    )
    await end_period(connection, subject, "FACTOR_RESET")
    return len(found.all())


# --- continuous signing ----------------------------------------------------------------------


async def in_period(
    connection: Connection, by: Caller, roles: list[str], *, idle: timedelta, whole: timedelta
) -> bool:
    """Tell whether the caller is in an open signing period, begun in this very context."""
    found = await connection.execute(
        text(
            "select exists (select from signing_period where signer = :signer "
            "and session_id is not distinct from :session_id and jkt is not distinct from :jkt "
            "and user_agent = :user_agent and roles = :roles and ended_at is null "
            "and last_at > clock_timestamp() - :idle and opened_at > clock_timestamp() - :whole)"
        ),
        {**by._asdict(), "roles": roles, "idle": idle, "whole": whole},
    )
    return bool(found.scalar_one())


async def open_period(connection: Connection, by: Caller, roles: list[str], signature: int) -> None:
    """Begin a signing period with a full signing; an earlier one ends."""
    await end_period(connection, by.signer, "RENEWED")
    await connection.execute(
        text(
            "insert into signing_period (signer, session_id, jkt, user_agent, roles, opened_by) "
            "values (:signer, :session_id, :jkt, :user_agent, :roles, :signature)"
        ),
        {**by._asdict(), "roles": roles, "signature": signature},
    )


async def continue_period(connection: Connection, signer: str) -> None:
    """Tell that something was signed within the period."""
    await connection.execute(
        text(
            "update signing_period set last_at = clock_timestamp() "
            "where signer = :signer and ended_at is null"
        ),
        {"signer": signer},
    )


async def end_period(connection: Connection, signer: str, reason: str) -> None:
    """End the person's signing period, if there is one."""
    await connection.execute(
        text(
            "update signing_period set ended_at = clock_timestamp(), reason = :reason "
            "where signer = :signer and ended_at is null"
        ),
        {"signer": signer, "reason": reason},
    )
