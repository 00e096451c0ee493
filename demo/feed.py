"""Brings the demo's documents into a service through its public door, counting what is in them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from lotkin.demo.upload import TIMEOUT_S, Upload, UploadError

_KINDS = {
    "urn:epc:class:lgtin:": "lots",
    "urn:epc:id:sgtin:": "serials",
    "urn:epc:id:sscc:": "containers",
}
_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_AMOUNTS = ("quantityList", "inputQuantityList", "outputQuantityList")


@dataclass(slots=True)
class Fed:
    """What the service acknowledged, and the last journal position it named."""

    documents: int = 0
    captured: int = 0
    duplicates: int = 0
    position: int = 0
    named: dict[str, set[str]] = field(default_factory=lambda: {k: set() for k in _KINDS.values()})

    @property
    def events(self) -> int:
        """How many events are in the service now."""
        return self.captured + self.duplicates

    def count(self, kind: str) -> int:
        """Return how many different lots, serials or containers the documents name."""
        return len(self.named[kind])


def feed(
    upload: Upload,
    documents: Iterable[tuple[str, Mapping[str, Any]]],
    report: Callable[[str, int], None],
) -> Fed:
    """Send documents in order; report(name, events) after each one.

    Raises: UploadError when one is refused or the service does not answer.
    """
    fed = Fed()
    with httpx.Client(timeout=TIMEOUT_S) as client:
        for name, document in documents:
            events = document["epcisBody"]["eventList"]
            payload = upload.post(client, document)
            _note(fed, name, payload)
            for epc in _items(events):
                kind = next((_KINDS[each] for each in _KINDS if epc.startswith(each)), None)
                if kind is not None:
                    fed.named[kind].add(epc)
            report(name, len(events))
    return fed


def _note(fed: Fed, name: str, payload: Mapping[str, Any]) -> None:
    refused = [each for each in payload["results"] if each["outcome"] == "REFUSED"]
    if refused or payload["problems"]:
        problem = refused[0]["problem"] if refused else payload["problems"][0]
        raise UploadError(f"{name} was refused: {problem['message']}")
    outcomes = [each["outcome"] for each in payload["results"]]
    fed.documents += 1
    fed.captured += outcomes.count("CAPTURED")
    fed.duplicates += outcomes.count("DUPLICATE")
    fed.position = max(fed.position, int(payload["position"] or 0))


def _items(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for event in events:
        if "parentID" in event:
            yield event["parentID"]
        for name in _LISTS:
            yield from event.get(name, ())
        for name in _AMOUNTS:
            yield from (each["epcClass"] for each in event.get(name, ()))
