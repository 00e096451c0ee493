"""Recall impact as GraphQL: what suspects reach, how surely, where it is, what is not recorded."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, cast

import strawberry
from strawberry import UNSET

from lotkin.domain import exposure
from lotkin.domain.genealogy import NEVER, UNKNOWN
from lotkin.domain.genealogy import ItemKind as Kind
from lotkin.domain.nodeid import NodeType, parse_row
from lotkin.domain.rules import RULES
from lotkin.domain.status import ItemStatus
from lotkin.domain.units import COUNT
from lotkin.errors import Refusal, RefusalCode
from lotkin.records.trace import GapRow
from lotkin.resolvers import bounds, impact_lists, items, pages
from lotkin.resolvers.impact import Impact, Part
from lotkin.resolvers.impact_lists import Chosen
from lotkin.schema.asof import AsOf, Completeness, ScopePolicy
from lotkin.schema.columnar import Column, Pick, Table
from lotkin.schema.exposed import (
    LISTED,
    ConsigneeExposure,
    CoverageGap,
    ExposureClass,
    ImpactCounts,
    ImpactItem,
    PathStep,
    QuantityBound,
)
from lotkin.schema.item import (
    Item,
    ItemKind,
    ItemLookup,
    Quantity,
    activity,
    item_of,
    items_of,
    party,
)
from lotkin.schema.node import Node
from lotkin.schema.paging import Connection, Edge, cursor, given, read_cursor
from lotkin.schema.scalars import DateTime, date_time, decimal
from lotkin.schema.selection import Tree, arguments, selected
from lotkin.schema.tables import item_table, party_column
from lotkin.schema.things import Info, item_class
from lotkin.schema.trace import page_edges, page_info

ITEMS = "impact"  # names the cursors of that list
# Looked up by place: ten thousand enum members a page cost more than their columns.
_RULES = [rule.value for rule in RULES]
_CLASSES = [each.name for each in exposure.ExposureClass]


@strawberry.type(description="What suspects reach.")
class RecallImpact:
    """An answered impact; lists are made when they are selected."""

    impact: strawberry.Private[Impact]

    @strawberry.field(description="How the scope was drawn.")
    def policy(self) -> ScopePolicy:  # type: ignore[valid-type]
        """Return the policy."""
        return self.impact.policy

    @strawberry.field(description="As of when the answer stands.")
    def as_of(self) -> AsOf:
        """Return the stand of the answer."""
        return AsOf.of(self.impact.stand)

    @strawberry.field(description="How complete the answer is.")
    def completeness(self) -> Completeness:
        """Return what the answer says of itself."""
        visited = len(self.impact.exposure.items)
        return Completeness.of(self.impact.stand, visited, self.impact.beyond)

    @strawberry.field(description="How long the walk and the classification took, in ms.")
    def elapsed_ms(self) -> float:
        """Return the time taken."""
        return self.impact.elapsed_ms

    @strawberry.field(description="How much is affected.")
    def counts(self) -> ImpactCounts:
        """Return the counts."""
        return ImpactCounts(impact=self.impact)

    @strawberry.field(description="The items by class, kind and key.")
    async def items(
        self,
        info: Info,
        class_: Annotated[
            list[ExposureClass] | None,  # type: ignore[valid-type]
            strawberry.argument(name="class", description="Only of these classes."),
        ] = list(LISTED),  # noqa: B006  (a GraphQL default, never changed)
        kind: Annotated[
            list[ItemKind] | None,  # type: ignore[valid-type]
            strawberry.argument(description="Only of these kinds."),
        ] = UNSET,
        status: Annotated[
            list[str] | None, strawberry.argument(description="Only of these statuses.")
        ] = UNSET,
        consignee: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only what this party was sent.")
        ] = UNSET,
        first: Annotated[
            int | None, strawberry.argument(description="Up to 10,000; default 100.")
        ] = UNSET,
        after: Annotated[
            str | None, strawberry.argument(description="The `endCursor` of the page before.")
        ] = UNSET,
    ) -> Connection[ImpactItem]:
        """Return one page of the items."""
        size = pages.size(info.context, given(first))
        place = read_cursor(ITEMS, given(after), int, str)
        kinds = given(kind)
        chosen = Chosen(
            frozenset(LISTED if class_ is None else class_),
            None if kinds is None else frozenset(kinds),
            _statuses(given(status)),
            _consignee(given(consignee)),
        )
        places = await impact_lists.impact_places(info.context, self.impact, chosen)
        page = await impact_lists.impact_page(
            info.context, self.impact, places, after=place, first=size
        )
        tree = selected(info)

        async def count() -> int:
            return len(places)

        return Connection(
            edges=await _edges(info, self.impact, page, tree),
            page_info=page_info(ITEMS, page),
            counting=count,
        )

    @strawberry.field(description="Who was sent exposed items, also who gave them back.")
    async def consignees(self, info: Info) -> list[ConsigneeExposure]:
        """Return the consignees."""
        found = await impact_lists.impact_consignees(info.context, self.impact)
        return [ConsigneeExposure(consignee=each) for each in found]

    @strawberry.field(description="What the record does not tell of these items.")
    async def gaps(self, info: Info) -> list[CoverageGap]:
        """Return the gaps."""
        return list(await asyncio.gather(*(_gap(info, row) for row in self.impact.gaps)))

    @strawberry.field(description="At most how many units the suspect quantity can be in.")
    async def bounds(self, info: Info) -> list[QuantityBound]:
        """Return the bounds that quantities give."""
        found = await bounds.impact_bounds(info.context, self.impact)
        return [QuantityBound(bound=each) for each in found]

    @strawberry.field(
        description="Why an item is in, or out: facts from a suspect to it. Empty for a suspect, "
        "and for an item that nothing leads to."
    )
    async def witness(
        self,
        info: Info,
        item: Annotated[ItemLookup, strawberry.argument(description="The item.")],
    ) -> list[PathStep]:
        """Return the witness of an item."""
        found = await impact_lists.impact_witness(info.context, self.impact, item.to_domain())
        return [PathStep(step=step) for step in found]


def parts(info: Info) -> Part:
    """Return which costly parts of an impact the operation selects."""
    tree = selected(info)
    wanted = Part.NONE
    counts = tree.get("counts", {}).keys() & {
        "containers", "shipped", "inStock", "consumed", "consignees",
    }  # fmt: skip
    node = tree.get("items", {}).get("edges", {}).get("node", {})
    by_consignee = any(given.get("consignee") for given in arguments(info, "items"))
    if counts or "consignees" in tree or "holder" in node or by_consignee:
        wanted |= Part.CUSTODY
    if "gaps" in tree:
        wanted |= Part.GAPS
    return wanted


async def _edges(info: Info, found: Impact, page: pages.Page, tree: Tree) -> Any:
    """Return one page as a Table of edges: columns for what is selected."""
    node: Tree = tree.get("edges", {}).get("node", {})
    kinds = found.kinds[page.place].tolist()
    classes = found.exposure.classes[page.place].tolist()
    rules = [_RULES[rule] for rule in found.exposure.rules[page.place].tolist()]
    since = [None if at == NEVER else at for at in found.exposure.exposed_at[page.place].tolist()]
    holders: list[int | None] = []
    amounts: list[Quantity | None] = []
    columns: dict[str, Column] = {
        "item": await item_table(info.context, page.item, page.key, kinds, node.get("item", {})),
        "class": [_CLASSES[each] for each in classes],
        "rule": rules,
    }
    if "exposedAt" in node:
        columns["exposedAt"] = [None if at is None else date_time(at) for at in since]
    if "holder" in node:
        every = impact_lists.holders(found)
        holders = [every[place] for place in page.place.tolist()]
        columns["holder"] = await party_column(info.context, holders)
    if "quantity" in node:
        amounts = await _quantities(info, page.item, kinds)
        columns["quantity"] = _quantity_column(amounts)

    async def rows() -> list[Any]:
        held = await asyncio.gather(*(party(info, each) for each in holders))
        return [
            Edge(
                cursor=cursor(ITEMS, page.rank[n], page.key[n]),
                node=ImpactItem(
                    item=cast("Item", item),
                    class_=exposure.ExposureClass(classes[n]),
                    rule=rules[n],
                    exposed_at=None if since[n] is None else DateTime(cast("int", since[n])),
                    holder=held[n] if held else None,
                    quantity=amounts[n] if amounts else None,
                ),
            )
            for n, item in enumerate(await items_of(info, page.item))
        ]

    return page_edges(ITEMS, page, Table(len(page.item), columns), tree, rows)


async def _quantities(
    info: Info, ids: Sequence[int], kinds: Sequence[int]
) -> list[Quantity | None]:
    async def made(item: int, kind: int) -> Quantity | None:
        if kind != Kind.LOT:
            return None
        return Quantity.of(await items.quantity(info.context, item))

    return list(await asyncio.gather(*map(made, ids, kinds)))


def _quantity_column(amounts: Sequence[Quantity | None]) -> Pick:
    known = [amount for amount in amounts if amount is not None]
    table = Table(
        len(known),
        {
            "value": [decimal(each.value) for each in known],
            "unit": [e.unit or COUNT for e in known],
        },
    )
    place = iter(range(len(known)))
    return Pick(table, [-1 if amount is None else next(place) for amount in amounts])


def _statuses(given: Sequence[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    unknown = sorted(set(given) - {each.value for each in ItemStatus})
    if unknown:
        raise Refusal(RefusalCode.BAD_INPUT, reason=f"{unknown[0]} is no status")
    return frozenset(given)


def _consignee(given: strawberry.ID | None) -> int | None:
    if given is None:
        return None
    row = parse_row(given, NodeType.PARTY)
    return UNKNOWN if row is None else row


async def _gap(info: Info, row: GapRow) -> CoverageGap:
    subject: Node | None = None
    if row.item_id is not None:
        subject = await item_of(info, row.item_id)
    elif row.activity_id is not None:
        subject = await activity(info, row.activity_id)
    elif row.class_id is not None:
        subject = await item_class(info, row.class_id)
    assert subject is not None, row
    return CoverageGap(subject=subject, reason=row.reason)
