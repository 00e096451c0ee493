"""One content, one digest, in whatever spelling; any other content, another digest."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotkin.domain.event import Event
from tests.domain.epcis_schema import read

GS1 = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
EVENT: dict[str, Any] = {
    "@context": [GS1, {"lotkin": "urn:lotkin:epcis:", "ex": "http://example.com/"}],
    "type": "ObjectEvent",
    "eventTime": "2026-01-31T08:30:00.5+01:00",
    "eventTimeZoneOffset": "+01:00",
    "action": "ADD",
    "bizStep": "commissioning",
    "disposition": "active",
    "persistentDisposition": {"set": ["available", "conformant"]},
    "epcList": ["urn:epc:id:sgtin:0614141.107346.2018", "urn:epc:id:sgtin:0614141.107346.2017"],
    "quantityList": [
        {"epcClass": "urn:epc:class:lgtin:4012345.012345.A", "quantity": 1, "uom": "KGM"},
        {"epcClass": "urn:epc:class:lgtin:4012345.012345.B", "quantity": 2.5, "uom": "KGM"},
    ],
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:1"}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    "ilmd": {"ex:a": {"ex:b": [1, 2], "plain": "x"}, "cbvmda:lotNumber": "L1"},
    "sensorElementList": [
        {"sensorReport": [{"type": "Temperature", "value": 26, "component": "x"}]},
    ],
    "lotkin:timeQuality": "MEASURED",
    "ex:note": "text",
}
CBV = "https://ref.gs1.org/cbv/"
LONG = {
    "commissioning": ("urn:epcglobal:cbv:bizstep:", f"{CBV}BizStep-", "c:BizStep-"),
    "active": ("urn:epcglobal:cbv:disp:", f"{CBV}Disp-", "c:Disp-"),
    "available": ("urn:epcglobal:cbv:disp:", f"{CBV}Disp-", "c:Disp-"),
    "po": ("urn:epcglobal:cbv:btt:", f"{CBV}BTT-", "cbv:BTT-"),
    "owning_party": ("urn:epcglobal:cbv:sdt:", f"{CBV}SDT-", "cbv:SDT-"),
    "Temperature": ("gs1:MT-", "https://gs1.org/voc/MT-"),
    "x": ("cbv:Comp-", "https://ref.gs1.org/cbv/Comp-"),
}


def event(document: Any) -> Event:
    """Return the only event of a bare one."""
    parsed = read(document)
    assert not parsed.refused, [p.message() for p in parsed.refused.values()]
    return parsed.events[0]


@st.composite
def spellings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the event in another JSON-LD spelling: same content."""

    def spell(name: str | None, value: Any) -> Any:
        if isinstance(value, dict):
            keys = draw(st.permutations(list(value)))
            return {renamed(key): spell(key, value[key]) for key in keys}
        if isinstance(value, list) and name not in ("ex:b",):
            return [spell(name, each) for each in draw(st.permutations(value))]
        if isinstance(value, str) and name != "plain" and value in LONG:
            return draw(st.sampled_from(("", *LONG[value]))) + value
        if isinstance(value, int) and draw(st.booleans()):
            return draw(st.sampled_from((float(value), Decimal(value), Decimal(f"{value}.00"))))
        return value

    full = draw(st.booleans())
    ours = "urn:lotkin:epcis:" if full else draw(st.sampled_from(("lk:", "lotkin:")))

    def renamed(key: str) -> str:
        return key.replace("lotkin:", ours).replace("ex:", "example:")

    context = [GS1, {"lk": "urn:lotkin:epcis:", "example": "http://example.com/", "c": CBV}]
    body = {key: value for key, value in EVENT.items() if key != "@context"}
    return {
        **spell(None, body),
        "@context": context,
        "eventTime": draw(
            st.sampled_from(("2026-01-31T07:30:00.500Z", "2026-01-31T08:30:00.5+01:00"))
        ),
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "recordTime": st.just("2026-02-01T00:00:00Z"),
                    "eventID": st.just("urn:uuid:1"),
                    "errorDeclaration": st.just({"declarationTime": "2026-02-01T00:00:00Z"}),
                },
            )
        ),
    }


@given(spellings())
def test_the_same_event_in_another_spelling_has_the_same_digest(other: dict[str, Any]) -> None:
    assert event(other).digest == event(EVENT).digest


def leaves(value: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every scalar."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        place
        for key, each in pairs
        for place in (leaves(each) if isinstance(each, dict | list) else [(value, key)])
        if key != "@context"
    ]


CHANGES = {
    "eventTime": "2026-01-31T08:30:00.5000001+01:00",
    "eventTimeZoneOffset": "+02:00",
    "bizStep": "encoding",
    "disposition": "unavailable",
    "lotkin:timeQuality": "DECLARED",
    "component": "y",
    "type": "ex:other",
    "uom": "GRM",
    "action": None,  # other rules hold for other actions
}


@pytest.mark.parametrize("place", range(len(leaves(EVENT))))
def test_any_change_of_content_changes_the_digest(place: int) -> None:
    other = copy.deepcopy(EVENT)
    container, key = leaves(other)[place]
    if container is other and key in ("type", "action"):
        return
    old = container[key]
    told = CHANGES.get(key) if isinstance(key, str) else None
    container[key] = told or (old + 1 if isinstance(old, int | float) else f"{old}7")
    if container is other["persistentDisposition"]["set"]:
        container[key] = "recalled"  # only words of the vocabulary may stand there
    assert event(other).digest != event(EVENT).digest


REQUIRED = {"@context", "type", "action", "eventTime", "eventTimeZoneOffset"}


@pytest.mark.parametrize("name", sorted(EVENT.keys() - REQUIRED))
def test_a_field_left_out_changes_the_digest(name: str) -> None:
    other = {key: value for key, value in EVENT.items() if key != name}
    assert event(other).digest != event(EVENT).digest


@pytest.mark.parametrize(
    ("one", "two"),
    [(2**60, 2**60 + 1), (10**20, 10**20 + 1), (1, "1"), (1, True), (0, False), ("", None)],
)
def test_values_that_differ_a_little_differ(one: Any, two: Any) -> None:
    assert event({**EVENT, "ex:note": one}).digest != event({**EVENT, "ex:note": two}).digest


@pytest.mark.parametrize(
    ("one", "two"),
    [(1, 1.0), (0, -0.0), (10**20, 1e20), (Decimal("0.10"), 0.1), (10**500, Decimal("1E500"))],
)
def test_equal_numbers_are_equal(one: Any, two: Any) -> None:
    assert event({**EVENT, "ex:note": one}).digest == event({**EVENT, "ex:note": two}).digest


def test_the_order_of_an_extension_list_is_content() -> None:
    one, two = {**EVENT, "ex:list": [1, 2]}, {**EVENT, "ex:list": [2, 1]}
    assert event(one).digest != event(two).digest


def test_without_an_id_the_digest_is_the_id_and_with_one_it_is_opaque() -> None:
    read_one = event(EVENT)
    assert read_one.event_id == f"urn:lotkin:event:sha-256:{read_one.digest.hex()}"
    assert event({**EVENT, "eventID": "urn:uuid:7"}).event_id == "urn:uuid:7"


def test_a_stored_event_read_again_is_the_same_event() -> None:
    inner = {key: value for key, value in EVENT.items() if key != "@context"}
    inner["@context"] = {"ex": "http://example.com/"}
    document = {
        "@context": [GS1, {"lotkin": "urn:lotkin:epcis:", "ex": "http://other.example/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-02-01T00:00:00Z",
        "epcisBody": {"eventList": [inner]},
    }
    first = event(document)
    again = event(json.loads(json.dumps(first.document)))
    assert (again.digest, again.time) == (first.digest, first.time)
    assert first.digest == event(EVENT).digest
