"""Items of real documents: every label in them finds its item, and everything of it can be read."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import strawberry
from strawberry.schema.config import StrawberryConfig

from lotkin.resolvers import items as use_cases
from lotkin.resolvers.capture import OnError, capture
from lotkin.resolvers.context import Context
from lotkin.schema import scan as scans
from lotkin.schema.item import Container, Item, ItemLookup, Lot, Serial, item
from lotkin.schema.problem import PlainProblem, Schema
from lotkin.schema.scalars import SCALARS
from lotkin.schema.things import Info
from tests.flows.events import carton, document, lot, make, observe, pack, quantity, serial
from tests.shared_data import shared_data

FOLDERS = (("gs1",), ("openepcis", "valid"), ("openepcis", "events"))


@strawberry.type
class Query:
    @strawberry.field
    async def item(self, info: Info, by: ItemLookup) -> Item | None:
        found = await use_cases.item(info.context, by.to_domain())
        return None if found is None else item(found)

    @strawberry.field
    async def scan(self, info: Info, text: str) -> scans.Scan:
        return scans.Scan.of(*await use_cases.scan(info.context, text), info.context.language)


SCHEMA = Schema(
    Query, types=[Lot, Serial, Container, PlainProblem], config=StrawberryConfig(scalar_map=SCALARS)
)
EVERYTHING = """fragment everything on Item { id key kind status holds { reason since eventId }
  itemClass { key name udiDi implantable tracked }
  whereabouts { at passing place { key } holder { key } containers { key } installedIn { key }
    inTransitTo { key } consumedBy { key kind startedAt endedAt operation equipment operator } }
  timeline(first: 3) { totalCount edges { node { eventId type action bizStep disposition eventTime
    recordTime timeQuality zone readPoint { key } bizLocation { key } activity { key } document
    retractedAt } } }
  ... on Lot { lotNo supplierLotNo quantity { value unit } onHand { value }
    massBalance { produced { value } drawn { value } onHand { value } discrepancy { value }
      withinTolerance } }
  ... on Serial { serialNo udi lot { key } successor { key } }
  ... on Container { contents(deep: true) { totalCount edges { node { key } } } } }"""


async def ask(context: Context, query: str, **variables: object) -> dict:
    # A request of its own: what an earlier one has loaded is not looked at.
    fresh = Context(context.actor, context.services)
    result = await SCHEMA.execute(query, variables, fresh)
    assert not result.errors, (variables, result.errors)
    return result.data


def documents() -> list[Path]:
    folders = [shared_data("epcis", *folder) for folder in FOLDERS]
    return sorted(p for f in folders for p in f.iterdir() if p.suffix in (".json", ".jsonld"))


def labels(node: object) -> Iterator[str]:
    """Every EPC that an event's what-dimension names."""
    if isinstance(node, list):
        for entry in node:
            yield from labels(entry)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in {"epcList", "childEPCs", "inputEPCList", "outputEPCList"}:
                yield from (each for each in value if isinstance(each, str))
            elif name in {"eventList", "epcisBody", "queryResults", "resultsBody"}:
                yield from labels(value)


async def test_every_label_of_the_public_documents_finds_its_item(context: Context) -> None:
    asked = 0
    for path in documents():
        body = orjson.loads(path.read_bytes())
        outcome = await capture(context, body, OnError.PROCEED)
        if not outcome.captured:
            continue
        for label in dict.fromkeys(labels(body)):
            query = "query ($key: String!) { item(by: {key: $key}) { ...everything } }" + EVERYTHING
            told = (await ask(context, query, key=label))["item"]
            assert told is not None, (path.name, label)
            assert told["timeline"]["totalCount"] >= 1 or "errorDeclaration" in str(body), label
            query = "query ($text: String!) { scan(text: $text) { item { id } problems { code } } }"
            scanned = (await ask(context, query, text=label))["scan"]
            if not scanned["problems"]:
                assert scanned["item"] == {"id": told["id"]}, (path.name, label)
            asked += 1
    assert asked > 50


async def state(context: Context, label: str) -> dict:
    query = "query ($key: String!) { item(by: {key: $key}) { ...everything } }" + EVERYTHING
    return (await ask(context, query, key=label))["item"]


OURS, CLINIC, DEALER = (
    f"urn:epc:id:pgln:{number}" for number in ("4012345.00000", "5012345.00000", "5012345.00001")
)
DOCK, WARD = "urn:epc:id:sgln:4012345.00001.0", "urn:epc:id:sgln:5012345.00002.0"


def moved(minute: int, step: str, label: str, sender: str, receiver: str, **told: object) -> dict:
    return observe(
        minute,
        step,
        label,
        sourceList=[{"type": "possessing_party", "source": sender}],
        destinationList=[{"type": "possessing_party", "destination": receiver}],
        **told,
    )


def place(identifier: str) -> dict:
    return {"id": identifier}


async def test_what_was_unpacked_before_shipping_stays_with_us(context: Context) -> None:
    left, gone = serial(1, 1), serial(1, 2)
    await capture(
        context,
        document(
            moved(30, "shipping", carton(1), OURS, CLINIC, readPoint=place(DOCK)),
            observe(1, "storing", left, gone, bizLocation=place(DOCK)),
            pack(10, carton(1), left, gone),
            pack(20, carton(1), left, action="DELETE"),
        ),
    )
    here, there = await state(context, left), await state(context, gone)
    assert here["whereabouts"]["containers"] == []
    assert here["whereabouts"]["place"] == {"key": "/414/4012345000016"}
    assert (here["status"], there["status"]) == ("CREATED", "SHIPPED")
    assert there["whereabouts"]["inTransitTo"]["key"].startswith("/417/5012345")


async def test_a_return_and_a_resale_move_the_holder(context: Context) -> None:
    pump = serial(1, 1)
    sold = moved(10, "shipping", pump, OURS, CLINIC)
    got = moved(20, "receiving", pump, OURS, CLINIC, bizLocation=place(WARD))
    back = moved(30, "receiving", pump, CLINIC, OURS, disposition="returned")
    await capture(context, document(back, got, sold))
    told = await state(context, pump)
    assert (told["status"], told["whereabouts"]["place"]) == ("RETURNED", None)
    assert told["whereabouts"]["holder"]["key"] == "/417/4012345000009"
    passed = observe(35, "inspecting", pump, disposition="conformant")
    await capture(context, document(passed))
    assert (await state(context, pump))["status"] == "RELEASED"
    await capture(context, document(moved(40, "shipping", pump, OURS, DEALER)))
    told = await state(context, pump)
    assert told["whereabouts"]["inTransitTo"]["key"] == "/417/5012345000015"
    assert told["status"] == "SHIPPED"


async def test_a_voided_shipment_was_never_one_but_both_facts_are_kept(context: Context) -> None:
    pump = serial(1, 1)
    await capture(
        context,
        document(
            observe(1, "storing", pump, bizLocation=place(DOCK)),
            moved(10, "shipping", pump, OURS, CLINIC),
            observe(20, "void_shipping", pump),
        ),
    )
    told = await state(context, pump)
    assert (told["whereabouts"]["inTransitTo"], told["status"]) == (None, "CREATED")
    assert told["whereabouts"]["place"] == {"key": "/414/4012345000016"}
    assert told["timeline"]["totalCount"] == 3


async def test_a_retracted_event_tells_no_place_and_stays_in_the_timeline(context: Context) -> None:
    pump = serial(1, 1)
    wrong = observe(10, "storing", pump, bizLocation=place(WARD), eventID="urn:uuid:1")
    right = observe(5, "storing", pump, bizLocation=place(DOCK))
    await capture(context, document(right, wrong))
    assert (await state(context, pump))["whereabouts"]["place"]["key"].startswith("/414/5012345")
    await capture(
        context,
        document({**wrong, "errorDeclaration": {"declarationTime": "2026-03-03T08:00:00Z"}}),
    )
    told = await state(context, pump)
    assert told["whereabouts"]["place"]["key"].startswith("/414/4012345")
    assert [bool(e["node"]["retractedAt"]) for e in told["timeline"]["edges"]] == [False, True]


async def test_the_balance_adds_units_exactly(context: Context) -> None:
    raw = lot(2, "RAW")
    await capture(
        context,
        document(
            observe(
                1, "receiving", quantityList=[quantity(raw, 1.5, "KGM")], bizLocation=place(DOCK)
            ),
            make(10, [quantity(raw, 400.1, "GRM")], [serial(1, 1)], eventID="urn:uuid:2"),
            make(20, [quantity(raw, 99.9, "GRM")], [], transformationID="urn:x:sample"),
        ),
    )
    told = await state(context, raw)
    assert told["quantity"] == {"value": "1.5", "unit": "KGM"}
    assert told["massBalance"]["drawn"] == {"value": "500.0"}
    assert float(told["onHand"]["value"]) == 1.0
    assert told["massBalance"]["withinTolerance"] is True
