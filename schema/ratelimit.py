"""What an operation costs its caller and what is left, as GraphQL."""

import strawberry
from graphql import DocumentNode

from lotkin import clock
from lotkin.resolvers.metering import Standing
from lotkin.schema.cost import cost_of
from lotkin.schema.scalars import DateTime
from lotkin.schema.things import Info


@strawberry.type(description="What this operation costs, and what is left to the caller.")
class RateLimit:
    """The caller's rate."""

    cost: int = strawberry.field(description="Of this operation.")
    limit: int = strawberry.field(description="Operations in a minute.")
    remaining: int = strawberry.field(description="Operations left now.")
    cost_limit: int = strawberry.field(description="Cost in a minute, of all operations.")
    cost_remaining: int = strawberry.field(description="Cost left now.")
    reset_at: DateTime = strawberry.field(description="When all of it is there again.")

    @classmethod
    def of(cls, info: Info, standing: Standing) -> "RateLimit":
        """Return the rate as it stands within an operation."""
        raw = info._raw_info  # the executor's own, which has the document
        definitions = (raw.operation, *raw.fragments.values())
        name = raw.operation.name.value if raw.operation.name else None
        document = DocumentNode(definitions=definitions)
        return cls(
            cost=cost_of(raw.schema, document, name, info.variable_values),
            limit=standing.limit,
            remaining=standing.remaining,
            cost_limit=standing.cost_limit,
            cost_remaining=standing.cost_remaining,
            reset_at=DateTime(clock.now_us() + standing.reset_s * 1_000_000),
        )
