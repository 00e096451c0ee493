"""What a label says, and `node`: how an opaque id becomes an object."""

from typing import Any

import strawberry

from lotkin.domain.identity import Reading, Scheme
from lotkin.domain.nodeid import NodeType
from lotkin.errors import Language
from lotkin.records.items import ItemRow
from lotkin.resolvers import items
from lotkin.schema.item import Item, item
from lotkin.schema.node import Node, described
from lotkin.schema.problem import Problem, to_graphql
from lotkin.schema.things import Activity, Info, ItemClass, Location, Party
from lotkin.schema.timeline import TimelineEvent

ScanScheme = strawberry.enum(Scheme, name="ScanScheme", description="How a label is written.")
described(
    Scheme,
    {
        "GS1_ELEMENT_STRING": "GS1 element string: application identifiers and values.",
        "GS1_DIGITAL_LINK": "GS1 Digital Link, on any domain.",
        "EPC_URN": "EPC in its URN form.",
        "HIBC": "Health Industry Bar Code.",
        "ICCBBA": "ICCBBA ISBT 128.",
        "MA": "MA code (ZIIOT).",
        "AHM": "AHM code.",
        "PLAIN": "Bare digits: a GTIN or an SSCC.",
        "UNKNOWN": "None that we know.",
    },
)


@strawberry.type(description="What a label says, and which known item it is on.")
class Scan:
    """A reading of a label."""

    scheme: ScanScheme = strawberry.field(description="How it is written.")  # type: ignore[valid-type]
    primary: str = strawberry.field(
        description="Its main identifier: GTIN, SSCC, device identifier; else the text itself."
    )
    lot: str | None = strawberry.field(description="Lot number on it.")
    serial: str | None = strawberry.field(description="Serial number on it.")
    manufactured: str | None = strawberry.field(description="Date of manufacture, ISO 8601.")
    expires: str | None = strawberry.field(description="Expiry date, ISO 8601.")
    digital_link: str | None = strawberry.field(description="Its canonical GS1 Digital Link.")
    ambiguous: bool = strawberry.field(
        description="Whether it can be read in several ways, or fits several known items."
    )
    item: Item | None = strawberry.field(
        description="The known item that it names; null where it fits none or several."
    )
    candidates: list[Item] = strawberry.field(description="All known items that it may name.")
    problems: list[Problem] = strawberry.field(description="What is wrong with it.")

    @classmethod
    def of(cls, reading: Reading, rows: list[ItemRow], language: Language) -> "Scan":
        """Return the scan of a reading and the known items that it may name."""
        found = [item(row) for row in rows]
        return cls(
            scheme=reading.scheme,
            primary=reading.primary,
            lot=reading.lot,
            serial=reading.serial,
            manufactured=reading.manufactured,
            expires=reading.expires,
            digital_link=reading.digital_link,
            ambiguous=reading.ambiguous or len(found) > 1,
            item=found[0] if len(found) == 1 else None,
            candidates=found,
            problems=[to_graphql(problem, language) for problem in reading.problems],
        )


_OBJECTS: dict[NodeType, Any] = {
    NodeType.ITEM: item,
    NodeType.ITEM_CLASS: ItemClass.of,
    NodeType.PARTY: Party.of,
    NodeType.LOCATION: Location.of,
    NodeType.ACTIVITY: Activity.of,
    NodeType.EVENT: TimelineEvent.of,
}


async def node(info: Info, id: strawberry.ID) -> Node | None:
    """Return the object of an opaque id; None for an unknown or malformed one."""
    found = await items.node(info.context, id)
    if found is None:
        return None
    return object_of(*found)


def object_of(tag: NodeType, row: Any) -> Node:
    """Return the GraphQL object of a row of a type."""
    made: Node = _OBJECTS[tag](row)
    return made
