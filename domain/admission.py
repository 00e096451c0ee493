"""Decides what happens to each event of a document: captured, a duplicate, or refused.

Pure. Capture refuses what is contradictory inside one document and what reuses an event id for
other content; order of arrival, state and stock are never a reason (rulings 15, 17, 18).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from lotkin.domain.containment import cycle
from lotkin.domain.event import Event
from lotkin.domain.facts import Facts
from lotkin.errors import Problem, ProblemCode


class Outcome(StrEnum):
    """What became of one event."""

    CAPTURED = "CAPTURED"
    DUPLICATE = "DUPLICATE"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """What became of one event; remarks say what is odd about a captured one."""

    index: int
    event_id: str
    outcome: Outcome
    problem: Problem | None = None
    remarks: tuple[Problem, ...] = ()


class Recorded(NamedTuple):
    """An event already recorded under an id, as far as admission needs it."""

    row: int
    digest: bytes
    is_retracted: bool


class Pair(NamedTuple):
    """A retraction to carry out. Rows >= 0 are recorded; -1-i is the i-th admitted event."""

    original: int
    declaration: int


@dataclass(slots=True)
class Admission:
    """The events to write with their facts, the rest with its reason, retractions to do."""

    admitted: list[tuple[Event, Facts]] = field(default_factory=list)
    duplicates: list[Event] = field(default_factory=list)
    refused: dict[int, Problem] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    remarks: dict[int, list[Problem]] = field(default_factory=dict)


Key = tuple[str, bool]  # event id, is it an error declaration


def admit(told: Sequence[tuple[Event, Facts]], recorded: Mapping[Key, Recorded]) -> Admission:
    """Return what to do with each event, given what is recorded under the same ids."""
    result = Admission()
    first: dict[Key, Event] = {}
    for event, facts in told:
        key = _key(event)
        known = recorded[key].digest if key in recorded else None
        if known is None and key in first:
            known = first[key].digest
        if known is None:
            first[key] = event
            result.admitted.append((event, facts))
        elif event.error is not None or known == event.digest:
            result.duplicates.append(event)
        else:
            result.refused[event.index] = Problem(
                ProblemCode.EVENT_ID_CONFLICT, event_id=event.event_id, path=("eventID",)
            )
    _refuse_cycles(result)
    _pair(result, recorded)
    return result


def _key(event: Event) -> Key:
    return event.event_id, event.error is not None


def _refuse_cycles(result: Admission) -> None:
    while True:
        statements = [
            (event.time.at, packing.op, packing.parent, packing.child)
            for event, facts in result.admitted
            for packing in facts.packings
        ]
        owners = [event for event, facts in result.admitted for _ in facts.packings]
        found = cycle(statements)
        if found is None:
            return
        culprit = owners[found.place]
        result.refused[culprit.index] = Problem(
            ProblemCode.CONTAINMENT_CYCLE,
            child=found.child,
            parent=found.parent,
            path=("parentID",),
        )
        result.admitted = [each for each in result.admitted if each[0] is not culprit]


def _pair(result: Admission, recorded: Mapping[Key, Recorded]) -> None:
    places = {_key(event): -1 - place for place, (event, _) in enumerate(result.admitted)}
    for (event_id, is_declaration), place in places.items():
        other = (event_id, not is_declaration)
        known = recorded.get(other)
        row = known.row if known else places.get(other)
        if is_declaration and row is None:
            event = result.admitted[-1 - place][0]
            result.remarks.setdefault(event.index, []).append(
                Problem(ProblemCode.UNKNOWN_ORIGINAL, path=("eventID",))
            )
        elif is_declaration and row is not None:
            if known is None or not known.is_retracted:
                result.pairs.append(Pair(row, place))
        elif known is not None:
            result.pairs.append(Pair(place, known.row))  # the original comes after its declaration
