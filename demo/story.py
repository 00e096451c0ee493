"""Finds out what the story tells: every number and name here is an answer of the service."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lotkin import clock
from lotkin.demo.ask import Ask
from lotkin.demo.feed import Fed
from lotkin.demo.maker import Cast

Told = dict[str, Any]

CLASSES = ("CERTAIN", "POSSIBLE", "PREVIOUSLY_EXPOSED", "EXCLUDED")
GRAPH_WAIT_S = 600.0  # 200,000 serials take some minutes to project on a small machine
_NOT_YET = {"PROJECTION_LAG", "GRAPH_UNAVAILABLE"}

_POSITION = """
query Position($suspect: String!, $engine: GraphEngine, $atLeast: BigInt) {
  recallImpact(
    suspects: [{item: {key: $suspect}}], engine: $engine, atLeast: $atLeast
  ) { completeness { journalPosition } }
}
"""
_SUSPECT = """
query Suspect($key: String!) {
  item(by: {key: $key}) {
    key status holds { reason since } itemClass { name }
    ... on Lot { lotNo supplierLotNo quantity { value unit } }
  }
}
"""
_IMPACT = """
query Impact($suspect: String!, $policy: ScopePolicy!, $engine: GraphEngine) {
  recallImpact(suspects: [{item: {key: $suspect}}], policy: $policy, engine: $engine) {
    elapsedMs
    completeness { engine journalPosition graphPosition visited truncated }
    counts {
      lots serials containers shipped inStock consumed consignees byClass { class count }
    }
    certain: items(class: [CERTAIN], kind: [SERIAL], first: 0) { totalCount }
    possible: items(class: [POSSIBLE], kind: [SERIAL], first: 0) { totalCount }
    previously: items(class: [PREVIOUSLY_EXPOSED], kind: [SERIAL], first: 0) { totalCount }
    excluded: items(class: [EXCLUDED], kind: [SERIAL], first: 0) { totalCount }
  }
}
"""
_LISTS = """
query Lists($suspect: String!, $engine: GraphEngine) {
  recallImpact(suspects: [{item: {key: $suspect}}], policy: TIMED, engine: $engine) {
    consignees { party { key name } items serials firstShippedAt lastShippedAt }
    bounds { itemClass { name } atMost drawn { value unit } }
    gaps { reason }
  }
}
"""
_WITNESS = """
query Why($suspect: String!, $item: String!, $engine: GraphEngine) {
  recallImpact(suspects: [{item: {key: $suspect}}], policy: TIMED, engine: $engine) {
    witness(item: {key: $item}) {
      from { ...named } to { ...named } activity { kind operation } at rule
    }
  }
}
fragment named on Item {
  key itemClass { name } ... on Lot { lotNo } ... on Serial { serialNo }
}
"""
_WHERE = """
query Where($key: String!) {
  item(by: {key: $key}) {
    key status itemClass { name }
    ... on Serial { serialNo udi lot { lotNo } successor { key } }
    whereabouts {
      containers { key } place { name } holder { name }
      inTransitTo { name } installedIn { key } consumedBy { kind }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Teller:
    """One service, one suspect supply, and the engine that must answer (None: the one ready)."""

    ask: Ask
    cast: Cast
    engine: str | None

    def await_position(self, fed: Fed) -> None:
        """Wait until the engine has all that was captured. Raises: AskError."""
        variables = {"suspect": self.cast.resin, "engine": self.engine, "atLeast": fed.position}
        self.ask.until(GRAPH_WAIT_S, _NOT_YET, _POSITION, **variables)

    def story(self, fed: Fed) -> Told:
        """Return the whole story as one JSON object. Raises: AskError."""
        suspect = self.cast.resin
        first = self._impact(suspect, "TIMED")  # a cold server plans and reads for the first time
        began = clock.elapsed()
        timed = self._impact(suspect, "TIMED")
        round_trip_ms = (clock.elapsed() - began) * 1000
        lists = self._lists(suspect)
        return {
            "captured": {
                "events": fed.events,
                "new": fed.captured,
                "duplicates": fed.duplicates,
                "documents": fed.documents,
                "lots": fed.count("lots"),
                "serials": fed.count("serials"),
                "containers": fed.count("containers"),
            },
            "suspect": self.ask(_SUSPECT, key=suspect)["item"],
            "engine": timed["completeness"]["engine"],
            "position": timed["completeness"]["journalPosition"],
            "elapsedMs": timed["elapsedMs"],
            "firstElapsedMs": first["elapsedMs"],
            "roundTripMs": round(round_trip_ms, 1),
            "timed": self._counts(timed),
            "untimed": self._counts(self._impact(suspect, "UNTIMED")),
            "consignees": lists["consignees"],
            "gaps": dict(Counter(each["reason"] for each in lists["gaps"])),
            "device": self._where(self.cast.device) | {"why": self._why(suspect, self.cast.device)},
            "excluded": self._where(self.cast.excluded)
            | {"why": self._why(suspect, self.cast.excluded)},
            "replaced": self._where(self.cast.pump) | {"why": self._why(suspect, self.cast.pump)},
            "replacedByHand": self._where(self.cast.pump_by_hand)
            | {"why": self._why(suspect, self.cast.pump_by_hand)},
            "returned": self._where(self.cast.returned),
            "unpacked": self._where(self.cast.unpacked),
            "renumbered": self._where(self.cast.renumbered[0]),
            "component": self._component(),
            "cast": asdict(self.cast),
        }

    def _impact(self, suspect: str, policy: str) -> Mapping[str, Any]:
        answer = self.ask(_IMPACT, suspect=suspect, policy=policy, engine=self.engine)
        found: Mapping[str, Any] = answer["recallImpact"]
        return found

    def _lists(self, suspect: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.ask(_LISTS, suspect=suspect, engine=self.engine)[
            "recallImpact"
        ]
        return found

    def _counts(self, found: Mapping[str, Any]) -> Told:
        told = found["counts"]
        pages = (found[name] for name in ("certain", "possible", "previously", "excluded"))
        return {
            **{name: told[name] for name in told if name != "byClass"},
            "byClass": {each["class"]: each["count"] for each in told["byClass"]},
            "devicesByClass": {
                name: page["totalCount"] for name, page in zip(CLASSES, pages, strict=True)
            },
            "visited": found["completeness"]["visited"],
        }

    def _component(self) -> Told:
        suspect = self.cast.sensor
        lists = self._lists(suspect)
        return {
            "suspect": self.ask(_SUSPECT, key=suspect)["item"],
            "timed": self._counts(self._impact(suspect, "TIMED")),
            "bounds": lists["bounds"],
        }

    def _where(self, key: str) -> Told:
        return dict(self.ask(_WHERE, key=key)["item"])

    def _why(self, suspect: str, key: str) -> list[Told]:
        answer = self.ask(_WITNESS, suspect=suspect, item=key, engine=self.engine)
        found: list[Told] = answer["recallImpact"]["witness"]
        return found
