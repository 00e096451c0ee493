"""Access grants as GraphQL; `Mutation` and `Query` inherit the root fields."""

# `field` returns what Strawberry's own decorator returns, which is Any.
# mypy: disable-error-code="untyped-decorator"

from enum import StrEnum
from functools import partial
from typing import Annotated

import strawberry
from strawberry import UNSET

from lotkin import clock
from lotkin.domain.nodeid import parse_row
from lotkin.records.access import GrantRow
from lotkin.resolvers import access
from lotkin.resolvers.access import TAG, GrantAsked, GrantOutcome
from lotkin.schema.field import field
from lotkin.schema.lookup import ItemLookup
from lotkin.schema.node import Node, described, global_id
from lotkin.schema.paging import (
    After,
    Connection,
    First,
    cursor,
    given,
    page,
    page_size,
    read_cursor,
)
from lotkin.schema.problem import Problem, to_graphql
from lotkin.schema.scalars import DateTime
from lotkin.schema.things import Info

GRANTS = "accessGrants"  # names the cursors of that list


@strawberry.enum(description="How far a grant has come.")
class AccessGrantState(StrEnum):
    """States of a grant."""

    REQUESTED = "REQUESTED"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


described(
    AccessGrantState,
    {
        "REQUESTED": "Waits for a second administrator.",
        "ACTIVE": "In force.",
        "EXPIRED": "Its time has ended.",
        "REVOKED": "An administrator ended it.",
    },
)


@strawberry.type(description="A dossier opened to a regulator, for a purpose and a time.")
class AccessGrant(Node):
    """A grant."""

    organisation: str | None = strawberry.field(description="Key of the organisation it is for.")
    subject: str | None = strawberry.field(description="The person it is for, as tokens tell.")
    products: list[str] = strawberry.field(description="Keys of item classes it reaches forward.")
    markets: list[str] = strawberry.field(description="Countries it is about, ISO 3166-1 alpha-2.")
    items: list[str] = strawberry.field(
        description="Keys of its lots and serials; none: all items of the products in the period."
    )
    case_reference: str | None = strawberry.field(description="The case it belongs to.")
    since: DateTime = strawberry.field(description="Start of its period.")
    until: DateTime = strawberry.field(description="End of its period, not in it.")
    purpose: str = strawberry.field(description="Why; told to the journal with each answer.")
    state: AccessGrantState = strawberry.field(description="How far it has come.")
    requested_by: str = strawberry.field(description="Who asked for it.")
    requested_at: DateTime = strawberry.field(description="When.")
    approved_by: str | None = strawberry.field(description="The second administrator.")
    approved_at: DateTime | None = strawberry.field(description="When it came in force.")
    revoked_by: str | None = strawberry.field(description="Who ended it.")
    revoked_at: DateTime | None = strawberry.field(description="When it was ended.")
    expires_at: DateTime = strawberry.field(description="When it ends by itself.")

    @classmethod
    def of(cls, row: GrantRow) -> "AccessGrant":
        """Return the grant of a row."""
        told = row._asdict()
        moments = {"requested_at", "approved_at", "revoked_at", "expires_at"}
        told |= {
            name: None if told[name] is None else DateTime(clock.to_us(told[name]))
            for name in moments
        }
        told |= {"since": DateTime(row.since), "until": DateTime(row.until)}
        return cls(
            **told | {"id": global_id(TAG, row.id), "state": AccessGrantState(row.state)},
        )


@strawberry.input(description="A dossier to open.")
class CreateAccessGrantInput:
    """What a grant is asked for with."""

    purpose: str = strawberry.field(description="Why, in at most 500 characters.")
    since: DateTime = strawberry.field(description="Start of the period.")
    until: DateTime = strawberry.field(description="End of the period.")
    expires_at: DateTime = strawberry.field(description="When it ends; within 90 days.")
    organisation: str | None = strawberry.field(
        default=UNSET, description="Identifier of the organisation, as its tokens tell it."
    )
    subject: str | None = strawberry.field(
        default=UNSET, description="The person, where it is for one only."
    )
    products: list[str] = strawberry.field(
        default_factory=list, description="GTINs, item numbers or device identifiers."
    )
    markets: list[str] = strawberry.field(
        default_factory=list, description="Country codes, ISO 3166-1 alpha-2."
    )
    items: list[ItemLookup] = strawberry.field(
        default_factory=list, description="Lots and serials."
    )
    case_reference: str | None = strawberry.field(
        default=UNSET, description="The case it belongs to."
    )

    def to_domain(self) -> GrantAsked:
        """Return the grant asked for."""
        return GrantAsked(
            organisation=given(self.organisation),
            subject=given(self.subject),
            products=self.products,
            markets=self.markets,
            items=[each.to_domain() for each in self.items],
            case_reference=given(self.case_reference),
            since=self.since,
            until=self.until,
            purpose=self.purpose,
            expires_at=self.expires_at,
        )


@strawberry.input(description="Which grant.")
class AccessGrantInput:
    """Names a grant."""

    grant: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type(description="What became of a grant.")
class AccessGrantPayload:
    """Answer of the mutations of grants."""

    grant: AccessGrant | None = strawberry.field(description="The grant as it stands now.")
    problems: list[Problem] = strawberry.field(description="Why nothing changed.")

    @classmethod
    def of(cls, info: Info, outcome: GrantOutcome) -> "AccessGrantPayload":
        """Return the payload of an outcome."""
        return cls(
            grant=None if outcome.grant is None else AccessGrant.of(outcome.grant),
            problems=[to_graphql(each, info.context.language) for each in outcome.problems],
        )


@strawberry.type
class AccessMutation:
    """Mutations of access grants."""

    @field(
        access.create_access_grant,
        root="Mutation",
        name="createAccessGrant",
        description="Ask to open a dossier to a regulator; a second administrator approves it.",
    )
    async def create_access_grant(
        self,
        info: Info,
        input: Annotated[CreateAccessGrantInput, strawberry.argument(description="The dossier.")],
    ) -> AccessGrantPayload:
        """Ask for a grant."""
        outcome = await access.create_access_grant(info.context, input.to_domain())
        return AccessGrantPayload.of(info, outcome)

    @field(
        access.approve_access_grant,
        root="Mutation",
        name="approveAccessGrant",
        description="Put a grant in force that another administrator asked for.",
    )
    async def approve_access_grant(
        self,
        info: Info,
        input: Annotated[AccessGrantInput, strawberry.argument(description="The grant.")],
    ) -> AccessGrantPayload:
        """Approve a grant."""
        outcome = await access.approve_access_grant(info.context, input.grant)
        return AccessGrantPayload.of(info, outcome)

    @field(
        access.revoke_access_grant,
        root="Mutation",
        name="revokeAccessGrant",
        description="End a grant at once.",
    )
    async def revoke_access_grant(
        self,
        info: Info,
        input: Annotated[AccessGrantInput, strawberry.argument(description="The grant.")],
    ) -> AccessGrantPayload:
        """Revoke a grant."""
        outcome = await access.revoke_access_grant(info.context, input.grant)
        return AccessGrantPayload.of(info, outcome)


@strawberry.type
class AccessQuery:
    """Queries of access grants."""

    @field(
        access.access_grants,
        root="Query",
        name="accessGrants",
        description="Dossiers opened to regulators, newest first.",
    )
    async def access_grants(
        self,
        info: Info,
        state: Annotated[
            AccessGrantState | None, strawberry.argument(description="Only in this state.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Connection[AccessGrant]:
        """Return one page of grants."""
        size, place = page_size(info.context, first), read_cursor(GRANTS, after, int)
        wanted = given(state)
        named = None if wanted is None else wanted.value
        rows = await access.access_grants(
            info.context, state=named, below=None if place is None else place[0], first=size + 1
        )
        edges, page_info = page(
            rows, size, after=place, node=AccessGrant.of, at=lambda row: cursor(GRANTS, row.id)
        )
        return Connection(
            edges=edges,
            page_info=page_info,
            counting=partial(access.access_grant_count, info.context, state=named),
        )


async def access_node(info: Info, id: str) -> AccessGrant | None:
    """Return the grant of an opaque id; None for any other id."""
    row = parse_row(id, TAG)
    found = None if row is None else await access.access_grant(info.context, row)
    return None if found is None else AccessGrant.of(found)
