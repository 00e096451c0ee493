"""What a valid event means to Lotkin, and why a bad one is refused."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lotkin.clock import to_us
from lotkin.domain.epcis_syntax import Flaw, instant, is_uri
from lotkin.domain.event import Action, Event, EventType
from lotkin.domain.genealogy import ActivityKind, ItemKind, TimeQuality
from lotkin.domain.identity import Thing
from lotkin.errors import Problem, ProblemCode
from lotkin.settings import SourceSystem
from tests.domain.epcis_schema import problems, read

GS1 = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
CONTEXT = [GS1, {"lotkin": "urn:lotkin:epcis:"}]
MES = SourceSystem(timeQuality="MEASURED", clockUncertaintySeconds=2.5)
LOT = "urn:epc:class:lgtin:4012345.012345.998877"
SERIAL = "urn:epc:id:sgtin:4012345.011122.25"


def object_event(**fields: Any) -> dict[str, Any]:
    """Return a bare ObjectEvent with further fields; double underscores stand for colons."""
    told = {
        "@context": CONTEXT,
        "type": "ObjectEvent",
        "eventTime": "2026-01-31T08:30:00+01:00",
        "eventTimeZoneOffset": "+01:00",
        "action": "ADD",
        "epcList": [SERIAL],
    }
    told.update({name.replace("__", ":"): value for name, value in fields.items()})
    return {name: value for name, value in told.items() if value is not ...}


def transformation(**fields: Any) -> dict[str, Any]:
    """Return a bare TransformationEvent of one lot into one serial."""
    told = {
        "type": "TransformationEvent",
        "action": ...,
        "epcList": ...,
        "inputQuantityList": [{"epcClass": LOT, "quantity": 0.1, "uom": "KGM"}],
        "outputEPCList": [SERIAL],
    }
    return object_event(**{**told, **fields})


def one(document: Any, **settings: Any) -> Event:
    """Return the only event; it is not refused."""
    parsed = read(document, **settings)
    assert not parsed.refused, [p.message() for p in parsed.refused.values()]
    return parsed.events[0]


def refusal(document: Any) -> Problem:
    """Return why the only event is refused."""
    (problem,) = problems(document)
    return problem


# ---------------------------------------------------------------- time
def test_a_time_without_any_word_of_its_quality_is_declared() -> None:
    stated = one(object_event()).time
    assert (stated.quality, stated.uncertainty) == (TimeQuality.DECLARED, 0)
    assert stated.at == 1_769_844_600_000_000


def test_fields_are_matched_by_iri_and_not_by_prefix() -> None:
    ours = {"@context": [GS1, {"q": "urn:lotkin:epcis:"}], "q__timeQuality": "MEASURED"}
    assert one(object_event(**ours)).time.quality is TimeQuality.MEASURED
    full = {"urn:lotkin:epcis:timeQuality": "MEASURED"}
    assert one(object_event(**full)).time.quality is TimeQuality.MEASURED
    other = {"@context": [GS1, {"lotkin": "urn:else:"}], "lotkin__timeQuality": "MEASURED"}
    assert one(object_event(**other)).time.quality is TimeQuality.DECLARED


def test_a_prefix_of_the_document_holds_in_its_events() -> None:
    inner = object_event(lk__timeQuality="BACKFLUSHED", **{"@context": ...})
    document = {
        "@context": [GS1, {"lk": "urn:lotkin:epcis:"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-02-01T00:00:00Z",
        "epcisBody": {"eventList": [inner]},
    }
    assert one(document).time.quality is TimeQuality.BACKFLUSHED


@pytest.mark.parametrize(
    ("told", "quality", "uncertainty"),
    [
        ({"lotkin__timeQuality": "MEASURED"}, TimeQuality.MEASURED, 300_000_000),
        ({"lotkin__source": "urn:mes"}, TimeQuality.MEASURED, 2_500_000),
        (
            {"lotkin__source": "urn:mes", "lotkin__timeQuality": "DECLARED"},
            TimeQuality.DECLARED,
            0,
        ),
        (
            {"lotkin__source": "urn:mes", "lotkin__clockUncertaintySeconds": 0.0000015},
            TimeQuality.MEASURED,
            2,
        ),
    ],
)
def test_the_event_goes_before_its_source_and_the_source_before_the_default(
    told: dict[str, Any], quality: TimeQuality, uncertainty: int
) -> None:
    event = one(object_event(**told), sources={"urn:mes": MES})
    assert (event.time.quality, event.time.uncertainty) == (quality, uncertainty)
    assert not event.remarks


def test_an_unregistered_source_is_remarked_and_declared() -> None:
    event = one(object_event(lotkin__source="urn:mes"))
    assert [r.code for r in event.remarks] == [ProblemCode.UNREGISTERED_SOURCE]
    assert event.time.quality is TimeQuality.DECLARED


def test_a_future_event_is_remarked_and_kept() -> None:
    event = one(object_event(), now_us=0)
    assert [r.code for r in event.remarks] == [ProblemCode.FUTURE_EVENT]


@pytest.mark.parametrize("told", ["GUESSED", "measured", "", None, 1, ["MEASURED"]])
def test_an_unknown_time_quality_is_refused(told: Any) -> None:
    problem = refusal(object_event(lotkin__timeQuality=told))
    assert problem.code is ProblemCode.BAD_TIME_QUALITY
    assert problem.path == ("lotkin:timeQuality",)


@pytest.mark.parametrize("told", [-1, "5", True, 1e300, None])
def test_a_clock_uncertainty_that_is_no_number_of_seconds_is_refused(told: Any) -> None:
    problem = refusal(object_event(lotkin__clockUncertaintySeconds=told))
    assert problem.path == ("lotkin:clockUncertaintySeconds",)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.1234569Z", 123_456),
        ("1969-12-31T23:59:59.5Z", -500_000),
        ("1970-01-01T14:00:00+14:00", 0),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("2017-01-01T00:59:60.25+01:00", 1_483_228_800_250_000),
    ],
)
def test_times_are_exact_to_the_microsecond(text: str, us: int) -> None:
    assert instant(text).us == us


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T08:30:00",
        "2026-02-29T08:30:00Z",
        "2026-01-31 08:30:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T08:30:60Z",
        "0001-01-01T00:00:00+14:00",
        "2026-01-31T08:30:00Z\n",
        "２０２６-01-31T08:30:00Z",
        12,
    ],
)
def test_what_names_no_instant_is_refused(text: Any) -> None:
    with pytest.raises(Flaw):
        instant(text)


# ---------------------------------------------------------------- what happened
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("assembling", ActivityKind.ASSEMBLE),
        ("urn:epcglobal:cbv:bizstep:repackaging", ActivityKind.REPACK),
        ("https://ref.gs1.org/cbv/BizStep-disassembling", ActivityKind.DISASSEMBLE),
        ("cbv:BizStep-sampling", ActivityKind.SAMPLE),
        ("repairing", ActivityKind.REWORK),
        ("destroying", ActivityKind.SCRAP),
        ("urn:maker:step:sterilizing", ActivityKind.STERILIZE),
        ("commissioning", ActivityKind.MANUFACTURE),
        (..., ActivityKind.MANUFACTURE),
    ],
)
def test_the_business_step_says_what_a_transformation_does(step: Any, kind: ActivityKind) -> None:
    assert one(transformation(bizStep=step)).activity_kind is kind


def test_the_activity_kind_told_goes_before_the_business_step() -> None:
    told = transformation(bizStep="assembling", lotkin__activityKind="Renumber")
    assert one(told).activity_kind is ActivityKind.RENUMBER


def test_an_unknown_activity_kind_is_refused() -> None:
    problem = refusal(transformation(lotkin__activityKind="MELT"))
    assert problem.code is ProblemCode.BAD_ACTIVITY_KIND
    assert "RENUMBER" in problem.message()


def test_quantities_are_the_decimals_that_were_written() -> None:
    (drawn,) = one(transformation()).inputs.quantities
    assert (drawn.value, drawn.unit) == (Decimal("0.1"), "KGM")
    assert (drawn.identity.kind, drawn.identity.lot) == (ItemKind.LOT, "998877")


@pytest.mark.parametrize("told", [-1, -0.5, "1", float("nan"), float("inf"), True, None, 10**19])
def test_what_is_no_quantity_is_refused_with_its_place(told: Any) -> None:
    problem = refusal(transformation(inputQuantityList=[{"epcClass": LOT, "quantity": told}]))
    assert problem.code is ProblemCode.BAD_QUANTITY
    assert problem.path == ("inputQuantityList", "0", "quantity")


def test_unknown_identifiers_become_what_their_field_holds() -> None:
    packed = one(
        object_event(
            type="AggregationEvent",
            epcList=...,
            parentID="urn:maker:box:1",
            childEPCs=["urn:maker:pump:1", "urn:maker:pump:1"],
            childQuantityList=[{"epcClass": "urn:maker:lot:1", "quantity": 3}],
        )
    )
    assert packed.parent is not None
    assert packed.parent.kind is ItemKind.CONTAINER
    assert [each.kind for each in packed.objects.epcs] == [ItemKind.SERIAL]
    assert packed.objects.quantities[0].identity.kind is ItemKind.LOT
    fitted = {**object_event(type="AssociationEvent", epcList=...), "parentID": "urn:maker:pump:1"}
    fitted["childEPCs"] = ["urn:maker:module:1"]
    parent = one(fitted).parent
    assert parent is not None
    assert parent.kind is ItemKind.SERIAL


def test_places_parties_and_papers_are_no_items() -> None:
    event = one(
        object_event(
            readPoint={"id": "urn:maker:door:1"},
            bizLocation={"id": "urn:epc:id:sgln:4012345.00001.0"},
            sourceList=[{"type": "owning_party", "source": "urn:maker:us"}],
            destinationList=[{"type": "location", "destination": "urn:maker:hall"}],
            bizTransactionList=[{"bizTransaction": "urn:maker:order:1"}],
        )
    )
    named = [event.read_point, event.biz_location, event.sources[0].identity]
    named += [event.destinations[0].identity, event.transactions[0].identity]
    things = [identity.thing for identity in named if identity is not None]
    location, party, paper = Thing.LOCATION, Thing.PARTY, Thing.DOCUMENT
    assert things == [location, location, party, location, paper]
    assert event.transactions[0].type == ""


def test_a_pattern_and_a_bare_gtin_are_classes() -> None:
    told = ["urn:epc:idpat:sgtin:4012345.066666.*", "https://id.gs1.org/01/04012345666663"]
    rows = [{"epcClass": text, "quantity": 1} for text in told]
    event = one(object_event(quantityList=rows))
    assert {q.identity.thing for q in event.objects.quantities} == {Thing.ITEM_CLASS}


@pytest.mark.parametrize(
    "name",
    [
        "cbvmda:lotNumber",
        "urn:epcglobal:cbv:mda:lotNumber",
        "urn:epcglobal:cbv:mda#lotNumber",
        "https://ref.gs1.org/cbv/lotNumber",
        "gs1:hasBatchLotNumber",
    ],
)
def test_the_lot_number_is_read_in_every_spelling(name: str) -> None:
    ilmd = {name: "L-7", "cbvmda:itemExpirationDate": "2029-06-30T00:00:00Z"}
    event = one(object_event(ilmd={**ilmd, "lotkin:supplierLot": "S-9"}))
    assert (event.lot_number, event.expires, event.supplier_lot) == ("L-7", "2029-06-30", "S-9")


def test_the_supplier_lot_may_stand_beside_the_ilmd() -> None:
    event = one(object_event(action="OBSERVE", lotkin__supplierLot="S-9"))
    assert event.supplier_lot == "S-9"


def test_a_wrong_expiry_date_is_refused_with_its_place() -> None:
    problem = refusal(object_event(ilmd={"cbvmda:itemExpirationDate": "2029-13-01"}))
    assert problem.code is ProblemCode.BAD_DATE
    assert problem.path == ("ilmd", "cbvmda:itemExpirationDate")


def test_lotkins_fields_are_read() -> None:
    event = one(
        transformation(
            lotkin__operation=40,
            lotkin__equipment=["urn:e:1", {"@id": "urn:e:2"}],
            lotkin__operator="op-7",
            lotkin__parameters=[{"lotkin:name": "torque", "value": 1.5, "uom": "NU"}],
        )
    )
    assert (event.operation, event.operator) == ("40", "op-7")
    assert event.equipment == ("urn:e:1", "urn:e:2")
    assert event.parameters == ({"name": "torque", "value": 1.5, "uom": "NU"},)


def test_an_error_declaration_names_its_reason_and_corrections() -> None:
    told = {
        "declarationTime": "1970-01-01T00:00:01Z",
        "reason": "urn:epcglobal:cbv:er:incorrect_data",
        "correctiveEventIDs": ["urn:uuid:2"],
    }
    event = one(object_event(eventID="urn:uuid:1", errorDeclaration=told))
    assert event.error is not None
    assert (event.error.at, event.error.reason) == (1_000_000, "incorrect_data")
    assert event.error.corrective_ids == ("urn:uuid:2",)
    assert event.event_id == "urn:uuid:1"


def test_words_of_ones_own_are_kept_in_full() -> None:
    told = {"@context": [GS1, {"m": "https://maker.example/"}], "bizStep": "m:annealing"}
    event = one(object_event(**told))
    assert event.biz_step == "https://maker.example/annealing"
    assert (event.type, event.action) == (EventType.OBJECT, Action.ADD)


# ---------------------------------------------------------------- documents
def test_an_array_needs_no_context_and_keeps_the_good_events() -> None:
    told = [object_event(**{"@context": ...}), object_event(action="CREATE", eventID="urn:x:1")]
    parsed = read(told)
    assert (parsed.count, len(parsed.events), set(parsed.refused)) == (2, 1, {1})
    assert parsed.event_ids == {1: "urn:x:1"}


@pytest.mark.parametrize(
    "told",
    [None, 1, "text", {}, {"type": 7}, {"type": ["EPCISDocument"]}, {"type": "EPCISDocument"}],
)
def test_what_is_no_document_is_refused_whole(told: Any) -> None:
    with pytest.raises(Problem) as caught:
        read(told)
    assert caught.value.code is ProblemCode.BAD_DOCUMENT


def nested(depth: int) -> Any:
    """Return lists inside lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "told",
    [
        {"ex__deep": nested(100_000)},
        {"@context": [GS1, {"a": nested(100_000)}]},
        {"quantityList": [{"epcClass": LOT, "quantity": nested(100_000)}]},
        {"bizStep": nested(100_000)},
        {"errorDeclaration": nested(100_000)},
        {"ex__text": "\0"},
        {"ex__text": "\ud800"},
        {"ex__text": float("nan")},
        {"type": {}},
        {"action": {}},
        {"lotkin__parameters": nested(60)},
        {"lotkin__timeQuality": "MEASURED", "urn:lotkin:epcis:timeQuality": "DECLARED"},
    ],
    ids=range(12),
)
def test_hostile_events_are_refused_and_never_crash(told: dict[str, Any]) -> None:
    assert len(problems(object_event(**told))) == 1


def test_a_prefix_that_turns_in_circles_ends() -> None:
    circle = {"@context": [GS1, {"a": "b:x", "b": "a:y"}], "a__field": 1}
    assert one(object_event(**circle)).biz_step is None


@pytest.mark.parametrize(
    "text", ["a:b%zz", "http://[::1", "http://[fe80::1%25en0]/", "://x", "ä:b"]
)
def test_broken_uris_are_no_uris(text: str) -> None:
    assert not is_uri(text)


def test_a_thousand_events_are_read_in_well_under_a_second() -> None:
    rows = [transformation(outputEPCList=[f"{SERIAL}{n}"]) for n in range(1000)]
    start = time.perf_counter()
    assert len(read(rows).events) == 1000
    assert time.perf_counter() - start < 1  # about 0.15 s; the rest is room for a busy machine


def test_the_time_of_an_event_is_the_clocks_time() -> None:
    assert one(object_event()).time.at == to_us(datetime(2026, 1, 31, 7, 30, tzinfo=UTC))
