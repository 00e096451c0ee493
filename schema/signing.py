"""Root fields of signatures, release and change; `Mutation` and `Query` inherit them."""

# `field` returns what Strawberry's own decorator returns, which is Any.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from lotkin.auth.permissions import Permission
from lotkin.domain.nodeid import NodeType, parse_node_id
from lotkin.domain.release import HoldKind
from lotkin.resolvers import change as changes
from lotkin.resolvers import factors, holds, release
from lotkin.resolvers import signature as signatures
from lotkin.resolvers.lookup import Lookup
from lotkin.schema.change import (
    ApproveChangePayload,
    Change,
    ChangePayload,
    CreateChangeInput,
    EditChangeInput,
    SubmitChangeInput,
    change_of,
)
from lotkin.schema.factor import (
    ConfirmFactorPayload,
    ConfirmTotpInput,
    ConfirmWebauthnInput,
    EnrolledFactor,
    EnrolTotpPayload,
    EnrolWebauthnPayload,
    ResetFactorInput,
    ResetFactorPayload,
)
from lotkin.schema.field import field
from lotkin.schema.item import ItemLookup
from lotkin.schema.node import Node
from lotkin.schema.paging import given
from lotkin.schema.release import (
    HoldPayload,
    PlaceHoldInput,
    ReleaseLotPayload,
    ReleaseReadiness,
    RequireInspectionsInput,
    RequireInspectionsPayload,
    hold_of,
)
from lotkin.schema.signature import (
    RequestSignatureInput,
    RequestSignaturePayload,
    SignatureChallenge,
    SignatureVerification,
    SignedInput,
    signature_of,
)
from lotkin.schema.things import Info

Signing = Annotated[
    SignedInput, strawberry.argument(description="The challenge and who proves to sign it.")
]
# One mutation of an operation signs: aliases would be guesses at the price of one request.
_ONCE = " Signed; at most one signing mutation in an operation."


@strawberry.type
class SigningMutation:
    """Mutations of signatures, release and change."""

    @field(
        signatures.request_signature,
        root="Mutation",
        name="requestSignature",
        description="Freeze what is to be signed; the answer holds the exact bytes to read.",
    )
    async def request_signature(
        self,
        info: Info,
        input: Annotated[
            RequestSignatureInput, strawberry.argument(description="What is to be signed.")
        ],
    ) -> RequestSignaturePayload:
        """Ask for a challenge."""
        outcome = await signatures.request_signature(info.context, input.to_domain())
        return RequestSignaturePayload.of(info, outcome)

    @field(
        release.release_lot,
        root="Mutation",
        name="releaseLot",
        description="Review a lot; another person's signature then releases it." + _ONCE,
    )
    async def release_lot(self, info: Info, input: Signing) -> ReleaseLotPayload:
        """Review or release."""
        told = await release.release_lot(info.context, input.challenge, input.proof.to_domain())
        return ReleaseLotPayload.of(info, told)

    @field(
        release.reject_lot,
        root="Mutation",
        name="rejectLot",
        description="Reject a lot." + _ONCE,
    )
    async def reject_lot(self, info: Info, input: Signing) -> ReleaseLotPayload:
        """Reject."""
        told = await release.reject_lot(info.context, input.challenge, input.proof.to_domain())
        return ReleaseLotPayload.of(info, told)

    @field(
        release.revoke_release,
        root="Mutation",
        name="revokeRelease",
        description="Take the release of a lot back." + _ONCE,
    )
    async def revoke_release(self, info: Info, input: Signing) -> ReleaseLotPayload:
        """Revoke."""
        told = await release.revoke_release(info.context, input.challenge, input.proof.to_domain())
        return ReleaseLotPayload.of(info, told)

    @field(
        holds.place_hold,
        root="Mutation",
        name="placeHold",
        description="Hold an item: neither it nor what is made of it can be released.",
    )
    async def place_hold(
        self,
        info: Info,
        input: Annotated[PlaceHoldInput, strawberry.argument(description="What to hold.")],
    ) -> HoldPayload:
        """Place a hold."""
        by: Lookup = input.item.to_domain()
        kind = given(input.kind) or HoldKind.HOLD
        reference = given(input.reference)
        outcome = await holds.place_hold(info.context, by, kind, input.reason, reference)
        return HoldPayload.of(info, outcome)

    @field(
        holds.lift_hold,
        root="Mutation",
        name="liftHold",
        description="Lift a hold that another person placed." + _ONCE,
    )
    async def lift_hold(self, info: Info, input: Signing) -> HoldPayload:
        """Lift a hold."""
        told = await holds.lift_hold(info.context, input.challenge, input.proof.to_domain())
        return HoldPayload.of(info, told)

    @field(
        holds.require_inspections,
        root="Mutation",
        name="requireInspections",
        description="Set how many accepted inspections a lot of a class needs for its release.",
    )
    async def require_inspections(
        self,
        info: Info,
        input: Annotated[
            RequireInspectionsInput, strawberry.argument(description="Which class, how many.")
        ],
    ) -> RequireInspectionsPayload:
        """Require inspections."""
        told = await holds.require_inspections(info.context, input.item_class, input.accepted)
        return RequireInspectionsPayload.of(info, told)

    @field(
        changes.create_change,
        root="Mutation",
        name="createChange",
        description="Raise a change as a draft.",
    )
    async def create_change(
        self,
        info: Info,
        input: Annotated[CreateChangeInput, strawberry.argument(description="What it says.")],
    ) -> ChangePayload:
        """Raise a change."""
        return ChangePayload.of(info, await changes.create_change(info.context, input.to_domain()))

    @field(
        changes.edit_change,
        root="Mutation",
        name="editChange",
        description="Give a change its next content; earlier approvals are void.",
    )
    async def edit_change(
        self,
        info: Info,
        input: Annotated[EditChangeInput, strawberry.argument(description="What it says now.")],
    ) -> ChangePayload:
        """Edit a change."""
        told = await changes.edit_change(
            info.context, input.change, input.expected_version, input.to_domain()
        )
        return ChangePayload.of(info, told)

    @field(
        changes.submit_change,
        root="Mutation",
        name="submitChange",
        description="Ask for the approval of a draft.",
    )
    async def submit_change(
        self,
        info: Info,
        input: Annotated[SubmitChangeInput, strawberry.argument(description="Which draft.")],
    ) -> ChangePayload:
        """Submit a change."""
        told = await changes.submit_change(info.context, input.change, input.expected_version)
        return ChangePayload.of(info, told)

    @field(
        changes.approve_change,
        root="Mutation",
        name="approveChange",
        description="Approve a change that others wrote." + _ONCE,
    )
    async def approve_change(self, info: Info, input: Signing) -> ApproveChangePayload:
        """Approve a change."""
        told = await changes.approve_change(info.context, input.challenge, input.proof.to_domain())
        return ApproveChangePayload.of(info, told)

    @field(
        factors.enrol_webauthn,
        root="Mutation",
        name="enrolWebauthn",
        description="Begin to enrol a key of one's own; needs a fresh log-in.",
    )
    async def enrol_webauthn(self, info: Info) -> EnrolWebauthnPayload:
        """Begin with a key."""
        return EnrolWebauthnPayload.of(info, await factors.enrol_webauthn(info.context))

    @field(
        factors.confirm_webauthn,
        root="Mutation",
        name="confirmWebauthn",
        description="Enrol the key that answered; each enrolment can be tried once.",
    )
    async def confirm_webauthn(
        self,
        info: Info,
        input: Annotated[ConfirmWebauthnInput, strawberry.argument(description="The answer.")],
    ) -> ConfirmFactorPayload:
        """Confirm a key."""
        told = await factors.confirm_webauthn(
            info.context, input.enrolment, input.credential, given(input.label) or ""
        )
        return ConfirmFactorPayload.of(info, told)

    @field(
        factors.enrol_totp,
        root="Mutation",
        name="enrolTotp",
        description="Begin to enrol one-time codes for signing; needs a fresh log-in.",
    )
    async def enrol_totp(self, info: Info) -> EnrolTotpPayload:
        """Begin with codes."""
        return EnrolTotpPayload.of(info, await factors.enrol_totp(info.context))

    @field(
        factors.confirm_totp,
        root="Mutation",
        name="confirmTotp",
        description="Enrol the seed whose first code this is, in place of an earlier one.",
    )
    async def confirm_totp(
        self,
        info: Info,
        input: Annotated[ConfirmTotpInput, strawberry.argument(description="The code.")],
    ) -> ConfirmFactorPayload:
        """Confirm codes."""
        told = await factors.confirm_totp(
            info.context, input.enrolment, input.code, given(input.label) or ""
        )
        return ConfirmFactorPayload.of(info, told)

    @field(
        factors.reset_factor,
        root="Mutation",
        name="resetFactor",
        description="Take a person's signing factors away; takes two administrators, and the "
        "person signs nothing until enrolled again.",
    )
    async def reset_factor(
        self,
        info: Info,
        input: Annotated[ResetFactorInput, strawberry.argument(description="Whose, and why.")],
    ) -> ResetFactorPayload:
        """Reset factors."""
        told = await factors.reset_factor(info.context, input.subject, input.reason)
        return ResetFactorPayload.of(info, told)


@strawberry.type
class SigningQuery:
    """Queries of signatures, release and change."""

    @field(
        release.release_readiness,
        root="Query",
        name="releaseReadiness",
        description="What is in the way of releasing a lot, on it and everywhere upstream.",
    )
    async def release_readiness(
        self,
        info: Info,
        lot: Annotated[ItemLookup, strawberry.argument(description="Which lot.")],
    ) -> ReleaseReadiness:
        """Return the readiness of a lot."""
        found = await release.release_readiness(info.context, lot.to_domain())
        return ReleaseReadiness.of(info, found)

    @field(
        signatures.verify_signature,
        root="Query",
        name="verifySignature",
        description="Check a signature again from what was kept of it.",
    )
    async def verify_signature(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The signature.")],
    ) -> SignatureVerification | None:
        """Return the result, or null for an unknown id."""
        found = await signatures.verify_signature(info.context, id)
        return None if found is None else SignatureVerification.of(found)

    @field(
        signatures.pending_signatures,
        root="Query",
        name="pendingSignatures",
        description="The caller's challenges that can still be used, oldest first.",
    )
    async def pending_signatures(self, info: Info) -> list[SignatureChallenge]:
        """Return the caller's challenges."""
        found = await signatures.pending_signatures(info.context)
        return [SignatureChallenge.of(issued) for issued in found]

    @field(
        factors.own_factors,
        root="Query",
        name="signingFactors",
        description="What the caller can sign with.",
    )
    async def signing_factors(self, info: Info) -> list[EnrolledFactor]:
        """Return the caller's factors."""
        return [EnrolledFactor.of(row) for row in await factors.own_factors(info.context)]

    @field(
        changes.change_of,
        root="Query",
        name="change",
        description="A change by its id.",
    )
    async def change(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],
    ) -> Change | None:
        """Return the change, or null for an unknown id."""
        found = await changes.change_of(info.context, id)
        return None if found is None else Change.of(found)


async def _challenge(info: Info, row: int) -> SignatureChallenge | None:
    found = await signatures.own_challenge(info.context, row)
    return None if found is None else SignatureChallenge.of(found)


_NODES = {
    NodeType.CHALLENGE: (Permission.SIGNATURE_REQUEST, _challenge),
    NodeType.SIGNATURE: (Permission.SIGNATURE_READ, signature_of),
    NodeType.CHANGE: (Permission.CHANGE_READ, change_of),
    NodeType.HOLD: (Permission.RELEASE_READ, hold_of),
}


async def signing_node(info: Info, id: strawberry.ID) -> Node | None:
    """Return the object of an opaque id of ours; None for any other and what one may not see."""
    parsed = parse_node_id(id)
    if parsed is None or parsed[0] not in _NODES:
        return None
    permission, load = _NODES[NodeType(parsed[0])]
    if permission not in info.context.actor.permissions:
        return None
    return await load(info, parsed[1])
