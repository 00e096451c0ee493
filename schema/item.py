"""Items as GraphQL: the interface, its three kinds, and what is told of them."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import strawberry
from strawberry import UNSET

from lotkin.domain import genealogy, status
from lotkin.domain.genealogy import Direction
from lotkin.domain.nodeid import NodeType
from lotkin.records.items import ItemRow
from lotkin.resolvers import items, loaders
from lotkin.resolvers import trace as traces
from lotkin.resolvers.asof import Asked
from lotkin.resolvers.lookup import Lookup
from lotkin.resolvers.whereabouts import Place
from lotkin.schema.lookup import ItemLookup, LotLookup, SerialLookup
from lotkin.schema.node import Node, described, entity_keys, global_id
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
from lotkin.schema.scalars import DateTime
from lotkin.schema.things import (
    Activity,
    ActivityKind,
    Info,
    ItemClass,
    Location,
    MassBalance,
    Party,
    Quantity,
    activity,
    item_class,
    location,
    party,
)
from lotkin.schema.timeline import TimelineConnection, timeline_page

__all__ = [
    "Activity",
    "ActivityKind",
    "Container",
    "Hold",
    "Item",
    "ItemClass",
    "ItemKind",
    "ItemLookup",
    "ItemStatus",
    "Location",
    "Lot",
    "LotLookup",
    "MassBalance",
    "Party",
    "Quantity",
    "Serial",
    "SerialLookup",
    "Whereabouts",
    "activity",
    "item_of",
    "items_of",
    "location",
    "party",
]

if TYPE_CHECKING:
    from lotkin.schema.release import HoldRecord
    from lotkin.schema.trace import AsOfInput, Trace, TraceDirection

T = TypeVar("T")
_TRACE = strawberry.lazy("lotkin.schema.trace")
At = Annotated[DateTime | None, strawberry.argument(description="The instant; default now.")]
CONTENTS = "contents"  # names the cursors of that list

ItemKind = strawberry.enum(
    genealogy.ItemKind, name="ItemKind", description="How an item is identified."
)
described(
    genealogy.ItemKind,
    {
        "LOT": "By lot: many pieces or an amount under one number.",
        "SERIAL": "By piece.",
        "CONTAINER": "As something that holds others: a carton, a pallet, a tote.",
    },
)
ItemStatus = strawberry.enum(
    status.ItemStatus, name="ItemStatus", description="Whether an item may be used, as told."
)
described(
    status.ItemStatus,
    {
        "RECEIVED": "Came in; nothing was decided yet.",
        "CREATED": "Was made; nothing was decided yet.",
        "QUARANTINE": "Set apart until something is decided.",
        "UNDER_INSPECTION": "Being inspected.",
        "RELEASED": "May be used.",
        "REJECTED": "Does not conform.",
        "ON_HOLD": "Held; `holds` says why.",
        "REWORK": "Being mended.",
        "SHIPPED": "Out of our hands.",
        "RETURNED": "Came back; nothing was decided yet.",
        "RECALLED": "Called back.",
        "CORRECTED": "Was recalled and put right.",
        "DESTROYED": "Destroyed.",
        "CONSUMED": "Used up in an activity.",
        "SCRAPPED": "Scrapped.",
        "EXPIRED": "Past its date.",
    },
)


@strawberry.type(description="Why an item may not be used.")
class Hold:
    """A hold still open."""

    reason: str = strawberry.field(
        description="`holding`, the disposition that was set to last (recalled, damaged …), or the "
        "words of who placed it."
    )
    since: DateTime = strawberry.field(description="When it was told or placed.")
    event_id: str | None = strawberry.field(description="The event that told it, where one did.")
    row: strawberry.Private[int | None]

    @strawberry.field(description="The hold of the record, where somebody placed one.")
    async def record(
        self, info: Info
    ) -> Annotated["HoldRecord", strawberry.lazy("lotkin.schema.release")] | None:
        """Return the hold of the record."""
        from lotkin.schema.release import hold_of  # a hold names its item, and items have holds

        return await hold_of(info, self.row)


@strawberry.type(description="Where an item is at an instant, and who holds it.")
class Whereabouts:
    """Whereabouts as row ids, resolved field by field."""

    place_of: strawberry.Private[Place]

    @strawberry.field(description="The instant.")
    def at(self) -> DateTime:
        """Return the instant."""
        return DateTime(self.place_of.at)

    @strawberry.field(description="What it is in, innermost first; a fitted part: its device's.")
    async def containers(self, info: Info) -> list["Container"]:
        """Return the containers."""
        found = await items_of(info, self.place_of.containers)
        return [each for each in found if isinstance(each, Container)]

    @strawberry.field(
        description="Where the latest event told it to be; null between a shipment and its receipt."
    )
    async def place(self, info: Info) -> Location | None:
        """Return the place."""
        return await location(info, self.place_of.location)

    @strawberry.field(
        description="Whether `place` is only where it was last read, not where it was told to stay."
    )
    def passing(self) -> bool:
        """Return whether the place is passing."""
        return self.place_of.is_passing

    @strawberry.field(
        description="Who holds it: the sender until a receipt, then the receiver; we, where "
        "nothing moved; null where it was used up."
    )
    async def holder(self, info: Info) -> Party | None:
        """Return the holder."""
        return await party(info, self.place_of.holder)

    @strawberry.field(description="The device that it is fitted in.")
    async def installed_in(self, info: Info) -> "Item | None":
        """Return the device."""
        return await item_of(info, self.place_of.installed_in)

    @strawberry.field(description="Whom it is on its way to.")
    async def in_transit_to(self, info: Info) -> Party | None:
        """Return the receiver."""
        return await party(info, self.place_of.in_transit_to)

    @strawberry.field(description="The activity that used it up.")
    async def consumed_by(self, info: Info) -> Activity | None:
        """Return the activity."""
        return await activity(info, self.place_of.consumed_by)


@strawberry.interface(description="Something identified: a lot, a single piece, or a container.")
class Item(Node):
    """What all items have. Plain attributes are columns; the rest is loaded in batches."""

    key: str = strawberry.field(
        description="Canonical key: a GS1 Digital Link path without host, or a URN."
    )
    kind: ItemKind = strawberry.field(description="How it is identified.")  # type: ignore[valid-type]
    row: strawberry.Private[ItemRow]

    @strawberry.field(name="itemClass", description="What it is made as.")
    async def of_class(self, info: Info) -> ItemClass | None:
        """Return the item class."""
        return await item_class(info, self.row.class_id)

    @strawberry.field(description="Whether it may be used, as events told it so far.")
    async def status(self, info: Info) -> ItemStatus:  # type: ignore[valid-type]
        """Return the status."""
        return (await items.condition(info.context, self.row.id)).status

    @strawberry.field(description="The holds still open, oldest first.")
    async def holds(self, info: Info) -> list[Hold]:
        """Return the open holds."""
        found = (await items.condition(info.context, self.row.id)).holds
        return [
            Hold(
                reason=hold.reason,
                since=DateTime(hold.since),
                event_id=hold.event_id,
                row=hold.record,
            )
            for hold in found
        ]

    @strawberry.field(description="Where it is at an instant.")
    async def whereabouts(
        self,
        info: Info,
        at: At = UNSET,
    ) -> Whereabouts:
        """Return the whereabouts."""
        return Whereabouts(place_of=await items.whereabouts(info.context, self.row.id, given(at)))

    @strawberry.field(
        description="What it became or came from; every input may reach every output."
    )
    async def trace(
        self,
        info: Info,
        direction: Annotated[
            "TraceDirection",  # type: ignore[valid-type]
            _TRACE,
            strawberry.argument(description="Which way to follow the material."),
        ],
        as_of: Annotated[
            Annotated["AsOfInput", _TRACE] | None,
            strawberry.argument(description="As of when, and with which knowledge; default now."),
        ] = UNSET,
    ) -> Annotated["Trace", _TRACE]:
        """Return the trace that starts at this item."""
        from lotkin.schema.trace import Trace  # a trace holds items and items have traces

        told = given(as_of)
        asked = Asked() if told is None else Asked(told.to_domain())
        by = [Lookup(id=self.id)]
        walk = await traces.trace(info.context, by, Direction(direction), asked=asked)
        return Trace(walk=walk)

    @strawberry.field(
        description="What happened to it, by event time; retracted events are shown as such."
    )
    async def timeline(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
    ) -> TimelineConnection:
        """Return one page of the timeline."""
        return await timeline_page(info, self.row.id, first, after)


@strawberry.type(
    description="Many pieces, or an amount, under one lot number.", directives=entity_keys()
)
class Lot(Item):
    """A lot."""

    lot_no: str = strawberry.field(description="The maker's lot number.")
    supplier_lot_no: str | None = strawberry.field(description="The supplier's number for it.")

    @strawberry.field(
        description="What was made of it: produced, else told when it was created, else first "
        "received, else the number of its serials."
    )
    async def quantity(self, info: Info) -> Quantity | None:
        """Return what was made."""
        return Quantity.of(await items.quantity(info.context, self.row.id))

    @strawberry.field(description="What is left of it: what was made less what was drawn.")
    async def on_hand(self, info: Info) -> Quantity | None:
        """Return what is left."""
        return Quantity.of((await items.mass_balance(info.context, self.row)).on_hand)

    @strawberry.field(description="Whether what was made of it is accounted for.")
    async def mass_balance(self, info: Info) -> MassBalance:
        """Return the balance."""
        return MassBalance.of(await items.mass_balance(info.context, self.row))


@strawberry.type(description="One piece with a serial number.", directives=entity_keys())
class Serial(Item):
    """A serial."""

    serial_no: str = strawberry.field(description="The serial number.")
    udi: str | None = strawberry.field(
        description="Its unique device identifier, where it has one."
    )

    @strawberry.field(description="The lot that it was commissioned as one of.")
    async def lot(self, info: Info) -> Lot | None:
        """Return the lot."""
        found = await item_of(info, await loaders.lot_of(info.context, self.row.id))
        return found if isinstance(found, Lot) else None

    @strawberry.field(description="What it was renumbered to; what was told before stays here.")
    async def successor(self, info: Info) -> Item | None:
        """Return the item under its next identifier."""
        return await item_of(
            info, (await items.whereabouts(info.context, self.row.id, None)).successor
        )


@strawberry.type(description="Something that holds other items.")
class Container(Item):
    """A container."""

    @strawberry.field(description="What is in it at an instant.")
    async def contents(
        self,
        info: Info,
        at: At = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        deep: Annotated[
            bool, strawberry.argument(description="Also what is in what is in it.")
        ] = False,
    ) -> Connection[Item]:
        """Return one page of the contents, by id."""
        at = given(at)
        size, place = page_size(info.context, first), read_cursor(CONTENTS, after, int)
        slice_ = items.Slice(size, None if place is None else (0, place[0]))
        ids = await items.contents(info.context, self.row.id, at, slice_, deep=deep)
        found = [each for each in await items_of(info, ids) if each is not None]
        edges, page_info = page(
            found, size, after=place, node=_same, at=lambda each: cursor(CONTENTS, each.row.id)
        )
        return Connection(
            edges=edges,
            page_info=page_info,
            counting=partial(items.contents_count, info.context, self.row.id, at, deep=deep),
        )


def item(row: ItemRow) -> Item:
    """Return the GraphQL object of an item row."""
    common: dict[str, Any] = {
        "id": global_id(NodeType.ITEM, row.id),
        "key": row.key,
        "kind": row.kind,
        "row": row,
    }
    if row.kind is genealogy.ItemKind.LOT:
        return Lot(**common, lot_no=row.lot_no or row.key, supplier_lot_no=row.supplier_lot_no)
    if row.kind is genealogy.ItemKind.SERIAL:
        return Serial(**common, serial_no=row.serial_no or row.key, udi=row.udi)
    return Container(**common)


async def item_of(info: Info, row: int | None) -> Item | None:
    """Return the item with a row id."""
    found = None if row is None else await loaders.item(info.context, row)
    return None if found is None else item(found)


async def items_of(info: Info, rows: Sequence[int]) -> list[Item | None]:
    """Return the items with row ids, in their order."""
    loads: list[Awaitable[Item | None]] = [item_of(info, row) for row in rows]
    return list(await asyncio.gather(*loads))


def _same(value: T) -> T:
    return value
