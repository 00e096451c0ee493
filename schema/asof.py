"""Which way, as of when, by whom: what every walk is asked with, and what it says of itself."""

import strawberry
from strawberry import UNSET

from lotkin.domain import genealogy, lineage
from lotkin.resolvers import asof
from lotkin.resolvers.asof import Stand
from lotkin.schema.node import described
from lotkin.schema.paging import given
from lotkin.schema.scalars import BigInt, DateTime

TraceDirection = strawberry.enum(
    genealogy.Direction, name="TraceDirection", description="Which way a trace follows material."
)
described(
    genealogy.Direction,
    {"FORWARD": "What it became.", "BACKWARD": "What it came from."},
)
GraphEngine = strawberry.enum(
    genealogy.Engine, name="GraphEngine", description="Who answers a walk."
)
described(
    genealogy.Engine,
    {
        "NEO4J": "The projected graph; current knowledge only.",
        "POSTGRESQL": "The record itself; always current, and every past.",
    },
)
ScopePolicy = strawberry.enum(
    lineage.Policy, name="ScopePolicy", description="How the scope of a trace is drawn."
)
described(
    lineage.Policy,
    {
        "UNTIMED": "Every input may reach every output of its activity.",
        "TIMED": "Only what came after; only measured times can exclude.",
    },
)


@strawberry.input(description="As of which instant, and with which knowledge.")
class AsOfInput:
    """Input of every question about the past."""

    event_time: DateTime | None = strawberry.field(
        default=UNSET, description="Later facts are invisible; default now."
    )
    record_time: DateTime | None = strawberry.field(
        default=UNSET, description="Only what was recorded until then."
    )
    position: BigInt | None = strawberry.field(
        default=UNSET,
        description="Only what the journal held at this position, exactly; not with recordTime.",
    )

    def to_domain(self) -> asof.AsOf:
        """Return the instant and the knowledge asked for."""
        return asof.AsOf(given(self.event_time), given(self.record_time), given(self.position))


@strawberry.type(description="As of when the answer stands; ask with it again for the same answer.")
class AsOf:
    """What an answer stands on."""

    event_time: DateTime = strawberry.field(description="Facts up to here are in the answer.")
    record_time: DateTime = strawberry.field(description="When its knowledge was recorded.")
    position: BigInt = strawberry.field(description="The journal position of its knowledge.")

    @classmethod
    def of(cls, stand: Stand) -> "AsOf":
        """Return the instant and the knowledge of an answer."""
        return cls(
            event_time=DateTime(stand.event_time),
            record_time=DateTime(stand.record_time),
            position=BigInt(stand.position),
        )


@strawberry.type(description="How complete the answer is, and who gave it.")
class Completeness:
    """What every trace says of itself."""

    truncated: bool = strawberry.field(
        description="Always false: a walk above its bound is refused, never cut."
    )
    visited: int = strawberry.field(description="How many items the walk visited.")
    engine: GraphEngine = strawberry.field(description="Who answered.")  # type: ignore[valid-type]
    journal_position: BigInt = strawberry.field(
        description="The journal position whose facts, all of them and no other, are in the answer."
    )
    graph_position: BigInt = strawberry.field(
        description="How far Neo4j had applied the journal when last asked; without a Neo4j the "
        "same as journalPosition."
    )
    redacted_boundaries: int = strawberry.field(
        description="How often the walk stopped where the caller may not look further."
    )

    @classmethod
    def of(cls, stand: Stand, visited: int, beyond: int = 0) -> "Completeness":
        """Return what an answer says of itself; beyond: edges out of the caller's scope."""
        return cls(
            truncated=False,
            visited=visited,
            engine=stand.engine,
            journal_position=BigInt(stand.position),
            graph_position=BigInt(stand.graph_position),
            redacted_boundaries=beyond,
        )
