"""Rulings 15 to 18, from outside: what capture takes, flags and refuses; corrections; repeats."""

import copy
from typing import Any

import pytest

from tests.flows.events import (
    at,
    commission,
    declared_wrong,
    document,
    make,
    observe,
    pack,
    quantity,
)
from tests.flows.outside import (
    Outside,
    gtin,
    key,
    new_carton,
    new_lot,
    new_place,
    new_serial,
    number,
)


def remarks(payload: dict[str, Any]) -> list[str]:
    return [one["code"] for result in payload["results"] for one in result["remarks"]]


def alerted(outside: Outside, code: str) -> set[str]:
    return {one["item"]["key"] for one in outside.alerts(code) if one["item"]}


def outcomes(payload: dict[str, Any]) -> list[str]:
    return [result["outcome"] for result in payload["results"]]


def named(event: dict[str, Any], name: str | None = None) -> dict[str, Any]:
    return event | {"eventID": name or f"urn:uuid:test-{number()}"}


def drawn(minute: int, source: str, target: str) -> dict[str, Any]:
    return make(minute, [quantity(source, 1)], [quantity(target, 1)])


# ------------------------------------------------------------------ 15, 16: never for disorder


def test_events_may_come_in_any_order(outside: Outside) -> None:
    raw, unit, box = new_lot(), new_serial(), new_carton()
    outside.tell(pack(30, box, unit))
    outside.tell(make(20, [quantity(raw, 1)], [unit]))
    outside.tell(commission(10, quantityList=[quantity(raw, 5)]))
    assert outside.reached("Forward", raw) == {key(unit)}
    assert outside.where(unit)["containers"] == [key(box)]


def test_use_after_the_end_is_recorded_remarked_and_alerted(outside: Outside) -> None:
    unit, device = new_serial(), new_serial()
    end = observe(10, "decommissioning", unit) | {"action": "DELETE"}
    outside.tell(commission(1, unit), end)
    assert "USED_AFTER_END" in remarks(outside.tell(make(20, [unit], [device])))
    assert outside.reached("Forward", unit) == {key(device)}
    assert key(unit) in alerted(outside, "USED_AFTER_END")


def test_drawing_more_than_there_is_is_recorded_and_remarked(outside: Outside) -> None:
    raw, unit = new_lot(), new_serial()
    outside.tell(commission(1, quantityList=[quantity(raw, 5)]))
    assert "OVERDRAWN" in remarks(outside.tell(make(10, [quantity(raw, 6)], [unit])))
    assert outside.reached("Forward", raw) == {key(unit)}


def test_a_wrong_check_digit_is_captured_and_refused_in_look_ups(outside: Outside) -> None:
    unit = new_serial()
    right = gtin(unit)
    wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
    label = f"https://id.gs1.org/01/{wrong}/21/S1"
    outside.tell(commission(1, label))
    for lookup in ({"scan": f"(01){wrong}(21)S1"}, {"serial": {"itemClass": wrong, "serial": "S"}}):
        query = "query($by: ItemLookup!) { item(by: $by) { key } }"
        refusal = outside.refused(query, by=lookup)
        assert (refusal["code"], refusal["problem"]) == ("BAD_INPUT", "BAD_CHECK_DIGIT")
    told = outside.scan(f"(01){wrong}(21)S1")
    assert told["item"] is None
    assert "BAD_CHECK_DIGIT" in [one["code"] for one in told["problems"]]


def test_a_container_inside_itself_is_refused_within_one_document(outside: Outside) -> None:
    one, two = new_carton(), new_carton()
    payload = outside.capture(pack(10, one, two), pack(20, two, one))
    assert payload["captured"] == 0
    codes = [result["problem"]["code"] for result in payload["results"]]
    assert "CONTAINMENT_CYCLE" in codes
    assert outside.item(one) is None


def test_a_cycle_over_two_documents_is_recorded_and_can_be_read(outside: Outside) -> None:
    one, two, unit = new_carton(), new_carton(), new_serial()
    outside.tell(pack(10, one, two), pack(11, one, unit))
    outside.tell(pack(20, two, one))
    assert len(outside.where(unit)["containers"]) <= 2
    assert outside.item(two) is not None


def test_two_times_in_and_out_is_no_cycle(outside: Outside) -> None:
    one, two = new_carton(), new_carton()
    outside.tell(pack(10, one, two), pack(20, one, two, action="DELETE"), pack(30, two, one))
    assert outside.where(one)["containers"] == [key(two)]
    assert outside.where(two, at(15))["containers"] == [key(one)]


def test_a_second_parent_closes_the_first_and_is_alerted(outside: Outside) -> None:
    unit, first, second = new_serial(), new_carton(), new_carton()
    outside.tell(pack(10, first, unit))
    assert "CONTAINMENT_CONFLICT" in remarks(outside.tell(pack(30, second, unit)))
    assert outside.where(unit, at(29))["containers"] == [key(first)]
    assert outside.where(unit, at(30))["containers"] == [key(second)]
    assert key(unit) in alerted(outside, "CONTAINMENT_CONFLICT")
    outside.tell(pack(20, first, unit, action="DELETE"))
    assert outside.where(unit, at(25))["containers"] == []
    assert outside.where(unit, at(19))["containers"] == [key(first)]
    assert outside.where(unit, at(30))["containers"] == [key(second)]


def test_an_earlier_packing_that_comes_late_ends_where_the_next_begins(outside: Outside) -> None:
    unit, first, second = new_serial(), new_carton(), new_carton()
    outside.tell(pack(30, second, unit))
    outside.tell(pack(10, first, unit))
    assert outside.where(unit, at(20))["containers"] == [key(first)]
    assert outside.where(unit, at(40))["containers"] == [key(second)]


# ------------------------------------------------------------------ 17: declared wrong


def test_an_event_declared_wrong_loses_its_facts_and_stays_readable(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = named(drawn(10, raw, made))
    outside.tell(event)
    before = outside.impact(raw)
    payload = outside.tell(declared_wrong(event))
    assert outside.reached("Forward", raw) == set()
    told = outside.item(made)
    assert told is not None
    original = [e["node"] for e in told["timeline"]["edges"] if e["node"]["retractedAt"]]
    assert [one["eventId"] for one in original] == [event["eventID"]]
    assert original[0]["retractedAt"] > "2026-11"
    assert before.of(made) == "CERTAIN"
    assert "FACTS_RETRACTED" in outside.impact(made).gaps
    assert payload["captured"] == 1


def test_the_view_before_a_retraction_can_be_asked_again(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = named(drawn(10, raw, made))
    position = outside.tell(event)["position"]
    known = outside.impact(raw).raw["asOf"]["recordTime"]
    outside.tell(declared_wrong(event))
    for past in ({"position": position}, {"recordTime": known}):
        assert outside.reached("Forward", raw, asOf=past) == {key(made)}
        assert outside.impact(raw, asOf=past).of(made) == "CERTAIN"
        assert outside.reached("Backward", made, asOf=past) == {key(raw)}
    assert outside.impact(raw).of(made) is None
    told = outside.impact(raw, asOf={"position": position}).raw
    assert told["asOf"]["position"] == told["completeness"]["journalPosition"] == position


def test_a_declaration_that_comes_first_retracts_when_the_event_comes(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = named(drawn(10, raw, made))
    assert "UNKNOWN_ORIGINAL" in remarks(outside.tell(declared_wrong(event)))
    assert outside.capture(event)["captured"] == 1
    assert outside.reached("Forward", raw) == set()
    assert outside.item(made) is not None


def test_a_declaration_without_event_id_matches_on_equal_content(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = drawn(10, raw, made)
    outside.tell(event)
    assert "UNKNOWN_ORIGINAL" not in remarks(outside.tell(declared_wrong(event)))
    assert outside.reached("Forward", raw) == set()


def test_a_declaration_made_again_is_a_duplicate(outside: Outside) -> None:
    event = named(drawn(10, new_lot(), new_lot()))
    outside.tell(event, declared_wrong(event))
    assert outcomes(outside.capture(declared_wrong(event))) == ["DUPLICATE"]


def test_the_original_sent_again_after_its_declaration_stays_retracted(outside: Outside) -> None:
    raw = new_lot()
    event = named(drawn(10, raw, new_lot()))
    outside.tell(event, declared_wrong(event))
    assert outcomes(outside.capture(event)) == ["DUPLICATE"]
    assert outside.reached("Forward", raw) == set()


def test_a_wrong_declaration_is_mended_by_a_new_event(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = named(drawn(10, raw, made))
    outside.tell(event, declared_wrong(event))
    outside.tell(named(event))
    assert outside.reached("Forward", raw) == {key(made)}


def test_a_retracted_packing_frees_its_children(outside: Outside) -> None:
    unit, first, second = new_serial(), new_carton(), new_carton()
    wrong = named(pack(20, second, unit))
    outside.tell(pack(10, first, unit), wrong)
    outside.tell(declared_wrong(wrong))
    assert outside.where(unit)["containers"] == [key(first)]


def test_a_retracted_place_is_no_place(outside: Outside) -> None:
    unit, right, wrong = new_serial(), new_place(), new_place()
    event = named(observe(20, "storing", unit, bizLocation={"id": wrong}))
    outside.tell(commission(10, unit, bizLocation={"id": right}), event)
    outside.tell(declared_wrong(event))
    assert outside.where(unit)["place"] == key(right)


# ------------------------------------------------------------------ 18: repeats


def _respelled(event: dict[str, Any]) -> dict[str, Any]:
    body = document({name: event[name] for name in reversed(event)})
    (told,) = body["epcisBody"]["eventList"]
    told["bizStep"] = "https://ref.gs1.org/cbv/BizStep-commissioning"
    told["recordTime"] = "2026-03-09T00:00:00.000Z"
    told["other:timeQuality"] = told.pop("lotkin:timeQuality")
    told["other:clockUncertaintySeconds"] = told.pop("lotkin:clockUncertaintySeconds")
    body["@context"] = [{"other": "urn:lotkin:epcis:"}, body["@context"][0]]
    return body


@pytest.mark.parametrize("with_id", [True, False])
def test_the_same_content_in_another_spelling_is_a_duplicate(
    outside: Outside, with_id: bool
) -> None:
    event = commission(10, new_serial())
    if with_id:
        event = named(event)
    first = outside.tell(event)
    again = outside.capture(document=_respelled(event))
    assert outcomes(again) == ["DUPLICATE"]
    assert again["captured"] == 0
    assert again["results"][0]["eventId"] == first["results"][0]["eventId"]


def test_the_same_id_with_other_content_is_refused(outside: Outside) -> None:
    unit, other = new_serial(), new_serial()
    event = named(commission(10, unit))
    outside.tell(event)
    payload = outside.capture(event | {"epcList": [other]})
    assert outcomes(payload) == ["REFUSED"]
    assert payload["results"][0]["problem"]["code"] == "EVENT_ID_CONFLICT"
    assert outside.item(other) is None


def test_the_same_id_twice_in_one_document_counts_once(outside: Outside) -> None:
    event = named(commission(10, new_serial()))
    payload = outside.capture(event, copy.deepcopy(event))
    assert sorted(outcomes(payload)) == ["CAPTURED", "DUPLICATE"]
    assert payload["captured"] == 1


def test_an_event_without_id_is_known_by_the_digest_of_its_content(outside: Outside) -> None:
    event = commission(10, new_serial())
    told = outside.tell(event)["results"][0]["eventId"]
    assert told.startswith("urn:lotkin:event:sha-256:")
    payload = outside.capture(event)
    assert outcomes(payload) == ["DUPLICATE"]
    assert payload["results"][0]["eventId"] == told


def test_the_ids_of_senders_are_opaque(outside: Outside) -> None:
    base = commission(10, new_serial())
    name = f"urn:uuid:abc-{number()}"
    ni = f"ni:///sha-256;{number():064x}?ver=CBV2.0"
    payload = outside.tell(
        named(base, name),
        named(base | {"eventTime": at(11)}, name.upper().replace("URN:UUID", "urn:uuid")),
        named(base | {"eventTime": at(12)}, ni),
    )
    assert payload["results"][2]["eventId"] == ni


def test_number_spellings_and_the_order_of_epcs_do_not_make_another_event(
    outside: Outside,
) -> None:
    raw, made = new_lot(), new_lot()
    event = named(drawn(10, raw, made))
    outside.tell(event)
    again = copy.deepcopy(event)
    again["inputQuantityList"][0]["quantity"] = 1.0
    assert outcomes(outside.capture(again)) == ["DUPLICATE"]
