"""Root queries."""

# `field` returns what Strawberry's own decorator returns, which is Any.
# mypy: disable-error-code="untyped-decorator"

import asyncio
from typing import Annotated

import strawberry
from strawberry import UNSET

from lotkin.domain.genealogy import Direction
from lotkin.domain.lineage import Policy
from lotkin.domain.nodeid import parse_row
from lotkin.errors import Refusal, RefusalCode
from lotkin.resolvers import alerts as alert_cases
from lotkin.resolvers import impact, items, ratelimit, trace, verification
from lotkin.resolvers import journal as journal_cases
from lotkin.resolvers import viewer as viewer_cases
from lotkin.resolvers.access import TAG as GRANT
from lotkin.resolvers.asof import Asked, AsOf
from lotkin.schema.access import AccessQuery, access_node
from lotkin.schema.alert import TAG as ALERT
from lotkin.schema.alert import Alert, AlertState, alert_node, alerts_page
from lotkin.schema.asof import AsOfInput, GraphEngine, ScopePolicy
from lotkin.schema.exposed import SuspectInput
from lotkin.schema.federation import Subgraph
from lotkin.schema.field import field
from lotkin.schema.impact import RecallImpact, parts
from lotkin.schema.item import Item, ItemLookup
from lotkin.schema.item import item as item_object
from lotkin.schema.journal import TAG as JOURNAL
from lotkin.schema.journal import (
    ActionArgument,
    ActorArgument,
    JournalEntry,
    JournalVerification,
    SinceArgument,
    SubjectArgument,
    UntilArgument,
    asked_for,
    journal_node,
    trail_page,
)
from lotkin.schema.node import Node
from lotkin.schema.paging import After, Connection, First, given
from lotkin.schema.ratelimit import RateLimit
from lotkin.schema.scalars import BigInt
from lotkin.schema.scan import Scan
from lotkin.schema.scan import node as node_object
from lotkin.schema.signing import SigningQuery, signing_node
from lotkin.schema.things import Info
from lotkin.schema.trace import Trace
from lotkin.schema.viewer import Viewer

From = Annotated[
    list[ItemLookup],
    strawberry.argument(name="from", description="Where to start; a container: its contents."),
]
PolicyArgument = Annotated[
    ScopePolicy,  # type: ignore[valid-type]
    strawberry.argument(description="How the scope is drawn."),
]
AsOfArgument = Annotated[
    AsOfInput | None,
    strawberry.argument(description="As of when; default now, with all that is known."),
]
AtLeast = Annotated[
    BigInt | None,
    strawberry.argument(description="Wait up to two seconds until the journal has this position."),
]
EngineArgument = Annotated[
    GraphEngine | None,  # type: ignore[valid-type]
    strawberry.argument(description="Force an engine, to compare; default: the one that is ready."),
]


def asked(as_of: AsOfInput | None, at_least: int | None, engine: GraphEngine | None) -> Asked:  # type: ignore[valid-type]
    """Return how an answer is wanted."""
    told = given(as_of)
    return Asked(AsOf() if told is None else told.to_domain(), given(at_least), given(engine))


@strawberry.type(description="What can be asked.")
class Query(Subgraph, SigningQuery, AccessQuery):
    """Root queries; each runs one use case."""

    @field(items.node, root="Query", name="node", description="The object of an opaque id.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],
    ) -> Node | None:
        """Return the object, or null for an id that names nothing."""
        return await _node(info, id)

    @field(
        items.node,
        root="Query",
        name="nodes",
        description="The objects of up to 100 opaque ids, in their order.",
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids.")],
    ) -> list[Node | None]:
        """Return the objects; null for ids that name nothing."""
        if len(ids) > items.NODES_MAX:
            raise Refusal(RefusalCode.BAD_INPUT, reason=f"At most {items.NODES_MAX} ids")
        return list(await asyncio.gather(*(_node(info, id) for id in ids)))

    @field(
        viewer_cases.viewer,
        root="Query",
        name="viewer",
        description="Who is asking, and what they may do.",
    )
    async def viewer(self, info: Info) -> Viewer:
        """Return the caller."""
        return Viewer.of(await viewer_cases.viewer(info.context))

    @field(
        ratelimit.rate_limit,
        root="Query",
        name="rateLimit",
        description="What this operation costs, and what is left this minute.",
    )
    async def rate_limit(self, info: Info) -> RateLimit:
        """Return the caller's rate."""
        return RateLimit.of(info, await ratelimit.rate_limit(info.context))

    @field(items.item, root="Query", name="item", description="The item that a look-up names.")
    async def item(
        self,
        info: Info,
        by: Annotated[ItemLookup, strawberry.argument(description="How it is named.")],
    ) -> Item | None:
        """Return the item, or null where nothing is known of it."""
        row = await items.item(info.context, by.to_domain())
        return None if row is None else item_object(row)

    @field(
        items.scan, root="Query", name="scan", description="What a label says, and what it is on."
    )
    async def scan(
        self,
        info: Info,
        text: Annotated[str, strawberry.argument(description="What the scanner read.")],
    ) -> Scan:
        """Return the reading of a label."""
        reading, rows = await items.scan(info.context, text)
        return Scan.of(reading, rows, info.context.language)

    @field(
        trace.trace,
        root="Query",
        name="traceForward",
        description="What items became: everything that holds material of them.",
    )
    async def trace_forward(
        self,
        info: Info,
        from_: From,
        policy: PolicyArgument = Policy.UNTIMED,
        as_of: AsOfArgument = UNSET,
        at_least: AtLeast = UNSET,
        engine: EngineArgument = UNSET,
    ) -> Trace:
        """Trace forward."""
        wanted = asked(as_of, at_least, engine)
        return await _trace(info, from_, Direction.FORWARD, policy, wanted)

    @field(
        trace.trace,
        root="Query",
        name="traceBackward",
        description="What items came from: everything whose material they hold.",
    )
    async def trace_backward(
        self,
        info: Info,
        from_: From,
        policy: PolicyArgument = Policy.UNTIMED,
        as_of: AsOfArgument = UNSET,
        at_least: AtLeast = UNSET,
        engine: EngineArgument = UNSET,
    ) -> Trace:
        """Trace backward."""
        wanted = asked(as_of, at_least, engine)
        return await _trace(info, from_, Direction.BACKWARD, policy, wanted)

    @field(
        impact.recall_impact,
        root="Query",
        name="recallImpact",
        description="What suspects reach, how surely, where it is now, and who was sent it.",
    )
    async def recall_impact(
        self,
        info: Info,
        suspects: Annotated[
            list[SuspectInput], strawberry.argument(description="What is under suspicion.")
        ],
        policy: PolicyArgument = Policy.TIMED,
        as_of: AsOfArgument = UNSET,
        at_least: AtLeast = UNSET,
        engine: EngineArgument = UNSET,
    ) -> RecallImpact:
        """Return the impact."""
        found = await impact.recall_impact(
            info.context,
            [each.to_domain() for each in suspects],
            policy,
            asked(as_of, at_least, engine),
            parts(info),
        )
        return RecallImpact(impact=found)

    @field(
        alert_cases.alerts,
        root="Query",
        name="alerts",
        description="What capture and projection found odd, newest first.",
    )
    async def alerts(
        self,
        info: Info,
        state: Annotated[
            AlertState | None, strawberry.argument(description="Only in this state.")
        ] = UNSET,
        first: Annotated[
            int | None, strawberry.argument(description="Up to 100; default 100.")
        ] = UNSET,
        after: Annotated[
            str | None, strawberry.argument(description="The `endCursor` of the page before.")
        ] = UNSET,
    ) -> Connection[Alert]:
        """Return one page of alerts."""
        return await alerts_page(info, given(state), given(first), given(after))

    @field(
        journal_cases.audit_trail,
        root="Query",
        name="auditTrail",
        description="Who did what, when and why, newest first; what was refused too.",
    )
    async def audit_trail(
        self,
        info: Info,
        subject: SubjectArgument = UNSET,
        actor: ActorArgument = UNSET,
        action: ActionArgument = UNSET,
        since: SinceArgument = UNSET,
        until: UntilArgument = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Connection[JournalEntry]:
        """Return one page of the journal."""
        wanted = asked_for(subject, actor, action, since, until)
        return await trail_page(info, wanted, given(first), given(after))

    @field(
        verification.verify_journal,
        root="Query",
        name="verifyJournal",
        description="Recompute the whole journal, and hold records against it: what is wrong, "
        "by entry, table and row. A minute a million entries.",
    )
    async def verify_journal(self, info: Info) -> JournalVerification:
        """Verify the journal."""
        return JournalVerification.of(await verification.verify_journal(info.context))


async def _node(info: Info, id: strawberry.ID) -> Node | None:
    if info.context.partner is not None:  # all else is unknown to it, whatever it is
        return await node_object(info, id)
    if parse_row(id, GRANT) is not None:
        return await access_node(info, id)
    if (position := parse_row(id, JOURNAL)) is not None:
        return await journal_node(info, position)
    if (row := parse_row(id, ALERT)) is not None:
        return await alert_node(info, row)
    return await signing_node(info, id) or await node_object(info, id)


async def _trace(
    info: Info,
    start: list[ItemLookup],
    direction: Direction,
    policy: Policy,
    wanted: Asked,
) -> Trace:
    lookups = [each.to_domain() for each in start]
    return Trace(walk=await trace.trace(info.context, lookups, direction, policy, wanted))
