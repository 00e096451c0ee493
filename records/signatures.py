"""Challenges, signatures, attempts: single use by one UPDATE, kept as they were made."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text

from lotkin.records.session import Connection

_SIGNER_LOCK = 0x4C53  # advisory lock class: one signer's counting, one after the other


class ChallengeRow(NamedTuple):
    """One challenge; `is_due` by the database's clock."""

    id: int
    signer: str
    session_id: str | None
    jkt: str | None
    user_agent: bytes
    action: str
    entity_type: str
    entity_id: int
    entity_ver: int
    meaning: str
    payload: bytes
    digest: bytes
    state: str
    created_at: datetime
    expires_at: datetime
    is_due: bool
    signature_id: int | None


class SignatureRow(NamedTuple):
    """One signature, with what voids it."""

    id: int
    signer: str
    printed_name: str
    signed_at: datetime
    tz: str
    meaning: str
    reason: str | None
    action: str
    entity_type: str
    entity_id: int
    entity_ver: int
    payload: bytes
    digest: bytes
    evidence: dict[str, Any]
    assurance: str
    intent_id: UUID
    voided_at: datetime | None
    void_reason: str | None


class Caller(NamedTuple):
    """Where a signer signs: what must be the same at asking and at signing."""

    signer: str
    session_id: str | None
    jkt: str | None
    user_agent: bytes


_CHALLENGE = (
    "select c.id, c.signer, c.session_id, c.jkt, c.user_agent, c.action, c.entity_type, "
    "c.entity_id, c.entity_ver, c.meaning, c.payload, c.digest, c.state, c.created_at, "
    "c.expires_at, c.expires_at <= clock_timestamp(), s.id "
    "from signature_challenge c left join signature s on s.challenge_id = c.id "
)
_SIGNATURE = (
    "select s.id, s.signer, s.printed_name, s.signed_at, s.tz, s.meaning, s.reason, s.action, "
    "s.entity_type, s.entity_id, s.entity_ver, s.payload, s.digest, s.evidence, s.assurance, "
    "s.intent_id, v.voided_at, v.reason from signature s "
    "left join signature_void v on v.signature_id = s.id "
)


async def now(connection: Connection) -> datetime:
    """Return the database's clock."""
    told: datetime = (await connection.execute(text("select clock_timestamp()"))).scalar_one()
    return told


async def lock_signer(connection: Connection, signer: str) -> None:
    """Hold the signer's counting until the transaction ends."""
    await connection.execute(
        text("select pg_advisory_xact_lock(:class, hashtext(:signer))"),
        {"class": _SIGNER_LOCK, "signer": signer},
    )


async def revoke_pending(
    connection: Connection, signer: str, entity: tuple[str, int], meaning: str
) -> None:
    """Revoke the signer's waiting challenges for the same record and meaning."""
    await connection.execute(
        text(
            "update signature_challenge set state = 'REVOKED' where signer = :signer "
            "and state = 'PENDING' and entity_type = :type and entity_id = :row "
            "and meaning = :meaning"
        ),
        {"signer": signer, "type": entity[0], "row": entity[1], "meaning": meaning},
    )


async def count_pending(connection: Connection, signer: str) -> int:
    """Return how many challenges wait for the signer; those past their time are closed."""
    await connection.execute(
        text(
            "update signature_challenge set state = 'EXPIRED' where signer = :signer "
            "and state = 'PENDING' and expires_at <= clock_timestamp()"
        ),
        {"signer": signer},
    )
    found = await connection.execute(
        text(
            "select count(*) from signature_challenge where signer = :signer and state = 'PENDING'"
        ),
        {"signer": signer},
    )
    return int(found.scalar_one())


async def insert_challenge(connection: Connection, row: Mapping[str, Any]) -> int:
    """Keep a fresh challenge; return its row id."""
    found = await connection.execute(
        text(
            "insert into signature_challenge (cid, signer, session_id, jkt, user_agent, action, "
            "entity_type, entity_id, entity_ver, meaning, payload, digest, created_at, expires_at) "
            "values (:cid, :signer, :session_id, :jkt, :user_agent, :action, :entity_type, "
            ":entity_id, :entity_ver, :meaning, :payload, :digest, :created_at, :expires_at) "
            "returning id"
        ),
        dict(row),
    )
    return int(found.scalar_one())


async def challenge(connection: Connection, id: int) -> ChallengeRow | None:
    """Return a challenge by its row id."""
    found = await connection.execute(text(_CHALLENGE + "where c.id = :id"), {"id": id})
    row = found.one_or_none()
    return None if row is None else _challenge(row)


async def pending(connection: Connection, signer: str) -> list[ChallengeRow]:
    """Return the challenges that wait for a signer, oldest first."""
    found = await connection.execute(
        text(
            _CHALLENGE + "where c.signer = :signer and c.state = 'PENDING' "
            "and c.expires_at > clock_timestamp() order by c.id"
        ),
        {"signer": signer},
    )
    return [_challenge(row) for row in found]


async def consume(connection: Connection, id: int, by: Caller) -> datetime | None:
    """Use a challenge up; return when, or None where it is not the caller's to use any more.

    Of any number of callers at once exactly one gets a time: the row's lock decides.
    """
    found = await connection.execute(
        text(
            "update signature_challenge set state = 'CONSUMED', consumed_at = clock_timestamp() "
            "where id = :id and state = 'PENDING' and signer = :signer "
            "and session_id is not distinct from :session_id and jkt is not distinct from :jkt "
            "and user_agent = :user_agent and expires_at > clock_timestamp() "
            "returning consumed_at"
        ),
        {"id": id, **by._asdict()},
    )
    return found.scalar_one_or_none()


async def insert(connection: Connection, row: Mapping[str, Any]) -> int:
    """Keep a signature; return its row id."""
    found = await connection.execute(
        text(
            "insert into signature (challenge_id, signer, printed_name, signed_at, tz, meaning, "
            "reason, action, entity_type, entity_id, entity_ver, payload, digest, evidence, "
            "assurance, intent_id) values (:challenge_id, :signer, :printed_name, :signed_at, "
            ":tz, :meaning, :reason, :action, :entity_type, :entity_id, :entity_ver, :payload, "
            ":digest, cast(:evidence as jsonb), :assurance, :intent_id) returning id"
        ),
        {**row, "evidence": orjson.dumps(row["evidence"]).decode()},
    )
    return int(found.scalar_one())


async def void(
    connection: Connection, entity: tuple[str, int], *, reason: str, intent: UUID
) -> list[int]:
    """Void every signature of a record that still counts; return their row ids."""
    found = await connection.execute(
        text(
            "insert into signature_void (signature_id, reason, intent_id) "
            "select s.id, :reason, :intent from signature s where s.entity_type = :type "
            "and s.entity_id = :row and not exists "
            "(select from signature_void v where v.signature_id = s.id) returning signature_id"
        ),
        {"reason": reason, "intent": intent, "type": entity[0], "row": entity[1]},
    )
    return list(found.scalars())


async def by_ids(connection: Connection, ids: Sequence[int]) -> dict[int, SignatureRow]:
    """Return signatures by row id; unknown ids are left out."""
    found = await connection.execute(
        text(_SIGNATURE + "where s.id = any(:ids)"), {"ids": list(ids)}
    )
    return {row[0]: _signature(row) for row in found}


async def of_entity(connection: Connection, entity_type: str, entity_id: int) -> list[SignatureRow]:
    """Return the signatures of a record that are not void, oldest first."""
    found = await connection.execute(
        text(
            _SIGNATURE + "where s.entity_type = :type and s.entity_id = :row "
            "and v.signature_id is null order by s.id"
        ),
        {"type": entity_type, "row": entity_id},
    )
    return [_signature(row) for row in found]


async def after(connection: Connection, id: int, *, limit: int) -> list[SignatureRow]:
    """Return the next signatures behind a row id, in order."""
    found = await connection.execute(
        text(_SIGNATURE + "where s.id > :id order by s.id limit :limit"),
        {"id": id, "limit": limit},
    )
    return [_signature(row) for row in found]


# --- attempts --------------------------------------------------------------------------------


class Recent(NamedTuple):
    """Wrong or open attempts of the window; `free_at`: when the oldest of them leaves it."""

    failures: int
    free_at: datetime | None
    is_told: bool


async def recent_failures(connection: Connection, signer: str, window: timedelta) -> Recent:
    """Return the attempts of `signer` that count; an attempt that is still open counts as wrong."""
    found = await connection.execute(
        text(
            "select count(*) filter (where outcome in ('TRYING', 'WRONG')), "
            "min(at) filter (where outcome in ('TRYING', 'WRONG')) + :window, "
            "coalesce(bool_or(outcome = 'LOCKED'), false) from signature_attempt "
            "where signer = :signer and at > clock_timestamp() - :window"
        ),
        {"signer": signer, "window": window},
    )
    return Recent(*found.one())


async def insert_attempt(
    connection: Connection,
    *,
    signer: str,
    challenge_id: int | None,
    outcome: str,
    factor: str,
    ip_hash: bytes | None,
) -> int:
    """Keep an attempt; return its row id."""
    found = await connection.execute(
        text(
            "insert into signature_attempt (signer, challenge_id, outcome, factor, ip_hash) "
            "values (:signer, :challenge_id, :outcome, :factor, :ip_hash) returning id"
        ),
        {
            "signer": signer,
            "challenge_id": challenge_id,
            "outcome": outcome,
            "factor": factor,
            "ip_hash": ip_hash,
        },
    )
    return int(found.scalar_one())


async def finish_attempt(connection: Connection, id: int, outcome: str) -> None:
    """Tell what became of an attempt."""
    await connection.execute(
        text("update signature_attempt set outcome = :outcome where id = :id"),
        {"id": id, "outcome": outcome},
    )


def _challenge(row: Any) -> ChallengeRow:
    told = ChallengeRow(*row)
    return told._replace(
        user_agent=bytes(told.user_agent), payload=bytes(told.payload), digest=bytes(told.digest)
    )


def _signature(row: Any) -> SignatureRow:
    told = SignatureRow(*row)
    return told._replace(payload=bytes(told.payload), digest=bytes(told.digest))
