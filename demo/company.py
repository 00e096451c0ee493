"""The demo's company and its world: products, parties, places, source systems. All invented.

The numbers start with prefixes that GS1 keeps for examples.
"""

from typing import Any, NamedTuple

MAKER = "4012345"
POLYMERS, SENSORS, TUBES, BOARDS, POUCHES = (f"952110{number}" for number in range(1, 6))
OUTSIDE = "9521200"  # distributor and hospitals

MAKER_PARTY = f"urn:epc:id:pgln:{MAKER}.00000"
OWN_PARTIES = frozenset({"/417/4012345000009"})

# Whose clocks we know. Anything else is DECLARED; what the ERP books at shift end says so itself.
SOURCES: dict[str, dict[str, Any]] = {
    "mes-line-1": {"timeQuality": "MEASURED", "clockUncertaintySeconds": 2},
    "mes-assembly": {"timeQuality": "MEASURED", "clockUncertaintySeconds": 2},
    "scada-steriliser": {"timeQuality": "MEASURED", "clockUncertaintySeconds": 1},
    "wms": {"timeQuality": "MEASURED", "clockUncertaintySeconds": 60},
    "service-app": {"timeQuality": "MEASURED", "clockUncertaintySeconds": 30},
    "erp-shift-end": {"timeQuality": "BACKFLUSHED"},
}


class Product(NamedTuple):
    """An item class: company prefix, item reference with indicator, name, unit."""

    prefix: str
    reference: str
    name: str
    unit: str = "H87"
    tracked: bool = False

    @property
    def pattern(self) -> str:
        """The EPC pattern that names the class."""
        return f"urn:epc:idpat:sgtin:{self.prefix}.{self.reference}.*"

    def lot(self, number: str) -> str:
        """The EPC class of one lot."""
        return f"urn:epc:class:lgtin:{self.prefix}.{self.reference}.{number}"

    def serial(self, number: str) -> str:
        """The EPC of one piece."""
        return f"urn:epc:id:sgtin:{self.prefix}.{self.reference}.{number}"


GRANULATE = Product(POLYMERS, "010001", "Polycarbonate granulate PC-M", "KGM")
MASTERBATCH = Product(POLYMERS, "010002", "Grey masterbatch", "KGM")
SENSOR = Product(SENSORS, "020001", "Pressure sensor PS-3")
TUBE = Product(TUBES, "030001", "Silicone tube 3 mm", "MTR")
BOARD = Product(BOARDS, "040001", "Pump chassis with control board")
POUCH = Product(POUCHES, "050001", "Sterile pouch")
RESIN = Product(MAKER, "010010", "Polycarbonate in drums", "KGM")
BLEND = Product(MAKER, "010020", "Polycarbonate, grey blend", "KGM")
CASSETTE = Product(MAKER, "020010", "Cassette body, moulded")
HOUSING = Product(MAKER, "020020", "Drive housing, moulded")
BULK = Product(MAKER, "030010", "Infusion set, not sterile")
SET = Product(MAKER, "040010", "Infusion set, sterile", tracked=True)
MODULE = Product(MAKER, "050010", "Drive module DM-7", tracked=True)
PUMP = Product(MAKER, "060010", "Infusion pump TP-7", tracked=True)
REGRIND = Product(MAKER, "090010", "Moulding scrap", "KGM")
RETAINED = Product(MAKER, "090020", "Retained sample")
PRODUCTS = (
    GRANULATE, MASTERBATCH, SENSOR, TUBE, BOARD, POUCH, RESIN, BLEND, CASSETTE, HOUSING, BULK,
    SET, MODULE, PUMP, REGRIND, RETAINED,
)  # fmt: skip

SUPPLIERS = {
    POLYMERS: "Ostrava Polymer Works",
    SENSORS: "Fjordsense Components",
    TUBES: "Softline Tubing",
    BOARDS: "Nordkamm Electronics",
    POUCHES: "Cleanfold Packaging",
}
DISTRIBUTOR = "Medilane Distribution"
HOSPITALS = (
    "Northbridge General Hospital",
    "Klinikum Birkental",
    "Hôpital de la Rive Haute",
    "Ospedale San Ruggero",
    "Clínica Santa Aurora",
    "Westmark University Hospital",
    "明川市第一医院 Mingchuan First Hospital",
    "Harbourside Children's Hospital",
)


class Site(NamedTuple):
    """An organisation with its main place."""

    party: str
    place: str
    name: str


def site(number: int, name: str) -> Site:
    """Return a company outside: its party and its place share one GLN."""
    reference = f"{OUTSIDE}.{number:05d}"
    return Site(f"urn:epc:id:pgln:{reference}", f"urn:epc:id:sgln:{reference}.0", name)


MEDILANE = site(10, DISTRIBUTOR)
WARDS = tuple(site(100 + number, name) for number, name in enumerate(HOSPITALS))


def supplier(prefix: str) -> Site:
    """Return a supplier's party and place."""
    party, place = f"urn:epc:id:pgln:{prefix}.00000", f"urn:epc:id:sgln:{prefix}.00000.0"
    return Site(party, place, SUPPLIERS[prefix])


def room(number: int) -> str:
    """Return one of the maker's own places."""
    return f"urn:epc:id:sgln:{MAKER}.{number:05d}.0"


STORE, LINE_1, LINE_2, CLEANROOM, STERILISER, ASSEMBLY, PACKING, FINISHED, REPAIR = (
    room(number) for number in range(1, 10)
)
ROOMS = {
    STORE: "Incoming goods store",
    LINE_1: "Moulding line 1",
    LINE_2: "Moulding line 2",
    CLEANROOM: "Cleanroom assembly",
    STERILISER: "Steriliser",
    ASSEMBLY: "Pump assembly",
    PACKING: "Packing",
    FINISHED: "Finished goods warehouse",
    REPAIR: "Service workshop",
}


def master_data() -> list[dict[str, Any]]:
    """Return the vocabulary list of the documents' header."""
    outside = [*map(supplier, SUPPLIERS), MEDILANE, *WARDS]
    parties = [(MAKER_PARTY, "Tidewell Infusion"), *((each.party, each.name) for each in outside)]
    places = [(each.place, each.name, each.party) for each in outside]
    places += [(place, name, MAKER_PARTY) for place, name in ROOMS.items()]
    return [
        _vocabulary("EPCClass", [_class(product) for product in PRODUCTS]),
        _vocabulary("Party", [_element(key, name) for key, name in parties]),
        _vocabulary(
            "BusinessLocation",
            [_element(key, name, party=party) for key, name, party in places],
        ),
    ]


def _class(product: Product) -> dict[str, Any]:
    return _element(
        product.pattern,
        product.name,
        implantable="false",
        tracked="true" if product.tracked else "false",
        balanceTolerance="0.005",
    )


def _element(key: str, name: str, **own: str) -> dict[str, Any]:
    attributes = [{"id": "urn:epcglobal:cbv:mda#name", "attribute": name}]
    attributes += [{"id": f"urn:lotkin:mda:{each}", "attribute": own[each]} for each in own]
    return {"id": key, "attributes": attributes}


def _vocabulary(kind: str, elements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": f"urn:epcglobal:epcis:vtype:{kind}", "vocabularyElementList": elements}
