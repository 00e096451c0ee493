"""One name for each thing: canonical keys from every label and URI scheme.

Stub of the types; the readers of each scheme are added beside it.
"""

from dataclasses import dataclass
from enum import StrEnum

from lotkin.domain.genealogy import ItemKind


class Scheme(StrEnum):
    """How an identifier was written; values of `ScanScheme` in the API."""

    GS1_ELEMENT_STRING = "GS1_ELEMENT_STRING"
    GS1_DIGITAL_LINK = "GS1_DIGITAL_LINK"
    EPC_URN = "EPC_URN"
    HIBC = "HIBC"
    ICCBBA = "ICCBBA"
    MA = "MA"
    AHM = "AHM"
    PLAIN = "PLAIN"
    UNKNOWN = "UNKNOWN"


class Thing(StrEnum):
    """What an identifier names."""

    ITEM = "ITEM"
    ITEM_CLASS = "ITEM_CLASS"
    LOCATION = "LOCATION"
    PARTY = "PARTY"
    DOCUMENT = "DOCUMENT"


@dataclass(frozen=True, slots=True)
class Identity:
    """A canonical identity.

    key: GS1 Digital Link path without host (`/01/09521568251204/21/12345`) or a `urn:` form; one
    thing has one key whatever the label. A key with both lot and serial is the serial's; the lot
    is kept in `lot`.
    """

    key: str
    thing: Thing
    scheme: Scheme
    kind: ItemKind | None = None  # items only
    item_class: str | None = None  # canonical key of the class: `/01/09521568251204`
    lot: str | None = None
    serial: str | None = None

    @property
    def lot_key(self) -> str | None:
        """The key of the lot that this label names, for a serial whose label carries its lot."""
        raise NotImplementedError
