"""Signing factors as GraphQL: enrolling one's own, resetting another's."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import strawberry
from strawberry import UNSET

from lotkin.auth.challenge import base64url
from lotkin.records.factors import FactorRow
from lotkin.resolvers.factors import Begun, EnrolOutcome, ResetOutcome
from lotkin.schema.problem import Problem
from lotkin.schema.scalars import JSON
from lotkin.schema.signature import problems_of
from lotkin.schema.things import Info


@strawberry.type(description="A factor the caller can sign with.")
class EnrolledFactor:
    """An enrolled factor."""

    kind: str = strawberry.field(description="WEBAUTHN or TOTP.")
    label: str = strawberry.field(description="What the person calls it.")

    @classmethod
    def of(cls, row: FactorRow) -> "EnrolledFactor":
        """Return the factor of a row."""
        return cls(kind=row.kind, label=row.label)


@strawberry.type(description="The begin of an enrolment, to be confirmed within ten minutes.")
class EnrolWebauthnPayload:
    """Payload of `enrolWebauthn`."""

    enrolment: strawberry.ID | None = strawberry.field(description="Names it when confirming.")
    options: JSON | None = strawberry.field(
        description="Options of `navigator.credentials.create`."
    )
    problems: list[Problem] = strawberry.field(description="Why it did not begin.")

    @classmethod
    def of(cls, info: Info, begun: Begun) -> "EnrolWebauthnPayload":
        """Return the payload that tells `begun`."""
        return cls(
            enrolment=None if begun.enrolment is None else strawberry.ID(begun.enrolment),
            options=None if begun.challenge is None else _options(info, begun.challenge, begun),
            problems=problems_of(info, begun.problems),
        )


def _options(info: Info, challenge: bytes, begun: Begun) -> JSON:
    actor = info.context.actor
    return JSON(
        {
            "challenge": base64url(challenge),
            "rp": {"id": info.context.settings.webauthn_rp_id, "name": "Lotkin"},
            "user": {
                "id": base64url(actor.subject.encode()[:64]),
                "name": actor.subject,
                "displayName": actor.name,
            },
            "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (-8, -7, -257)],
            "authenticatorSelection": {"userVerification": "required"},
            "attestation": "none",
            "excludeCredentials": [
                {"type": "public-key", "id": base64url(key)} for key in begun.known
            ],
        }
    )


@strawberry.type(description="A seed for an authenticator app, shown once.")
class EnrolTotpPayload:
    """Payload of `enrolTotp`."""

    enrolment: strawberry.ID | None = strawberry.field(description="Names it when confirming.")
    secret: str | None = strawberry.field(description="The seed in base32; never shown again.")
    uri: str | None = strawberry.field(description="The same as an otpauth address.")
    problems: list[Problem] = strawberry.field(description="Why it did not begin.")

    @classmethod
    def of(cls, info: Info, begun: Begun) -> "EnrolTotpPayload":
        """Return the payload that tells `begun`."""
        return cls(
            enrolment=None if begun.enrolment is None else strawberry.ID(begun.enrolment),
            secret=begun.seed,
            uri=begun.uri,
            problems=problems_of(info, begun.problems),
        )


@strawberry.input(description="What the authenticator answered.")
class ConfirmWebauthnInput:
    """Input of `confirmWebauthn`."""

    enrolment: strawberry.ID = strawberry.field(description="From `enrolWebauthn`.")
    credential: JSON = strawberry.field(
        description="What `navigator.credentials.create` answered, as JSON."
    )
    label: str | None = strawberry.field(default=UNSET, description="What the person calls it.")


@strawberry.input(description="The first code of a new seed.")
class ConfirmTotpInput:
    """Input of `confirmTotp`."""

    enrolment: strawberry.ID = strawberry.field(description="From `enrolTotp`.")
    code: str = strawberry.field(description="The code that the app shows now.")
    label: str | None = strawberry.field(default=UNSET, description="What the person calls it.")


@strawberry.type(description="What became of an enrolment.")
class ConfirmFactorPayload:
    """Payload of `confirmWebauthn` and `confirmTotp`."""

    factors: list[EnrolledFactor] = strawberry.field(description="What can be signed with now.")
    problems: list[Problem] = strawberry.field(description="Why nothing was enrolled.")

    @classmethod
    def of(cls, info: Info, outcome: EnrolOutcome) -> "ConfirmFactorPayload":
        """Return the payload that tells `outcome`."""
        return cls(
            factors=[EnrolledFactor.of(row) for row in outcome.factors],
            problems=problems_of(info, outcome.problems),
        )


@strawberry.input(description="Whose factors shall be taken away.")
class ResetFactorInput:
    """Input of `resetFactor`."""

    subject: str = strawberry.field(description="The person, as the identity provider names them.")
    reason: str = strawberry.field(description="Why; up to 500 characters.")


@strawberry.type(description="What became of a reset; it takes two administrators.")
class ResetFactorPayload:
    """Payload of `resetFactor`."""

    done: bool = strawberry.field(
        description="Whether the factors are gone; false while another administrator must agree."
    )
    revoked: int = strawberry.field(description="How many factors were taken away.")
    problems: list[Problem] = strawberry.field(description="Why nothing happened.")

    @classmethod
    def of(cls, info: Info, outcome: ResetOutcome) -> "ResetFactorPayload":
        """Return the payload that tells `outcome`."""
        return cls(
            done=outcome.is_done,
            revoked=outcome.revoked,
            problems=problems_of(info, outcome.problems),
        )
