"""What a recall impact is made of, as GraphQL: suspects, counts, items, consignees, witnesses."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import strawberry
from strawberry import UNSET

from lotkin.domain import exposure
from lotkin.domain.genealogy import NEVER, UNKNOWN
from lotkin.domain.genealogy import ItemKind as Kind
from lotkin.domain.rules import Step
from lotkin.resolvers import bounds, impact
from lotkin.resolvers.impact import Impact, SuspectAsked
from lotkin.resolvers.impact_lists import Consignee
from lotkin.schema.item import (
    Activity,
    Item,
    ItemClass,
    ItemLookup,
    Party,
    Quantity,
    activity,
    item_of,
    party,
)
from lotkin.schema.node import Node, described
from lotkin.schema.paging import given
from lotkin.schema.scalars import DateTime
from lotkin.schema.things import Info, item_class

ExposureClass = strawberry.enum(
    exposure.ExposureClass, name="ExposureClass", description="How surely an item is exposed."
)
described(
    exposure.ExposureClass,
    {
        "CERTAIN": "It is a suspect, or holds suspect material for sure.",
        "POSSIBLE": "It may hold suspect material.",
        "PREVIOUSLY_EXPOSED": "What was suspect in it has been taken out.",
        "EXCLUDED": "Measured times prove that it cannot; `witness` shows by which fact.",
    },
)
LISTED = (
    exposure.ExposureClass.CERTAIN,
    exposure.ExposureClass.POSSIBLE,
    exposure.ExposureClass.PREVIOUSLY_EXPOSED,
)


@strawberry.input(description="An item under suspicion, and since when and until when.")
class SuspectInput:
    """One suspect."""

    item: ItemLookup = strawberry.field(
        description="A lot, a piece, or a container, which stands for its contents."
    )
    from_: DateTime | None = strawberry.field(
        name="from", default=UNSET, description="Only what left it from here on; default always."
    )
    until: DateTime | None = strawberry.field(
        default=UNSET, description="Only what left it before this; default without end."
    )

    def to_domain(self) -> SuspectAsked:
        """Return the suspect as the use case asks for it."""
        return SuspectAsked(self.item.to_domain(), given(self.from_), given(self.until))


@strawberry.type(description="How many items of one class.")
class ClassCount:
    """One class's count."""

    class_: ExposureClass = strawberry.field(name="class", description="The class.")  # type: ignore[valid-type]
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How much is affected; EXCLUDED items count in `byClass` only.")
class ImpactCounts:
    """Counts, each made when it is selected."""

    impact: strawberry.Private[Impact]

    @strawberry.field(description="Exposed lots.")
    def lots(self) -> int:
        """Return how many lots are exposed."""
        return self._kind(Kind.LOT)

    @strawberry.field(description="Exposed pieces.")
    def serials(self) -> int:
        """Return how many serials are exposed."""
        return self._kind(Kind.SERIAL)

    @strawberry.field(description="Containers that hold an exposed item at the asked instant.")
    def containers(self) -> int:
        """Return how many containers hold exposed items."""
        return len(self.impact.containers)

    @strawberry.field(description="Exposed items with another party, or on the way to one.")
    def shipped(self) -> int:
        """Return how many are shipped."""
        return int((self.impact.standing.is_shipped & self.impact.is_listed).sum())

    @strawberry.field(description="Exposed items that are neither shipped nor used up.")
    def in_stock(self) -> int:
        """Return how many are in stock."""
        return int((self.impact.standing.is_in_stock & self.impact.is_listed).sum())

    @strawberry.field(description="Exposed items that were used up.")
    def consumed(self) -> int:
        """Return how many are used up."""
        return int((self.impact.standing.is_consumed & self.impact.is_listed).sum())

    @strawberry.field(description="Parties that exposed items were shipped to.")
    def consignees(self) -> int:
        """Return how many consignees there are."""
        return len(set(self.impact.consignments.party.tolist()))

    @strawberry.field(description="Items by class, EXCLUDED too.")
    def by_class(self) -> list[ClassCount]:
        """Return the counts by class."""
        counts = impact.class_counts(self.impact)
        return [ClassCount(class_=each, count=count) for each, count in counts.items()]

    def _kind(self, kind: Kind) -> int:
        return int(((self.impact.kinds == int(kind)) & self.impact.is_listed).sum())


@strawberry.type(description="An item that suspects reach.")
class ImpactItem:
    """One exposed, or excluded, item."""

    item: Item = strawberry.field(description="The item.")
    class_: ExposureClass = strawberry.field(name="class", description="How surely.")  # type: ignore[valid-type]
    rule: str = strawberry.field(description="The rule that decided, as a code.")
    exposed_at: DateTime | None = strawberry.field(
        description="Earliest instant at which it can have been exposed, where times say."
    )
    holder: Party | None = strawberry.field(
        description="Who holds it at the asked instant: the sender until a receipt; we, where "
        "nothing moved; null where it was used up."
    )
    quantity: Quantity | None = strawberry.field(
        description="What was made of a lot; null for pieces."
    )


@strawberry.type(description="What one party was sent of what is exposed.")
class ConsigneeExposure:
    """One consignee."""

    consignee: strawberry.Private[Consignee]

    @strawberry.field(description="The party.")
    async def party(self, info: Info) -> Party:
        """Return the party."""
        found = await party(info, self.consignee.party)
        assert found is not None, "movements name recorded parties"
        return found

    @strawberry.field(description="Exposed items sent to it that did not come back.")
    def items(self) -> int:
        """Return how many items are still out."""
        return self.consignee.items

    @strawberry.field(description="Of these, pieces.")
    def serials(self) -> int:
        """Return how many serials are still out."""
        return self.consignee.serials

    @strawberry.field(description="All exposed items ever sent to it.")
    def items_shipped(self) -> int:
        """Return how many items were sent."""
        return self.consignee.shipped

    @strawberry.field(description="How much did not come back, one quantity a unit, as told.")
    def quantity(self) -> list[Quantity]:
        """Return what is still out."""
        amounts = (Quantity.of(each) for each in self.consignee.amounts)
        return [each for each in amounts if each is not None]

    @strawberry.field(description="When it was first sent one of them.")
    def first_shipped_at(self) -> DateTime | None:
        """Return the first shipment's time."""
        return DateTime(self.consignee.first)

    @strawberry.field(description="When it was last sent one of them.")
    def last_shipped_at(self) -> DateTime | None:
        """Return the last shipment's time."""
        return DateTime(self.consignee.last)


@strawberry.type(description="Something that the record does not tell, so that the list may lack.")
class CoverageGap:
    """One gap."""

    subject: Node = strawberry.field(description="The item, activity or item class it concerns.")
    reason: str = strawberry.field(
        description="INPUT_WITHOUT_LOT, OUTPUT_WITHOUT_LOT, NO_INPUTS, NO_OUTPUTS, QUANTITY_FELL "
        "(a count found less than draws and shipments explain) or FACTS_RETRACTED."
    )


@strawberry.type(description="One step of a witness.")
class PathStep:
    """One fact of the chain from a suspect to the item."""

    step: strawberry.Private[Step]

    @strawberry.field(name="from", description="The item that passed it on.")
    async def from_(self, info: Info) -> Item:
        """Return the source."""
        return await _known(info, self.step.source)

    @strawberry.field(description="The item that got it, or could not.")
    async def to(self, info: Info) -> Item:
        """Return the target."""
        return await _known(info, self.step.target)

    @strawberry.field(description="The activity between them.")
    async def activity(self, info: Info) -> Activity | None:
        """Return the activity."""
        row = self.step.activity
        return None if row == UNKNOWN else await activity(info, row)

    @strawberry.field(description="When; null for a membership.")
    def at(self) -> DateTime | None:
        """Return the time of the fact."""
        return None if self.step.at == NEVER else DateTime(self.step.at)

    @strawberry.field(description="Why `to` is classed as it is, as a code.")
    def rule(self) -> str:
        """Return the rule."""
        return self.step.rule.value


@strawberry.type(description="At most how many units of a class hold suspect material.")
class QuantityBound:
    """A figure beside the list; no item is left out because of it."""

    bound: strawberry.Private[bounds.QuantityBound]

    @strawberry.field(name="itemClass", description="The class of the units.")
    async def of_class(self, info: Info) -> ItemClass | None:
        """Return the class."""
        return await item_class(info, self.bound.class_id)

    @strawberry.field(description="Suspect quantity drawn over usage per unit, rounded down.")
    def at_most(self) -> int:
        """Return the bound."""
        return self.bound.at_most

    @strawberry.field(description="Suspect quantity drawn into the units, as told, by unit.")
    def drawn(self) -> list[Quantity]:
        """Return the suspect quantity."""
        amounts = (Quantity.of(each) for each in self.bound.drawn)
        return [each for each in amounts if each is not None]


async def _known(info: Info, row: int) -> Item:
    found = await item_of(info, row)
    assert found is not None, row
    return found
