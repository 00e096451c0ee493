"""Every public EPCIS document over HTTP: taken or refused, found by its labels, mirrored."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lotkin.auth.permissions import Role
from tests.flows.outside import Outside
from tests.shared_data import shared_data

VALID = (("gs1",), ("openepcis", "valid"), ("openepcis", "events"))
# Four of the documents use this id for two contents: what comes second is a conflict.
TOLD_TWICE = {
    "ni:///sha-256;5f7c472bc4905de27a19b2efc8e4a9c6dc195139669b80b515f12218ff07cf65?ver=CBV2.0"
}
MIRROR = """query($from: [ItemLookup!]!) {
  forward: traceForward(from: $from) { items(first: 10000) { edges { node { item { key } } } } }
  backward: traceBackward(from: $from) { items(first: 10000) { edges { node { item { key } } } } }
}"""
FIND = """query($by: ItemLookup!, $text: String!) { item(by: $by) { id key kind }
  scan(text: $text) { scheme ambiguous item { id key } } }"""
WHAT = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
AMOUNTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")


def files(*folders: tuple[str, ...]) -> list[Path]:
    found = [path for folder in folders for path in shared_data("epcis", *folder).rglob("*.json*")]
    return sorted(found)


def events(body: Any) -> Iterator[dict[str, Any]]:
    """The events of a document of any shape."""
    if isinstance(body, dict) and "epcisBody" in body:
        inner = body["epcisBody"]
        inner = inner.get("queryResults", {}).get("resultsBody", inner)
        listed = inner.get("eventList", inner.get("event", []))
        yield from listed if isinstance(listed, list) else [listed]
    else:
        yield from body if isinstance(body, list) else [body]


def epcs(body: Any) -> set[str]:
    """What the events are about: instances, parents, and lots told by class."""
    found: set[str] = set()
    for event in events(body):
        for name in WHAT:
            found.update(event.get(name, []))
        if "parentID" in event:
            found.add(event["parentID"])
        for name in AMOUNTS:
            found.update(one["epcClass"] for one in event.get(name, []))
    return found


def is_item(epc: str) -> bool:
    """Classes without a lot are no items, nor are places."""
    pattern = epc.startswith("urn:epc:idpat:") or epc.endswith(("*", ".*"))
    place = any(part in epc for part in (":sgln:", ":pgln:", "/414/", "/417/"))
    tail = epc.split("/01/")[-1] if "/01/" in epc else "/"
    return not pattern and not place and "/" in tail


@pytest.fixture(scope="module")
def everything(outside: Outside) -> Outside:
    for path in files(*VALID):
        outside.capture(document=json.loads(path.read_bytes()), onError="PROCEED")
    return outside


@pytest.mark.parametrize("path", files(*VALID), ids=lambda path: path.name)
def test_a_valid_document_is_captured(outside: Outside, path: Path) -> None:
    payload = outside.capture(document=json.loads(path.read_bytes()), onError="PROCEED")
    assert payload["results"]
    for result in payload["results"]:
        if result["eventId"] in TOLD_TWICE and result["outcome"] == "REFUSED":
            assert result["problem"]["code"] == "EVENT_ID_CONFLICT"
        else:
            assert result["outcome"] in {"CAPTURED", "DUPLICATE"}, payload


@pytest.mark.parametrize("path", files(("openepcis", "invalid")), ids=lambda path: path.name)
def test_an_invalid_document_is_refused(outside: Outside, path: Path) -> None:
    body = json.loads(path.read_bytes())
    payload = outside.capture(document=body)
    assert payload["captured"] == 0
    assert payload["problems"]
    answer = outside.client.post("/capture", json=body, headers=outside.headers(Role.OPERATOR))
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("path", files(*VALID), ids=lambda path: path.name)
def test_every_item_of_a_document_is_found_by_item_and_scan(
    everything: Outside, path: Path
) -> None:
    for epc in filter(is_item, epcs(json.loads(path.read_bytes()))):
        told = everything.ask(FIND, by={"key": epc}, text=epc)
        assert told["item"] is not None, epc
        assert (told["scan"]["item"] or {}).get("key") == told["item"]["key"], epc
        key = told["item"]["key"]
        if key.startswith("/"):
            link = f"https://shop.example.com{key}"
            again = everything.ask(FIND, by={"scan": link}, text=link)
            assert again["item"]["id"] == again["scan"]["item"]["id"] == told["item"]["id"], link


def test_forward_and_backward_mirror_each_other(everything: Outside) -> None:
    keys: set[str] = set()
    for path in files(*VALID):
        for epc in filter(is_item, epcs(json.loads(path.read_bytes()))):
            found = everything.ask(FIND, by={"key": epc}, text=epc)["item"]
            if found is not None and found["kind"] != "CONTAINER":
                keys.add(found["key"])
    reach: dict[str, dict[str, set[str]]] = {"forward": {}, "backward": {}}
    for key in keys:
        told = everything.ask(MIRROR, **{"from": [{"key": key}]})
        for way, trace in told.items():
            edges = trace["items"]["edges"]
            reach[way][key] = {edge["node"]["item"]["key"] for edge in edges}
    forward = {(x, y) for x in keys for y in reach["forward"][x]}
    backward = {(x, y) for y in keys for x in reach["backward"][y]}
    assert forward == backward
    assert len(forward) >= 5
