"""Alerts, the caller, and nodes over GraphQL."""

from tests.flows.events import carton, pack, serial
from tests.flows.pump import ask, refused, told

ALERTS = """query ($first: Int, $after: String) {
  alerts(state: OPEN, first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { node { id code message state raisedAt eventId item { key } } } } }"""


async def test_what_capture_found_odd_is_listed_newest_first(context):
    piece = serial(3, 1)
    for minute, box in enumerate((1, 2, 3)):
        await told(context, pack(minute, carton(box), piece))
    first = (await ask(context, ALERTS, first=1))["alerts"]
    assert first["totalCount"] == 2
    assert first["edges"][0]["node"]["code"] == "CONTAINMENT_CONFLICT"
    assert "was still in" in first["edges"][0]["node"]["message"]
    rest = (await ask(context, ALERTS, after=first["pageInfo"]["endCursor"]))["alerts"]
    assert len(rest["edges"]) == 1
    id_ = first["edges"][0]["node"]["id"]
    again = await ask(context, "query ($id: ID!) { node(id: $id) { id __typename } }", id=id_)
    assert again["node"] == {"id": id_, "__typename": "Alert"}


async def test_the_viewer_sees_who_they_are(context):
    viewer = (await ask(context, "{ viewer { subject name roles permissions } }"))["viewer"]
    assert viewer["roles"] == ["operator"]
    assert "event:capture" in viewer["permissions"]


async def test_unknown_nodes_are_null_and_too_many_are_refused(context):
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await ask(context, query, ids=["nonsense", "QWxlcnQ6OTk"]))["nodes"] == [None, None]
    assert (await refused(context, query, ids=["x"] * 101))["code"] == "BAD_INPUT"


async def test_an_event_is_captured_by_the_mutation(context):
    mutation = """mutation ($input: CaptureEventsInput!) { captureEvents(input: $input) {
      captured position problems { code message path }
      results { index eventId outcome problem { code } remarks { code } } } }"""
    good = pack(1, carton(1), serial(3, 1))
    document = {"input": {"document": [good, {"type": "Nonsense"}], "onError": "PROCEED"}}
    payload = (await ask(context, mutation, **document))["captureEvents"]
    assert payload["captured"] == 1
    assert [each["outcome"] for each in payload["results"]] == ["CAPTURED", "REFUSED"]
    assert payload["problems"][0]["path"][:2] == ["input", "document"]
    again = await ask(context, mutation, input={"document": [good], "onError": None})
    assert again["captureEvents"]["results"][0]["outcome"] == "DUPLICATE"
