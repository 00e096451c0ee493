"""Traces: what an item became or came from, as GraphQL."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import asyncio
from typing import Annotated, Any, cast

import numpy as np
import strawberry
from strawberry import UNSET

from lotkin.domain import lineage
from lotkin.domain.balance import Amount
from lotkin.domain.genealogy import NEVER, UNKNOWN
from lotkin.domain.genealogy import ItemKind as Kind
from lotkin.domain.lineage import Edges
from lotkin.domain.nodeid import NodeType, node_ids
from lotkin.domain.units import COUNT
from lotkin.resolvers import pages, trace
from lotkin.resolvers.context import Context
from lotkin.resolvers.pages import Page
from lotkin.resolvers.trace import Walk
from lotkin.schema.asof import AsOf, AsOfInput, Completeness, TraceDirection
from lotkin.schema.columnar import Column, Pick, Table
from lotkin.schema.item import Activity, Item, ItemKind, Quantity, activity, items_of
from lotkin.schema.node import described, global_id
from lotkin.schema.paging import Connection, Edge, PageInfo, cursor, given, read_cursor
from lotkin.schema.scalars import DateTime, date_time, decimal
from lotkin.schema.selection import Tree, selected
from lotkin.schema.tables import activity_column, item_table
from lotkin.schema.things import Info

__all__ = ["AsOfInput", "KindCount", "Trace", "TraceDirection", "TraceEdge", "TraceItem"]

ITEMS = "trace"  # names the cursors of that list
_EDGE_KINDS = [kind.name for kind in lineage.EdgeKind]

TraceEdgeKind = strawberry.enum(
    lineage.EdgeKind, name="TraceEdgeKind", description="Which relation carries the material."
)
described(
    lineage.EdgeKind,
    {
        "TRANSFORMATION": "The source was drawn into an activity that produced the target.",
        "MEMBERSHIP": "The target was commissioned as one of the source, a lot.",
        "INSTALLATION": "The source was fitted into the target as a removable part.",
    },
)


@strawberry.type(description="How many items of one kind.")
class KindCount:
    """One kind's count."""

    kind: ItemKind = strawberry.field(description="The kind.")  # type: ignore[valid-type]
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="An item in a trace.")
class TraceItem:
    """One reached item."""

    item: Item = strawberry.field(description="The item.")
    depth: int = strawberry.field(description="Fewest edges from the start.")


@strawberry.type(description="Material that went from one item to the next.")
class TraceEdge:
    """One edge, in the direction the material flowed."""

    source: strawberry.ID = strawberry.field(description="Id of the item it came from.")
    target: strawberry.ID = strawberry.field(description="Id of the item it went into.")
    kind: TraceEdgeKind = strawberry.field(description="By which relation.")  # type: ignore[valid-type]
    activity: Activity | None = strawberry.field(description="The activity between them.")
    quantity: Quantity | None = strawberry.field(description="What was drawn from the source.")
    at: DateTime | None = strawberry.field(
        description="When it was drawn, or fitted; null for a membership."
    )


@strawberry.type(description="Material that went on to where the caller may not look.")
class Boundary:
    """One edge out of a partner's scope; nothing is told of what lies beyond but its kind."""

    source: strawberry.ID = strawberry.field(description="Id of the item it came from.")
    beyond: strawberry.ID = strawberry.field(
        description="Names the thing beyond within this answer only; `node` knows nothing of it."
    )
    kind: ItemKind = strawberry.field(description="Its kind.")  # type: ignore[valid-type]
    relation: TraceEdgeKind = strawberry.field(description="By which relation.")  # type: ignore[valid-type]


@strawberry.type(description="What items became, or came from.")
class Trace:
    """An answered trace; lists are made when they are selected."""

    walk: strawberry.Private[Walk]

    @strawberry.field(description="As of when the answer stands.")
    def as_of(self) -> AsOf:
        """Return the stand of the answer."""
        return AsOf.of(self.walk.stand)

    @strawberry.field(description="How complete the answer is.")
    def completeness(self) -> Completeness:
        """Return what the answer says of itself."""
        return Completeness.of(self.walk.stand, self.walk.visited, len(self.walk.beyond))

    @strawberry.field(description="How many items of each kind; kinds without any are left out.")
    def counts(self) -> list[KindCount]:
        """Return the counts by kind."""
        kinds, counts = np.unique(self.walk.kinds(), return_counts=True)
        return [
            KindCount(kind=Kind(kind), count=count)
            for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True)
        ]

    @strawberry.field(
        description="Where the answer stops because the caller may not look further: empty for "
        "people of the maker."
    )
    def boundaries(self) -> list[Boundary]:
        """Return the edges out of the scope."""
        return [
            Boundary(
                source=global_id(NodeType.ITEM, each.source),
                beyond=strawberry.ID(each.stub),
                kind=each.kind,
                relation=lineage.EdgeKind(each.relation),
            )
            for each in self.walk.beyond
        ]

    @strawberry.field(description="The items, nearest first, then by key; the start is not in it.")
    async def items(
        self,
        info: Info,
        kind: Annotated[
            ItemKind | None, strawberry.argument(description="Only of this kind.")  # type: ignore[valid-type]
        ] = UNSET,
        first: Annotated[
            int | None, strawberry.argument(description="Up to 10,000; default 100.")
        ] = UNSET,
        after: Annotated[
            str | None, strawberry.argument(description="The `endCursor` of the page before.")
        ] = UNSET,
    ) -> Connection[TraceItem]:
        """Return one page of the reached items."""
        size = pages.size(info.context, given(first))
        place, wanted = read_cursor(ITEMS, given(after), int, str), given(kind)
        page = await trace.trace_page(info.context, self.walk, wanted, after=place, first=size)
        tree = selected(info)
        kinds = self.walk.kinds()[page.place].tolist()
        node: Tree = tree.get("edges", {}).get("node", {})
        table = await item_table(info.context, page.item, page.key, kinds, node.get("item", {}))
        columns: dict[str, Column] = {"item": table, "depth": page.rank}

        async def rows() -> list[Any]:
            items = await items_of(info, page.item)
            return [
                Edge(cursor=cursor(ITEMS, rank, key), node=TraceItem(item=item, depth=rank))
                for item, rank, key in zip(items, page.rank, page.key, strict=True)
                if item is not None
            ]

        async def count() -> int:
            return len(trace.chosen_of(self.walk, wanted))

        return Connection(
            edges=page_edges(ITEMS, page, Table(len(page.item), columns), tree, rows),
            page_info=page_info(ITEMS, page),
            counting=count,
        )

    @strawberry.field(description="The edges among the start and the items, as material flowed.")
    async def edges(self, info: Info) -> list[TraceEdge]:
        """Return the edges."""
        found = await trace.trace_edges(info.context, self.walk)
        return cast("list[TraceEdge]", await _edge_table(info, found, selected(info)))


def page_info(tag: str, page: Page) -> PageInfo:
    """Return where a ranked page stands in its list."""
    first, last = (
        (cursor(tag, page.rank[place], page.key[place]) for place in (0, -1))
        if page.item
        else (None, None)
    )
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=first,
        end_cursor=last,
    )


def page_edges(tag: str, page: Page, nodes: Table, tree: Tree, rows: Any) -> Any:
    """Return the edges of a ranked page as a Table; cursors are made only if selected."""
    columns: dict[str, Column] = {"node": nodes}
    if "cursor" in tree.get("edges", {}):
        columns["cursor"] = [
            cursor(tag, rank, key) for rank, key in zip(page.rank, page.key, strict=True)
        ]
    return Table(len(page.item), columns, rows)


async def _edge_table(info: Info, found: Edges, tree: Tree) -> Table:
    context: Context = info.context
    activities = [None if each == UNKNOWN else each for each in found.activity.tolist()]
    draws = found.draw.tolist()
    moments = [None if at == NEVER else at for at in found.at.tolist()]
    amounts = {}
    if "quantity" in tree:
        told = await trace.drawn_amounts(context, found.draw[found.draw != UNKNOWN])
        amounts = {draw: Amount(*each) for draw, each in told.items() if each[0] is not None}
    columns: dict[str, Column] = {
        "source": node_ids(NodeType.ITEM, found.source.tolist()),
        "target": node_ids(NodeType.ITEM, found.target.tolist()),
        "kind": [_EDGE_KINDS[kind] for kind in found.kind.tolist()],
        "quantity": _amount_column(draws, amounts),
        "at": [None if at is None else date_time(at) for at in moments],
    }
    if "activity" in tree:
        columns["activity"] = await activity_column(context, activities)

    async def rows() -> list[Any]:
        made = await asyncio.gather(*(activity(info, each) for each in activities))
        return [
            TraceEdge(
                source=global_id(NodeType.ITEM, source),
                target=global_id(NodeType.ITEM, target),
                kind=lineage.EdgeKind(kind),
                activity=between,
                quantity=Quantity.of(amounts.get(draw)),
                at=None if at is None else DateTime(at),
            )
            for source, target, kind, between, draw, at in zip(
                found.source.tolist(),
                found.target.tolist(),
                found.kind.tolist(),
                made,
                draws,
                moments,
                strict=True,
            )
        ]

    return Table(len(draws), columns, rows)


def _amount_column(draws: list[int], amounts: dict[int, Amount]) -> Pick:
    place = {draw: n for n, draw in enumerate(amounts)}
    table = Table(
        len(amounts),
        {
            "value": [decimal(each.value) for each in amounts.values() if each.value is not None],
            "unit": [each.unit or COUNT for each in amounts.values()],
        },
    )
    return Pick(table, [place.get(draw, -1) for draw in draws])
