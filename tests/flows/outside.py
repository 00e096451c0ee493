"""A live service seen from outside: over HTTP, knowing nothing but the contract.

Every test takes keys nobody has used, so that all of a module share one service and database.
"""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import uvicorn
from psycopg.conninfo import make_conninfo

from lotkin.app import create_app
from lotkin.auth import demo
from lotkin.auth.permissions import Role
from lotkin.records import migrate
from lotkin.settings import Settings
from tests.flows.events import carton, document, lot, serial

OWN = "urn:epc:id:pgln:4012345.00000"
OWN_KEY = "/417/4012345000009"
_numbers = itertools.count(1)

CAPTURE = """mutation($document: JSON!, $onError: CaptureErrorBehaviour, $key: String) {
  captureEvents(input: {document: $document, onError: $onError, idempotencyKey: $key}) {
    captured position problems { code message path }
    results { index eventId outcome problem { code message path } remarks { code message } } } }"""
IMPACT = """query($suspects: [SuspectInput!]!, $policy: ScopePolicy!, $asOf: AsOfInput,
    $engine: GraphEngine, $class: [ExposureClass!], $atLeast: BigInt) {
  recallImpact(suspects: $suspects, policy: $policy, asOf: $asOf, engine: $engine,
      atLeast: $atLeast) {
    policy asOf { eventTime recordTime position }
    completeness { truncated visited engine journalPosition graphPosition redactedBoundaries }
    counts { lots serials containers shipped inStock consumed consignees
      byClass { class count } }
    items(class: $class, first: 10000) { totalCount edges { node { item { key kind status } class
      rule exposedAt holder { key } quantity { value unit } } } }
    consignees { party { id key } items serials quantity { value unit } firstShippedAt
      lastShippedAt }
    gaps { subject { id } reason } } }"""
TRACE = """query($from: [ItemLookup!]!, $policy: ScopePolicy!, $asOf: AsOfInput,
    $engine: GraphEngine, $atLeast: BigInt) {
  trace: trace%s(from: $from, policy: $policy, asOf: $asOf, engine: $engine, atLeast: $atLeast) {
    asOf { eventTime recordTime position }
    completeness { truncated visited engine journalPosition graphPosition redactedBoundaries }
    counts { kind count }
    items(first: 10000) { totalCount edges { node { depth item { id key kind } } } }
    edges { source target kind at quantity { value unit } activity { key kind startedAt endedAt } }
  } }"""
ITEM = """query($by: ItemLookup!, $at: DateTime) { item(by: $by) { __typename id key kind status
  holds { reason } itemClass { key }
  whereabouts(at: $at) { at containers { key } place { key } passing holder { key }
    installedIn { key } inTransitTo { key } consumedBy { key kind } }
  timeline(first: 50) { edges { node { eventId type bizStep eventTime recordTime timeQuality
    retractedAt document } } }
  ... on Lot { lotNo supplierLotNo quantity { value unit } onHand { value unit }
    massBalance { produced { value } drawn { value } onHand { value } discrepancy { value }
      withinTolerance } }
  ... on Serial { serialNo udi lot { key } successor { key } }
  ... on Container { contents(at: $at) { edges { node { key } } }
    deep: contents(at: $at, deep: true) { edges { node { key } } } } } }"""
SCAN = """query($text: String!) { scan(text: $text) { scheme primary lot serial manufactured expires
  digitalLink ambiguous item { key } candidates { key } problems { code } } }"""


def number() -> int:
    """A number nobody has used."""
    return next(_numbers)


def new_lot(named: str = "L") -> str:
    """An LGTIN of a class nobody has used."""
    return lot(number(), named)


def new_serial() -> str:
    """An SGTIN of a class nobody has used."""
    return serial(number(), "S1")


def new_carton() -> str:
    """An SSCC nobody has used."""
    return carton(number())


def new_party() -> str:
    """A PGLN nobody has used."""
    return f"urn:epc:id:pgln:4098765.{number():05d}"


def new_place() -> str:
    """An SGLN of our own nobody has used."""
    return f"urn:epc:id:sgln:4012345.{number() + 1:05d}.0"


def _checked(digits: str) -> str:
    total = sum(int(digit) * (3 if n % 2 == 0 else 1) for n, digit in enumerate(digits[::-1]))
    return digits + str(-total % 10)


def key(epc: str) -> str:
    """The canonical key of an EPC URI: the path of its GS1 Digital Link."""
    scheme, body = epc.split(":")[3:5]
    company, reference, *rest = body.split(".", 2)
    if scheme in {"sgtin", "lgtin"}:
        gtin = _checked(reference[0] + company + reference[1:])
        return f"/01/{gtin}/{'21' if scheme == 'sgtin' else '10'}/{rest[0]}"
    if scheme == "sscc":
        return f"/00/{_checked(reference[0] + company + reference[1:])}"
    if scheme == "pgln":
        return f"/417/{_checked(company + reference)}"
    return f"/414/{_checked(company + reference)}"


def gtin(epc: str) -> str:
    """The GTIN-14 of an SGTIN or LGTIN."""
    return key(epc).split("/")[2]


def quality(event: dict[str, Any], quality: str | None, seconds: int | None = 0) -> dict[str, Any]:
    """The event with its time told in another quality; None tells none."""
    bare = {name: value for name, value in event.items() if not name.startswith("lotkin:")}
    kept = {name: value for name, value in event.items() if name.startswith("lotkin:")}
    kept.pop("lotkin:timeQuality", None)
    kept.pop("lotkin:clockUncertaintySeconds", None)
    if quality is not None:
        kept["lotkin:timeQuality"] = quality
    if quality == "MEASURED" and seconds is not None:
        kept["lotkin:clockUncertaintySeconds"] = seconds
    return bare | kept


def moved(step: str, minute: int, *epcs: str, **told: Any) -> dict[str, Any]:
    """An observation with parties: `by`, `to` are possessing parties unless `role` says other."""
    role = told.pop("role", "possessing_party")
    sender, receiver = told.pop("by", OWN), told.pop("to")
    from tests.flows.events import observe

    return observe(
        minute,
        step,
        *epcs,
        sourceList=[{"type": role, "source": sender}],
        destinationList=[{"type": role, "destination": receiver}],
        **told,
    )


def ship(minute: int, to: str, *epcs: str, **told: Any) -> dict[str, Any]:
    """We ship to a party."""
    return moved("shipping", minute, *epcs, to=to, **told)


def receive(minute: int, to: str, *epcs: str, by: str = OWN, **told: Any) -> dict[str, Any]:
    """A party receives."""
    return moved("receiving", minute, *epcs, by=by, to=to, **told)


@dataclass
class Impact:
    """An answer of recallImpact, easier to ask."""

    raw: dict[str, Any]
    rows: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        edges = self.raw["items"]["edges"]
        self.rows = {edge["node"]["item"]["key"]: edge["node"] for edge in edges}

    def of(self, epc: str) -> str | None:
        """The class of an item, None where not listed."""
        row = self.rows.get(key(epc))
        return row and row["class"]

    def rule(self, epc: str) -> str:
        """The rule that decided about an item."""
        return self.rows[key(epc)]["rule"]

    @property
    def by_class(self) -> dict[str, int]:
        """How many of each class, those of none left out."""
        told = self.raw["counts"]["byClass"]
        return {row["class"]: row["count"] for row in told if row["count"]}

    @property
    def consignees(self) -> dict[str, dict[str, Any]]:
        """Consignees by the key of their party."""
        return {row["party"]["key"]: row for row in self.raw["consignees"]}

    @property
    def gaps(self) -> list[str]:
        """The reasons of the gaps."""
        return [row["reason"] for row in self.raw["gaps"]]


class Outside:
    """A caller with one token per role."""

    def __init__(self, url: str, settings: Settings) -> None:
        """Talk to the service at `url`."""
        self.url, self.settings = url, settings
        self.client = httpx.Client(base_url=url, timeout=60)
        self.tokens = {r: demo.mint(settings, r, subject=r.value, name=r.value) for r in Role}

    def headers(self, role: Role | None) -> dict[str, str]:
        """Headers of a request of a role, of nobody for None."""
        return {} if role is None else {"authorization": f"Bearer {self.tokens[role]}"}

    def post(
        self, query: str, role: Role | None = Role.OPERATOR, **variables: Any
    ) -> dict[str, Any]:
        """The whole answer of an operation."""
        body = {"query": query, "variables": variables}
        answer = self.client.post("/graphql", json=body, headers=self.headers(role))
        return dict(answer.json())

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must not fail."""
        answer = self.post(query, **variables)
        assert not answer.get("errors"), answer["errors"]
        return dict(answer["data"])

    def refused(
        self, query: str, role: Role | None = Role.OPERATOR, **variables: Any
    ) -> dict[str, Any]:
        """The extensions of the only error of an operation."""
        answer = self.post(query, role, **variables)
        assert answer.get("errors"), answer
        (error,) = answer["errors"]
        return dict(error["extensions"])

    def capture(self, *events: dict[str, Any], **told: Any) -> dict[str, Any]:
        """The payload of a capture, whatever it says."""
        told.setdefault("document", document(*events))
        return dict(self.ask(CAPTURE, **told)["captureEvents"])

    def tell(self, *events: dict[str, Any], **told: Any) -> dict[str, Any]:
        """Capture events that must all be captured."""
        payload = self.capture(*events, **told)
        assert not payload["problems"], payload
        assert {result["outcome"] for result in payload["results"]} == {"CAPTURED"}, payload
        return payload

    def impact(self, *suspects: str | dict[str, Any], **told: Any) -> Impact:
        """What suspects reach, excluded items too unless `class_` says other."""
        told.setdefault("policy", "TIMED")
        told["class"] = told.pop(
            "class_", ["CERTAIN", "POSSIBLE", "PREVIOUSLY_EXPOSED", "EXCLUDED"]
        )
        told["suspects"] = [
            {"item": {"key": one}} if isinstance(one, str) else one for one in suspects
        ]
        return Impact(self.ask(IMPACT, **told)["recallImpact"])

    def trace(self, direction: str, *start: str, **told: Any) -> dict[str, Any]:
        """A trace; `direction` is Forward or Backward."""
        told.setdefault("policy", "UNTIMED")
        told["from"] = [{"key": one} for one in start]
        return dict(self.ask(TRACE % direction, **told)["trace"])

    def reached(self, direction: str, *start: str, **told: Any) -> set[str]:
        """The keys of a trace."""
        edges = self.trace(direction, *start, **told)["items"]["edges"]
        return {edge["node"]["item"]["key"] for edge in edges}

    def item(self, epc: str, at: str | None = None) -> dict[str, Any] | None:
        """Everything of an item at an instant."""
        found: dict[str, Any] | None = self.ask(ITEM, by={"key": epc}, at=at)["item"]
        return found

    def where(self, epc: str, at: str | None = None) -> dict[str, Any]:
        """The whereabouts of a known item, keys instead of objects."""
        found = self.item(epc, at)
        assert found is not None, epc
        told = dict(found["whereabouts"])
        for name in ("place", "holder", "installedIn", "inTransitTo"):
            told[name] = told[name] and told[name]["key"]
        told["containers"] = [row["key"] for row in told["containers"]]
        return told

    def scan(self, text: str) -> dict[str, Any]:
        """What a label says."""
        return dict(self.ask(SCAN, text=text)["scan"])

    def alerts(self, code: str) -> list[dict[str, Any]]:
        """The newest alerts of a code."""
        query = "{ alerts(first: 100) { edges { node { code eventId item { key } } } } }"
        edges = self.ask(query)["alerts"]["edges"]
        return [edge["node"] for edge in edges if edge["node"]["code"] == code]


def eventually(check: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "it did not come to hold"
        time.sleep(0.05)


@contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """A migrated database of its own beside that of the other tests."""
    name = f"outside_{number()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        url = _named(server_url, name)
        migrate.upgrade(url)
        yield url
        connection.execute(f"drop database {name} with (force)")


def _named(url: str, database: str) -> str:
    assert make_conninfo(url)
    head, _, tail = url.partition("?")
    return head.rpartition("/")[0] + f"/{database}" + (f"?{tail}" if tail else "")


@contextmanager
def serving(settings: Settings) -> Iterator[Outside]:
    """The service on a free port, in a thread of this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(settings, background=True)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", loop="asyncio"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started, 20)
        outside = Outside(f"http://127.0.0.1:{port}", settings)
        yield outside
        outside.client.close()
    finally:
        server.should_exit = True
        thread.join(20)
