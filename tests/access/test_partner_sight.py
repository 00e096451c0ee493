"""What a supplier and a regulator see of the genealogy, and where it ends for them."""

import pytest

from tests.access.world import (
    CANARY,
    HOUSING,
    REGULATOR_ACTORS,
    SUPPLIER_ACTORS,
    VALVE,
    ask,
    key_of,
    run,
)
from tests.flows.events import carton, lot
from tests.flows.pump import PUMPS, RESIN

ITEM = "query ($key: String!) { item(by: {key: $key}) { id key itemClass { key name } } }"
FORWARD = """query ($key: String!) { traceForward(from: [{key: $key}]) {
  completeness { visited redactedBoundaries truncated }
  counts { kind count } items { totalCount edges { node { depth item { key } } } }
  boundaries { source beyond kind relation } edges { source target } } }"""
BACKWARD = """query ($key: String!) { traceBackward(from: [{key: $key}]) {
  completeness { visited redactedBoundaries }
  items { totalCount edges { node { item { key } } } } } }"""
RESINS = [lot(RESIN, 1), lot(RESIN, 2)]


def keys(trace):
    return {edge["node"]["item"]["key"] for edge in trace["items"]["edges"]}


@pytest.mark.parametrize("n", [0, 1])
async def test_a_supplier_sees_its_own_lots_and_no_others(told_world, n):
    mine, other = RESINS[n], RESINS[1 - n]
    actor = SUPPLIER_ACTORS[n]
    assert (await ask(told_world, actor, ITEM, key=mine))["item"]["key"] == key_of(mine)
    for hidden in (other, lot(HOUSING, 1), PUMPS[0], "urn:nothing:at:all"):
        assert (await ask(told_world, actor, ITEM, key=hidden))["item"] is None


async def test_what_came_in_a_suppliers_carton_is_its_own(told_world):
    one, two = SUPPLIER_ACTORS
    for epc in (VALVE, carton(9)):
        assert (await ask(told_world, one, ITEM, key=epc))["item"]["key"] == key_of(epc)
        assert (await ask(told_world, two, ITEM, key=epc))["item"] is None


async def test_one_step_forward_is_a_kind_without_a_name(told_world):
    trace = (await ask(told_world, SUPPLIER_ACTORS[0], FORWARD, key=RESINS[0]))["traceForward"]
    assert trace["items"]["totalCount"] == 0
    assert trace["edges"] == []
    assert trace["completeness"] == {"visited": 1, "redactedBoundaries": 1, "truncated": False}
    (edge,) = trace["boundaries"]
    assert (edge["kind"], edge["relation"]) == ("LOT", "TRANSFORMATION")
    again = (await ask(told_world, SUPPLIER_ACTORS[0], FORWARD, key=RESINS[0]))["traceForward"]
    assert again["boundaries"][0]["beyond"] != edge["beyond"]
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert (await ask(told_world, SUPPLIER_ACTORS[0], node, id=edge["beyond"]))["node"] is None


async def test_a_dossier_is_what_was_granted_and_where_it_came_from(told_world):
    one, two = REGULATOR_ACTORS
    trace = (await ask(told_world, one, BACKWARD, key=PUMPS[0]))["traceBackward"]
    assert keys(trace) == {key_of(lot(HOUSING, 1)), key_of(RESINS[0]), key_of(VALVE)}
    for hidden in (PUMPS[1], RESINS[1]):
        assert (await ask(told_world, one, ITEM, key=hidden))["item"] is None
    trace = (await ask(told_world, one, FORWARD, key=RESINS[0]))["traceForward"]
    assert keys(trace) == {key_of(lot(HOUSING, 1)), key_of(PUMPS[0])}
    assert trace["completeness"]["redactedBoundaries"] == 3
    trace = (await ask(told_world, two, FORWARD, key=RESINS[1]))["traceForward"]
    assert keys(trace) == {key_of(lot(HOUSING, 2)), key_of(PUMPS[4]), key_of(PUMPS[5])}
    assert trace["boundaries"] == []


async def test_a_regulator_runs_a_recall_in_its_dossier(told_world):
    query = """query ($key: String!) { recallImpact(suspects: [{item: {key: $key}}]) {
      completeness { redactedBoundaries } counts { lots serials byClass { class count } }
      items { edges { node { class rule item { key status } } } } } }"""
    found = (await ask(told_world, REGULATOR_ACTORS[1], query, key=RESINS[1]))["recallImpact"]
    assert (found["counts"]["lots"], found["counts"]["serials"]) == (2, 2)
    refused = await run(told_world, SUPPLIER_ACTORS[0], query, key=RESINS[0])
    assert refused.data is None


@pytest.mark.parametrize("actor", [*SUPPLIER_ACTORS, *REGULATOR_ACTORS])
@pytest.mark.parametrize(
    "start", [lot(RESIN, 3), lot(HOUSING, 9), PUMPS[3], PUMPS[2], lot(HOUSING, 1), "nonsense"]
)
async def test_forbidden_and_unknown_starts_are_told_alike(told_world, actor, start):
    if actor is REGULATOR_ACTORS[0] and start == lot(HOUSING, 1):
        return
    result = await run(told_world, actor, FORWARD, key=start)
    (error,) = result.errors
    assert error.extensions["code"] == "NOT_FOUND"
    assert error.message == ("Nothing is known under entry 0 of the request. Check the identifier.")


HIDDEN = [
    "item(by: {key: $key}) { whereabouts { holder { name } } }",
    "item(by: {key: $key}) { ... on Lot { massBalance { withinTolerance } } }",
    "traceForward(from: [{key: $key}]) { asOf { position } }",
    "traceForward(from: [{key: $key}]) { completeness { journalPosition } }",
    'traceForward(from: [{key: $key}], atLeast: "0") { counts { count } }',
    "traceForward(from: [{key: $key}], engine: POSTGRESQL) { counts { count } }",
    "traceForward(from: [{key: $key}]) { edges { activity { operator } } }",
]


@pytest.mark.parametrize("part", HIDDEN)
@pytest.mark.parametrize("actor", [SUPPLIER_ACTORS[0], REGULATOR_ACTORS[0]])
async def test_hidden_fields_are_refused_like_fields_that_do_not_exist(told_world, actor, part):
    for asked in (part, "item(by: {key: $key}) { nothing }"):
        result = await run(told_world, actor, f"query ($key: String!) {{ {asked} }}", key=RESINS[0])
        assert result.data is None
        (error,) = result.errors
        assert error.message.startswith("The document is not one that this service answers")
        assert error.extensions["code"] == "BAD_INPUT"


async def test_a_position_in_a_variable_is_refused_too(told_world):
    query = """query ($asOf: AsOfInput, $key: String!) {
      traceForward(from: [{key: $key}], asOf: $asOf) { counts { count } } }"""
    result = await run(told_world, SUPPLIER_ACTORS[0], query, key=RESINS[0], asOf={"position": "3"})
    assert result.errors[0].extensions["code"] == "FORBIDDEN"


async def test_a_timeline_of_the_dossier_names_no_place_and_nobody(told_world):
    query = """query ($key: String!) { item(by: {key: $key}) { status holds { reason }
      timeline { totalCount edges { node { eventId bizStep eventTime
        activity { key kind } } } } } }"""
    item = (await ask(told_world, REGULATOR_ACTORS[0], query, key=PUMPS[0]))["item"]
    assert item["timeline"]["totalCount"] > 0
    assert item["status"] == "SHIPPED"
    inside = await ask(told_world, REGULATOR_ACTORS[0], query, key=lot(HOUSING, 1))
    assert "urn:moulding:1" in str(inside)
    assert CANARY not in str(inside)
