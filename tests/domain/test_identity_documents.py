"""Every identifier of the public EPCIS documents has a key, and `scan` leads to the same key."""

import gzip
import itertools
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from lotkin.domain.identity import Scheme, class_key, item_key, lot_key, parse_epc, scan
from tests.shared_data import shared_data

TODAY = date(2026, 11, 21)
ONE = ("parentID", "epcClass")
MANY = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
FOLDERS = (("gs1",), ("openepcis", "valid"), ("openepcis", "events"))


def documents() -> list[Path]:
    folders = [shared_data("epcis", *folder) for folder in FOLDERS]
    return sorted(p for f in folders for p in f.iterdir() if p.suffix in (".json", ".jsonld"))


def identifiers(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for entry in node:
            yield from identifiers(entry)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ONE and isinstance(value, str):
                yield value
            elif name in MANY:
                yield from value
            elif name in ("readPoint", "bizLocation") and isinstance(value, dict):
                yield value["id"]
            else:
                yield from identifiers(value)


def every_identifier() -> set[str]:
    return {text for path in documents() for text in identifiers(json.loads(path.read_bytes()))}


def test_there_are_documents_and_identifiers():
    assert len(documents()) == 60
    assert len(every_identifier()) > 70


def test_every_identifier_has_a_key_of_a_known_scheme():
    for text in every_identifier():
        assert parse_epc(text).scheme in (Scheme.EPC_URN, Scheme.GS1_DIGITAL_LINK), text


def test_a_scan_of_every_identifier_finds_what_capture_stored():
    for text in every_identifier():
        found = scan(text, today=TODAY)
        assert found.identity is not None, text
        assert found.identity.key == parse_epc(text).key
        assert item_key(text) == found.identity.key


def test_every_device_of_the_public_register_is_scanned_alike_with_and_without_brackets():
    path = shared_data("eudamed", "devices.ndjson.gz")
    with gzip.open(path) as lines:
        gtins = {json.loads(line)["gtin"] for line in itertools.islice(lines, 0, None, 8)}
    for gtin in filter(None, gtins):
        owner = class_key(gtin)
        bracketed = scan(f"(01){owner[4:]}(17)270100(10)A-1", today=TODAY)
        bare = scan(f"01{owner[4:]}1727010010A-1", today=TODAY)
        assert bracketed == bare
        assert bare.identity.key == lot_key(owner, "A-1")
