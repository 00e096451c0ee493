"""Every public EPCIS document: our verdict beside that of its source and of GS1's schema."""

import copy
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lotkin.errors import ProblemCode
from tests.domain.epcis_schema import gs1_accepts, problems, read, without_wider_deviations
from tests.shared_data import shared_data

# Called valid by their source, refused by GS1's schema, captured by us.
DISAGREEMENTS = {
    "AggregationEvent_with_persistentDisposition.json": (
        "D1: the standard's text lets any event set a persistent disposition"
    ),
    "SensorData_with_combined_events.json": (
        "D2: sensor types outside the list, and alarms without a type, are kept as sent"
    ),
    "TransactionEvent_with_userExtensions.json": "D2: sensor type outside the list",
}
# What we refuse and the schema does not: (code, last part of the path or a part of the reason).
NARROWER = (
    (ProblemCode.BAD_EVENT, "the type must be one of"),  # D4
    (ProblemCode.BAD_EVENT, "out of range in UTC"),  # D5
    (ProblemCode.BAD_QUANTITY, "negative"),  # D6
    (ProblemCode.BAD_QUANTITY, "too large"),  # D6
    (ProblemCode.BAD_IDENTIFIER, ""),  # D7
    (ProblemCode.BAD_TIME_QUALITY, ""),  # D8
    (ProblemCode.BAD_ACTIVITY_KIND, ""),  # D8
    (ProblemCode.BAD_DATE, ""),  # D8
    (ProblemCode.BAD_EVENT, "not empty"),  # D8
    (ProblemCode.BAD_EVENT, "neither JSON nor a finite number"),  # D9
    (ProblemCode.BAD_EVENT, "stands twice, under two spellings"),  # D10
)


def files(*folders: str) -> list[Path]:
    """Return the documents of folders under epcis/."""
    return sorted(
        path
        for folder in folders
        for path in shared_data("epcis", folder).iterdir()
        if path.suffix in (".json", ".jsonld")
    )


VALID = files("gs1", "openepcis/valid", "openepcis/events")
INVALID = files("openepcis/invalid")


def load(path: Path) -> Any:
    """Return the parsed JSON of a file."""
    return json.loads(path.read_text())


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_every_valid_document_is_read_whole(path: Path) -> None:
    document = load(path)
    parsed = read(document)
    assert not parsed.refused
    assert [event.index for event in parsed.events] == list(range(parsed.count))
    assert gs1_accepts(document) is (path.name not in DISAGREEMENTS)
    assert gs1_accepts(without_wider_deviations(document))


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.name)
def test_every_invalid_document_is_refused_with_a_place(path: Path) -> None:
    assert not gs1_accepts(load(path))
    assert problems(load(path))
    assert all(problem.path for problem in problems(load(path)))


def test_the_index_of_the_files_counts_the_events_as_we_do() -> None:
    with shared_data("index.csv").open() as rows:
        counted = {row["file"]: int(row["events"]) for row in csv.DictReader(rows) if row["events"]}
    ours = {f"epcis/{p.relative_to(shared_data('epcis'))}": read(load(p)).count for p in VALID}
    assert ours == {path: counted[path] for path in ours}


# ---------------------------------------------------------------- differential fuzzing
WORDS = (
    "",
    "word",
    "no uri",
    "a:",
    "a:%zz",
    "ex:thing",
    "http://[::1]/a",
    "http://[:::1]/a",
    "http://a b/",
    "http://ü.example/",
    "22-07-2026",
    "2026-01-31T08:30:00",
    "2026-01-31T08:30:00.1234567Z",
    "2026-02-30T08:30:00Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T23:59:61Z",
    "+14:00",
    "+14:30",
    "shipping",
    "in_transit",
    "recalled",
    "po",
    "urn:epcglobal:cbv:bizstep:shipping",
    "urn:epcglobal:cbv:bizstep:nonsense",
    "https://ref.gs1.org/cbv/Disp-active",
    "https://ns.gs1.org/cbv/Disp-active",
    "https://gs1.org/voc/Temperature",
    "ADD",
    "OBSERVE",
    "DELETE",
    "ObjectEvent",
    "AssociationEvent",
    "TransformationEvent",
    "urn:epc:id:sgtin:0614141.107346.2018",
)
VALUES = (
    *WORDS,
    *(None, True, 0, -1, 1.5, 10**30, [], {}, [[]], [{}], ["word"], ["ex:thing", "ex:thing"]),
    *({"id": "ex:thing"}, {"set": ["active"]}, [{"epcClass": "ex:c"}], [{"sensorReport": []}]),
)
NAMES = (
    *("extra", "ex:extra", "@context", "type", "ilmd", "parentID", "epcList", "quantityList"),
    *("childEPCs", "persistentDisposition", "recordTime", "transformationID", "action", "uom"),
    *("readPoint", "sensorElementList", "errorDeclaration", "certificationInfo", "eventID"),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a JSON value."""
    inner = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [place for key, each in inner for place in ((value, key), *places(each))]


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """Draw a valid document with one or two places broken, perhaps."""
    document = copy.deepcopy(load(draw(st.sampled_from(VALID))))
    for _ in range(draw(st.integers(1, 2))):
        found = places(document)
        container, key = found[draw(st.integers(0, len(found) - 1))]
        change = draw(st.sampled_from(("drop", "set", "set", "set", "add")))
        if change == "drop":
            del container[key]
        elif change == "set" or isinstance(container, list):
            container[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        else:
            container[draw(st.sampled_from(NAMES))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    return document


def told(problem: Any) -> bool:
    """Return whether a published deviation explains why only we refuse."""
    reason = str(problem.facts.get("reason", ""))
    return any(problem.code is code and part in reason for code, part in NARROWER)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutants())
def test_a_broken_document_gets_the_verdict_of_the_schema(document: Any) -> None:
    ours = problems(document)
    if not ours:
        assert gs1_accepts(without_wider_deviations(document))
    elif gs1_accepts(document):
        assert all(told(problem) for problem in ours), [p.message() for p in ours]
