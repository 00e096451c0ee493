"""Reads EPCIS 2.0 JSON and JSON-LD: whole documents, query results, events, arrays of events.

An unusable envelope raises; a bad event is refused by its index and the others are read. What is
checked and how it differs from GS1's JSON schema is published in `docs/epcis.md`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lotkin.domain.epcis_context import ROOT, Context
from lotkin.domain.epcis_digest import check_storable, digest
from lotkin.domain.epcis_master import read_master
from lotkin.domain.epcis_read import read
from lotkin.domain.epcis_rules import (
    CONTEXT_DEPTH_MAX,
    ENVELOPES,
    check_event,
    event_type,
)
from lotkin.domain.epcis_syntax import Flaw, is_deeper
from lotkin.domain.event import Event, EventType, MasterData, ParsedDocument
from lotkin.errors import Problem, ProblemCode
from lotkin.settings import SourceSystem

_BODY = ("epcisBody", "eventList")
_RESULTS = ("epcisBody", "queryResults", "resultsBody")


def parse(document: object, *, sources: Mapping[str, SourceSystem], now_us: int) -> ParsedDocument:
    """Return the typed events and master data of parsed JSON, with the refused events by index.

    document: an EPCISDocument, an EPCISQueryDocument, one event or a list of events. `sources` are
    the registered source systems; `now_us` flags events of the future.
    Raises: Problem BAD_DOCUMENT, its path inside the document.
    """
    reader = _Reader(sources, now_us)
    if isinstance(document, list):
        reader.read_all(document)
    elif _kind(document) in ENVELOPES:
        _read_document(reader, document)
    elif isinstance(document, dict) and _kind(document) and "epcisBody" not in document:
        reader.read_all([document], bare=True)
    else:
        reason = "neither an EPCISDocument nor an event nor a list of events"
        raise Problem(ProblemCode.BAD_DOCUMENT, path=("type",), reason=reason)
    return ParsedDocument(
        tuple(reader.events), reader.refused, reader.count, reader.master, reader.event_ids
    )


def _kind(document: object) -> str:
    told = document.get("type") if isinstance(document, dict) else None
    return told if isinstance(told, str) else ""


def _read_document(reader: "_Reader", document: Any) -> None:
    kind = document["type"]
    try:
        ENVELOPES[kind](document, ROOT)
        check_storable(document["@context"])
    except Flaw as flaw:
        raise flaw.problem(ProblemCode.BAD_DOCUMENT) from None
    reader.told = document["@context"]
    reader.context = ROOT.extended(reader.told)
    if kind == "EPCISDocument":
        header = document.get("epcisHeader", {}).get("epcisMasterData", {})
        reader.read_master(header, "epcisHeader", "epcisMasterData")
        reader.read_all(document["epcisBody"]["eventList"])
    else:
        results = document["epcisBody"]["queryResults"]["resultsBody"]
        reader.read_master(results, *_RESULTS)
        reader.read_all(results["eventList"])


@dataclass(slots=True)
class _Reader:
    """The events of one document as they are read."""

    sources: Mapping[str, SourceSystem]
    now_us: int
    told: Any = None  # the document's own @context; None where it has none
    context: Context = ROOT
    count: int = 0
    events: list[Event] = field(default_factory=list)
    refused: dict[int, Problem] = field(default_factory=dict)
    event_ids: dict[int, str] = field(default_factory=dict)
    master: MasterData = field(default_factory=MasterData)
    contexts: dict[str, Context] = field(default_factory=dict)  # by @context of events, as JSON

    def read_master(self, holder: Mapping[str, Any], *path: str) -> None:
        """Read the vocabularies under `holder`; `path` leads to it in the document."""
        try:
            self.master = read_master(holder.get("vocabularyList", ()), self.context)
        except Flaw as flaw:
            flaw.at(*path, "vocabularyList")
            raise flaw.problem(ProblemCode.BAD_DOCUMENT) from None

    def read_all(self, events: list[Any], *, bare: bool = False) -> None:
        """Read every event. A bare one brings its own @context (as GS1's schema asks)."""
        self.count = len(events)
        for index, event in enumerate(events):
            if isinstance(event, dict) and isinstance(event.get("eventID"), str):
                self.event_ids[index] = event["eventID"]
            try:
                if bare and "@context" not in event:
                    raise Flaw("@context is missing").at("@context")
                self.events.append(self._read(index, event))
            except Flaw as flaw:
                self.refused[index] = flaw.problem()

    def _read(self, index: int, event: Any) -> Event:
        context = self._context_of(event)
        kind = event_type(event, context)
        check_event(event, kind, context)
        content = digest(event, kind, context)
        return read(
            index,
            self._standing_alone(event),
            EventType(kind),
            context,
            content,
            sources=self.sources,
            now_us=self.now_us,
        )

    def _context_of(self, event: Any) -> Context:
        told = event.get("@context") if isinstance(event, dict) else None
        if told is None:
            return self.context
        if is_deeper(told, CONTEXT_DEPTH_MAX):
            raise Flaw("the context nests too deep").at("@context")
        name = json.dumps(told)
        if name not in self.contexts:
            self.contexts[name] = self.context.extended(told)
        return self.contexts[name]

    def _standing_alone(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the event with all context it was sent under, so that it can be read alone."""
        if self.told is None:
            return event
        if "@context" not in event:
            return {"@context": self.told, **event}
        return {**event, "@context": [*_as_list(self.told), *_as_list(event["@context"])]}


def _as_list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [told]
