"""Release of lots as GraphQL: readiness, holds, payloads of signed mutations."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import strawberry
from strawberry import UNSET

from lotkin import clock
from lotkin.domain import release as domain
from lotkin.domain.nodeid import NodeType
from lotkin.domain.release import SIGNATURES_NEEDED
from lotkin.records.release import HoldRow
from lotkin.resolvers import holds as hold_cases
from lotkin.resolvers.holds import HoldOutcome, RequirementOutcome
from lotkin.resolvers.release import Readiness
from lotkin.resolvers.signed import SignOutcome
from lotkin.schema.item import Item, ItemLookup, Lot, item_of
from lotkin.schema.node import Node, described, global_id
from lotkin.schema.problem import Problem
from lotkin.schema.scalars import DateTime
from lotkin.schema.signature import (
    SUBJECTS,
    Signature,
    SignatureMeaning,
    problems_of,
    signature_of,
)
from lotkin.schema.things import Info, ItemClass, item_class

LotState = strawberry.enum(
    domain.LotState, name="LotState", description="What quality decided of a lot."
)
described(
    domain.LotState,
    {
        "PENDING": "Nothing is decided, and something is in the way.",
        "READY": "Nothing is in the way of a review.",
        "REVIEWED": "One person signed; another one must release it.",
        "RELEASED": "Two people signed; it may be used.",
        "REJECTED": "It must not be used.",
        "REVOKED": "Its release was taken back.",
    },
)
HoldKind = strawberry.enum(
    domain.HoldKind, name="HoldKind", description="What a hold of the record stands for."
)
described(
    domain.HoldKind,
    {"HOLD": "Somebody holds it.", "OPEN_RECORD": "A quality record about it is still open."},
)


@strawberry.type(description="A hold of the record; events can hold too.")
class HoldRecord(Node):
    """A hold with its life."""

    row: strawberry.Private[HoldRow]
    kind: HoldKind = strawberry.field(description="What it stands for.")  # type: ignore[valid-type]
    reason: str = strawberry.field(description="Why.")
    reference: str | None = strawberry.field(description="The quality record behind it.")
    version: int = strawberry.field(description="Give it as `expectedVersion` to lift it.")
    placed_by: str = strawberry.field(description="Who placed it, by printed name.")
    placed_at: DateTime = strawberry.field(description="When.")
    lifted_at: DateTime | None = strawberry.field(description="When it was lifted.")

    @strawberry.field(description="What is held.")
    async def item(self, info: Info) -> Item:
        """Return the item."""
        found = await item_of(info, self.row.item_id)
        assert found is not None
        return found

    @classmethod
    def of(cls, row: HoldRow) -> "HoldRecord":
        """Return the hold of a row."""
        lifted = row.lifted_at
        return cls(
            id=global_id(NodeType.HOLD, row.id),
            row=row,
            kind=domain.HoldKind(row.kind),
            reason=row.reason,
            reference=row.reference,
            version=row.version,
            placed_by=row.placed_name,
            placed_at=DateTime(clock.to_us(row.placed_at)),
            lifted_at=None if lifted is None else DateTime(clock.to_us(lifted)),
        )


async def hold_of(info: Info, row: int | None) -> HoldRecord | None:
    """Return the hold with a row id."""
    found = None if row is None else await hold_cases.hold(info.context, row)
    return None if found is None else HoldRecord.of(found)


@strawberry.type(description="Something in the way of a release.")
class Blocker:
    """A blocker."""

    found: strawberry.Private[domain.Blocker]
    code: str = strawberry.field(
        description="HOLD, UPSTREAM_HOLD, OPEN_RECORD, UPSTREAM_OPEN_RECORD, UPSTREAM_REJECTED, "
        "INSPECTION_MISSING, INSPECTION_FAILED, EXPIRED, DECIDED."
    )
    message: str = strawberry.field(description="For people, in the caller's language.")

    @strawberry.field(description="What it is about: a hold of the record, else an item.")
    async def subject(self, info: Info) -> Node | None:
        """Return the subject."""
        return await hold_of(info, self.found.hold) or await item_of(info, self.found.item)


@strawberry.type(description="Whether a lot can be signed next, and by how many it still must be.")
class ReleaseReadiness:
    """Readiness of a lot."""

    readiness: strawberry.Private[Readiness]
    ready: bool = strawberry.field(description="Whether nothing is in the way of a signature.")
    state: LotState = strawberry.field(description="What is decided so far.")  # type: ignore[valid-type]
    version: int = strawberry.field(description="Give it as `expectedVersion`.")
    blockers: list[Blocker] = strawberry.field(description="What is in the way.")
    signatures_needed: int = strawberry.field(
        description="How many more signatures, of different people, a release needs."
    )
    next_meaning: SignatureMeaning | None = strawberry.field(  # type: ignore[valid-type]
        description="What the next signature says; null where none is due."
    )

    @strawberry.field(description="The signatures that count so far.")
    def signatures(self) -> list[Signature]:
        """Return the signatures."""
        return [Signature.of(row) for row in self.readiness.signatures]

    @strawberry.field(description="The lot.")
    async def lot(self, info: Info) -> Lot | None:
        """Return the lot."""
        return await lot_of(info, self.readiness.lot)

    @classmethod
    def of(cls, info: Info, found: Readiness) -> "ReleaseReadiness":
        """Return the readiness of the use case."""
        language = info.context.language
        return cls(
            readiness=found,
            ready=not found.blockers,
            state=found.state,
            version=found.version,
            blockers=[
                Blocker(found=each, code=each.code, message=each.message(language))
                for each in found.blockers
            ],
            signatures_needed=max(0, SIGNATURES_NEEDED - len(found.signatures)),
            next_meaning=found.next_meaning,
        )


async def lot_of(info: Info, row: int | None) -> Lot | None:
    """Return the lot with a row id."""
    found = await item_of(info, row)
    return found if isinstance(found, Lot) else None


@strawberry.type(description="What became of a signed mutation of a lot.")
class ReleaseLotPayload:
    """Payload of `releaseLot`, `rejectLot` and `revokeRelease`."""

    outcome: strawberry.Private[SignOutcome]
    receipt_pending: bool = strawberry.field(
        description="Whether the journal has not placed the entry yet; the signature counts."
    )
    problems: list[Problem] = strawberry.field(description="Why nothing was signed.")

    @strawberry.field(description="The lot, as it is now.")
    async def lot(self, info: Info) -> Lot | None:
        """Return the lot."""
        return await lot_of(info, self.outcome.row)

    @strawberry.field(description="The signature that was made.")
    async def signature(self, info: Info) -> Signature | None:
        """Return the signature."""
        return await signature_of(info, self.outcome.signature)

    @classmethod
    def of(cls, info: Info, outcome: SignOutcome) -> "ReleaseLotPayload":
        """Return the payload that tells `outcome`."""
        return cls(
            outcome=outcome,
            receipt_pending=outcome.is_pending,
            problems=problems_of(info, outcome.problems),
        )


@strawberry.input(description="What is to be held, and why.")
class PlaceHoldInput:
    """Input of `placeHold`."""

    item: ItemLookup = strawberry.field(description="What is to be held.")
    reason: str = strawberry.field(description="Why; up to 500 characters.")
    kind: HoldKind | None = strawberry.field(  # type: ignore[valid-type]
        default=domain.HoldKind.HOLD, description="What the hold stands for."
    )
    reference: str | None = strawberry.field(
        default=UNSET, description="The quality record behind it, such as a nonconformance."
    )


@strawberry.type(description="What became of a hold.")
class HoldPayload:
    """Payload of `placeHold` and `liftHold`."""

    row: strawberry.Private[int | None]
    signed: strawberry.Private[int | None]
    receipt_pending: bool = strawberry.field(
        description="Whether the journal has not placed the entry yet; the hold counts."
    )
    problems: list[Problem] = strawberry.field(description="Why nothing happened.")

    @strawberry.field(description="The hold, as it is now.")
    async def hold(self, info: Info) -> HoldRecord | None:
        """Return the hold."""
        return await hold_of(info, self.row)

    @strawberry.field(description="The signature that lifted it.")
    async def signature(self, info: Info) -> Signature | None:
        """Return the signature."""
        return await signature_of(info, self.signed)

    @classmethod
    def of(cls, info: Info, outcome: HoldOutcome | SignOutcome) -> "HoldPayload":
        """Return the payload that tells `outcome`."""
        return cls(
            row=outcome.row,
            signed=outcome.signature if isinstance(outcome, SignOutcome) else None,
            receipt_pending=outcome.is_pending,
            problems=problems_of(info, outcome.problems),
        )


@strawberry.input(description="How many accepted inspections a lot of a class needs.")
class RequireInspectionsInput:
    """Input of `requireInspections`."""

    item_class: strawberry.ID = strawberry.field(description="The item class, by its id.")
    accepted: int = strawberry.field(description="How many; 0 to 100.")


@strawberry.type(description="What became of the requirement.")
class RequireInspectionsPayload:
    """Payload of `requireInspections`."""

    row: strawberry.Private[int]
    accepted: int = strawberry.field(description="How many are needed now.")
    problems: list[Problem] = strawberry.field(description="Why nothing happened.")

    @strawberry.field(description="The class.")
    async def item_class(self, info: Info) -> ItemClass | None:
        """Return the class."""
        return await item_class(info, self.row)

    @classmethod
    def of(cls, info: Info, outcome: RequirementOutcome) -> "RequireInspectionsPayload":
        """Return the payload that tells `outcome`."""
        return cls(
            row=outcome.item_class,
            accepted=outcome.accepted,
            problems=problems_of(info, outcome.problems),
        )


SUBJECTS["lot"] = item_of
SUBJECTS["hold"] = hold_of
