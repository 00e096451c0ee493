"""Signatures as GraphQL: challenges, proofs, what was signed."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Awaitable, Callable

import strawberry
from strawberry import UNSET

from lotkin import clock, errors
from lotkin.auth import challenge as challenges
from lotkin.auth.challenge import base64url
from lotkin.domain import signature as domain
from lotkin.domain.nodeid import NodeType
from lotkin.errors import Language
from lotkin.records.signatures import SignatureRow
from lotkin.resolvers import journal
from lotkin.resolvers import signature as use_cases
from lotkin.resolvers.proofs import Proof
from lotkin.resolvers.signature import Asked, Issued, RequestOutcome, Verification
from lotkin.schema.journal import JournalProof
from lotkin.schema.node import Node, described, global_id
from lotkin.schema.paging import given
from lotkin.schema.problem import Problem
from lotkin.schema.scalars import JSON, BigInt, DateTime
from lotkin.schema.things import Info

SignatureMeaning = strawberry.enum(
    domain.Meaning, name="SignatureMeaning", description="What a signature says about a record."
)
described(
    domain.Meaning,
    {
        "AUTHORED": "The signer wrote it.",
        "REVIEWED": "The signer looked through it.",
        "APPROVED": "The signer agrees to it.",
        "RELEASED": "The signer lets it be used.",
        "REJECTED": "The signer does not let it be used.",
        "VERIFIED": "The signer checked that it was done.",
        "WITNESSED": "The signer saw it done.",
    },
)
SignedAction = strawberry.enum(
    domain.Action, name="SignedAction", description="What a signature lets happen."
)
described(
    domain.Action,
    {
        "RELEASE_LOT": "Review a lot, then, by another person, release it.",
        "REJECT_LOT": "Reject a lot.",
        "REVOKE_RELEASE": "Take the release of a lot back.",
        "LIFT_HOLD": "Lift a hold.",
        "APPROVE_CHANGE": "Approve a change.",
        "MAKE_CHANGE_EFFECTIVE": "Make a change effective.",
        "APPROVE_CAPA_PLAN": "Approve the plan of a corrective action.",
        "CLOSE_CAPA": "Close a corrective action.",
        "GRANT_CONCESSION": "Let something be used as it is.",
        "APPROVE_DOCUMENT": "Approve a document.",
        "APPROVE_RECALL": "Approve a recall.",
        "FREEZE_RECALL_SCOPE": "Freeze what a recall covers.",
        "CLOSE_RECALL": "Close a recall.",
    },
)
SignatureFactor = strawberry.enum(
    domain.Factor, name="SignatureFactor", description="How a signer proves who signs."
)
described(
    domain.Factor,
    {
        "WEBAUTHN": "A key of the signer's own that verifies the person.",
        "ID_TOKEN": "A log-in at the identity provider made for this very signature.",
        "PASSWORD_TOTP": "Password and one-time code of a local account.",
    },
)
Assurance = strawberry.enum(
    domain.Assurance, name="Assurance", description="Whose key stands behind a signature."
)
described(
    domain.Assurance,
    {
        "USER_KEY": "The signer's own, held by nobody else.",
        "IDP_ATTESTED": "The identity provider's.",
        "SERVER_ATTESTED": "This service's, which saw password and code.",
    },
)


@strawberry.type(description="Why something was not signed, with what a program needs to go on.")
class SignatureProblem(Problem):
    """A problem with its facts; those that do not belong to the code are null."""

    attempts_left: int | None = strawberry.field(description="SIG_PROOF_INVALID: tries left.")
    retry_after: int | None = strawberry.field(description="SIG_LOCKED: seconds to wait.")
    signature_id: strawberry.ID | None = strawberry.field(
        description="SIG_CONSUMED: the signature that the challenge made."
    )
    current_version: int | None = strawberry.field(
        description="SIG_RECORD_CHANGED: where the record stands."
    )
    rule: str | None = strawberry.field(description="SIG_SOD_CONFLICT: the rule.")
    missing: list[str] | None = strawberry.field(
        description="SIG_PREREQUISITE: what must come first."
    )
    max_age: int | None = strawberry.field(
        description="SIG_STEP_UP_REQUIRED: how old the log-in may be, in seconds."
    )
    acr_values: str | None = strawberry.field(
        description="SIG_STEP_UP_REQUIRED: strengths of log-in, apart by spaces; - for any."
    )


def problem_of(problem: errors.Problem, language: Language) -> SignatureProblem:
    """Return a problem of signing for a payload."""
    facts = problem.facts
    return SignatureProblem(
        code=problem.code,
        message=problem.message(language),
        path=None,
        attempts_left=facts.get("attemptsLeft"),
        retry_after=facts.get("retryAfter"),
        signature_id=facts.get("signatureId"),
        current_version=facts.get("currentVersion"),
        rule=facts.get("rule"),
        missing=facts.get("missing"),
        max_age=facts.get("max_age"),
        acr_values=facts.get("acr_values"),
    )


STEP_UP = "step_up"  # where an answer that asks for a fresh log-in leaves the problem


def problems_of(info: Info, problems: tuple[errors.Problem, ...]) -> list[Problem]:
    """Return the problems of a payload; one that asks for a log-in is told to the edge too."""
    for each in problems:
        if each.code is errors.ProblemCode.SIG_STEP_UP_REQUIRED:
            info.context.batches[STEP_UP] = each
    return [problem_of(each, info.context.language) for each in problems]


@strawberry.input(description="What is to be signed.")
class RequestSignatureInput:
    """Input of `requestSignature`."""

    action: SignedAction = strawberry.field(description="What the signature shall let happen.")  # type: ignore[valid-type]
    subject: strawberry.ID = strawberry.field(description="The record, by its id.")
    expected_version: int = strawberry.field(description="The version that was looked at.")
    meaning: SignatureMeaning = strawberry.field(description="What the signature shall say.")  # type: ignore[valid-type]
    reason: str | None = strawberry.field(
        default=UNSET, description="Why; up to 500 characters. Some actions need one."
    )

    def to_domain(self) -> Asked:
        """Return the request of the use case."""
        return Asked(
            self.action, self.subject, self.expected_version, self.meaning, given(self.reason)
        )


@strawberry.input(description="Two components of a local account.")
class PasswordTotpInput:
    """Password and code."""

    password: str = strawberry.field(description="The account's password.")
    code: str = strawberry.field(
        description="The one-time code; empty only within a continuous signing period."
    )


@strawberry.input(one_of=True, description="How the signer proves who signs; exactly one.")
class SignatureProof:
    """One factor."""

    webauthn: JSON | None = strawberry.field(
        default=UNSET, description="What `navigator.credentials.get` answered, as JSON."
    )
    id_token: str | None = strawberry.field(
        default=UNSET, description="An id token whose nonce is the challenge's `idTokenNonce`."
    )
    password_totp: PasswordTotpInput | None = strawberry.field(
        default=UNSET, description="Password and one-time code."
    )

    def to_domain(self) -> Proof:
        """Return the proof of the use cases."""
        if self.webauthn:
            return Proof(domain.Factor.WEBAUTHN, webauthn=self.webauthn)
        if self.id_token:
            return Proof(domain.Factor.ID_TOKEN, id_token=self.id_token)
        told = self.password_totp
        if not told:
            return Proof(domain.Factor.WEBAUTHN)
        return Proof(domain.Factor.PASSWORD_TOTP, password=told.password, code=told.code)


@strawberry.input(description="A challenge and its proof; a signed mutation takes nothing else.")
class SignedInput:
    """Input of every signed mutation."""

    challenge: strawberry.ID = strawberry.field(description="The challenge, by its id.")
    proof: SignatureProof = strawberry.field(description="What proves who signs.")


@strawberry.type(description="What is to be signed, frozen; good for two minutes and one use.")
class SignatureChallenge(Node):
    """A challenge as its signer sees it."""

    issued: strawberry.Private[Issued]
    display: str = strawberry.field(description="What the signer reads, made from `payload`.")
    payload: str = strawberry.field(description="The exact bytes that are signed (RFC 8785 JSON).")
    digest: str = strawberry.field(
        description="base64url SHA-256 of `lotkin-sign/1`, a zero byte and the payload."
    )
    meaning: SignatureMeaning = strawberry.field(description="What the signature will say.")  # type: ignore[valid-type]
    expires_at: DateTime = strawberry.field(description="Until when it can be used.")
    factors: list[SignatureFactor] = strawberry.field(  # type: ignore[valid-type]
        description="What the signer may prove it with, best first."
    )
    id_token_nonce: str | None = strawberry.field(
        description="The nonce to log in with; null where the identity provider is not used so."
    )

    @strawberry.field(
        description="Options of `navigator.credentials.get`; null without an enrolled key."
    )
    def webauthn_options(self, info: Info) -> JSON | None:
        """Return the options."""
        if domain.Factor.WEBAUTHN not in self.issued.factors:
            return None
        return JSON(
            {
                "challenge": self.digest,
                "rpId": info.context.settings.webauthn_rp_id,
                "timeout": challenges.LIFETIME_S * 1000,
                "userVerification": "required",
                "allowCredentials": [
                    {"type": "public-key", "id": base64url(key)} for key in self.issued.keys
                ],
            }
        )

    @strawberry.field(description="Strengths of log-in that may sign; empty: any.")
    def required_acr(self, info: Info) -> list[str]:
        """Return the accepted strengths."""
        return sorted(info.context.settings.signing_acr)

    @strawberry.field(description="How old the log-in may be, in seconds.")
    def max_age_seconds(self, info: Info) -> int:
        """Return the greatest age."""
        return info.context.settings.signing_auth_age_s

    @classmethod
    def of(cls, issued: Issued) -> "SignatureChallenge":
        """Return the challenge of the use case."""
        row, digest = issued.row, base64url(issued.row.digest)
        return cls(
            id=global_id(NodeType.CHALLENGE, row.id),
            issued=issued,
            display=issued.display,
            payload=row.payload.decode(),
            digest=digest,
            meaning=domain.Meaning(row.meaning),
            expires_at=DateTime(clock.to_us(row.expires_at)),
            factors=list(issued.factors),
            id_token_nonce=digest if domain.Factor.ID_TOKEN in issued.factors else None,
        )


@strawberry.type(description="What became of a request for a signature.")
class RequestSignaturePayload:
    """Payload of `requestSignature`."""

    challenge: SignatureChallenge | None = strawberry.field(description="What is to be signed.")
    problems: list[Problem] = strawberry.field(description="Why there is none.")

    @classmethod
    def of(cls, info: Info, outcome: RequestOutcome) -> "RequestSignaturePayload":
        """Return the payload that tells `outcome`."""
        issued = outcome.issued
        return cls(
            challenge=None if issued is None else SignatureChallenge.of(issued),
            problems=problems_of(info, outcome.problems),
        )


# How the subject of a signature is loaded, by its type; the modules of the records fill it.
SUBJECTS: dict[str, Callable[[Info, int], Awaitable[Node | None]]] = {}


@strawberry.type(description="One person's signature of one version of one record, as it was made.")
class Signature(Node):
    """A signature."""

    row: strawberry.Private[SignatureRow]
    signer: str = strawberry.field(description="Who, as the identity provider names them.")
    printed_name: str = strawberry.field(description="Printed name at the time.")
    signed_at: DateTime = strawberry.field(description="When, by the database's clock.")
    zone: str = strawberry.field(description="Time zone of the site, IANA name.")
    meaning: SignatureMeaning = strawberry.field(description="What it says.")  # type: ignore[valid-type]
    reason: str | None = strawberry.field(description="Why.")
    action: SignedAction = strawberry.field(description="What it let happen.")  # type: ignore[valid-type]
    assurance: Assurance = strawberry.field(description="Whose key stands behind it.")  # type: ignore[valid-type]
    subject_version: int = strawberry.field(description="The version of the record it is of.")
    digest: str = strawberry.field(description="Digest of what was signed, base64url.")
    payload: str = strawberry.field(description="The exact bytes that were signed.")
    voided_at: DateTime | None = strawberry.field(description="When it ceased to count.")
    void_reason: str | None = strawberry.field(description="Why it ceased to count.")

    @strawberry.field(description="Name, time with zone and meaning, as printed.")
    def manifest(self, info: Info) -> str:
        """Return the printed form."""
        return challenges.manifest(self.row.payload, self.row.signed_at, info.context.language)

    @strawberry.field(
        description="Shows that its entry is in the journal; null while that has no checkpoint."
    )
    async def proof(self, info: Info) -> JournalProof | None:
        """Return the inclusion proof."""
        found = await journal.prove_intent(info.context, self.row.intent_id)
        return None if found is None else JournalProof.of(found)

    @strawberry.field(description="The record.")
    async def subject(self, info: Info) -> Node:
        """Return the record."""
        found = await SUBJECTS[self.row.entity_type](info, self.row.entity_id)
        assert found is not None, "a signed record is never removed"
        return found

    @classmethod
    def of(cls, row: SignatureRow) -> "Signature":
        """Return the signature of a row."""
        voided = row.voided_at
        return cls(
            id=global_id(NodeType.SIGNATURE, row.id),
            row=row,
            signer=row.signer,
            printed_name=row.printed_name,
            signed_at=DateTime(clock.to_us(row.signed_at)),
            zone=row.tz,
            meaning=domain.Meaning(row.meaning),
            reason=row.reason,
            action=domain.Action(row.action),
            assurance=domain.Assurance(row.assurance),
            subject_version=row.entity_ver,
            digest=base64url(row.digest),
            payload=row.payload.decode(),
            voided_at=None if voided is None else DateTime(clock.to_us(voided)),
            void_reason=row.void_reason,
        )


async def signature_of(info: Info, row: int | None) -> Signature | None:
    """Return the signature with a row id."""
    found = None if row is None else await use_cases.signature(info.context, row)
    return None if found is None else Signature.of(found)


@strawberry.type(description="Whether a signature holds, checked again from what was kept.")
class SignatureVerification:
    """A check of one signature."""

    valid: bool = strawberry.field(description="Whether nothing is wrong with it.")
    flaws: list[str] = strawberry.field(
        description="What is wrong: PAYLOAD, DIGEST, EVIDENCE, or a column that says something "
        "else than what was signed."
    )
    position: BigInt | None = strawberry.field(description="Place of its journal entry.")
    signature: Signature = strawberry.field(description="The signature.")

    @classmethod
    def of(cls, found: Verification) -> "SignatureVerification":
        """Return the result of a check."""
        return cls(
            valid=not found.flaws,
            flaws=list(found.flaws),
            position=None if found.position is None else BigInt(found.position),
            signature=Signature.of(found.row),
        )
