"""Every identifier of the public EPCIS documents has a key, and `scan` leads to the same key."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from lotkin.domain.identity import Scheme, parse_epc, scan
from lotkin.errors import ProblemCode
from tests.shared_data import shared_data

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
        found = scan(text, today=date(2026, 11, 21))
        if found.identity is None:
            assert [p.code for p in found.problems] == [ProblemCode.BAD_CHECK_DIGIT], text
        else:
            assert found.identity.key == parse_epc(text).key
