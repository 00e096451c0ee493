"""Tries at signing: each is counted in a transaction of its own before anything is checked.

Whoever is killed, or races himself over fifty connections, has tried all the same: at most
FAILURES_MAX proofs of one signer are looked at in any WINDOW.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from lotkin import clock
from lotkin.domain.signature import Factor
from lotkin.errors import Problem, ProblemCode
from lotkin.journal import intent as journal_intent
from lotkin.records import alerts
from lotkin.records import signatures as records
from lotkin.records.session import Connection
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting

log = structlog.get_logger()

FAILURES_MAX = 5
WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One counted try; left: tries left should this one fail."""

    id: int
    left: int


@asynccontextmanager
async def attempted(
    context: Context, challenge: int | None, factor: Factor
) -> AsyncIterator[Attempt]:
    """Count a try, then let the block check it; a Problem it raises is told to the try.

    A try that ends otherwise (a bug, a lost database, a killed process) stays open and counts.
    Raises: Problem SIG_LOCKED instead of running the block; what the block raises.
    """
    attempt, locked = await _begin(context, challenge, factor)
    if locked is not None:
        raise locked
    assert attempt is not None
    try:
        yield attempt
    except Problem as problem:
        is_wrong = problem.code is ProblemCode.SIG_PROOF_INVALID
        async with context.database.transaction() as connection:
            outcome = "WRONG" if is_wrong else problem.code.value
            await records.finish_attempt(connection, attempt.id, outcome)
        raise


async def _begin(
    context: Context, challenge: int | None, factor: Factor
) -> tuple[Attempt | None, Problem | None]:
    signer = context.actor.subject
    async with context.database.transaction() as connection:
        await records.lock_signer(connection, signer)
        recent = await records.recent_failures(connection, signer, WINDOW)
        if recent.failures >= FAILURES_MAX:
            at = await records.now(connection)
            if not recent.is_told:
                await _raise_alarm(context, connection, challenge, factor, at)
            return None, Problem(ProblemCode.SIG_LOCKED, retryAfter=_seconds(recent.free_at, at))
        id = await records.insert_attempt(
            connection,
            signer=signer,
            challenge_id=challenge,
            outcome="TRYING",
            factor=factor.value,
            ip_hash=_hashed(context.address),
        )
    return Attempt(id, FAILURES_MAX - 1 - recent.failures), None


async def _raise_alarm(
    context: Context,
    connection: Connection,
    challenge: int | None,
    factor: Factor,
    at: datetime,
) -> None:
    """Report an attempt at unauthorised use at once (21 CFR 11.300(d)), once a window."""
    signer = context.actor.subject
    await records.insert_attempt(
        connection,
        signer=signer,
        challenge_id=challenge,
        outcome="LOCKED",
        factor=factor.value,
        ip_hash=_hashed(context.address),
    )
    facts = {"signer": signer, "retryAfter": int(WINDOW.total_seconds())}
    await alerts.store(
        connection,
        [{"code": "SIG_LOCKED", "facts": facts, "event_id": None, "item_id": None}],
    )
    entry = journal_intent.intent(
        id=clock.new_id(),
        at=at,
        event="security.signing_locked",
        actor=acting(context),
        entity={"type": "person", "id": signer, "ver": 0},
        body={"failures": FAILURES_MAX, "minutes": int(WINDOW.total_seconds()) // 60},
    )
    await journal_intent.append(connection, [entry])
    log.warning("signing_locked", signer=signer)


def _seconds(until: datetime | None, at: datetime) -> int:
    return 1 if until is None else max(1, int((until - at).total_seconds()) + 1)


def _hashed(address: str) -> bytes | None:
    return sha256(address.encode()).digest() if address else None
