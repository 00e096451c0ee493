"""Enrolling signing factors in one's own session, and taking them away by two administrators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from lotkin import clock
from lotkin.auth import factors
from lotkin.auth.factors import WrongProofError
from lotkin.auth.permissions import Permission
from lotkin.auth.sitekeys import seal, unseal
from lotkin.domain.signature import Rule, clean_text
from lotkin.errors import Problem, ProblemCode, Refusal, RefusalCode
from lotkin.journal import intent as journal_intent
from lotkin.records import factors as records
from lotkin.records import signatures as signature_records
from lotkin.records.factors import FactorRow
from lotkin.records.session import Connection
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting
from lotkin.resolvers.proofs import party
from lotkin.resolvers.signature import check_login
from lotkin.resolvers.usecase import usecase

LIFETIME = timedelta(minutes=10)  # long enough to find one's phone


@dataclass(frozen=True, slots=True)
class Begun:
    """An enrolment to be confirmed; a seed is shown once and never again."""

    enrolment: str | None = None
    challenge: bytes | None = None
    known: tuple[bytes, ...] = ()
    seed: str | None = field(default=None, repr=False)
    uri: str | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class EnrolOutcome:
    """What became of an enrolment."""

    factors: tuple[FactorRow, ...] = ()
    problems: tuple[Problem, ...] = ()


@usecase(Permission.FACTOR_ENROL, writes=True)
async def enrol_webauthn(context: Context) -> Begun:
    """Begin the enrolment of a key; asks for a fresh log-in."""
    try:
        check_login(context, context.settings.enrol_auth_age_s)
    except Problem as problem:
        return Begun(problems=(problem,))
    challenge = clock.random_bytes(32)
    async with context.database.transaction() as connection:
        id = await _begin(context, connection, "WEBAUTHN", challenge)
        rows = await records.of(connection, context.actor.subject)
    known = tuple(bytes(row.credential_id) for row in rows if row.credential_id is not None)
    return Begun(str(id), challenge=challenge, known=known)


@usecase(Permission.FACTOR_ENROL, writes=True)
async def enrol_totp(context: Context) -> Begun:
    """Begin the enrolment of one-time codes; asks for a fresh log-in."""
    try:
        check_login(context, context.settings.enrol_auth_age_s)
    except Problem as problem:
        return Begun(problems=(problem,))
    subject, seed = context.actor.subject, factors.new_seed()
    sealed = seal(context.settings.state_dir, seed.encode(), subject)
    async with context.database.transaction() as connection:
        id = await _begin(context, connection, "TOTP", sealed)
    uri = factors.provisioning_uri(seed, context.actor.name, "Lotkin")
    return Begun(str(id), seed=seed, uri=uri)


@usecase(Permission.FACTOR_ENROL, writes=True)
async def confirm_webauthn(
    context: Context, enrolment: str, credential: object, label: str
) -> EnrolOutcome:
    """Enrol the key that answered; an enrolment can be tried once."""

    async def keep(connection: Connection, challenge: bytes, told: str) -> int | None:
        made = factors.verify_registration(
            credential, challenge=challenge, party=party(context.settings)
        )
        return await records.insert_webauthn(
            connection,
            context.actor.subject,
            told,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
        )

    return await _confirm(context, enrolment, "WEBAUTHN", label, keep)


@usecase(Permission.FACTOR_ENROL, writes=True)
async def confirm_totp(context: Context, enrolment: str, code: str, label: str) -> EnrolOutcome:
    """Enrol the seed whose first code this is, in place of an earlier one."""
    subject = context.actor.subject

    async def keep(connection: Connection, sealed: bytes, told: str) -> int | None:
        seed = unseal(context.settings.state_dir, sealed, subject).decode()
        now_s = clock.now_us() / 1_000_000
        counter = factors.totp_counter(seed, code, last=0, now_s=now_s)
        if counter is None:
            raise WrongProofError("code")
        return await records.insert_totp(connection, subject, told, seed=sealed, counter=counter)

    return await _confirm(context, enrolment, "TOTP", label, keep)


@usecase(Permission.FACTOR_ENROL)
async def own_factors(context: Context) -> list[FactorRow]:
    """Return the caller's enrolled factors."""
    async with context.database.reading() as connection:
        return await records.of(connection, context.actor.subject)


@dataclass(frozen=True, slots=True)
class ResetOutcome:
    """What became of a reset. is_done: the second administrator agreed."""

    is_done: bool = False
    revoked: int = 0
    problems: tuple[Problem, ...] = ()


@usecase(Permission.FACTOR_RESET, writes=True, subject=lambda subject, _: ("person", subject))
async def reset_factor(context: Context, subject: str, reason: str) -> ResetOutcome:
    """Ask for a reset of a person's factors, or agree to the one another administrator asked for.

    The person cannot sign until enrolled again, in a session of their own.
    Raises: Refusal BAD_INPUT without a reason.
    """
    told, admin = clean_text(reason, "reason"), context.actor.subject
    if told is None:
        raise Refusal(RefusalCode.BAD_INPUT, reason="A reset needs a reason")

    async def reset(connection: Connection) -> ResetOutcome:
        await signature_records.lock_signer(connection, subject)
        found = await records.open_reset(connection, subject)
        if subject == admin or (found is not None and found.requested_by == admin):
            raise Problem(ProblemCode.SIG_SOD_CONFLICT, rule=Rule.TWO_ADMINISTRATORS.value)
        if found is None:
            await records.request_reset(connection, subject, told, admin)
            await _tell(context, connection, "factor.reset_requested", subject, {"reason": told})
            return ResetOutcome()
        count = await records.approve_reset(connection, found, subject, admin)
        body = {"reason": told, "requestedBy": found.requested_by, "revoked": count}
        await _tell(context, connection, "factor.reset", subject, body)
        return ResetOutcome(True, count)

    try:
        return await context.database.run(reset)
    except Problem as problem:
        return ResetOutcome(problems=(problem,))


async def _begin(context: Context, connection: Connection, kind: str, secret: bytes) -> UUID:
    id, actor = clock.new_id(), context.actor
    await records.begin(
        connection, id, actor.subject, actor.session, kind=kind, secret=secret, lifetime=LIFETIME
    )
    return id


async def _confirm(
    context: Context, enrolment: str, kind: str, label: str, keep: Any
) -> EnrolOutcome:
    told = clean_text(label, "label") or kind
    try:
        check_login(context, context.settings.enrol_auth_age_s)
        secret = await _use(context, enrolment, kind)
        return EnrolOutcome(tuple(await _keep(context, kind, secret, told, keep)))
    except Problem as problem:
        return EnrolOutcome(problems=(problem,))
    except WrongProofError:
        wrong = Problem(ProblemCode.SIG_PROOF_INVALID, attemptsLeft=0)
        return EnrolOutcome(problems=(wrong,))


async def _use(context: Context, enrolment: str, kind: str) -> bytes:
    """Use the enrolment up in a transaction of its own: a wrong answer is not tried twice."""
    actor = context.actor
    try:
        id = UUID(enrolment)
    except ValueError as error:
        raise Problem(ProblemCode.SIG_NOT_FOUND) from error
    async with context.database.transaction() as connection:
        found = await records.use(connection, id, actor.subject, actor.session, kind)
    if found is None:
        raise Problem(ProblemCode.SIG_NOT_FOUND)
    return found.secret


async def _keep(
    context: Context, kind: str, secret: bytes, label: str, keep: Any
) -> Sequence[FactorRow]:
    subject = context.actor.subject
    async with context.database.transaction() as connection:
        await signature_records.lock_signer(connection, subject)
        row = await keep(connection, secret, label)
        if row is None:  # the credential is enrolled already, perhaps for another person
            raise WrongProofError("credential known")
        await records.enrolled(connection, subject)
        await _tell(context, connection, "factor.enrolled", subject, {"kind": kind, "label": label})
        return await records.of(connection, subject)


async def _tell(
    context: Context, connection: Connection, event: str, subject: str, body: Mapping[str, Any]
) -> None:
    entry = journal_intent.intent(
        id=clock.new_id(),
        at=await signature_records.now(connection),
        event=event,
        actor=acting(context),
        entity={"type": "person", "id": subject, "ver": 0},
        body=body,
    )
    await journal_intent.append(connection, [entry])
