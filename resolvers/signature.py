"""Asking for a signature, and looking at those that were made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lotkin import clock
from lotkin.auth import challenge as challenges
from lotkin.auth.challenge import LIFETIME_S, NONCE_BYTES, Issue, Signer, base64url
from lotkin.auth.evidence import flaw_of
from lotkin.auth.permissions import Permission
from lotkin.domain.nodeid import NodeType, node_id, parse_row
from lotkin.domain.signature import (
    Action,
    Factor,
    Meaning,
    Subject,
    check_duties,
    check_prerequisites,
    clean_text,
)
from lotkin.errors import Problem, ProblemCode
from lotkin.journal import intent as journal_intent
from lotkin.journal import read as journal_read
from lotkin.records import release as release_records
from lotkin.records import signatures as records
from lotkin.records.session import Connection
from lotkin.records.signatures import ChallengeRow, SignatureRow
from lotkin.resolvers.batching import batched
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting
from lotkin.resolvers.proofs import Enrolled, enrolled, roles_of
from lotkin.resolvers.signed import SIGNABLE, caller_of, check_rights
from lotkin.resolvers.usecase import usecase

PENDING_MAX = 3
BATCH = 500  # signatures of an export read at once


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to sign."""

    action: Action
    subject: str
    expected_version: int
    meaning: Meaning
    reason: str | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A challenge as its signer sees it. record: the one displayed."""

    row: ChallengeRow
    display: str
    factors: tuple[Factor, ...]
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """What became of a request."""

    issued: Issued | None = None
    problems: tuple[Problem, ...] = ()


@usecase(
    Permission.SIGNATURE_REQUEST,
    writes=True,
    subject=lambda asked: ("record", asked.subject),
)
async def request_signature(context: Context, asked: Asked) -> RequestOutcome:
    """Freeze what is to be signed, and return the exact bytes for the signer to read.

    Raises: Refusal BAD_INPUT for a reason that cannot be shown.
    """
    reason = clean_text(asked.reason, "reason")
    try:
        return RequestOutcome(await _issue(context, asked, reason))
    except Problem as problem:
        return RequestOutcome(problems=(problem,))


async def _issue(context: Context, asked: Asked, reason: str | None) -> Issued:
    signable = SIGNABLE.get(asked.action)
    row = None if signable is None else parse_row(asked.subject, signable.tag)
    if signable is None or row is None:
        raise Problem(ProblemCode.SIG_NOT_FOUND)
    check_rights(context, asked.action)
    check_login(context)
    held = await enrolled(context)
    if not held.usable(context.settings):
        raise Problem(ProblemCode.SIG_FACTOR_MISSING)
    prepared = await signable.prepare(context, row)

    async def keep(connection: Connection) -> tuple[ChallengeRow, Subject]:
        await release_records.lock_entity(connection, f"signer:{context.actor.subject}")
        subject = await signable.load(context, connection, row, prepared, False, asked.action)
        if subject is None:
            raise Problem(ProblemCode.SIG_NOT_FOUND)
        if subject.version != asked.expected_version:
            raise Problem(ProblemCode.SIG_RECORD_CHANGED, currentVersion=subject.version)
        check_duties(subject, context.actor.subject)
        check_prerequisites(subject, asked.meaning, reason)
        return await _keep(context, connection, asked, subject, reason), subject

    kept, subject = await context.database.run(keep)
    return _shown(context, kept, held, subject)


async def _keep(
    context: Context,
    connection: Connection,
    asked: Asked,
    subject: Subject,
    reason: str | None,
) -> ChallengeRow:
    actor, caller = context.actor, caller_of(context)
    entity = (subject.type, subject.row)
    await records.revoke_pending(connection, actor.subject, entity, asked.meaning.value)
    if await records.count_pending(connection, actor.subject) >= PENDING_MAX:
        raise Problem(ProblemCode.SIG_TOO_MANY_PENDING, limit=PENDING_MAX)
    at, cid = await records.now(connection), clock.new_id()
    payload = _payload(context, asked, subject, reason, issue=_issue_of(context, str(cid), at))
    digest = challenges.digest_of(payload)
    id = await records.insert_challenge(
        connection,
        {
            "cid": cid,
            **caller._asdict(),
            "action": asked.action.value,
            "entity_type": subject.type,
            "entity_id": subject.row,
            "entity_ver": subject.version,
            "meaning": asked.meaning.value,
            "payload": payload,
            "digest": digest,
            "created_at": at,
            "expires_at": at + timedelta(seconds=LIFETIME_S),
        },
    )
    entry = journal_intent.intent(
        id=clock.new_id(),
        at=at,
        event="signature.requested",
        actor=acting(context),
        entity={"type": subject.type, "id": subject.key, "ver": subject.version},
        body={
            "challenge": node_id(NodeType.CHALLENGE, id),
            "action": asked.action.value,
            "meaning": asked.meaning.value,
            "digest": base64url(digest),
        },
    )
    await journal_intent.append(connection, [entry])
    kept = await records.challenge(connection, id)
    assert kept is not None
    return kept


def _issue_of(context: Context, cid: str, at: datetime) -> Issue:
    return Issue(
        cid=cid,
        audience=context.settings.site,
        nonce=clock.random_bytes(NONCE_BYTES),
        issued=at,
        expires=at + timedelta(seconds=LIFETIME_S),
        zone=context.settings.site_zone,
    )


def _payload(
    context: Context, asked: Asked, subject: Subject, reason: str | None, *, issue: Issue
) -> bytes:
    actor = context.actor
    return challenges.payload_of(
        subject,
        asked.action,
        asked.meaning,
        reason,
        signer=Signer(actor.subject, actor.name, roles_of(context), actor.session, actor.jkt),
        issue=issue,
        prior=[node_id(NodeType.SIGNATURE, row) for row in subject.prior],
    )


def check_login(context: Context, max_age_s: int | None = None) -> None:
    """Do nothing if the caller logged in lately and strongly enough.

    max_age_s: default that of signing. Raises: Problem SIG_STEP_UP_REQUIRED with what RFC 9470
    calls max_age and acr_values.
    """
    settings, actor = context.settings, context.actor
    age = settings.signing_auth_age_s if max_age_s is None else max_age_s
    wanted = sorted(settings.signing_acr)
    now_s = clock.now_us() // 1_000_000
    is_fresh = actor.auth_time is not None and now_s - actor.auth_time <= age
    if not is_fresh or (wanted and actor.acr not in settings.signing_acr):
        raise Problem(ProblemCode.SIG_STEP_UP_REQUIRED, max_age=age, acr_values=" ".join(wanted))


@usecase(Permission.SIGNATURE_REQUEST)
async def pending_signatures(context: Context) -> list[Issued]:
    """Return the challenges that wait for the caller, oldest first."""
    held = await enrolled(context)
    async with context.database.reading() as connection:
        rows = await records.pending(connection, context.actor.subject)
    return [_shown(context, row, held, None) for row in rows]


async def own_challenge(context: Context, row: int) -> Issued | None:
    """Return a challenge of the caller's own; None for any other."""
    async with context.database.reading() as connection:
        found = await records.challenge(connection, row)
    if found is None or found.signer != context.actor.subject:
        return None
    return _shown(context, found, await enrolled(context), None)


def _shown(context: Context, row: ChallengeRow, held: Enrolled, subject: Subject | None) -> Issued:
    record = None if subject is None else subject.record
    keys = tuple(bytes(each.credential_id) for each in held.rows if each.credential_id is not None)
    shown = challenges.display(row.payload, record, context.language)
    return Issued(row, shown, tuple(held.usable(context.settings)), keys)


# --- what was signed ---------------------------------------------------------------------------


@batched
async def signature(context: Context, ids: tuple[int, ...]) -> Mapping[int, SignatureRow | None]:
    """Load a signature."""
    async with context.database.reading() as connection:
        found = await records.by_ids(connection, ids)
    return {id: found.get(id) for id in ids}


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of one signature found; flaws: codes, none when it holds."""

    row: SignatureRow
    flaws: tuple[str, ...]
    position: int | None


@usecase(Permission.SIGNATURE_READ)
async def verify_signature(context: Context, id: str) -> Verification | None:
    """Check a signature by itself and against its journal entry; None for an unknown one."""
    row = parse_row(id, NodeType.SIGNATURE)
    if row is None:
        return None
    async with context.database.reading() as connection:
        found = (await records.by_ids(connection, [row])).get(row)
        if found is None:
            return None
        position = await journal_read.position(connection, [found.intent_id])
    flaws = [flaw_of(found.payload, found.digest, found.evidence), *_differences(found)]
    return Verification(found, tuple(flaw for flaw in flaws if flaw), position)


def _differences(row: SignatureRow) -> list[str]:
    """Return the columns that say something else than the payload that was signed."""
    try:
        told = challenges.read(row.payload)
    except ValueError:
        return []
    same = {
        "SIGNER": told["signer"]["sub"] == row.signer,
        "PRINTED_NAME": told["signer"]["name"] == row.printed_name,
        "MEANING": told["meaning"] == row.meaning,
        "REASON": told["reason"] == row.reason,
        "ZONE": told["tz"] == row.tz,
        "ACTION": told["act"] == row.action,
        "SUBJECT": (told["ent"]["type"], told["ent"]["ver"]) == (row.entity_type, row.entity_ver),
        # A bug may lie outside the payload's window; a signature's time may not.
        "TIME": told["iat"] <= challenges.moment(row.signed_at) <= told["exp"],
    }
    return [name for name, is_same in same.items() if not is_same]


def exported(row: SignatureRow) -> dict[str, Any]:
    """Return a signature as a line of an export: all that verifying it needs."""
    told = {
        "v": "lotkin-signature/1",
        "id": node_id(NodeType.SIGNATURE, row.id),
        "signer": row.signer,
        "printedName": row.printed_name,
        "signedAt": challenges.moment(row.signed_at),
        "zone": row.tz,
        "meaning": row.meaning,
        "assurance": row.assurance,
        "payload": row.payload.decode(),
        "digest": base64url(row.digest),
        "evidence": row.evidence,
    }
    return told | {"seal": challenges.record_digest(told)}


async def export_signatures(context: Context, after: int = 0) -> list[dict[str, Any]]:
    """Return the next BATCH signatures behind a row id as export lines; for the command line."""
    async with context.database.reading() as connection:
        rows = await records.after(connection, after, limit=BATCH)
    return [{"row": row.id, **exported(row)} for row in rows]
