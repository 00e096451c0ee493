"""The demo's documents: deterministic, valid by GS1's schema, captured whole, balanced."""

import json
from decimal import Decimal
from typing import Any

import pytest

from lotkin.demo.company import OWN_PARTIES, PRODUCTS, SOURCES
from lotkin.demo.maker import DOCUMENT_EVENTS, cast, documents
from lotkin.domain.epcis import parse
from lotkin.domain.facts import facts_of
from lotkin.domain.genealogy import ActivityKind, TimeQuality
from lotkin.settings import SourceSystem
from tests.domain.epcis_schema import FAR, validator

SOURCES_REGISTERED = {name: SourceSystem.model_validate(SOURCES[name]) for name in SOURCES}
SIZES = (200, 201, 333, 600, 661)


def written(serials: int, seed: int) -> list[bytes]:
    return [json.dumps([name, each]).encode() for name, each in documents(serials, seed)]


def events(serials: int, seed: int = 7) -> list[dict[str, Any]]:
    return [e for _, each in documents(serials, seed) for e in each["epcisBody"]["eventList"]]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    assert written(200, 7) == written(200, 7)
    assert written(200, 7) != written(200, 8)


@pytest.mark.parametrize("serials", SIZES)
def test_as_many_serials_are_made_as_asked(serials: int) -> None:
    assert len({epc for e in events(serials) for epc in e.get("outputEPCList", ())}) == serials


def test_fewer_than_a_story_needs_are_refused() -> None:
    with pytest.raises(ValueError, match="200"):
        list(documents(199, 7))


@pytest.mark.parametrize("serials", [200, 600])
def test_gs1_accepts_every_document(serials: int) -> None:
    for name, document in documents(serials, 7):
        assert [f"{name}: {e.message[:300]}" for e in validator().iter_errors(document)] == []


@pytest.mark.parametrize("seed", [1, 7])
def test_every_event_is_read_without_a_remark(seed: int) -> None:
    for name, document in documents(661, seed):
        read = parse(json.loads(json.dumps(document)), sources=SOURCES_REGISTERED, now_us=FAR)
        assert (name, read.refused) == (name, {})
        assert len(document["epcisBody"]["eventList"]) <= DOCUMENT_EVENTS


def test_every_event_id_is_used_once_but_for_the_declared_error() -> None:
    ids = [e["eventID"] for e in events(600)]
    assert len(ids) - len(set(ids)) == 1
    assert sum("errorDeclaration" in e for e in events(600)) == 1


def test_the_documents_hold_what_the_story_needs() -> None:
    kinds, qualities, steps = set(), set(), set()
    for _, document in documents(600, 7):
        read = parse(json.loads(json.dumps(document)), sources=SOURCES_REGISTERED, now_us=FAR)
        for event in read.events:
            activity = facts_of(event, OWN_PARTIES).activity
            kinds |= {activity.kind} if activity else set()
            qualities.add(event.time.quality)
            steps.add((event.type.value, event.biz_step))
    assert kinds == set(ActivityKind) - {ActivityKind.REPACK, ActivityKind.DISASSEMBLE}
    assert qualities == set(TimeQuality)
    assert {("AssociationEvent", "removing"), ("AggregationEvent", "unpacking")} <= steps


@pytest.mark.parametrize("serials", SIZES)
def test_no_lot_is_drawn_beyond_what_was_made_of_it(serials: int) -> None:
    made: dict[str, Decimal] = {}
    drawn: dict[str, Decimal] = {}
    wrong = {e["eventID"] for e in events(serials) if "errorDeclaration" in e}
    for event in events(serials):
        if event["eventID"] in wrong:
            continue
        is_made = event.get("bizStep") == "commissioning"
        sources = event.get("outputQuantityList", event["quantityList"] if is_made else ())
        for rows, into in ((sources, made), (event.get("inputQuantityList", ()), drawn)):
            for row in rows:
                lot = row["epcClass"]
                into[lot] = into.get(lot, Decimal()) + Decimal(str(row["quantity"]))
    assert [lot for lot in drawn if drawn[lot] > made.get(lot, Decimal())] == []


def test_the_cast_stands_in_the_documents() -> None:
    told = json.dumps(events(200))
    people = cast(200, 7)
    for epc in (people.resin, people.sensor, people.device, people.excluded, people.pump):
        assert f'"{epc}"' in told


def test_every_class_that_is_used_has_a_name() -> None:
    named = {product.pattern.removesuffix(".*").rpartition(":")[2] for product in PRODUCTS}
    used = {epc.rpartition(":")[2].rpartition(".")[0] for e in events(200) for epc in _items(e)}
    assert used <= named


def test_documents_are_made_one_at_a_time() -> None:
    year = documents(200_000, 7)
    first, second = next(year), next(year)
    assert "epcisHeader" in first[1]
    assert len(second[1]["epcisBody"]["eventList"]) == DOCUMENT_EVENTS


def _items(event: dict[str, Any]) -> list[str]:
    pieces = [*event.get("outputEPCList", ()), *event.get("inputEPCList", ())]
    lots = [*event.get("outputQuantityList", ()), *event.get("inputQuantityList", ())]
    return [*pieces, *(row["epcClass"] for row in lots)]
