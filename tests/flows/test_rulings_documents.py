"""Rulings 19, 20 and 22, from outside: documents whole or in part, the REST binding, what becomes
an item."""

from typing import Any

import pytest

from lotkin.auth.permissions import Role
from tests.flows.events import CONTEXT, commission, document, make, observe, quantity
from tests.flows.outside import Outside, eventually, key, new_lot, new_serial, number

BAD = {"type": "ObjectEvent", "action": "ADD", "epcList": []}


def bad_quality(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"lotkin:timeQuality": "GUESSED"}


def post(outside: Outside, body: Any, **headers: str) -> Any:
    told = outside.headers(Role.OPERATOR) | {k.replace("_", "-"): v for k, v in headers.items()}
    return outside.client.post("/capture", json=body, headers=told)


def job(outside: Outside, answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def ended() -> bool:
        told = outside.client.get(
            answer.headers["location"], headers=outside.headers(Role.OPERATOR)
        )
        found.update(told.json())
        return not found["running"]

    eventually(ended)
    return found


# ------------------------------------------------------------------ 19


def test_a_bad_event_rolls_the_whole_document_back(outside: Outside) -> None:
    one, two, three = new_serial(), new_serial(), new_serial()
    payload = outside.capture(
        commission(1, one), bad_quality(commission(2, two)), commission(3, three)
    )
    assert payload["captured"] == 0
    by_index = {result["index"]: result for result in payload["results"]}
    assert {result["outcome"] for result in payload["results"]} == {"REFUSED"}
    assert by_index[0]["problem"]["code"] == by_index[2]["problem"]["code"] == "ROLLED_BACK"
    assert by_index[1]["problem"]["code"] == "BAD_TIME_QUALITY"
    assert payload["problems"][0]["code"] == "BAD_TIME_QUALITY"
    assert "1" in payload["problems"][0]["path"]
    assert [outside.item(unit) for unit in (one, two, three)] == [None] * 3


def test_proceed_keeps_the_good_events_and_names_the_bad(outside: Outside) -> None:
    one, two = new_serial(), new_serial()
    payload = outside.capture(
        commission(1, one), bad_quality(commission(2, two)), onError="PROCEED"
    )
    told = {result["index"]: result["outcome"] for result in payload["results"]}
    assert (told, payload["captured"]) == ({0: "CAPTURED", 1: "REFUSED"}, 1)
    assert outside.item(one) is not None
    assert outside.item(two) is None


def test_a_malformed_event_is_refused_with_a_path(outside: Outside) -> None:
    event = commission(1, new_serial()) | {"eventTime": "22-07-2026"}
    payload = outside.capture(event)
    assert payload["captured"] == 0
    assert payload["problems"][0]["code"] in {"BAD_EVENT", "BAD_DOCUMENT"}
    assert payload["problems"][0]["path"]


def test_a_capture_can_be_read_at_once(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    position = outside.tell(make(1, [quantity(raw, 1)], [quantity(made, 1)]))["position"]
    assert position is not None
    assert outside.reached("Forward", raw, atLeast=position) == {key(made)}
    told = outside.trace("Forward", raw)["completeness"]
    assert int(told["journalPosition"]) >= int(position)
    assert (told["truncated"], told["redactedBoundaries"]) == (False, 0)


@pytest.mark.parametrize(
    "header", ["GS1-Capture-Error-Behaviour", "GS1-EPCIS-Capture-Error-Behaviour"]
)
def test_both_names_of_the_error_behaviour_header_are_known(outside: Outside, header: str) -> None:
    one, two = new_serial(), new_serial()
    body = document(commission(1, one), bad_quality(commission(2, two)))
    kept = job(outside, post(outside, body, **{header.replace("-", "_"): "proceed"}))
    assert (kept["captureErrorBehaviour"], outside.item(one) is None) == ("proceed", False)
    (error,) = kept["errors"]
    assert error["index"] == 1
    assert {"type", "title"} <= set(error)


def test_rest_rolls_back_unless_told_otherwise(outside: Outside) -> None:
    one, two = new_serial(), new_serial()
    event = commission(2, two) | {"eventID": f"urn:e:{number()}"}
    outside.tell(event)
    other = event | {"eventTime": "2026-03-02T09:00:00Z"}
    told = job(outside, post(outside, document(commission(1, one), other)))
    assert (told["success"], outside.item(one)) == (False, None)
    assert told["errors"][0]["index"] == 1
    assert {"type", "title"} <= set(told["errors"][0])


def test_what_can_be_seen_without_the_record_is_refused_at_once(outside: Outside) -> None:
    one, two = new_serial(), new_serial()
    answer = post(outside, document(commission(1, one), bad_quality(commission(2, two))))
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_TIME_QUALITY")
    assert outside.item(one) is None


def test_a_capture_job_carries_the_position_that_includes_it(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    answer = post(outside, document(make(1, [quantity(raw, 1)], [quantity(made, 1)])))
    assert answer.status_code == 202
    told = job(outside, answer)
    assert (told["success"], told["errors"]) == (True, [])
    assert outside.reached("Forward", raw, atLeast=str(told["position"])) == {key(made)}


@pytest.mark.parametrize(
    "body",
    [
        {"no": "document"},
        document(BAD),
        {"@context": CONTEXT, "type": "EPCISDocument"},
        document({"type": "NoEvent"}),
    ],
)
def test_rest_refuses_what_the_schema_refuses(outside: Outside, body: Any) -> None:
    answer = post(outside, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert {"type", "title", "status"} <= set(answer.json())


def test_rest_refuses_who_may_not_capture(outside: Outside) -> None:
    body = document(commission(1, new_serial()))
    assert outside.client.post("/capture", json=body).status_code == 401
    for role in (Role.VIEWER, Role.SUPPLIER, Role.REGULATOR, Role.AUDITOR):
        answer = outside.client.post("/capture", json=body, headers=outside.headers(role))
        assert answer.status_code == 403


@pytest.mark.parametrize("shape", ["document", "event", "list", "query document"])
def test_every_shape_of_a_body_is_captured(outside: Outside, shape: str) -> None:
    unit = new_serial()
    event = commission(1, unit)
    whole = event | {"@context": CONTEXT}
    body: Any = {"document": document(event), "event": whole, "list": [whole]}.get(shape)
    if body is None:
        body = document()
        body |= {"type": "EPCISQueryDocument"}
        body["epcisBody"] = {
            "queryResults": {
                "queryName": "q",
                "subscriptionID": "s",
                "resultsBody": {"eventList": [event]},
            }
        }
    outside.tell(document=body)
    assert outside.item(unit) is not None


def test_an_idempotency_key_is_for_one_document(outside: Outside) -> None:
    body, other = (document(commission(1, new_serial())) for _ in range(2))
    name = f"key-{number()}"
    first = outside.capture(document=body, key=name)
    assert outside.capture(document=body, key=name) == first
    told = outside.capture(document=other, key=name)
    assert told["problems"][0]["code"] == "IDEMPOTENCY_CONFLICT"
    assert told["captured"] == 0


# ------------------------------------------------------------------ 20


def everything() -> list[str]:
    n = number()
    return [
        f"urn:epc:id:sgtin:4012345.0{n:05d}.7",
        f"urn:epc:id:sscc:4012345.{n:010d}",
        f"urn:epc:id:grai:4012345.{n:05d}.1",
        f"urn:epc:id:giai:4012345.A{n}",
        f"urn:epc:id:gsrn:4012345.{n:010d}",
        f"urn:epc:id:gsrnp:4012345.{n:010d}",
        f"urn:epc:id:gdti:4012345.{n:05d}.1",
        f"urn:epc:id:cpi:4012345.A{n}.1",
        f"urn:epc:id:sgcn:4012345.{n:05d}.1",
        f"urn:epc:id:itip:4012345.0{n:05d}.01.02.1",
        f"urn:epc:id:upui:4012345.0{n:05d}.51qIgY)%3C%26Jp3*j7",
        f"https://example.com/thing/{n}",
        f"urn:uuid:7f0f5c1e-0000-4000-8000-{n:012d}",
        f"urn:example:widget:{n}",
        f"https://id.gs1.org/8004/4012345B{n}",
    ]


@pytest.mark.parametrize("index", range(len(everything())))
def test_every_kind_of_epc_becomes_an_item(outside: Outside, index: int) -> None:
    epc = everything()[index]
    outside.tell(commission(1, epc))
    told = outside.item(epc)
    assert told is not None
    assert outside.item(told["key"])["id"] == told["id"]


@pytest.mark.parametrize("scheme", ["pgln", "sgln"])
def test_places_and_parties_are_no_items(outside: Outside, scheme: str) -> None:
    gln = f"4098765.{number():05d}"
    place = f"urn:epc:id:{scheme}:{gln}" + (".0" if scheme == "sgln" else "")
    told = {"destinationList": [{"type": "possessing_party", "destination": place}]}
    if scheme == "sgln":
        told = {"bizLocation": {"id": place}}
    outside.tell(observe(1, "storing", new_serial(), **told))
    answer = outside.post("query($k: String!) { item(by: {key: $k}) { key } }", k=place)
    assert (answer.get("data") or {"item": None})["item"] is None


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({}, "MANUFACTURE"),
        ({"bizStep": "assembling"}, "ASSEMBLE"),
        ({"bizStep": "repackaging"}, "REPACK"),
        ({"bizStep": "disassembling"}, "DISASSEMBLE"),
        ({"bizStep": "sampling"}, "SAMPLE"),
        ({"bizStep": "repairing"}, "REWORK"),
        ({"bizStep": "commissioning"}, "MANUFACTURE"),
        ({"bizStep": "https://ref.gs1.org/cbv/BizStep-assembling"}, "ASSEMBLE"),
        ({"bizStep": "assembling", "lotkin:activityKind": "STERILIZE"}, "STERILIZE"),
    ],
)
def test_the_kind_of_a_transformation(outside: Outside, told: dict[str, str], kind: str) -> None:
    raw = new_lot()
    outside.tell(make(1, [quantity(raw, 1)], [new_serial()], **told))
    (edge,) = outside.trace("Forward", raw)["edges"]
    assert edge["activity"]["kind"] == kind


def test_an_unknown_kind_is_refused(outside: Outside) -> None:
    event = make(1, [quantity(new_lot(), 1)], [new_serial()], **{"lotkin:activityKind": "MELT"})
    payload = outside.capture(event)
    assert payload["results"][0]["problem"]["code"] == "BAD_ACTIVITY_KIND"


def test_inputs_told_by_class_only_are_a_gap_of_the_transformation(outside: Outside) -> None:
    raw, unit = new_lot(), new_serial()
    glue = "urn:epc:idpat:sgtin:4012345.0" + f"{number():05d}.*"
    outside.tell(make(1, [quantity(raw, 1), quantity(glue, 2)], [unit]))
    assert "INPUT_WITHOUT_LOT" in outside.impact(raw).gaps
    assert outside.reached("Backward", unit) == {key(raw)}


def test_a_transformation_without_outputs_is_a_gap(outside: Outside) -> None:
    raw = new_lot()
    outside.tell(make(1, [quantity(raw, 1)], [], transformationID=f"urn:t:{number()}"))
    assert "NO_OUTPUTS" in outside.impact(raw).gaps
