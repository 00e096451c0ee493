"""The one way anything is signed: freeze what is asked, prove it, apply it, journal it at once.

A kind of record takes part by one `Signable`: how to load it as displayed, and what a signature
does to it. Everything else is here: counting of tries, proof outside locks, single use, version
and digest computed again, rights and duties again, signature, state change and journal entry in
one transaction.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog

from lotkin import clock
from lotkin.auth.challenge import base64url, read, record_digest
from lotkin.auth.factors import Proven, WrongProofError
from lotkin.auth.permissions import Permission
from lotkin.domain.nodeid import NodeType, node_id, parse_row
from lotkin.domain.signature import (
    ASSURANCE,
    Action,
    Meaning,
    Subject,
    check_duties,
    check_prerequisites,
)
from lotkin.errors import Problem, ProblemCode, Refusal, RefusalCode
from lotkin.journal import intent as journal_intent
from lotkin.records import factors as factor_records
from lotkin.records import release as release_records
from lotkin.records import signatures as records
from lotkin.records.session import Connection
from lotkin.records.signatures import Caller, ChallengeRow
from lotkin.resolvers.attempts import Attempt, attempted
from lotkin.resolvers.capture import wait_for_position
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting
from lotkin.resolvers.proofs import Proof, prove, roles_of

log = structlog.get_logger()

_SIGNING = "signing"  # marks an operation that signs


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature on its way into the record."""

    subject: Subject
    action: Action
    meaning: Meaning
    reason: str | None
    signer: str
    intent: UUID


@dataclass(frozen=True, slots=True)
class Applied:
    """What a signature did. event: `ev` of the journal entry; version: of the record after it."""

    event: str
    version: int
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signable:
    """What one action signs.

    tag: of the subject's opaque id. prepare: reads what needs no lock, and may walk. load: the
    record as displayed, None for none; with `lock` for update. apply: the change of state.
    """

    permission: Permission
    tag: NodeType
    prepare: Callable[[Context, int], Awaitable[Any]]
    load: Callable[[Context, Connection, int, Any, bool, Action], Awaitable[Subject | None]]
    apply: Callable[[Context, Connection, Signed], Awaitable[Applied]]


# Filled by the modules of the records; an action nobody filled in has nothing to sign.
SIGNABLE: dict[Action, Signable] = {}


@dataclass(frozen=True, slots=True)
class SignOutcome:
    """What became of a signed mutation. row: of the subject; signature: row of the signature."""

    row: int | None = None
    signature: int | None = None
    is_pending: bool = False
    problems: tuple[Problem, ...] = ()


async def sign(
    context: Context, actions: frozenset[Action], challenge: str, proof: Proof
) -> SignOutcome:
    """Use `challenge`, which is about one of `actions`, up with `proof`.

    Everything a person can mend is a problem of the outcome. Raises: Refusal BAD_INPUT for a
    second signing in one operation.
    """
    if _SIGNING in context.batches:
        # Aliases of one operation would be guesses at the price of one request.
        raise Refusal(RefusalCode.BAD_INPUT, reason="One signing mutation per operation")
    context.batches[_SIGNING] = True
    id = parse_row(challenge, NodeType.CHALLENGE)
    try:
        async with attempted(context, id, proof.factor) as attempt:
            done = await _sign(context, actions, id, proof, attempt)
    except Problem as problem:
        return SignOutcome(problems=(problem,))
    position = await wait_for_position(context, [done.intent])
    return SignOutcome(done.row, done.signature, position is None)


@dataclass(frozen=True, slots=True)
class _Done:
    row: int
    signature: int
    intent: UUID


async def _sign(
    context: Context,
    actions: frozenset[Action],
    id: int | None,
    proof: Proof,
    attempt: Attempt,
) -> _Done:
    caller = caller_of(context)
    challenge = await _challenge(context, id)
    _check_challenge(challenge, caller, actions)
    assert challenge is not None
    try:
        proven = await prove(context, challenge, proof, caller)
    except WrongProofError as wrong:
        log.info("proof_refused", signer=caller.signer, reason=str(wrong)[:200])
        raise Problem(ProblemCode.SIG_PROOF_INVALID, attemptsLeft=attempt.left) from wrong
    signable = SIGNABLE[Action(challenge.action)]
    prepared = await signable.prepare(context, challenge.entity_id)
    return await context.database.run(
        lambda connection: _commit(
            context, connection, _Try(challenge, proof, proven, prepared, attempt, caller)
        )
    )


@dataclass(frozen=True, slots=True)
class _Try:
    challenge: ChallengeRow
    proof: Proof
    proven: Proven
    prepared: Any
    attempt: Attempt
    caller: Caller


async def _commit(context: Context, connection: Connection, told: _Try) -> _Done:
    challenge, caller = told.challenge, told.caller
    action, meaning = Action(challenge.action), Meaning(challenge.meaning)
    signable = SIGNABLE[action]
    payload = read(challenge.payload)
    name = f"{challenge.entity_type}:{challenge.entity_id}"
    await release_records.lock_entity(connection, name)
    at = await records.consume(connection, challenge.id, caller)
    if at is None:
        now = await records.challenge(connection, challenge.id)
        _check_challenge(now, caller, frozenset({action}))
        raise AssertionError("a challenge that can be used is used")
    await _advance(connection, told)
    subject = await signable.load(
        context, connection, challenge.entity_id, told.prepared, True, action
    )
    check_subject(subject, payload["ent"])
    assert subject is not None
    check_rights(context, action)
    check_duties(subject, caller.signer)
    check_prerequisites(subject, meaning, payload["reason"])
    intent = clock.new_id()
    signed = Signed(subject, action, meaning, payload["reason"], caller.signer, intent)
    row = {
        "challenge_id": challenge.id,
        "signer": caller.signer,
        "printed_name": payload["signer"]["name"],
        "signed_at": at,
        "tz": payload["tz"],
        "meaning": meaning.value,
        "reason": payload["reason"],
        "action": action.value,
        "entity_type": subject.type,
        "entity_id": subject.row,
        "entity_ver": subject.version,
        "payload": challenge.payload,
        "digest": challenge.digest,
        "evidence": told.proven.evidence,
        "assurance": ASSURANCE[told.proven.factor].value,
        "intent_id": intent,
    }
    signature = await records.insert(connection, row)
    applied = await signable.apply(context, connection, signed)
    entry = journal_intent.intent(
        id=intent,
        at=at,
        event=applied.event,
        actor=acting(context),
        entity={"type": subject.type, "id": subject.key, "ver": applied.version},
        body={
            "signature": _told(row, signature),
            "before": subject.record,
            "after": dict(applied.after),
        },
        signature=base64url(challenge.digest),
    )
    await journal_intent.append(connection, [entry])
    await records.finish_attempt(connection, told.attempt.id, "SIGNED")
    await _keep_period(context, connection, told, signature)
    return _Done(subject.row, signature, intent)


async def _advance(connection: Connection, told: _Try) -> None:
    proven = told.proven
    if proven.counter is None or proven.factor_id is None:
        return
    if not await factor_records.advance(connection, proven.factor_id, proven.counter):
        # Another signing used this very code, or the factor was revoked meanwhile.
        raise Problem(ProblemCode.SIG_PROOF_INVALID, attemptsLeft=told.attempt.left)


async def _keep_period(
    context: Context, connection: Connection, told: _Try, signature: int
) -> None:
    if not context.settings.signing_period:
        return
    if told.proof.is_partial:
        await factor_records.continue_period(connection, told.caller.signer)
    else:
        await factor_records.open_period(connection, told.caller, roles_of(context), signature)


def _told(row: Mapping[str, Any], signature: int) -> dict[str, Any]:
    """Return what the journal says of a signature; the evidence by its digest."""
    return {
        "id": node_id(NodeType.SIGNATURE, signature),
        "signer": row["signer"],
        "printedName": row["printed_name"],
        "meaning": row["meaning"],
        "reason": row["reason"],
        "assurance": row["assurance"],
        "digest": base64url(row["digest"]),
        "evidence": record_digest(row["evidence"]),
    }


async def _challenge(context: Context, id: int | None) -> ChallengeRow | None:
    if id is None:
        return None
    async with context.database.reading() as connection:
        return await records.challenge(connection, id)


_STATES = {
    "EXPIRED": ProblemCode.SIG_EXPIRED,
    "REVOKED": ProblemCode.SIG_REVOKED,
    "CONSUMED": ProblemCode.SIG_CONSUMED,
}


def _check_challenge(
    challenge: ChallengeRow | None, caller: Caller, actions: frozenset[Action]
) -> None:
    """Do nothing if the caller may use the challenge here and now.

    Raises: Problem, the same for an unknown one, another signer's, and one for another mutation.
    """
    if (
        challenge is None
        or challenge.signer != caller.signer
        or Action(challenge.action) not in actions
    ):
        raise Problem(ProblemCode.SIG_NOT_FOUND)
    here = Caller(challenge.signer, challenge.session_id, challenge.jkt, challenge.user_agent)
    if here != caller:
        raise Problem(ProblemCode.SIG_CONTEXT_CHANGED)
    if challenge.state == "CONSUMED":
        assert challenge.signature_id is not None
        used = node_id(NodeType.SIGNATURE, challenge.signature_id)
        raise Problem(ProblemCode.SIG_CONSUMED, signatureId=used)
    if challenge.state != "PENDING":
        raise Problem(_STATES[challenge.state])
    if challenge.is_due:
        raise Problem(ProblemCode.SIG_EXPIRED)


def check_subject(subject: Subject | None, entity: Mapping[str, Any]) -> None:
    """Do nothing if the record is still what the payload's `ent` says.

    Raises: Problem SIG_NOT_FOUND, SIG_RECORD_CHANGED.
    """
    if subject is None:
        raise Problem(ProblemCode.SIG_NOT_FOUND)
    if (subject.type, subject.key) != (entity["type"], entity["id"]) or (
        subject.version,
        record_digest(subject.record),
    ) != (entity["ver"], entity["dig"]):
        raise Problem(ProblemCode.SIG_RECORD_CHANGED, currentVersion=subject.version)


def check_rights(context: Context, action: Action) -> None:
    """Do nothing if the caller's role may sign `action`. Raises: Problem SIG_FORBIDDEN."""
    permission = SIGNABLE[action].permission
    if permission not in context.actor.permissions:
        raise Problem(ProblemCode.SIG_FORBIDDEN, permission=permission.value)


def caller_of(context: Context) -> Caller:
    """Return where the caller signs: session, key and browser."""
    actor = context.actor
    agent = sha256(context.user_agent.encode()).digest()
    return Caller(actor.subject, actor.session, actor.jkt, agent)
