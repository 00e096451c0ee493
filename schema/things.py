"""What items refer to: their class, parties, locations, activities, quantities."""

from decimal import Decimal
from typing import Any

import strawberry

from lotkin.domain import balance as balances
from lotkin.domain import genealogy
from lotkin.domain.balance import Amount
from lotkin.domain.nodeid import NodeType
from lotkin.domain.units import COUNT
from lotkin.records.items import ActivityRow, ClassRow, NamedRow
from lotkin.resolvers import loaders
from lotkin.resolvers.context import Context
from lotkin.schema.node import Node, described, entity_keys, global_id
from lotkin.schema.scalars import DateTime

Info = strawberry.Info[Context, None]

ActivityKind = strawberry.enum(
    genealogy.ActivityKind, name="ActivityKind", description="What an activity did to its inputs."
)
described(
    genealogy.ActivityKind,
    {
        "MANUFACTURE": "Made its outputs of its inputs.",
        "ASSEMBLE": "Put parts together.",
        "STERILIZE": "Sterilised; the outputs are the inputs, sterile.",
        "SPLIT": "Divided one lot into several.",
        "MERGE": "Made several lots into one.",
        "REPACK": "Packed anew under other labels.",
        "REWORK": "Mended what did not conform.",
        "RENUMBER": "Gave an item a new identifier.",
        "DISASSEMBLE": "Took apart.",
        "SAMPLE": "Took a sample.",
        "SCRAP": "Scrapped.",
    },
)


@strawberry.type(
    description="A product or material that items are made as: a GTIN, an item number.",
    directives=entity_keys(),
)
class ItemClass(Node):
    """An item class."""

    key: str = strawberry.field(description="Canonical key: `/01/<GTIN>` or a URN.")
    name: str = strawberry.field(description="What people call it, else its key.")
    udi_di: str | None = strawberry.field(description="Device identifier of its UDI.")
    implantable: bool = strawberry.field(description="Whether it stays in a patient.")
    tracked: bool = strawberry.field(description="Whether law asks to track it to the patient.")

    @classmethod
    def of(cls, row: ClassRow) -> "ItemClass":
        """Return the class of a row."""
        return cls(
            id=global_id(NodeType.ITEM_CLASS, row.id),
            key=row.key,
            name=row.name,
            udi_di=row.udi_di,
            implantable=row.implantable,
            tracked=row.tracked,
        )


@strawberry.type(
    description="An organisation that makes, holds or receives items.", directives=entity_keys()
)
class Party(Node):
    """A party."""

    key: str = strawberry.field(description="Canonical key: `/417/<GLN>` or a URN.")
    name: str | None = strawberry.field(description="What people call it.")

    @classmethod
    def of(cls, row: NamedRow) -> "Party":
        """Return the party of a row."""
        return cls(id=global_id(NodeType.PARTY, row.id), key=row.key, name=row.name)


@strawberry.type(description="A place where items are or are read.")
class Location(Node):
    """A location."""

    key: str = strawberry.field(description="Canonical key: `/414/<GLN>` or a URN.")
    name: str | None = strawberry.field(description="What people call it.")

    @classmethod
    def of(cls, row: NamedRow) -> "Location":
        """Return the location of a row."""
        return cls(id=global_id(NodeType.LOCATION, row.id), key=row.key, name=row.name)


@strawberry.type(description="Something that used items up and made others of them.")
class Activity(Node):
    """An activity."""

    key: str = strawberry.field(description="The transformationID, else the id of its event.")
    kind: ActivityKind = strawberry.field(description="What it did.")  # type: ignore[valid-type]
    started_at: DateTime | None = strawberry.field(description="Time of its earliest event.")
    ended_at: DateTime | None = strawberry.field(description="Time of its latest event.")
    operation: str | None = strawberry.field(description="Operation of the routing, as told.")
    equipment: list[str] = strawberry.field(description="Machines and tools used, as told.")
    operator: str | None = strawberry.field(description="Pseudonymous id of who did it, as told.")

    @classmethod
    def of(cls, row: ActivityRow) -> "Activity":
        """Return the activity of a row."""
        return cls(
            id=global_id(NodeType.ACTIVITY, row.id),
            key=row.key,
            kind=genealogy.ActivityKind(row.kind),
            started_at=_moment(row.started_at),
            ended_at=_moment(row.ended_at),
            operation=row.operation,
            equipment=row.equipment,
            operator=row.operator,
        )


@strawberry.type(description="An amount of something.")
class Quantity:
    """A quantity."""

    value: Decimal = strawberry.field(description="How much, exactly.")
    unit: str = strawberry.field(
        description="UN/ECE Recommendation 20 code as told (KGM, MTR, …); H87 counts pieces."
    )

    @classmethod
    def of(cls, amount: Amount | None) -> "Quantity | None":
        """Return the quantity of an amount; None where it is not known."""
        if amount is None or amount.value is None:
            return None
        return cls(value=amount.value, unit=amount.unit or COUNT)


@strawberry.type(description="Whether what was made of a lot is accounted for.")
class MassBalance:
    """A lot's balance."""

    produced: Quantity | None = strawberry.field(description="What was made, or first received.")
    drawn: Quantity | None = strawberry.field(
        description="What activities drew, samples and scrap too; null where a draw told no amount."
    )
    on_hand: Quantity | None = strawberry.field(
        description="What the last stock count left, else what should be left."
    )
    discrepancy: Quantity | None = strawberry.field(
        description="produced - drawn - onHand; negative where more was drawn than there was."
    )
    within_tolerance: bool = strawberry.field(
        description="Whether the discrepancy is within the item class's tolerance, a share of "
        "what was drawn. What is not known violates nothing."
    )

    @classmethod
    def of(cls, balance: balances.MassBalance) -> "MassBalance":
        """Return the balance as told by the domain."""
        return cls(
            produced=Quantity.of(balance.produced),
            drawn=Quantity.of(balance.drawn),
            on_hand=Quantity.of(balance.on_hand),
            discrepancy=Quantity.of(balance.discrepancy),
            within_tolerance=balance.is_within_tolerance,
        )


async def party(info: Info, row: int | None) -> Party | None:
    """Return the party with a row id."""
    found = None if row is None else await loaders.party(info.context, row)
    return None if found is None else Party.of(found)


async def location(info: Info, row: int | None) -> Location | None:
    """Return the location with a row id."""
    found = None if row is None else await loaders.location(info.context, row)
    return None if found is None else Location.of(found)


async def activity(info: Info, row: int | None) -> Activity | None:
    """Return the activity with a row id."""
    found = None if row is None else await loaders.activity(info.context, row)
    return None if found is None else Activity.of(found)


async def item_class(info: Info, row: int | None) -> ItemClass | None:
    """Return the item class with a row id."""
    found = None if row is None else await loaders.item_class(info.context, row)
    return None if found is None else ItemClass.of(found)


def _moment(us: int | None) -> Any:
    return None if us is None else DateTime(us)
