"""Changes as GraphQL."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import strawberry

from lotkin import clock
from lotkin.domain import change as domain
from lotkin.domain.change import APPROVALS_NEEDED
from lotkin.domain.nodeid import NodeType
from lotkin.records.changes import ChangeRow
from lotkin.resolvers import change as use_cases
from lotkin.resolvers.change import ChangeOutcome, Draft
from lotkin.resolvers.signed import SignOutcome
from lotkin.schema.node import Node, described, global_id
from lotkin.schema.problem import Problem
from lotkin.schema.scalars import DateTime
from lotkin.schema.signature import SUBJECTS, Signature, problems_of, signature_of
from lotkin.schema.things import Info

ChangeRisk = strawberry.enum(
    domain.Risk, name="ChangeRisk", description="How much a change may do wrong."
)
described(
    domain.Risk,
    {
        "LOW": "One person approves.",
        "MEDIUM": "Two people approve.",
        "HIGH": "Two people approve.",
    },
)
ChangeState = strawberry.enum(
    domain.ChangeState, name="ChangeState", description="How far a change is."
)
described(
    domain.ChangeState,
    {
        "DRAFT": "Being written.",
        "SUBMITTED": "Waits for approvals.",
        "APPROVED": "As many people as its risk asks for have approved this very content.",
    },
)
ChangeKind = strawberry.enum(
    domain.ChangeKind, name="ChangeKind", description="What a change is about."
)
described(
    domain.ChangeKind,
    {
        "DESIGN": "The device.",
        "PROCESS": "How it is made.",
        "SUPPLIER": "Who supplies.",
        "DOCUMENT": "What is written.",
        "EQUIPMENT": "What it is made with.",
    },
)


@strawberry.type(description="A change and the content that is approved with it.")
class Change(Node):
    """A change."""

    title: str = strawberry.field(description="What it is called.")
    kind: ChangeKind = strawberry.field(description="What it is about.")  # type: ignore[valid-type]
    risk: ChangeRisk = strawberry.field(description="How much it may do wrong.")  # type: ignore[valid-type]
    content: str = strawberry.field(description="What changes, in Markdown.")
    state: ChangeState = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    version: int = strawberry.field(description="Of the content; each edit raises it.")
    author: str = strawberry.field(description="Who raised it, by printed name.")
    created_at: DateTime = strawberry.field(description="When it was raised.")
    changed_at: DateTime = strawberry.field(description="When it last changed.")
    approvals_needed: int = strawberry.field(description="How many people approve it in all.")
    row: strawberry.Private[ChangeRow]

    @strawberry.field(description="The signatures of this content.")
    async def signatures(self, info: Info) -> list[Signature]:
        """Return the signatures that count."""
        found = await use_cases.approvals(info.context, self.row.id)
        return [Signature.of(row) for row in found]

    @classmethod
    def of(cls, row: ChangeRow) -> "Change":
        """Return the change of a row."""
        return cls(
            id=global_id(NodeType.CHANGE, row.id),
            row=row,
            title=row.title,
            kind=domain.ChangeKind(row.kind),
            risk=domain.Risk(row.risk),
            content=row.content,
            state=domain.ChangeState(row.state),
            version=row.version,
            author=row.author_name,
            created_at=DateTime(clock.to_us(row.created_at)),
            changed_at=DateTime(clock.to_us(row.changed_at)),
            approvals_needed=APPROVALS_NEEDED[domain.Risk(row.risk)],
        )


async def change_of(info: Info, row: int | None) -> Change | None:
    """Return the change with a row id."""
    found = None if row is None else await use_cases.change(info.context, row)
    return None if found is None else Change.of(found)


@strawberry.input(description="What a new change says.")
class CreateChangeInput:
    """Input of `createChange`."""

    title: str = strawberry.field(description="What it is called; up to 500 characters.")
    kind: ChangeKind = strawberry.field(description="What it is about.")  # type: ignore[valid-type]
    risk: ChangeRisk = strawberry.field(description="How much it may do wrong.")  # type: ignore[valid-type]
    content: str = strawberry.field(description="What changes, in Markdown; up to 20,000.")

    def to_domain(self) -> Draft:
        """Return the draft of the use cases."""
        return Draft(self.title, self.kind, self.risk, self.content)


@strawberry.input(description="What a change says from now on; its approvals are void.")
class EditChangeInput(CreateChangeInput):
    """Input of `editChange`."""

    change: strawberry.ID = strawberry.field(description="The change, by its id.")
    expected_version: int = strawberry.field(description="The version that was looked at.")


@strawberry.input(description="A change as it was looked at.")
class SubmitChangeInput:
    """Input of `submitChange`."""

    change: strawberry.ID = strawberry.field(description="The change, by its id.")
    expected_version: int = strawberry.field(description="The version that was looked at.")


@strawberry.type(description="What became of a change.")
class ChangePayload:
    """Payload of `createChange`, `editChange` and `submitChange`."""

    row: strawberry.Private[int | None]
    problems: list[Problem] = strawberry.field(description="Why nothing happened.")

    @strawberry.field(description="The change, as it is now.")
    async def change(self, info: Info) -> Change | None:
        """Return the change."""
        return await change_of(info, self.row)

    @classmethod
    def of(cls, info: Info, outcome: ChangeOutcome) -> "ChangePayload":
        """Return the payload that tells `outcome`."""
        return cls(row=outcome.row, problems=problems_of(info, outcome.problems))


@strawberry.type(description="What became of an approval.")
class ApproveChangePayload:
    """Payload of `approveChange`."""

    outcome: strawberry.Private[SignOutcome]
    receipt_pending: bool = strawberry.field(
        description="Whether the journal has not placed the entry yet; the signature counts."
    )
    problems: list[Problem] = strawberry.field(description="Why nothing was signed.")

    @strawberry.field(description="The change, as it is now.")
    async def change(self, info: Info) -> Change | None:
        """Return the change."""
        return await change_of(info, self.outcome.row)

    @strawberry.field(description="The signature that was made.")
    async def signature(self, info: Info) -> Signature | None:
        """Return the signature."""
        return await signature_of(info, self.outcome.signature)

    @classmethod
    def of(cls, info: Info, outcome: SignOutcome) -> "ApproveChangePayload":
        """Return the payload that tells `outcome`."""
        return cls(
            outcome=outcome,
            receipt_pending=outcome.is_pending,
            problems=problems_of(info, outcome.problems),
        )


SUBJECTS["change"] = change_of
