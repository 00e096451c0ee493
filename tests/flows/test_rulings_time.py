"""Rulings 1 to 7, from outside: qualities of times, windows, instants."""

from typing import Any

import pytest

from tests.flows.events import at, commission, document, make, pack, quantity
from tests.flows.outside import (
    Outside,
    key,
    new_carton,
    new_lot,
    new_party,
    new_place,
    new_serial,
    number,
    quality,
    ship,
)


def drawn(minute: int, source: str, target: str, **told: Any) -> dict[str, Any]:
    return make(minute, [quantity(source, 1)], [quantity(target, 1)], **told)


def fitted(minute: int, device: str, part: str, action: str = "ADD") -> dict[str, Any]:
    event = pack(minute, device, part, action=action)
    return event | {"type": "AssociationEvent", "bizStep": "assembling"}


def suspect(item: str, since: int | None = None, until: int | None = None) -> dict[str, Any]:
    window = {"from": since, "until": until}
    return {"item": {"key": item}} | {k: at(v) for k, v in window.items() if v is not None}


def test_a_time_without_quality_is_declared_and_excludes_nothing(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    outside.tell(quality(drawn(10, raw, made), None))
    impact = outside.impact(suspect(raw, 50))
    assert impact.of(made) == "POSSIBLE"
    (event,) = outside.item(made)["timeline"]["edges"]
    assert event["node"]["timeQuality"] == "DECLARED"


@pytest.mark.parametrize("told", ["DECLARED", "BACKFLUSHED"])
def test_only_a_measured_time_excludes(outside: Outside, told: str) -> None:
    raw, loose, sure = new_lot(), new_lot(), new_lot()
    outside.tell(quality(drawn(10, raw, loose), told), drawn(10, raw, sure))
    impact = outside.impact(suspect(raw, 50))
    assert (impact.of(loose), impact.of(sure)) == ("POSSIBLE", "EXCLUDED")
    assert impact.rule(sure) == "DRAWN_BEFORE_EXPOSURE"


def test_fields_are_known_by_their_iri_not_by_their_prefix(outside: Outside) -> None:
    raw, ours, theirs = new_lot(), new_lot(), new_lot()
    base = quality(drawn(10, raw, ours), None)
    body = document(base | {"lk:timeQuality": "MEASURED", "lk:clockUncertaintySeconds": 0})
    body["@context"] = [body["@context"][0], {"lk": "urn:lotkin:epcis:"}]
    outside.tell(document=body)
    body = document(drawn(10, raw, theirs))
    body["@context"] = [body["@context"][0], {"lotkin": "https://example.com/other/"}]
    outside.tell(document=body)
    impact = outside.impact(suspect(raw, 50))
    assert (impact.of(ours), impact.of(theirs)) == ("EXCLUDED", "POSSIBLE")


def test_a_context_of_the_event_itself_counts_too(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = quality(drawn(10, raw, made), None) | {
        "@context": [{"mine": "urn:lotkin:epcis:"}],
        "mine:timeQuality": "MEASURED",
        "mine:clockUncertaintySeconds": 0,
    }
    outside.tell(event)
    assert outside.impact(suspect(raw, 50)).of(made) == "EXCLUDED"


def test_a_registered_source_gives_quality_and_uncertainty(outside: Outside) -> None:
    raw, near, far, erp = (new_lot() for _ in range(4))
    told = [quality(drawn(10, raw, one), None) for one in (near, far, erp)]
    told[0] |= {"eventTime": "2026-03-02T08:49:30Z", "lotkin:source": "urn:src:mes"}
    told[1] |= {"eventTime": "2026-03-02T08:48:30Z", "lotkin:source": "urn:src:mes"}
    told[2] |= {"lotkin:source": "urn:src:erp"}
    outside.tell(*told)
    impact = outside.impact(suspect(raw, 50))
    assert [impact.of(one) for one in (near, far, erp)] == ["POSSIBLE", "EXCLUDED", "POSSIBLE"]


def test_a_source_nobody_registered_is_declared_and_remarked(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = quality(drawn(10, raw, made), None) | {"lotkin:source": "urn:src:nobody"}
    payload = outside.tell(event)
    assert [one["code"] for one in payload["results"][0]["remarks"]] == ["UNREGISTERED_SOURCE"]
    assert outside.impact(suspect(raw, 50)).of(made) == "POSSIBLE"


def test_measured_without_uncertainty_is_within_five_minutes(outside: Outside) -> None:
    raw, near, far = new_lot(), new_lot(), new_lot()
    outside.tell(
        quality(drawn(45, raw, near), "MEASURED", None),
        quality(drawn(44, raw, far), "MEASURED", None),
    )
    impact = outside.impact(suspect(raw, 50))
    assert (impact.of(near), impact.of(far)) == ("POSSIBLE", "EXCLUDED")


def test_an_unknown_quality_is_refused(outside: Outside) -> None:
    event = quality(drawn(10, new_lot(), new_lot()), "GUESSED")
    payload = outside.capture(event)
    assert payload["captured"] == 0
    assert payload["results"][0]["problem"]["code"] == "BAD_TIME_QUALITY"


def test_uncertainties_of_two_clocks_add_up_and_equal_instants_count(outside: Outside) -> None:
    raw, mid, near, far = (new_lot() for _ in range(4))
    outside.tell(
        quality(drawn(30, raw, mid), "MEASURED", 120),
        quality(drawn(27, mid, near), "MEASURED", 60),
        quality(drawn(26, mid, far), "MEASURED", 60),
    )
    impact = outside.impact(raw)
    assert impact.of(near) in {"CERTAIN", "POSSIBLE"}
    assert impact.of(far) == "EXCLUDED"


@pytest.mark.parametrize(("made", "used"), [("DECLARED", "MEASURED"), ("MEASURED", "DECLARED")])
def test_a_declared_side_excludes_nothing(outside: Outside, made: str, used: str) -> None:
    raw, mid, end = new_lot(), new_lot(), new_lot()
    outside.tell(quality(drawn(60, raw, mid), made), quality(drawn(10, mid, end), used))
    assert outside.impact(raw).of(end) in {"CERTAIN", "POSSIBLE"}


def test_two_measured_facts_exclude_across_declared_ones_between(outside: Outside) -> None:
    raw, one, two, end = (new_lot() for _ in range(4))
    step = f"urn:step:{number()}"
    whole = drawn(60, raw, one, transformationID=step)
    inputs = {k: v for k, v in whole.items() if not k.startswith("output")}
    outputs = {k: v for k, v in whole.items() if not k.startswith("input")}
    outside.tell(
        inputs,
        quality(outputs | {"eventTime": at(70)}, "DECLARED"),
        quality(drawn(20, one, two), "DECLARED"),
        drawn(30, two, end),
    )
    impact = outside.impact(raw)
    assert impact.of(one) != "EXCLUDED"
    assert impact.of(two) in {"CERTAIN", "POSSIBLE"}
    assert impact.of(end) == "EXCLUDED"


def test_a_long_transformation_is_from_its_first_to_its_last_event(outside: Outside) -> None:
    clean, bad, early, late = (new_lot() for _ in range(4))
    step = f"urn:long:{number()}"
    outside.tell(
        make(10, [quantity(clean, 1)], [], transformationID=step),
        make(20, [], [quantity(early, 1)], transformationID=step),
        make(30, [quantity(bad, 1)], [], transformationID=step),
        make(40, [], [quantity(late, 1)], transformationID=step),
    )
    impact = outside.impact(bad)
    assert (impact.of(early), impact.rule(early)) == ("EXCLUDED", "PRODUCED_BEFORE_EXPOSURE")
    assert impact.of(late) in {"CERTAIN", "POSSIBLE"}
    activity = outside.trace("Forward", bad)["edges"][0]["activity"]
    assert activity["kind"] == "MANUFACTURE"
    assert (activity["startedAt"], activity["endedAt"]) == (
        "2026-03-02T08:10:00Z",
        "2026-03-02T08:40:00Z",
    )


def test_the_parts_of_a_long_transformation_may_come_in_any_order(outside: Outside) -> None:
    bad, early, late = new_lot(), new_lot(), new_lot()
    step = f"urn:long:{number()}"
    outside.tell(make(40, [], [quantity(late, 1)], transformationID=step))
    outside.tell(make(30, [quantity(bad, 1)], [], transformationID=step))
    outside.tell(make(20, [], [quantity(early, 1)], transformationID=step))
    impact = outside.impact(bad)
    assert impact.of(early) == "EXCLUDED"
    assert impact.of(late) in {"CERTAIN", "POSSIBLE"}


def test_within_one_event_nothing_is_excluded(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    outside.tell(drawn(10, raw, made))
    assert outside.impact(suspect(raw, 10)).of(made) in {"CERTAIN", "POSSIBLE"}


def test_whereabouts_are_half_open_and_a_delete_comes_before_an_add(outside: Outside) -> None:
    unit, first, second = new_serial(), new_carton(), new_carton()
    outside.tell(
        pack(10, first, unit), pack(20, second, unit), pack(20, first, unit, action="DELETE")
    )
    assert outside.where(unit, at(10))["containers"] == [key(first)]
    assert outside.where(unit, "2026-03-02T08:19:59Z")["containers"] == [key(first)]
    assert outside.where(unit, at(20))["containers"] == [key(second)]
    assert outside.where(unit, "2026-03-02T08:09:59Z")["containers"] == []


def test_leaving_and_coming_back_at_one_instant_is_staying(outside: Outside) -> None:
    unit, box = new_serial(), new_carton()
    outside.tell(pack(10, box, unit), pack(20, box, unit), pack(20, box, unit, action="DELETE"))
    assert outside.where(unit, at(25))["containers"] == [key(box)]


def test_a_window_is_closed_at_its_start_and_open_at_its_end(outside: Outside) -> None:
    raw, first, last, after = (new_lot() for _ in range(4))
    outside.tell(drawn(10, raw, first), drawn(19, raw, last), drawn(20, raw, after))
    impact = outside.impact(suspect(raw, 10, 20))
    assert impact.of(first) in {"CERTAIN", "POSSIBLE"}
    assert impact.of(last) in {"CERTAIN", "POSSIBLE"}
    assert (impact.of(after), impact.rule(after)) == ("EXCLUDED", "DRAWN_AFTER_WINDOW")


def test_a_declared_draw_outside_the_window_stays_possible(outside: Outside) -> None:
    raw, before, after = new_lot(), new_lot(), new_lot()
    outside.tell(
        quality(drawn(5, raw, before), "DECLARED"), quality(drawn(50, raw, after), "DECLARED")
    )
    impact = outside.impact(suspect(raw, 10, 20))
    assert (impact.of(before), impact.of(after)) == ("POSSIBLE", "POSSIBLE")


def test_shipments_of_the_suspect_outside_its_window_reach_nobody(outside: Outside) -> None:
    raw = new_lot()
    early, inside, late, loose = (new_party() for _ in range(4))
    sent = {"quantityList": [quantity(raw, 1)]}
    outside.tell(
        ship(5, early, **sent),
        ship(15, inside, **sent),
        ship(30, late, **sent),
        quality(ship(31, loose, **sent), "DECLARED"),
    )
    reached = set(outside.impact(suspect(raw, 10, 20)).consignees)
    assert reached == {key(inside), key(loose)}


def test_installations_of_the_suspect_after_its_window_do_not_count(outside: Outside) -> None:
    part, inside, after = new_serial(), new_serial(), new_serial()
    outside.tell(
        fitted(12, inside, part), fitted(14, inside, part, "DELETE"), fitted(30, after, part)
    )
    impact = outside.impact(suspect(part, 10, 20))
    assert impact.of(inside) == "PREVIOUSLY_EXPOSED"
    assert impact.of(after) == "EXCLUDED"


def test_a_part_taken_out_before_the_exposure_excludes_its_device(outside: Outside) -> None:
    part, device = new_serial(), new_serial()
    outside.tell(fitted(5, device, part), fitted(10, device, part, "DELETE"))
    impact = outside.impact(suspect(part, 20))
    assert (impact.of(device), impact.rule(device)) == ("EXCLUDED", "REMOVED_BEFORE_EXPOSURE")


def test_a_declared_removal_proves_nothing(outside: Outside) -> None:
    part, device = new_serial(), new_serial()
    outside.tell(fitted(5, device, part), quality(fitted(10, device, part, "DELETE"), "DECLARED"))
    impact = outside.impact(part)
    assert (impact.of(device), impact.rule(device)) == ("CERTAIN", "PART_INSTALLED")
    assert outside.impact(suspect(part, 20)).of(device) in {"CERTAIN", "POSSIBLE"}


def test_later_facts_are_invisible_at_an_instant(outside: Outside) -> None:
    raw, first, second, ward = new_lot(), new_lot(), new_lot(), new_party()
    outside.tell(drawn(10, raw, first), drawn(30, raw, second))
    outside.tell(ship(40, ward, quantityList=[quantity(first, 1)]))
    asked = {"asOf": {"eventTime": at(20)}}
    assert outside.reached("Forward", raw, **asked) == {key(first)}
    impact = outside.impact(raw, **asked)
    assert (set(impact.rows), impact.consignees) == ({key(raw), key(first)}, {})
    assert impact.raw["asOf"]["eventTime"] == "2026-03-02T08:20:00Z"
    assert set(outside.impact(raw).consignees) == {key(ward)}


def test_a_future_event_is_flagged_and_counts_from_its_time_on(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = drawn(10, raw, made) | {"eventTime": "2099-01-01T00:00:00Z"}
    outside.tell(commission(1, quantityList=[quantity(raw, 5)]))
    payload = outside.tell(event)
    assert "FUTURE_EVENT" in [one["code"] for one in payload["results"][0]["remarks"]]
    assert outside.reached("Forward", raw) == set()
    then = {"asOf": {"eventTime": "2099-01-01T00:00:00Z"}}
    assert outside.reached("Forward", raw, **then) == {key(made)}
    assert outside.impact(raw).of(made) is None
    assert outside.impact(raw, **then).of(made) == "CERTAIN"


def test_traces_ignore_time_unless_asked(outside: Outside) -> None:
    raw, mid, end = new_lot(), new_lot(), new_lot()
    outside.tell(drawn(60, raw, mid), drawn(10, mid, end))
    assert outside.reached("Forward", raw) == {key(mid), key(end)}
    assert outside.reached("Forward", raw, policy="TIMED") == {key(mid)}
    assert outside.reached("Backward", end) == {key(mid), key(raw)}
    assert outside.reached("Backward", end, policy="TIMED") == {key(mid)}
    default = outside.ask(
        "query($k: String!) { traceForward(from: [{key: $k}]) { counts { kind count } } }", k=raw
    )["traceForward"]
    assert {"kind": "LOT", "count": 2} in default["counts"]


def test_excluded_items_are_left_out_but_counted_by_class(outside: Outside) -> None:
    raw, into, out = new_lot(), new_lot(), new_lot()
    outside.tell(drawn(10, raw, out), drawn(30, raw, into))
    asked = suspect(raw, 20)
    query = """query($s: [SuspectInput!]!) { recallImpact(suspects: $s) { policy counts { lots
      byClass { class count } } items { totalCount edges { node { item { key } } } } } }"""
    told = outside.ask(query, s=[asked])["recallImpact"]
    listed = {edge["node"]["item"]["key"] for edge in told["items"]["edges"]}
    assert (told["policy"], told["items"]["totalCount"]) == ("TIMED", 2)
    assert (listed, told["counts"]["lots"]) == ({key(raw), key(into)}, 2)
    assert {"class": "EXCLUDED", "count": 1} in told["counts"]["byClass"]
    assert set(outside.impact(asked, class_=["EXCLUDED"]).rows) == {key(out)}
    untimed = outside.impact(asked, policy="UNTIMED")
    assert set(untimed.rows) == {key(raw), key(into), key(out)}
    assert "EXCLUDED" not in untimed.by_class


@pytest.mark.parametrize("told", ["2026-03-02T08:00:00", "yesterday", "2026-02-30T00:00:00Z"])
def test_an_instant_must_be_a_date_with_a_zone(outside: Outside, told: str) -> None:
    raw = new_lot()
    outside.tell(drawn(10, raw, new_lot()))
    query = "query($f: [SuspectInput!]!) { recallImpact(suspects: $f) { elapsedMs } }"
    answer = outside.post(query, f=[{"item": {"key": raw}, "from": told}])
    assert answer["errors"]
    assert not answer.get("data")


def test_places_at_an_instant_do_not_know_what_came_later(outside: Outside) -> None:
    unit, here, there = new_serial(), new_place(), new_place()
    seen = [commission(1, unit, bizLocation={"id": here}), commission(9, new_serial())]
    moved = {"action": "OBSERVE", "bizStep": "storing", "eventTime": at(20)}
    outside.tell(*seen, seen[0] | moved | {"bizLocation": {"id": there}})
    assert outside.where(unit, at(19))["place"] == key(here)
    assert outside.where(unit)["place"] == key(there)
