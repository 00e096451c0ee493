"""Corners of the rulings, from outside: long chains, odd spellings, contents told by class."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.flows.events import at, commission, declared_wrong, make, observe, pack, quantity, serial
from tests.flows.outside import (
    OWN,
    OWN_KEY,
    Outside,
    gtin,
    key,
    new_carton,
    new_lot,
    new_party,
    new_serial,
    number,
    receive,
    serving,
    ship,
)


def drawn(minute: int, source: str, target: str, **told: Any) -> dict[str, Any]:
    return make(minute, [quantity(source, 1)], [quantity(target, 1)], **told)


def poured(minute: int, box: str, lot: str, amount: float) -> dict[str, Any]:
    event = pack(minute, box)
    del event["childEPCs"]
    return event | {"childQuantityList": [quantity(lot, amount)]}


@pytest.fixture(scope="module")
def nobody(outside: Outside) -> Iterator[Outside]:
    """The same record behind a service that was not told which parties are ourselves."""
    with serving(outside.settings.model_copy(update={"own_parties": frozenset()})) as service:
        yield service


def test_who_has_not_said_who_they_are_still_hold_what_they_first_received(
    nobody: Outside,
) -> None:
    raw, unit, ward, us = new_lot(), new_serial(), new_party(), new_party()
    nobody.tell(
        receive(5, us, by=new_party(), quantityList=[quantity(raw, 5)]),
        make(10, [quantity(raw, 1)], [unit]),
        ship(20, ward, unit, by=us),
        receive(30, ward, unit, by=us),
    )
    impact = nobody.impact(raw)
    assert impact.rows[key(unit)]["holder"]["key"] == key(ward)
    assert impact.raw["counts"]["shipped"] == 1
    assert key(ward) in impact.consignees


def test_a_walk_is_not_bounded_by_its_depth(outside: Outside) -> None:
    chain = [new_lot() for _ in range(400)]
    outside.tell(*(drawn(1, *pair) for pair in pairwise(chain)))
    assert len(outside.reached("Forward", chain[0])) == 399
    assert len(outside.reached("Backward", chain[-1])) == 399
    assert outside.impact(chain[0]).of(chain[-1]) == "CERTAIN"


def test_every_spelling_of_a_lot_in_events_is_one_lot(outside: Outside) -> None:
    raw, made, other = new_lot("L"), new_lot(), new_lot()
    link = f"https://id.gs1.org/01/{gtin(raw)}/10/L"
    custom = f"https://shop.example.com/x/01/{gtin(raw)}/10/L"
    outside.tell(drawn(1, link, made), drawn(2, raw, other), drawn(3, custom, new_lot()))
    assert {key(made), key(other)} < outside.reached("Forward", raw)
    assert len(outside.reached("Forward", raw)) == 3


def test_escaped_characters_of_a_serial_are_one_serial(outside: Outside) -> None:
    product = number()
    unit = serial(product, "A%2FB%26C")
    outside.tell(commission(1, unit))
    number_ = gtin(unit)
    spellings = (f"https://id.gs1.org/01/{number_}/21/A%2FB%26C", f"(01){number_}(21)A/B&C", unit)
    found = [outside.scan(text)["item"] for text in spellings]
    assert None not in found
    assert len({one["key"] for one in found}) == 1


def test_ourselves_are_known_in_every_spelling(outside: Outside) -> None:
    raw, unit, ward = new_lot(), new_serial(), new_party()
    home = f"https://id.gs1.org{OWN_KEY}"
    outside.tell(
        make(10, [quantity(raw, 1)], [unit]),
        ship(20, ward, unit, by=home),
        receive(30, home, unit, by=ward, disposition="returned"),
    )
    impact = outside.impact(raw)
    assert set(impact.consignees) == {key(ward)}
    assert impact.rows[key(unit)]["holder"]["key"] == OWN_KEY


def test_a_receipt_at_our_own_place_brings_it_home(outside: Outside) -> None:
    raw, unit, ward = new_lot(), new_serial(), new_party()
    place = OWN.replace("pgln", "sgln") + ".gate"
    outside.tell(
        make(10, [quantity(raw, 1)], [unit]),
        ship(20, ward, unit),
        observe(30, "receiving", unit, disposition="returned", bizLocation={"id": place}),
    )
    where = outside.where(unit)
    assert (where["holder"], where["inTransitTo"]) == (OWN_KEY, None)
    assert outside.impact(raw).consignees[key(ward)]["items"] == 0


def test_a_lot_in_a_shipped_carton_is_shipped_with_the_amount_in_it(outside: Outside) -> None:
    lot, box, ward = new_lot(), new_carton(), new_party()
    outside.tell(
        commission(1, quantityList=[quantity(lot, 100)]),
        poured(10, box, lot, 24),
        ship(20, ward, box),
    )
    (told,) = outside.impact(lot).consignees.values()
    assert (told["items"], [float(one["value"]) for one in told["quantity"]]) == (1, [24.0])


def test_a_suspect_carton_stands_for_the_lots_in_it(outside: Outside) -> None:
    lot, made, box = new_lot(), new_lot(), new_carton()
    outside.tell(poured(10, box, lot, 24), drawn(20, lot, made))
    impact = outside.impact(box)
    assert set(impact.rows) == {key(lot), key(made)}


def test_many_suspects_and_the_same_twice_are_one_answer(outside: Outside) -> None:
    raws, made = [new_lot() for _ in range(30)], new_lot()
    outside.tell(make(1, [quantity(raw, 1) for raw in raws], [quantity(made, 1)]))
    impact = outside.impact(*raws, *raws)
    assert impact.raw["counts"]["lots"] == 31
    assert outside.reached("Backward", made, made) == {key(raw) for raw in raws}


def test_windows_of_one_suspect_are_both_asked(outside: Outside) -> None:
    raw, (one, two, three) = new_lot(), (new_lot(), new_lot(), new_lot())
    outside.tell(drawn(10, raw, one), drawn(20, raw, two), drawn(30, raw, three))
    windows = [(9, 11), (29, 31)]
    impact = outside.impact(
        *({"item": {"key": raw}, "from": at(a), "until": at(b)} for a, b in windows)
    )
    told = [impact.of(each) for each in (one, two, three)]
    assert [each == "EXCLUDED" for each in told] == [False, True, False]


def test_a_lot_number_told_with_a_transformation_makes_members_too(outside: Outside) -> None:
    product = number()
    raw, unit = new_lot(), serial(product, 1)
    finished = f"urn:epc:class:lgtin:4012345.0{product:05d}.F1"
    outside.tell(make(1, [quantity(raw, 1)], [unit], ilmd={"cbvmda:lotNumber": "F1"}))
    assert outside.item(unit)["lot"]["key"] == key(finished)
    assert key(unit) in outside.impact(finished).rows


def test_one_of_several_events_of_a_transformation_is_declared_wrong(outside: Outside) -> None:
    good, bad, made = new_lot(), new_lot(), new_lot()
    step = f"urn:step:{number()}"
    wrong = make(2, [quantity(bad, 1)], [], transformationID=step) | {"eventID": f"urn:e:{step}"}
    outside.tell(
        make(1, [quantity(good, 1)], [], transformationID=step),
        wrong,
        make(3, [], [quantity(made, 1)], transformationID=step),
    )
    outside.tell(declared_wrong(wrong))
    assert outside.reached("Backward", made) == {key(good)}
    assert outside.reached("Forward", bad) == set()


def test_one_id_with_two_contents_in_one_document_is_a_conflict(outside: Outside) -> None:
    event = commission(1, new_serial()) | {"eventID": f"urn:e:{number()}"}
    other = event | {"eventTime": at(2)}
    payload = outside.capture(event, other, onError="PROCEED")
    assert [one["outcome"] for one in payload["results"]] == ["CAPTURED", "REFUSED"]
    assert payload["results"][1]["problem"]["code"] == "EVENT_ID_CONFLICT"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("2026-03-02T10:00:00+02:00", "2026-03-02T08:00:00Z"),
        ("2026-03-02T08:00:00.123456789Z", "2026-03-02T08:00:00.123456Z"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
    ],
)
def test_event_times_are_told_in_utc(outside: Outside, told: str, shown: str) -> None:
    unit = new_serial()
    outside.tell(commission(1, unit) | {"eventTime": told})
    (edge,) = outside.item(unit)["timeline"]["edges"]
    assert edge["node"]["eventTime"] == shown


def test_a_persistent_disposition_holds_until_it_is_unset(outside: Outside) -> None:
    unit = new_serial()
    held = observe(10, "inspecting", unit) | {"persistentDisposition": {"set": ["recalled"]}}
    freed = observe(20, "inspecting", unit) | {"persistentDisposition": {"unset": ["recalled"]}}
    outside.tell(commission(1, unit), held)
    assert [hold["reason"] for hold in outside.item(unit)["holds"]] == ["recalled"]
    outside.tell(freed)
    assert outside.item(unit)["holds"] == []


@pytest.mark.parametrize("body", ["text", 7, None, True, [1], {"type": "EPCISDocument"}])
def test_what_is_no_document_is_a_problem_not_a_crash(outside: Outside, body: Any) -> None:
    query = """mutation($d: JSON!) { captureEvents(input: {document: $d}) {
      captured problems { code } } }"""
    answer = outside.post(query, d=body)
    codes = [e["extensions"]["code"] for e in answer.get("errors", [])]
    assert "INTERNAL" not in codes
    if not codes:
        payload = answer["data"]["captureEvents"]
        assert payload["captured"] == 0
        assert payload["problems"]


def test_before_anything_was_recorded_nothing_was_known(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    outside.tell(drawn(1, raw, made))
    past = {"recordTime": "2020-01-01T00:00:00Z"}
    assert outside.reached("Forward", raw, asOf=past) == set()


def test_a_part_moved_to_another_device_exposes_both(outside: Outside) -> None:
    part, first, second = new_serial(), new_serial(), new_serial()
    fit = {"type": "AssociationEvent", "bizStep": "assembling"}
    outside.tell(
        pack(10, first, part) | fit,
        pack(20, first, part, action="DELETE") | fit,
        pack(30, second, part) | fit,
    )
    impact = outside.impact(part)
    assert (impact.of(first), impact.of(second)) == ("PREVIOUSLY_EXPOSED", "CERTAIN")
    assert outside.reached("Forward", part) == {key(first), key(second)}


def test_a_retracted_membership_is_no_membership(outside: Outside) -> None:
    product = number()
    finished, unit = f"urn:epc:class:lgtin:4012345.0{product:05d}.F1", serial(product, 1)
    event = commission(1, unit, ilmd={"cbvmda:lotNumber": "F1"}) | {"eventID": f"urn:e:{product}"}
    outside.tell(commission(1, quantityList=[quantity(finished, 5)]), event)
    outside.tell(declared_wrong(event))
    assert outside.reached("Forward", finished) == set()
    assert outside.item(unit)["lot"] is None


def test_a_retracted_shipment_reaches_nobody(outside: Outside) -> None:
    raw, unit, ward = new_lot(), new_serial(), new_party()
    event = ship(20, ward, unit) | {"eventID": f"urn:e:{number()}"}
    position = outside.tell(make(10, [quantity(raw, 1)], [unit]), event)["position"]
    outside.tell(declared_wrong(event))
    assert outside.impact(raw).consignees == {}
    assert outside.where(unit)["holder"] == OWN_KEY
    past = outside.impact(raw, asOf={"position": position})
    assert set(past.consignees) == {key(ward)}


def test_the_counts_of_an_impact_are_of_one_mind(outside: Outside) -> None:
    raw, product, ward, box = new_lot(), number(), new_party(), new_carton()
    units = [serial(product, n) for n in range(4)]
    device = new_serial()
    outside.tell(
        make(10, [quantity(raw, 4)], units),
        pack(20, box, units[0], units[1]),
        ship(30, ward, box),
        make(40, [units[2]], [device], bizStep="assembling"),
    )
    counts = outside.impact(raw).raw["counts"]
    assert (counts["lots"], counts["serials"], counts["containers"]) == (1, 5, 1)
    assert (counts["shipped"], counts["consumed"], counts["consignees"]) == (2, 1, 1)
    assert counts["shipped"] + counts["inStock"] + counts["consumed"] == 6
