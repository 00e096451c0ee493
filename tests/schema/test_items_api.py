"""Items over GraphQL: look-ups, whereabouts, timeline, balance, nodes, number of statements."""

from contextlib import contextmanager

import pytest
import strawberry
from sqlalchemy import event as listen
from strawberry.schema.config import StrawberryConfig

from lotkin import clock
from lotkin.auth.actor import ANONYMOUS, Actor
from lotkin.auth.permissions import Role
from lotkin.domain.genealogy import OPEN, ActivityKind
from lotkin.domain.nodeid import node_id
from lotkin.graph.relational import RelationalReader
from lotkin.resolvers import items as use_cases
from lotkin.resolvers.context import Context, Services
from lotkin.schema import scan as scans
from lotkin.schema.endpoint import EXTENSIONS
from lotkin.schema.item import Container, Item, ItemLookup, Lot, Serial, item
from lotkin.schema.node import Node
from lotkin.schema.problem import PlainProblem, Schema
from lotkin.schema.scalars import SCALARS
from lotkin.schema.things import Info
from lotkin.settings import Settings
from lotkin.tests.records import facts

GTIN = "/01/09521568251204"
US, CLINIC = "/417/9521568000003", "/417/9521568000010"
DAY = 86_400_000_000
T0 = 1_760_000_000_000_000  # 2025-10-09
READER = Actor("s", "Reader", None, frozenset({Role.VIEWER}))
ADMINISTRATOR = Actor("a", "Administrator", None, frozenset({Role.ADMINISTRATOR}))


@strawberry.type
class Query:
    @strawberry.field
    async def item(self, info: Info, by: ItemLookup) -> Item | None:
        found = await use_cases.item(info.context, by.to_domain())
        return None if found is None else item(found)

    @strawberry.field
    async def scan(self, info: Info, text: str) -> scans.Scan:
        return scans.Scan.of(*await use_cases.scan(info.context, text), info.context.language)

    @strawberry.field
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        return [await scans.node(info, id) for id in ids]


SCHEMA = Schema(
    Query,
    types=[Lot, Serial, Container, PlainProblem],
    extensions=list(EXTENSIONS),
    config=StrawberryConfig(scalar_map=SCALARS),
)


class World:
    """A small database and the way to ask it."""

    def __init__(self, database):
        self.database = database
        settings = Settings(own_parties=frozenset({US}))
        self.services = Services(settings, database, RelationalReader(database.engine), None)
        self.statements = 0

    async def ask(self, query, actor=READER, **variables):
        return await SCHEMA.execute(query, variables, Context(actor, self.services))

    async def answer(self, query, **variables):
        result = await self.ask(query, **variables)
        assert not result.errors, result.errors
        return result.data

    @contextmanager
    def counted(self):
        self.statements = 0

        def count(*_):
            self.statements += 1

        engine = self.database.engine.sync_engine
        listen.listen(engine, "before_cursor_execute", count)
        yield self
        listen.remove(engine, "before_cursor_execute", count)


@pytest.fixture
def world(database):
    return World(database)


async def made(c, **values):
    """One class, a serial of a lot, a carton on a pallet, two parties, two places."""
    w = {"us": await facts.row(c, "party", key=US, name="Maker")}
    w["clinic"] = await facts.row(c, "party", key=CLINIC, name="Clinic")
    w["store"] = await facts.row(c, "location", key="/414/9521568000003", name="Store")
    w["ward"] = await facts.row(c, "location", key="/414/9521568000010", name="Ward")
    w["gate"] = await facts.row(c, "location", key="/414/9521568000027", name="Gate")
    w["class"] = await facts.item_class(c, GTIN, name="Pump", **values)
    of = {"class_id": w["class"]}
    w["lot"] = await facts.item(c, f"{GTIN}/10/L1", 0, lot_no="L1", **of)
    w["serial"] = await facts.item(c, f"{GTIN}/21/S1", 1, serial_no="S1", **of)
    w["carton"] = await facts.item(c, "/00/095215680000000011", 2)
    w["pallet"] = await facts.item(c, "/00/095215680000000028", 2)
    w["made"] = await facts.event(
        c, T0, {w["serial"]: 0}, biz_step="commissioning", disposition="active", action="ADD",
        biz_location_id=w["store"], read_point_id=w["gate"],
    )  # fmt: skip
    member = {"lot_id": w["lot"], "serial_id": w["serial"], "event_id": w["made"]}
    await facts.row(c, "membership", **member, **facts.KEPT)
    return w


async def packed_and_shipped(c, w):
    pack = await facts.event(c, T0 + DAY, {w["carton"]: 1, w["serial"]: 2}, biz_step="packing")
    await facts.stay(c, pack, w["serial"], w["carton"], T0 + DAY, OPEN)
    await facts.stay(c, pack, w["carton"], w["pallet"], T0 + DAY, OPEN)
    stored = {"biz_step": "storing", "read_point_id": w["gate"]}
    await facts.event(c, T0 + 2 * DAY, {w["pallet"]: 0}, **stored)
    ship = await facts.event(
        c, T0 + 3 * DAY, {w["pallet"]: 0}, biz_step="shipping", read_point_id=w["gate"]
    )
    way = {"sender_id": w["us"], "receiver_id": w["clinic"]}
    await facts.fact(c, "movement", ship, T0 + 3 * DAY, item_id=w["pallet"], kind=0, **way)
    took = await facts.event(
        c, T0 + 4 * DAY, {w["pallet"]: 0}, biz_step="receiving", biz_location_id=w["ward"]
    )
    await facts.fact(c, "movement", took, T0 + 4 * DAY, item_id=w["pallet"], kind=1, **way)


async def flow(c, table, at, item, activity, qty=None, unit=None):
    told = await facts.event(c, at, {item: 3 if table == "draw" else 4}, type="TransformationEvent")
    await facts.fact(
        c, table, told, at, item_id=item, activity_id=activity, qty=qty, unit=unit,
        pieces=-1,
    )  # fmt: skip


async def activity(c, kind=ActivityKind.ASSEMBLE):
    return await facts.row(c, "activity", key=f"urn:a:{clock.new_id()}", kind=int(kind))


WHERE = """query ($key: String!, $at: DateTime) { item(by: {key: $key}) {
  id status whereabouts(at: $at) { at passing place { name } holder { name }
    inTransitTo { name } containers { key } installedIn { key } consumedBy { id kind } }
  ... on Serial { successor { key } lot { lotNo } udi } } }"""


async def where(world, at=None, key=f"{GTIN}/21/S1"):
    told = await world.answer(WHERE, key=key, at=None if at is None else utc(at))
    return told["item"]["whereabouts"], told["item"]


def utc(us):
    return clock.from_us(us).isoformat()


async def test_a_serial_is_found_by_every_spelling_of_its_label(world, database):
    async with database.transaction() as c:
        w = await made(c)
    query = "query ($by: ItemLookup!) { item(by: $by) { key __typename ... on Serial { udi } } }"
    for by in (
        {"id": node_id("Item", w["serial"])},
        {"key": "https://example.com/01/09521568251204/10/L1/21/S1"},
        {"key": "urn:epc:id:sgtin:9521568.025120.S1"},
        {"scan": "(01)09521568251204(21)S1"},
        {"serial": {"itemClass": "09521568251204", "serial": "S1"}},
        {"serial": {"itemClass": "9521568251204", "serial": "S1"}},
        {"serial": {"itemClass": GTIN, "serial": "S1"}},
    ):
        told = (await world.answer(query, by=by))["item"]
        assert told is not None, by
        assert told == {
            "key": f"{GTIN}/21/S1", "__typename": "Serial", "udi": "(01)09521568251204(21)S1",
        }  # fmt: skip


async def test_an_unknown_item_is_null_and_a_wrong_check_digit_is_refused(world):
    query = "query ($by: ItemLookup!) { item(by: $by) { key } }"
    for by in (
        {"key": "/01/09521568251204/21/no"},
        {"id": "nonsense"},
        {"id": node_id("Party", 1)},
    ):
        assert (await world.answer(query, by=by))["item"] is None
    for by in (
        {"scan": "(01)09521568251205(21)S1"},
        {"lot": {"itemClass": "09521568251205", "lot": "L"}},
    ):
        result = await world.ask(query, by=by)
        assert result.errors[0].extensions["code"] == "BAD_INPUT", by
        assert "check digit" in result.errors[0].message


async def test_whereabouts_follow_the_pallet_until_the_receipt(world, database):
    async with database.transaction() as c:
        await packed_and_shipped(c, await made(c))
    at_first, _ = await where(world, T0)
    assert at_first["place"] == {"name": "Store"}
    assert at_first["holder"] == {"name": "Maker"}
    assert at_first["at"] == "2025-10-09T08:53:20Z"
    on_pallet, _ = await where(world, T0 + 2 * DAY)
    assert (on_pallet["place"], on_pallet["passing"]) == ({"name": "Gate"}, True)
    assert [box["key"][-4:] for box in on_pallet["containers"]] == ["0011", "0028"]
    on_way, _ = await where(world, T0 + 3 * DAY)
    assert (on_way["place"], on_way["holder"]) == (None, {"name": "Maker"})
    assert on_way["inTransitTo"] == {"name": "Clinic"}
    there, told = await where(world)
    assert (there["place"], there["passing"]) == ({"name": "Ward"}, False)
    assert (there["holder"], there["inTransitTo"]) == ({"name": "Clinic"}, None)
    assert (told["status"], told["lot"]) == ("SHIPPED", {"lotNo": "L1"})


async def test_a_receipt_that_names_no_place_ends_the_place_before(world, database):
    async with database.transaction() as c:
        w = await made(c)
        took = await facts.event(c, T0 + DAY, {w["serial"]: 0}, biz_step="receiving")
        await facts.fact(
            c, "movement", took, T0 + DAY, item_id=w["serial"], kind=1, receiver_id=w["clinic"]
        )
    there, _ = await where(world)
    assert (there["place"], there["holder"]) == (None, {"name": "Clinic"})


async def test_a_drawn_serial_is_consumed_unless_it_was_produced_again(world, database):
    async with database.transaction() as c:
        w = await made(c)
        rework, pump = await activity(c, ActivityKind.REWORK), await activity(c)
        await flow(c, "draw", T0 + DAY, w["serial"], rework)
        await flow(c, "production", T0 + DAY, w["serial"], rework)
        await flow(c, "draw", T0 + 5 * DAY, w["serial"], pump)
    assert (await where(world, T0 + 2 * DAY))[0]["consumedBy"] is None
    used, told = await where(world)
    assert used["consumedBy"] == {"id": node_id("Activity", pump), "kind": "ASSEMBLE"}
    assert (used["place"], used["containers"], told["status"]) == (None, [], "CONSUMED")


async def test_a_lot_is_consumed_when_nothing_of_it_is_left(world, database):
    async with database.transaction() as c:
        w = await made(c)
        mould, pump = await activity(c), await activity(c)
        await flow(c, "production", T0, w["lot"], mould, 10, "KGM")
        await flow(c, "draw", T0 + DAY, w["lot"], pump, 4000, "GRM")
        await flow(c, "draw", T0 + 2 * DAY, w["lot"], pump, 6, "KGM")
    key = f"{GTIN}/10/L1"
    assert (await where(world, T0 + DAY, key))[0]["consumedBy"] is None
    assert (await where(world, T0 + 2 * DAY, key))[0]["consumedBy"]["id"] == node_id(
        "Activity", pump
    )


async def test_a_fitted_part_is_where_its_device_is(world, database):
    async with database.transaction() as c:
        w = await made(c)
        part = await facts.item(c, f"{GTIN}/21/PART", 1, class_id=w["class"], serial_no="PART")
        fit = await facts.event(c, T0 + DAY, {w["serial"]: 1, part: 2}, type="AssociationEvent")
        await facts.stay(c, fit, part, w["serial"], T0 + DAY, T0 + 9 * DAY, is_installation=True)
        await packed_and_shipped(c, w)
    fitted, _ = await where(world, T0 + 5 * DAY, f"{GTIN}/21/PART")
    assert fitted["installedIn"] == {"key": f"{GTIN}/21/S1"}
    assert (fitted["place"], fitted["holder"]) == ({"name": "Ward"}, {"name": "Clinic"})
    assert len(fitted["containers"]) == 2
    taken_out, _ = await where(world, T0 + 9 * DAY, f"{GTIN}/21/PART")
    assert (taken_out["installedIn"], taken_out["containers"]) == (None, [])


async def test_a_renumbered_serial_is_where_its_successor_is(world, database):
    async with database.transaction() as c:
        w = await made(c)
        new = await facts.item(c, f"{GTIN}/21/NEW", 1, class_id=w["class"], serial_no="NEW")
        relabel = await activity(c, ActivityKind.RENUMBER)
        await flow(c, "draw", T0 + DAY, w["serial"], relabel)
        await flow(c, "production", T0 + DAY, new, relabel)
        await packed_and_shipped(c, w | {"serial": new})
    there, told = await where(world)
    assert told["successor"] == {"key": f"{GTIN}/21/NEW"}
    assert (there["place"], there["holder"]) == ({"name": "Ward"}, {"name": "Clinic"})
    assert (there["consumedBy"], len(there["containers"])) == (None, 2)
    assert (await where(world, T0))[1]["successor"] == {"key": f"{GTIN}/21/NEW"}


async def test_the_balance_of_an_overdrawn_lot_is_outside_its_tolerance(world, database):
    async with database.transaction() as c:
        w = await made(c, balance_tolerance="0.05")
        mould, pump = await activity(c), await activity(c)
        await flow(c, "production", T0, w["lot"], mould, "452.0", "KGM")
        await flow(c, "draw", T0 + DAY, w["lot"], pump, "460", "KGM")
    query = """{ item(by: {lot: {itemClass: "09521568251204", lot: "L1"}}) { ... on Lot {
      quantity { value unit } onHand { value } massBalance { produced { value } drawn { value }
      discrepancy { value unit } withinTolerance } } } }"""
    told = (await world.answer(query))["item"]
    assert told["quantity"] == {"value": "452.0", "unit": "KGM"}
    assert told["onHand"] == {"value": "0"}
    assert told["massBalance"] == {
        "produced": {"value": "452.0"}, "drawn": {"value": "460"},
        "discrepancy": {"value": "-8.0", "unit": "KGM"}, "withinTolerance": True,
    }  # fmt: skip


async def test_the_timeline_pages_by_event_time_and_shows_retractions(world, database):
    async with database.transaction() as c:
        w = await made(c)
        for day in (3, 1, 2):
            gone = {"retracted_at": "2026-01-02T03:04:05Z"} if day == 2 else {}
            await facts.event(c, T0 + day * DAY, {w["serial"]: 0}, biz_step="inspecting", **gone)
    query = """query ($after: String) { item(by: {key: "/01/09521568251204/21/S1"}) {
      timeline(first: 3, after: $after) { totalCount pageInfo { hasNextPage endCursor
      hasPreviousPage } edges { cursor node { eventTime bizStep type retractedAt document
      timeQuality readPoint { name } } } } } }"""
    first = (await world.answer(query))["item"]["timeline"]
    assert first["totalCount"] == 4
    assert [edge["node"]["bizStep"] for edge in first["edges"]] == [
        "commissioning", "inspecting", "inspecting",
    ]  # fmt: skip
    assert first["edges"][2]["node"]["retractedAt"] == "2026-01-02T03:04:05Z"
    assert first["edges"][1]["node"]["document"] == {"at": T0 + DAY}
    cursor = first["pageInfo"]["endCursor"]
    async with database.transaction() as c:  # what comes late before the cursor shifts no page
        await facts.event(c, T0 + DAY, {w["serial"]: 0})
    rest = (await world.answer(query, after=cursor))["item"]["timeline"]
    assert [edge["node"]["eventTime"] for edge in rest["edges"]] == ["2025-10-12T08:53:20Z"]
    assert rest["pageInfo"]["hasNextPage"] is False
    refused = await world.ask(query, after="nonsense")
    assert refused.errors[0].extensions["code"] == "BAD_INPUT"


async def test_contents_are_direct_or_deep(world, database):
    async with database.transaction() as c:
        await packed_and_shipped(c, await made(c))
    query = """query ($deep: Boolean!, $at: DateTime) {
      item(by: {key: "/00/095215680000000028"}) {
      ... on Container { contents(deep: $deep, at: $at) { totalCount edges { node { key } } } }
      } }"""

    async def inside(**asked):
        told = (await world.answer(query, **asked))["item"]["contents"]
        return told["totalCount"], [edge["node"]["key"][-4:] for edge in told["edges"]]

    assert await inside(deep=False) == (1, ["0011"])
    assert await inside(deep=True) == (2, ["1/S1", "0011"])
    assert await inside(deep=True, at=utc(T0)) == (0, [])


async def test_a_scan_names_its_item_and_one_that_fits_several_names_none(world, database):
    async with database.transaction() as c:
        w = await made(c)
    query = """query ($text: String!) { scan(text: $text) { scheme primary serial ambiguous
      item { id } candidates { id } problems { code message } digitalLink } }"""
    told = (await world.answer(query, text="(01)09521568251204(21)S1"))["scan"]
    assert told["item"] == {"id": node_id("Item", w["serial"])}
    assert (told["scheme"], told["serial"], told["problems"]) == ("GS1_ELEMENT_STRING", "S1", [])
    wrong = (await world.answer(query, text="(01)09521568251205(21)S1"))["scan"]
    assert (wrong["item"], wrong["problems"][0]["code"]) == (None, "BAD_CHECK_DIGIT")
    outsider = await world.ask(query, actor=ADMINISTRATOR, text="(01)09521568251204(21)S1")
    assert outsider.data["scan"]["item"] is None


async def test_holds_stack_and_each_must_be_lifted(world, database):
    async with database.transaction() as c:
        w = await made(c)
        hold = {"biz_step": "holding", "persistent_set": ["non_conformant"]}
        await facts.event(c, T0 + DAY, {w["serial"]: 0}, **hold)
        await facts.event(c, T0 + 2 * DAY, {w["serial"]: 0}, disposition="conformant")
    query = '{ item(by: {key: "/01/09521568251204/21/S1"}) { status holds { reason since } } }'
    assert (await world.answer(query))["item"] == {
        "status": "ON_HOLD",
        "holds": [{"reason": "non_conformant", "since": "2025-10-10T08:53:20Z"}],
    }
    async with database.transaction() as c:
        await facts.event(c, T0 + 3 * DAY, {w["serial"]: 0}, persistent_unset=["non_conformant"])
    assert (await world.answer(query))["item"] == {"status": "RELEASED", "holds": []}


async def test_every_kind_of_node_is_fetched_by_its_id_and_others_are_null(world, database):
    async with database.transaction() as c:
        w = await made(c)
        w["activity"] = await activity(c)
    ids = [
        node_id("Item", w["lot"]), node_id("ItemClass", w["class"]), node_id("Party", w["us"]),
        node_id("Location", w["store"]), node_id("Activity", w["activity"]),
        node_id("Event", w["made"]), node_id("Item", 2**62), "x", "", node_id("Nothing", 1),
    ]  # fmt: skip
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    told = (await world.answer(query, ids=ids))["nodes"]
    assert [each and each["__typename"] for each in told] == [
        "Lot", "ItemClass", "Party", "Location", "Activity", "TimelineEvent", *[None] * 4,
    ]  # fmt: skip
    assert [each["id"] for each in told[:6]] == ids[:6]


async def test_who_may_not_read_items_is_refused(world):
    query = '{ item(by: {key: "x"}) { key } }'
    for actor, code in ((ANONYMOUS, "UNAUTHENTICATED"), (ADMINISTRATOR, "FORBIDDEN")):
        result = await world.ask(query, actor=actor)
        assert result.errors[0].extensions["code"] == code


async def test_a_hundred_items_cost_no_more_statements_than_two(world, database):
    query = """{ item(by: {key: "/00/095215680000000035"}) { ... on Container { contents {
      edges { node { key status holds { reason } itemClass { name }
        whereabouts { place { name } holder { name } containers { key } }
        timeline(first: 2) { totalCount edges { node { document readPoint { name } } } }
        ... on Serial { lot { lotNo massBalance { withinTolerance } } successor { key } } }
      } } } } }"""
    counts = []
    for crowd in (2, 100):
        async with database.transaction() as c:
            if crowd == 2:
                w = await made(c)
                box = await facts.item(c, "/00/095215680000000035", 2)
            for n in range(crowd):
                one = await facts.item(
                    c, f"{GTIN}/21/{crowd}-{n}", 1, class_id=w["class"], serial_no=f"{crowd}-{n}"
                )
                told = await facts.event(c, T0, {one: 0}, biz_location_id=w["store"])
                await facts.stay(c, told, one, box, T0, OPEN)
                member = {"lot_id": w["lot"], "serial_id": one, "event_id": told}
                await facts.row(c, "membership", **member, **facts.KEPT)
        with world.counted():
            await world.answer(query)
        counts.append(world.statements)
    assert counts[0] == counts[1], counts
    assert counts[1] < 40


async def test_an_item_tells_its_own_trace(world, database):
    async with database.transaction() as c:
        w = await made(c)
        pump = await activity(c)
        await flow(c, "draw", T0, w["lot"], pump)
        await flow(c, "production", T0 + DAY, w["serial"], pump)
    query = """query ($at: DateTime) { item(by: {key: "/01/09521568251204/10/L1"}) {
      trace(direction: FORWARD, asOf: {eventTime: $at}) { counts { kind count } } } }"""
    told = (await world.answer(query, at=utc(T0 + DAY)))["item"]["trace"]["counts"]
    assert told == [{"kind": "SERIAL", "count": 1}]


async def test_an_operation_on_the_same_socket_reads_again(world, database):
    async with database.transaction() as c:
        w = await made(c)
    socket = Context(READER, world.services)
    query = '{ item(by: {key: "/01/09521568251204/21/S1"}) { status } }'
    before = await SCHEMA.execute(query, {}, socket)
    async with database.transaction() as c:
        await facts.event(c, T0 + DAY, {w["serial"]: 0}, disposition="conformant")
    after = await SCHEMA.execute(query, {}, socket)
    assert [each.data["item"]["status"] for each in (before, after)] == ["CREATED", "RELEASED"]
