"""Rulings 23 to 25 and who may ask, from outside: codes, limits, pages, labels, tokens."""

import base64
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from lotkin.auth import demo
from lotkin.auth.permissions import Role
from tests.flows.events import at, commission, document, make, pack, quantity, serial
from tests.flows.outside import (
    CAPTURE,
    IMPACT,
    TRACE,
    Outside,
    gtin,
    key,
    new_carton,
    new_lot,
    new_serial,
    number,
    serving,
)

UNKNOWN = "urn:epc:id:sgtin:4012345.099999.NOBODY"
FORWARD = TRACE % "Forward"
TRACE_COUNTS = "query($f: [ItemLookup!]!) { trace%s(from: $f) { counts { kind } } }"
ITEMS = """query($from: [ItemLookup!]!, $first: Int, $after: String) { traceForward(from: $from) {
  items(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { item { key } depth } } } } }"""
IMPACT_PAGE = """query($s: [SuspectInput!]!, $first: Int, $after: String) {
  recallImpact(suspects: $s) { items(first: $first, after: $after) { totalCount
    pageInfo { hasNextPage endCursor } edges { node { item { key } class } } } } }"""


@pytest.fixture(scope="module")
def fan(outside: Outside) -> tuple[str, list[str]]:
    """A lot that went into 2,000 serials."""
    raw, product = new_lot(), number()
    units = [serial(product, n) for n in range(2000)]
    outside.tell(make(10, [quantity(raw, 2000)], units))
    return raw, units


@pytest.fixture(scope="module")
def small(outside: Outside) -> Iterator[Outside]:
    """The same record behind a service with small limits."""
    limits = {"visited_max": 20, "document_events_max": 3, "position_wait_s": 0.3}
    limits |= {"document_bytes_max": 20_000, "document_depth_max": 12}
    with serving(outside.settings.model_copy(update=limits)) as service:
        yield service


def told(outside: Outside, *epcs: str) -> None:
    outside.tell(commission(1, *epcs))


# ------------------------------------------------------------------ 23


@pytest.mark.parametrize("direction", ["Forward", "Backward"])
def test_an_unknown_start_is_named_by_its_index(outside: Outside, direction: str) -> None:
    raw = new_serial()
    told(outside, raw)
    query = TRACE_COUNTS % direction
    refusal = outside.refused(query, f=[{"key": raw}, {"key": UNKNOWN}])
    assert (refusal["code"], refusal["index"]) == ("NOT_FOUND", 1)


def test_an_unknown_suspect_is_named_by_its_index(outside: Outside) -> None:
    raw = new_serial()
    told(outside, raw)
    query = "query($s: [SuspectInput!]!) { recallImpact(suspects: $s) { elapsedMs } }"
    suspects = [{"item": {"key": raw}}, {"item": {"key": raw}}, {"item": {"key": UNKNOWN}}]
    refusal = outside.refused(query, s=suspects)
    assert (refusal["code"], refusal["index"]) == ("NOT_FOUND", 2)


def test_position_and_record_time_together_are_a_conflict(outside: Outside) -> None:
    raw = new_serial()
    told(outside, raw)
    both = {"position": "1", "recordTime": "2026-11-01T00:00:00Z"}
    for query in (FORWARD, TRACE % "Backward"):
        refusal = outside.refused(query, **{"from": [{"key": raw}]}, asOf=both, policy="TIMED")
        assert refusal["code"] == "AS_OF_CONFLICT"
    suspects = [{"item": {"key": raw}}]
    refusal = outside.refused(IMPACT, suspects=suspects, policy="TIMED", asOf=both)
    assert refusal["code"] == "AS_OF_CONFLICT"


def test_a_graph_that_is_not_there_cannot_be_forced(outside: Outside) -> None:
    raw = new_serial()
    told(outside, raw)
    asked: dict[str, Any] = {"policy": "UNTIMED", "engine": "NEO4J", "from": [{"key": raw}]}
    assert outside.refused(FORWARD, **asked)["code"] == "GRAPH_UNAVAILABLE"
    assert outside.trace("Forward", raw)["completeness"]["engine"] == "POSTGRESQL"


def test_a_position_far_ahead_is_a_lag(outside: Outside, small: Outside) -> None:
    raw = new_serial()
    told(outside, raw)
    asked: dict[str, Any] = {"policy": "UNTIMED", "atLeast": "999999999"}
    assert small.refused(FORWARD, **{"from": [{"key": raw}]}, **asked)["code"] == "PROJECTION_LAG"
    suspects = [{"item": {"key": raw}}]
    assert small.refused(IMPACT, suspects=suspects, **asked)["code"] == "PROJECTION_LAG"


@pytest.mark.parametrize("position", ["0", "-1", "999999999"])
def test_a_position_nobody_reached_is_no_replay(outside: Outside, position: str) -> None:
    raw, made = new_lot(), new_lot()
    outside.tell(make(1, [quantity(raw, 1)], [quantity(made, 1)]))
    asked = {"policy": "UNTIMED", "from": [{"key": raw}], "asOf": {"position": position}}
    answer = outside.post(FORWARD, **asked)
    if not answer.get("errors"):
        assert position == "0"
        assert answer["data"]["trace"]["items"]["edges"] == []
    else:
        assert answer["errors"][0]["extensions"]["code"] != "INTERNAL"


# ------------------------------------------------------------------ 24


def test_a_walk_above_its_bound_is_refused_and_says_what_to_do(
    small: Outside, fan: tuple[str, list[str]]
) -> None:
    raw, _ = fan
    answer = small.post(FORWARD, **{"from": [{"key": raw}]}, policy="UNTIMED")
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "WALK_TOO_LARGE"
    assert not answer.get("data")
    assert len(error["message"]) > 20
    suspects = [{"item": {"key": raw}}]
    assert small.refused(IMPACT, suspects=suspects, policy="TIMED")["code"] == "WALK_TOO_LARGE"


def test_a_document_above_a_limit_is_refused(small: Outside) -> None:
    many = small.capture(*(commission(n, new_serial()) for n in range(4)))
    assert (many["captured"], many["problems"][0]["code"]) == (0, "TOO_MANY_EVENTS")
    nested: dict[str, Any] = {"example:x": 1}
    for _ in range(14):
        nested = {"example:x": nested}
    deep = small.post(CAPTURE, document=document(commission(1, new_serial()) | nested))
    assert "DOCUMENT_TOO_DEEP" in str(deep)
    assert "CAPTURED" not in str(deep)


def test_a_fan_out_of_two_thousand_is_listed_whole(
    outside: Outside, fan: tuple[str, list[str]]
) -> None:
    raw, units = fan
    assert outside.reached("Forward", raw) == {key(unit) for unit in units}
    impact = outside.impact(raw)
    assert (impact.raw["items"]["totalCount"], impact.raw["counts"]["serials"]) == (2001, 2000)
    assert {impact.of(unit) for unit in units} == {"CERTAIN"}


@pytest.mark.parametrize("size", [700, 1999])
def test_pages_follow_each_other_without_gap_or_repeat(
    outside: Outside, fan: tuple[str, list[str]], size: int
) -> None:
    raw, units = fan
    for query, start, total in (
        (ITEMS, {"from": [{"key": raw}]}, 2000),
        (IMPACT_PAGE, {"s": [{"item": {"key": raw}}]}, 2001),
    ):
        seen: list[str] = []
        after = None
        while True:
            (answer,) = outside.ask(query, first=size, after=after, **start).values()
            page = answer["items"]
            assert page["totalCount"] == total
            seen += [edge["node"]["item"]["key"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert len(seen) == len(set(seen)) == total
        assert {key(unit) for unit in units} <= set(seen)


def test_a_cursor_stays_where_it_was_when_more_comes(outside: Outside) -> None:
    raw, product = new_lot(), number()
    outside.tell(make(10, [quantity(raw, 3)], [serial(product, n) for n in (10, 11, 12)]))
    first = outside.ask(ITEMS, **{"from": [{"key": raw}]}, first=2)["traceForward"]["items"]
    outside.tell(make(20, [quantity(raw, 1)], [serial(product, "13")]))
    rest = outside.ask(
        ITEMS, **{"from": [{"key": raw}]}, first=10, after=first["pageInfo"]["endCursor"]
    )["traceForward"]["items"]
    seen = [edge["node"]["item"]["key"] for page in (first, rest) for edge in page["edges"]]
    assert len(seen) == len(set(seen)) == 4


@pytest.mark.parametrize("first", [10_001, -1])
def test_a_page_above_ten_thousand_is_refused(outside: Outside, first: int) -> None:
    raw = new_serial()
    told(outside, raw)
    assert outside.refused(ITEMS, **{"from": [{"key": raw}]}, first=first)["code"] == "BAD_INPUT"
    suspects = [{"item": {"key": raw}}]
    assert outside.refused(IMPACT_PAGE, s=suspects, first=first)["code"] == "BAD_INPUT"


def test_other_lists_page_up_to_a_hundred(outside: Outside) -> None:
    raw, box = new_serial(), new_carton()
    outside.tell(pack(1, box, raw))
    timeline = "query($k: String!) { item(by: {key: $k}) { timeline(first: %d) { totalCount } } }"
    assert outside.ask(timeline % 100, k=raw)["item"]["timeline"]["totalCount"] == 1
    assert outside.refused(timeline % 101, k=raw)["code"] == "BAD_INPUT"


def test_a_cursor_from_elsewhere_is_refused(outside: Outside) -> None:
    raw = new_serial()
    told(outside, raw)
    asked = {"from": [{"key": raw}], "first": 1, "after": "bm9uc2Vuc2U"}
    assert outside.refused(ITEMS, **asked)["code"] == "BAD_INPUT"


# ------------------------------------------------------------------ 25, 15


def test_every_label_of_an_item_finds_it(outside: Outside) -> None:
    unit = new_serial()
    told(outside, unit)
    number_ = gtin(unit)
    for text in (
        unit,
        f"(01){number_}(21)S1",
        f"01{number_}21S1",
        f"]d201{number_}21S1",
        f"https://id.gs1.org/01/{number_}/21/S1",
        f"https://shop.example.com/some/where/01/{number_}/21/S1?linkType=x",
        key(unit),
    ):
        scanned = outside.scan(text)
        assert (scanned["item"] or {}).get("key") == key(unit), text
        assert outside.item(text)["key"] == key(unit)
    assert scanned["ambiguous"] is False


def test_a_label_that_fits_several_items_names_none_but_candidates(outside: Outside) -> None:
    product = number()
    one, two = serial(product, "A10B"), f"urn:epc:class:lgtin:4012345.0{product:05d}.B"
    label = f"01{gtin(one)}21A10B"
    with_lot = f"https://id.gs1.org/01/{gtin(one)}/10/B/21/A"
    outside.tell(commission(1, one, with_lot), commission(2, quantityList=[quantity(two, 1)]))
    scanned = outside.scan(label)
    assert (scanned["item"], scanned["ambiguous"]) == (None, True)
    assert len(scanned["candidates"]) >= 2
    assert outside.scan(f"01{gtin(one)}21A\x1d10B")["ambiguous"] is False


def test_a_bare_gtin_of_several_lots_is_ambiguous(outside: Outside) -> None:
    product = number()
    both = [f"urn:epc:class:lgtin:4012345.0{product:05d}.{n}" for n in "AB"]
    outside.tell(commission(1, quantityList=[quantity(one, 1) for one in both]))
    scanned = outside.scan(f"(01){gtin(both[0])}")
    assert scanned["item"] is None
    assert scanned["primary"] == gtin(both[0])


def test_what_follows_no_scheme_is_told_so(outside: Outside) -> None:
    scanned = outside.scan("hello world")
    assert scanned["item"] is None
    assert scanned["scheme"] in {"PLAIN", "UNKNOWN"}


def test_dates_of_a_label_are_read_right(outside: Outside) -> None:
    scanned = outside.scan(f"(01){gtin(new_lot())}(17)280200(11)260131(10)AB")
    assert (scanned["manufactured"], scanned["expires"]) == ("2026-01-31", "2028-02-29")
    assert scanned["lot"] == "AB"


# ------------------------------------------------------------------ who may ask


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.REGULATOR, Role.ADMINISTRATOR])
def test_who_has_no_scope_sees_nothing_and_cannot_tell_what_there_is(
    outside: Outside, role: Role
) -> None:
    unit = new_serial()
    told(outside, unit)
    queries = (
        "query($k: String!) { traceForward(from: [{key: $k}]) { counts { kind } } }",
        "query($k: String!) { recallImpact(suspects: [{item: {key: $k}}]) { elapsedMs } }",
        "query($k: String!) { item(by: {key: $k}) { key } }",
        "query($k: String!) { scan(text: $k) { item { key } candidates { key } } }",
    )
    for query in queries:
        known, unknown = (outside.post(query, role, k=k) for k in (unit, UNKNOWN))
        assert key(unit) not in str(known)
        assert _said(known) == _said(unknown), query
        assert (known.get("data") or {}).get("item") is None
    node = "query($i: ID!) { node(id: $i) { id } }"
    answer = outside.post(node, role, i=outside.item(unit)["id"])
    assert (answer.get("data") or {"node": None})["node"] is None


def _said(answer: dict[str, Any]) -> tuple[Any, Any]:
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    return codes, answer.get("data")


def test_anonymous_callers_are_told_to_sign_in(outside: Outside) -> None:
    unit = new_serial()
    told(outside, unit)
    one = {"from": [{"key": unit}], "policy": "UNTIMED"}
    assert outside.refused(FORWARD, None, **one)["code"] == "UNAUTHENTICATED"
    query = "query($t: String!) { scan(text: $t) { item { key } } }"
    answer = outside.post(query, None, t=unit)
    assert not answer.get("data") or answer["data"]["scan"]["item"] is None
    capture = "mutation { captureEvents(input: {document: {}}) { captured } }"
    assert outside.refused(capture, None)["code"] == "UNAUTHENTICATED"


def test_a_viewer_may_not_capture(outside: Outside) -> None:
    query = "mutation { captureEvents(input: {document: {}}) { captured } }"
    assert outside.refused(query, Role.VIEWER)["code"] == "FORBIDDEN"


def _forged(token: str, how: str) -> str:
    head, body, sign = token.split(".")
    if how == "tampered":
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        claims["roles"] = ["administrator", "quality_engineer"]
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    if how == "none":
        header = json.dumps({"alg": "none", "typ": "at+jwt"}).encode()
        head, sign = base64.urlsafe_b64encode(header).decode().rstrip("="), ""
    return ".".join((head, body, sign))


@pytest.mark.parametrize("how", ["tampered", "none", "nonsense", "audience", "issuer", "lifetime"])
def test_a_bad_token_is_refused_by_http(outside: Outside, how: str) -> None:
    site, token = outside.settings, outside.tokens[Role.OPERATOR]
    other = {
        "audience": {"token_audience": "other"},
        "issuer": {"token_issuer": "https://other.invalid"},
        "lifetime": {"token_lifetime_max_s": 10_000_000},
    }.get(how)
    if other is not None:
        site = site.model_copy(update=other)
        token = demo.mint(site, Role.OPERATOR, subject="x", name="x")
    token = "nonsense" if how == "nonsense" else _forged(token, how)
    for path, body in (("/graphql", {"query": "{ viewer { name } }"}), ("/capture", {})):
        answer = outside.client.post(path, json=body, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401, (path, answer.text)
        assert "invalid_token" in answer.headers["www-authenticate"]


def test_a_token_that_ran_out_is_refused(outside: Outside) -> None:
    token = demo.mint(outside.settings, Role.OPERATOR, subject="x", name="x", lifetime_s=-3600)
    headers = {"authorization": f"Bearer {token}"}
    answer = outside.client.post("/graphql", json={"query": "{ viewer { name } }"}, headers=headers)
    assert answer.status_code == 401


# ------------------------------------------------------------------ speed


def test_a_lattice_of_a_million_ways_answers_in_a_second(outside: Outside) -> None:
    layers = [[new_lot(), new_lot()] for _ in range(21)]
    outside.tell(
        *(
            make(n, [quantity(one, 1) for one in above], [quantity(one, 1) for one in below])
            for n, (above, below) in enumerate(pairwise(layers), 1)
        )
    )
    start = time.monotonic()
    assert len(outside.reached("Forward", layers[0][0])) == 40
    assert time.monotonic() - start < 1
    start = time.monotonic()
    impact = outside.impact(layers[0][0])
    assert impact.of(layers[-1][0]) is not None
    assert time.monotonic() - start < 1
    start = time.monotonic()
    assert len(outside.reached("Backward", layers[-1][1])) == 40
    assert time.monotonic() - start < 1


def test_an_answer_tells_what_it_stands_on(outside: Outside) -> None:
    raw = new_lot()
    position = outside.tell(make(1, [quantity(raw, 1)], [new_serial()]))["position"]
    answer = outside.impact(raw, asOf={"eventTime": at(30)}).raw
    assert answer["completeness"]["engine"] == "POSTGRESQL"
    assert answer["completeness"]["visited"] >= 2
    assert int(answer["completeness"]["journalPosition"]) >= int(position)
    assert answer["asOf"]["position"] == answer["completeness"]["journalPosition"]
