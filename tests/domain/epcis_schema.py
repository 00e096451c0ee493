"""GS1's own JSON schema as a judge, and what our published deviations take out of its sight.

Numbers (D1 …) are those of docs/epcis.md.
"""

import copy
import json
from functools import cache
from typing import Any

from jsonschema import Draft7Validator

from lotkin.domain import cbv
from lotkin.domain.epcis import parse
from lotkin.domain.event import ParsedDocument
from lotkin.errors import Problem
from tests.shared_data import shared_data

FAR = 4_000_000_000_000_000  # microseconds, year 2096: no event of the files lies in the future
_WORDS = {
    "bizStep": cbv.BIZ_STEP,
    "disposition": cbv.DISPOSITION,
    "reason": cbv.ERROR_REASON,
    "component": cbv.COMPONENT,
    "exception": cbv.ALERT,
}


@cache
def validator() -> Draft7Validator:
    """Return GS1's schema with formats on."""
    schema = json.loads(shared_data("epcis", "gs1-schema", "EPCIS-JSON-Schema.json").read_text())
    return Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)


def gs1_accepts(document: Any) -> bool:
    """Return GS1's verdict on a document or a bare event."""
    return bool(validator().is_valid(document))


def read(document: Any, **settings: Any) -> ParsedDocument:
    """Return our reading, no sources registered and nothing in the future unless told."""
    return parse(document, **{"sources": {}, "now_us": FAR, **settings})


def problems(document: Any) -> list[Problem]:
    """Return all for which we refuse a document or events of it."""
    try:
        return list(read(document).refused.values())
    except Problem as problem:
        return [problem]


def without_wider_deviations(document: Any) -> Any:
    """Return the document with all that only we accept rewritten to what GS1's schema knows."""
    plain = copy.deepcopy(document)
    events = plain.get("epcisBody", {})
    events = events.get("queryResults", {}).get("resultsBody", events)
    for event in events.get("eventList", [plain]):
        if event.get("type") not in ("ObjectEvent", "TransformationEvent"):
            event.pop("persistentDisposition", None)  # D1
    _rewrite(plain)
    return plain


def _rewrite(value: Any) -> None:
    if isinstance(value, list):
        for entry in value:
            _rewrite(entry)
    if not isinstance(value, dict):
        return
    for report in value.get("sensorReport", ()):
        report["type"] = "Temperature"  # D2
    for name, entry in value.items():
        if isinstance(entry, str):
            value[name] = _scalar(name, entry)
        elif name in ("set", "unset"):
            value[name] = [_scalar("disposition", each) for each in entry]
        elif name == "attribute" and isinstance(entry, bool | list):
            value[name] = "told"  # D11
        else:
            _rewrite(entry)


def _scalar(name: str, entry: str) -> str:
    families = [_WORDS[name]] if name in _WORDS else []
    if name == "type":
        families = [cbv.TRANSACTION, cbv.PARTY_ROLE]
    for family in families:
        entry = family.bare(entry) or entry  # D3
    return entry.replace("23:59:60", "23:59:59")  # D5
