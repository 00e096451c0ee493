"""Traces over GraphQL: what is listed, by which edges, as of when, and how failures are told."""

import pytest

from lotkin.domain.nodeid import parse_node_id
from tests.flows import pump
from tests.flows.events import carton, declared_wrong, lot, make, quantity, serial
from tests.flows.pump import PUMP, PUMPS, RESIN, ask, key, keys, refused, told

TRACE = """query ($from: [ItemLookup!]!, $asOf: AsOfInput, $kind: ItemKind, $first: Int,
    $after: String, $engine: GraphEngine, $atLeast: BigInt) {
  trace: traceForward(from: $from, asOf: $asOf, engine: $engine, atLeast: $atLeast) {
    asOf { eventTime recordTime position }
    completeness { truncated visited engine journalPosition graphPosition redactedBoundaries }
    counts { kind count }
    items(kind: $kind, first: $first, after: $after) {
      totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
      edges { cursor node { depth item { id key kind __typename } } } }
    edges { source target kind at quantity { value unit } activity { key kind } } } }"""
BACK = """query ($from: [ItemLookup!]!) { trace: traceBackward(from: $from) {
  items { edges { node { depth item { key } } } } edges { source target } } }"""


@pytest.fixture
async def week(context):
    await told(context, *pump.story())
    return context


async def test_forward_lists_what_a_lot_became_nearest_first(week):
    trace = (await ask(week, TRACE, **{"from": [key(lot(RESIN, 1))]}))["trace"]
    nodes = [edge["node"] for edge in trace["items"]["edges"]]
    assert [node["depth"] for node in nodes] == [1, 2, 2, 2, 2]
    assert [node["item"]["__typename"] for node in nodes] == ["Lot"] + ["Serial"] * 4
    assert nodes[0]["item"]["key"].endswith("/10/1")
    assert trace["items"]["totalCount"] == 5
    assert {each["kind"]: each["count"] for each in trace["counts"]} == {"LOT": 1, "SERIAL": 4}
    assert trace["completeness"]["truncated"] is False
    assert trace["completeness"]["visited"] == 6
    assert trace["completeness"]["engine"] == "POSTGRESQL"
    assert trace["completeness"]["journalPosition"] == trace["asOf"]["position"] == 12


async def test_edges_tell_what_flowed_in_the_direction_of_the_material(week):
    for query, start in ((TRACE, lot(RESIN, 1)), (BACK, PUMPS[0])):
        trace = (await ask(week, query, **{"from": [key(start)]}))["trace"]
        assert all(parse_node_id(each["source"])[0] == "Item" for each in trace["edges"])
        first = (
            await ask(
                week, "query ($by: ItemLookup!) { item(by: $by) { id } }", by=key(lot(RESIN, 1))
            )
        )["item"]["id"]
        assert first in {each["source"] for each in trace["edges"]}
        assert first not in {each["target"] for each in trace["edges"]}


async def test_an_edge_has_the_drawn_quantity_its_time_and_its_activity(week):
    trace = (await ask(week, TRACE, **{"from": [key(lot(RESIN, 1))]}))["trace"]
    drawn = next(each for each in trace["edges"] if each["activity"]["key"] == "urn:moulding:1")
    assert drawn["quantity"] == {"value": "4", "unit": "KGM"}
    assert drawn["at"] == "2026-03-02T08:10:00Z"
    assert drawn["kind"] == "TRANSFORMATION"
    assert drawn["activity"]["kind"] == "MANUFACTURE"


async def test_backward_is_the_way_a_piece_came(week):
    trace = (await ask(week, BACK, **{"from": [key(PUMPS[0])]}))["trace"]
    assert [edge["node"]["depth"] for edge in trace["items"]["edges"]] == [1, 2]


async def test_pages_follow_each_other_without_gap_or_repeat(week):
    seen, after = [], None
    while True:
        variables = {"from": [key(lot(RESIN, 1))], "first": 2, "after": after}
        page = (await ask(week, TRACE, **variables))["trace"]["items"]
        seen += keys(page)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["edges"][-1]["cursor"]
        assert after == page["pageInfo"]["endCursor"]
    everything = (await ask(week, TRACE, **{"from": [key(lot(RESIN, 1))]}))["trace"]["items"]
    assert seen == keys(everything)


async def test_columns_and_objects_answer_alike(week):
    plain = """query ($from: [ItemLookup!]!) { traceForward(from: $from) { items { edges {
      cursor node { depth item { id key kind itemClass { key name }
        ... on Lot { lotNo supplierLotNo }
        ... on Serial { serialNo udi } %s } } } }
      edges { source target kind at quantity { value unit }
        activity { key startedAt equipment %s } } } }"""
    by_columns = await ask(week, plain % ("", ""), **{"from": [key(lot(RESIN, 1))]})
    by_objects = await ask(week, plain % ("status", "same: key"), **{"from": [key(lot(RESIN, 1))]})
    for edge in by_objects["traceForward"]["items"]["edges"]:
        assert edge["node"]["item"].pop("status")
    for edge in by_objects["traceForward"]["edges"]:
        assert edge["activity"].pop("same")
    assert by_columns == by_objects


async def test_a_kind_filters_the_list_and_its_count(week):
    variables = {"from": [key(lot(RESIN, 1))], "kind": "SERIAL"}
    trace = (await ask(week, TRACE, **variables))["trace"]
    assert trace["items"]["totalCount"] == 4


async def test_later_facts_are_invisible_at_an_instant(week):
    variables = {"from": [key(lot(RESIN, 1))], "asOf": {"eventTime": "2026-03-02T08:21:00Z"}}
    trace = (await ask(week, TRACE, **variables))["trace"]
    assert trace["items"]["totalCount"] == 3
    assert trace["asOf"]["eventTime"] == "2026-03-02T08:21:00Z"


async def test_an_answer_can_be_replayed_at_its_position(week):
    before = (await ask(week, TRACE, **{"from": [key(lot(RESIN, 1))]}))["trace"]
    wrong = next(e for e in pump.story() if e.get("transformationID") == "urn:moulding:1")
    await told(week, declared_wrong(wrong))
    after = (await ask(week, TRACE, **{"from": [key(lot(RESIN, 1))]}))["trace"]
    assert after["items"]["totalCount"] == 0
    past = {"eventTime": before["asOf"]["eventTime"], "position": before["asOf"]["position"]}
    again = (await ask(week, TRACE, **{"from": [key(lot(RESIN, 1))], "asOf": past}))["trace"]
    assert again["items"] == before["items"]
    assert again["edges"] == before["edges"]
    assert again["asOf"]["position"] == again["completeness"]["journalPosition"] == 12
    known = {"recordTime": before["asOf"]["recordTime"]}
    then = (await ask(week, TRACE, **{"from": [key(lot(RESIN, 1))], "asOf": known}))["trace"]
    assert then["items"] == before["items"]


async def test_a_container_stands_for_its_contents(week):
    by_carton = (await ask(week, BACK, **{"from": [key(carton(1))]}))["trace"]
    assert len(by_carton["items"]["edges"]) == 2


async def test_an_item_has_its_own_trace(week):
    query = """query ($by: ItemLookup!) { item(by: $by) { trace(direction: BACKWARD) {
      items { edges { node { depth item { key } } } } } } }"""
    item = (await ask(week, query, by=key(PUMPS[5])))["item"]
    assert [key_[-5:] for key_ in keys(item["trace"]["items"])] == ["/10/2", "/10/2"]


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ({"key": serial(PUMP, 99)}, "NOT_FOUND"),
        ({"key": "/01/04012345000030"}, "AMBIGUOUS_ITEM"),
        ({"id": "nonsense"}, "NOT_FOUND"),
    ],
)
async def test_a_start_that_names_no_single_item_is_refused_with_its_index(week, start, code):
    told_ = await refused(week, TRACE, **{"from": [key(PUMPS[0]), start]})
    assert told_["code"] == code
    assert told_["index"] == 1
    if code == "AMBIGUOUS_ITEM":
        assert [each["key"][-5:] for each in told_["candidates"]] == [
            f"/21/{n}" for n in range(1, 7)
        ]
        assert {each["kind"] for each in told_["candidates"]} == {"SERIAL"}


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"asOf": {"position": 1, "recordTime": "2026-03-02T08:21:00Z"}}, "AS_OF_CONFLICT"),
        ({"asOf": {"position": -1}}, "BAD_INPUT"),
        ({"asOf": {"position": 3}, "engine": "NEO4J"}, "BAD_INPUT"),
        ({"engine": "NEO4J"}, "GRAPH_UNAVAILABLE"),
        ({"first": 10_001}, "BAD_INPUT"),
        ({"after": "nonsense"}, "BAD_INPUT"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(week, variables, code):
    assert (await refused(week, TRACE, **{"from": [key(PUMPS[0])], **variables}))["code"] == code


async def test_a_position_that_does_not_come_is_a_lag(week):
    facts = await refused(week, TRACE, **{"from": [key(PUMPS[0])], "atLeast": 1_000})
    assert facts["code"] == "PROJECTION_LAG"
    assert facts["wanted"] == 1_000
    assert facts["reached"] == 12


async def test_no_start_is_refused(week):
    assert (await refused(week, TRACE, **{"from": []}))["code"] == "BAD_INPUT"


async def test_a_lattice_and_a_wide_fan_are_answered_whole(context):
    layers = [
        make(
            n,
            [quantity(lot(50 + n, side), 1) for side in (1, 2)],
            [quantity(lot(51 + n, side), 1) for side in (1, 2)],
        )
        for n in range(20)
    ]
    wide = [serial(90, number) for number in range(2_000)]
    await told(context, *layers, make(30, [quantity(lot(70, 1), 1)], wide))
    count = "query ($from: [ItemLookup!]!) { traceForward(from: $from) { counts { kind count } } }"
    trace = (await ask(context, count, **{"from": [key(lot(50, 1))]}))["traceForward"]
    assert {each["kind"]: each["count"] for each in trace["counts"]} == {"LOT": 40, "SERIAL": 2_000}
    listed = """query ($from: [ItemLookup!]!) { traceForward(from: $from) {
      items(first: 10000) { edges { node { item { key } } } } } }"""
    trace = (await ask(context, listed, **{"from": [key(lot(70, 1))]}))["traceForward"]
    assert len(set(keys(trace["items"]))) == 2_000
