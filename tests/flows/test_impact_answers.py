"""Recall impact over GraphQL: classes, counts, consignees, gaps, witnesses, bounds."""

import pytest

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.resolvers.context import Context
from tests.flows import pump
from tests.flows.events import carton, declared_wrong, lot, make, observe, pack, quantity, serial
from tests.flows.pump import (
    CLINIC,
    HOUSING,
    PUMPS,
    RESIN,
    WARD,
    ask,
    key,
    keys,
    refused,
    run,
    told,
)

IMPACT = """query ($suspects: [SuspectInput!]!, $policy: ScopePolicy! = TIMED, $asOf: AsOfInput,
    $class: [ExposureClass!], $kind: [ItemKind!], $status: [String!], $consignee: ID, $first: Int,
    $after: String) {
  impact: recallImpact(suspects: $suspects, policy: $policy, asOf: $asOf) {
    policy elapsedMs asOf { position eventTime } completeness { engine visited truncated }
    counts { lots serials containers shipped inStock consumed consignees byClass { class count } }
    items(class: $class, kind: $kind, status: $status, consignee: $consignee, first: $first,
        after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      edges { node { class rule exposedAt holder { key } quantity { value unit }
        item { id key kind } } } }
    consignees { party { id key } items serials itemsShipped quantity { value unit }
      firstShippedAt lastShippedAt }
    gaps { reason subject { id __typename } }
    bounds { itemClass { key } atMost drawn { value unit } } } }"""
WITNESS = """query ($suspects: [SuspectInput!]!, $item: ItemLookup!) {
  impact: recallImpact(suspects: $suspects) { witness(item: $item) {
    from { key } to { key } activity { key } at rule } } }"""


SCRAP = {"lotkin:activityKind": "SCRAP"}


@pytest.fixture
async def week(context):
    await told(context, *pump.story())
    return context


def suspect(epc, **window):
    return {"suspects": [{"item": key(epc), **window}]}


async def impact_of(context, **variables):
    return (await ask(context, IMPACT, **variables))["impact"]


async def test_the_week_is_counted(week):
    impact = await impact_of(week, **suspect(lot(RESIN, 1)))
    assert impact["counts"] == {
        "lots": 2,
        "serials": 4,
        "containers": 1,
        "shipped": 2,
        "inStock": 4,
        "consumed": 0,
        "consignees": 2,
        "byClass": [
            {"class": "CERTAIN", "count": 6},
            {"class": "POSSIBLE", "count": 0},
            {"class": "PREVIOUSLY_EXPOSED", "count": 0},
            {"class": "EXCLUDED", "count": 0},
        ],
    }
    assert impact["completeness"] == {"engine": "POSTGRESQL", "visited": 6, "truncated": False}
    assert impact["asOf"]["position"] == 12
    assert impact["elapsedMs"] > 0


async def test_items_come_by_class_kind_and_key_with_their_rule(week):
    impact = await impact_of(week, **suspect(lot(RESIN, 1)))
    nodes = [edge["node"] for edge in impact["items"]["edges"]]
    assert [node["item"]["kind"] for node in nodes] == ["LOT"] * 2 + ["SERIAL"] * 4
    assert {node["rule"] for node in nodes} == {"SUSPECT", "ALL_SUPPLY_TAINTED"}
    assert keys(impact["items"]) == sorted(keys(impact["items"]), key=lambda k: ("/21/" in k, k))


async def test_everyone_who_was_sent_something_is_listed_with_what_is_still_out(week):
    impact = await impact_of(week, **suspect(lot(RESIN, 1)))
    clinic, ward = sorted(impact["consignees"], key=lambda each: each["party"]["key"])
    assert clinic["party"]["key"] != ward["party"]["key"]
    assert (clinic["items"], clinic["serials"], clinic["itemsShipped"]) == (2, 2, 2)
    assert clinic["quantity"] == [{"value": "2", "unit": "H87"}]
    assert clinic["firstShippedAt"] == clinic["lastShippedAt"] == "2026-03-02T08:50:00Z"
    assert (ward["items"], ward["serials"], ward["itemsShipped"]) == (0, 0, 1)
    assert CLINIC != WARD
    sent = await impact_of(week, consignee=clinic["party"]["id"], **suspect(lot(RESIN, 1)))
    assert len(keys(sent["items"])) == 2
    nobody = await impact_of(week, consignee="nobody", **suspect(lot(RESIN, 1)))
    assert keys(nobody["items"]) == []


async def test_the_holder_is_the_sender_until_a_receipt_and_we_after_a_return(week):
    impact = await impact_of(week, kind=["SERIAL"], **suspect(lot(RESIN, 1)))
    assert {edge["node"]["holder"]["key"] for edge in impact["items"]["edges"]} == {
        "/417/4012345000009"
    }
    await told(week, observe(70, "receiving", carton(1), destinationList=[
        {"type": "possessing_party", "destination": CLINIC}]))  # fmt: skip
    impact = await impact_of(week, kind=["SERIAL"], **suspect(lot(RESIN, 1)))
    holders = [edge["node"]["holder"]["key"] for edge in impact["items"]["edges"]]
    assert holders == ["/417/4098765000003"] * 2 + ["/417/4012345000009"] * 2
    assert impact["counts"]["shipped"] == 2


async def test_a_window_leaves_out_what_measured_times_exclude_and_a_witness_says_why(week):
    window = {"from": "2026-03-02T08:22:00Z"}
    asked = suspect(lot(HOUSING, 1), **window)
    impact = await impact_of(week, **asked)
    assert [each["count"] for each in impact["counts"]["byClass"]] == [3, 0, 0, 2]
    assert impact["counts"]["serials"] == 2
    out = await impact_of(week, **asked, **{"class": ["EXCLUDED"]})
    assert {edge["node"]["rule"] for edge in out["items"]["edges"]} == {"DRAWN_BEFORE_EXPOSURE"}
    (step,) = (await ask(week, WITNESS, **asked, item=key(PUMPS[0])))["impact"]["witness"]
    assert step["rule"] == "DRAWN_BEFORE_EXPOSURE"
    assert step["at"] == "2026-03-02T08:20:00Z"
    assert step["to"]["key"].endswith("/21/1")


async def test_untimed_excludes_nothing(week):
    window = {"from": "2026-03-02T08:22:00Z"}
    impact = await impact_of(week, policy="UNTIMED", **suspect(lot(HOUSING, 1), **window))
    assert impact["counts"]["serials"] == 4
    assert impact["counts"]["byClass"][3] == {"class": "EXCLUDED", "count": 0}


async def test_a_witness_is_the_chain_from_the_suspect(week):
    steps = (await ask(week, WITNESS, **suspect(lot(RESIN, 1)), item=key(PUMPS[3])))["impact"]
    first, second = steps["witness"]
    assert first["to"] == second["from"]
    assert first["activity"]["key"] == "urn:moulding:1"
    itself = await ask(week, WITNESS, **suspect(lot(RESIN, 1)), item=key(lot(RESIN, 1)))
    assert itself["impact"]["witness"] == []
    stranger = await ask(week, WITNESS, **suspect(lot(RESIN, 1)), item=key(PUMPS[5]))
    assert stranger["impact"]["witness"] == []


async def test_a_suspect_container_stands_for_what_was_in_it_in_its_window(week):
    impact = await impact_of(week, **suspect(carton(1)))
    assert [key_[-5:] for key_ in keys(impact["items"])] == ["/21/1", "/21/2"]
    assert {edge["node"]["rule"] for edge in impact["items"]["edges"]} == {"SUSPECT"}
    early = await impact_of(week, **suspect(carton(1), until="2026-03-02T08:40:00Z"))
    assert keys(early["items"]) == []
    await told(week, pack(45, carton(1), PUMPS[0], PUMPS[1], action="DELETE"),
               pack(46, carton(2), carton(1)), pack(47, carton(1), PUMPS[4]))  # fmt: skip
    pallet = await impact_of(week, **suspect(carton(2)))
    assert [key_[-5:] for key_ in keys(pallet["items"])] == ["/21/5"]


async def test_used_up_items_are_counted_and_held_by_nobody(week):
    await told(week, make(80, [PUMPS[3]], [], transformationID="urn:scrap", **SCRAP))
    impact = await impact_of(week, kind=["SERIAL"], **suspect(lot(RESIN, 1)))
    assert impact["counts"]["consumed"] == 1
    last = impact["items"]["edges"][-1]["node"]
    assert last["item"]["key"].endswith("/21/4")
    assert last["holder"] is None
    assert not {gap["reason"] for gap in impact["gaps"]} & {"NO_OUTPUTS"}


async def test_what_is_not_recorded_is_stated(week):
    nameless = {"epcClass": "urn:epc:idpat:sgtin:4012345.000009.*", "quantity": 3}
    await told(
        week,
        make(81, [quantity(lot(HOUSING, 1), 1), nameless], [serial(9, 1)]),
        make(82, [quantity(lot(HOUSING, 1), 1)], [], transformationID="urn:lost"),
        observe(83, "stock_taking", quantityList=[quantity(lot(HOUSING, 1), 5)]),
    )
    impact = await impact_of(week, **suspect(lot(RESIN, 1)))
    told_ = {(gap["reason"], gap["subject"]["__typename"]) for gap in impact["gaps"]}
    assert ("INPUT_WITHOUT_LOT", "Activity") in told_
    assert ("NO_OUTPUTS", "Activity") in told_
    assert ("QUANTITY_FELL", "Lot") in told_


async def test_a_week_fully_told_has_no_gap(week):
    assert (await impact_of(week, **suspect(lot(RESIN, 1))))["gaps"] == []


async def test_the_bound_stands_beside_the_list(week):
    (bound,) = (await impact_of(week, **suspect(lot(RESIN, 1))))["bounds"]
    assert bound["atMost"] == 40
    assert bound["drawn"] == [{"value": "4", "unit": "KGM"}]


async def test_a_status_filters_the_list(week):
    impact = await impact_of(week, status=["RETURNED"], **suspect(lot(RESIN, 1)))
    assert [key_[-5:] for key_ in keys(impact["items"])] == ["/21/3"]
    facts = await refused(week, IMPACT, status=["LOST"], **suspect(lot(RESIN, 1)))
    assert facts["code"] == "BAD_INPUT"


async def test_pages_follow_each_other_across_classes_and_kinds(week):
    asked = suspect(lot(HOUSING, 1), **{"from": "2026-03-02T08:22:00Z"})
    classes = {"class": ["CERTAIN", "EXCLUDED"]}
    seen, after = [], None
    for _ in range(5):
        page = (await impact_of(week, **asked, **classes, first=2, after=after))["items"]
        seen += keys(page)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == keys((await impact_of(week, **asked, **classes))["items"])
    assert len(seen) == 5


async def test_columns_and_objects_answer_alike(week):
    query = """query ($suspects: [SuspectInput!]!) { recallImpact(suspects: $suspects) { items {
      edges { cursor node { class rule exposedAt holder { id key name } quantity { value unit }
        item { id key kind %s ... on Lot { lotNo } } } } } } }"""
    by_columns = await ask(week, query % "", **suspect(lot(HOUSING, 1)))
    by_objects = await ask(week, query % "status", **suspect(lot(HOUSING, 1)))
    for edge in by_objects["recallImpact"]["items"]["edges"]:
        assert edge["node"]["item"].pop("status")
    assert by_columns == by_objects


async def test_an_ambiguous_suspect_is_refused_with_candidates(week):
    facts = await refused(week, IMPACT, **suspect("/01/04012345000016"))
    assert facts["code"] == "AMBIGUOUS_SUSPECT"
    assert [each["kind"] for each in facts["candidates"]] == ["LOT", "LOT"]


async def test_an_administrator_runs_no_recall(week):
    outsider = Context(Actor("a", "A", None, frozenset({Role.ADMINISTRATOR})), week.services)
    result = await run(outsider, IMPACT, **suspect(lot(RESIN, 1)))
    assert [error.extensions["code"] for error in result.errors] == ["FORBIDDEN"]


async def test_a_past_position_answers_as_it_did_then(week):
    rest = {**make(90, [quantity(lot(HOUSING, 1), 36)], [serial(9, 1)]), "eventID": "urn:x:rest"}
    await told(week, rest)
    before = await impact_of(week, **suspect(lot(RESIN, 1)))
    assert before["counts"]["consumed"] == 1
    await told(week, declared_wrong(rest))
    assert (await impact_of(week, **suspect(lot(RESIN, 1))))["counts"] != before["counts"]
    then = await impact_of(
        week, asOf={"position": before["asOf"]["position"]}, **suspect(lot(RESIN, 1))
    )
    for part in ("counts", "items", "consignees", "gaps", "bounds"):
        assert then[part] == before[part], part
