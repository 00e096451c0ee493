"""Master data of a header: which attributes are read, in which spellings, and which are refused."""

from decimal import Decimal
from typing import Any

import pytest

from lotkin.domain.event import MasterData
from lotkin.domain.identity import Thing
from lotkin.errors import Problem, ProblemCode
from tests.domain.epcis_schema import read

GS1 = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
PUMP = "urn:epc:idpat:sgtin:4012345.011122.*"


def document(kind: str, *elements: dict[str, Any]) -> dict[str, Any]:
    """Return a document without events and with one vocabulary."""
    vocabulary = {"type": f"urn:epcglobal:epcis:vtype:{kind}", "vocabularyElementList": elements}
    vocabulary["vocabularyElementList"] = list(elements)
    return {
        "@context": [GS1, {"m": "urn:lotkin:mda:"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-02-01T00:00:00Z",
        "epcisHeader": {"epcisMasterData": {"vocabularyList": [vocabulary]}},
        "epcisBody": {"eventList": []},
    }


def element(identifier: str, **attributes: Any) -> dict[str, Any]:
    """Return an element; double underscores in names stand for colons."""
    told = [{"id": n.replace("__", ":"), "attribute": v} for n, v in attributes.items()]
    return {"id": identifier, "attributes": told, "children": []}


def master(kind: str, *elements: dict[str, Any]) -> MasterData:
    """Return what is read of one vocabulary."""
    return read(document(kind, *elements)).master


def test_a_class_has_its_name_and_lotkins_attributes() -> None:
    told = element(
        PUMP,
        cbvmda__descriptionShort="Infusion pump",
        m__implantable="false",
        m__tracked=True,
        m__balanceTolerance=0.02,
        m__alternateOf="https://id.gs1.org/01/09521141012345",
        m__otherIdentifier=["urn:maker:class:1", "urn:maker:class:2"],
    )
    (pump,) = master("EPCClass", told).classes
    assert pump.identity.thing is Thing.ITEM_CLASS
    assert pump.identity.key == "/01/04012345111224"
    assert (pump.name, pump.implantable, pump.tracked) == ("Infusion pump", False, True)
    assert pump.balance_tolerance == Decimal("0.02")
    assert pump.alternate_of is not None
    assert pump.alternate_of.key == "/01/09521141012345"
    assert pump.other_keys == ("urn:maker:class:1", "urn:maker:class:2")


def test_a_lot_or_serial_stands_for_its_class() -> None:
    (pump,) = master("EPCClass", element("urn:epc:id:sgtin:4012345.011122.25")).classes
    assert (pump.identity.key, pump.identity.thing) == ("/01/04012345111224", Thing.ITEM_CLASS)
    assert (pump.name, pump.implantable, pump.tracked, pump.other_keys) == (None, None, None, ())


@pytest.mark.parametrize(
    "name", ["urn:epcglobal:cbv:mda#name", "urn:epcglobal:cbv:mda:tradeItemDescription", "gs1:name"]
)
def test_names_are_read_in_every_spelling(name: str) -> None:
    told = {"id": PUMP, "attributes": [{"id": name, "attribute": " Pump "}]}
    assert master("EPCClass", told).classes[0].name == "Pump"


def test_places_and_parties_are_told_apart() -> None:
    hall = element("urn:epc:id:sgln:4012345.00001.0", cbvmda__name="Hall", m__party="urn:maker:us")
    (place,) = master("BusinessLocation", hall).locations
    assert (place.identity.thing, place.name) == (Thing.LOCATION, "Hall")
    assert place.party is not None
    assert place.party.thing is Thing.PARTY
    clinic = element("urn:epc:id:pgln:4012345.00000", cbvmda__name="Clinic")
    assert [each.name for each in master("SourceDest", clinic).parties] == ["Clinic"]
    assert master("Party", element("urn:maker:us")).parties[0].identity.thing is Thing.PARTY


def test_other_vocabularies_are_left_alone() -> None:
    assert master("Colour", element("urn:maker:red")) == MasterData()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tracked", "yes"),
        ("balanceTolerance", 2),
        ("balanceTolerance", "two"),
        ("alternateOf", 7),
        ("tracked", [True, False]),
    ],
)
def test_an_attribute_of_ours_that_cannot_be_read_is_refused_with_its_place(
    name: str, value: Any
) -> None:
    told = {"id": PUMP, "attributes": [{"id": f"urn:lotkin:mda:{name}", "attribute": value}]}
    with pytest.raises(Problem) as caught:
        master("EPCClass", told)
    assert caught.value.code is ProblemCode.BAD_DOCUMENT
    assert caught.value.path[:3] == ("epcisHeader", "epcisMasterData", "vocabularyList")
