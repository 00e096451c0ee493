"""How a caller names an item."""

import strawberry
from strawberry import UNSET

from lotkin.resolvers.lookup import Lookup
from lotkin.schema.paging import given


@strawberry.input(description="A lot by its number.")
class LotLookup:
    """Input of a lot look-up."""

    item_class: str = strawberry.field(description="GTIN, UDI-DI or item number.")
    lot: str = strawberry.field(description="The maker's lot number; never a supplier's.")


@strawberry.input(description="A piece by its serial number.")
class SerialLookup:
    """Input of a serial look-up."""

    item_class: str = strawberry.field(description="GTIN, UDI-DI or item number.")
    serial: str = strawberry.field(description="The serial number.")


@strawberry.input(one_of=True, description="One way to name an item.")
class ItemLookup:
    """Input of every look-up; exactly one field is given."""

    id: strawberry.ID | None = strawberry.field(default=UNSET, description="Its opaque id.")
    key: str | None = strawberry.field(
        default=UNSET, description="Its key, EPC or Digital Link, in any spelling."
    )
    scan: str | None = strawberry.field(
        default=UNSET, description="What a scanner read from its label."
    )
    lot: LotLookup | None = strawberry.field(default=UNSET, description="Its class and lot number.")
    serial: SerialLookup | None = strawberry.field(
        default=UNSET, description="Its class and serial number."
    )

    def to_domain(self) -> Lookup:
        """Return the look-up of the use cases."""
        return Lookup(
            id=given(self.id),
            key=given(self.key),
            scan=given(self.scan),
            lot=(self.lot.item_class, self.lot.lot) if self.lot else None,
            serial=(self.serial.item_class, self.serial.serial) if self.serial else None,
        )
