"""Takes EPCIS documents in: validate, decide, write record, genealogy and journal at once.

An acknowledged event is in the record; a refused document leaves nothing behind. Order of
arrival does not matter, repeats change nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain import epcis
from lotkin.domain.admission import Admission, CaptureResult, Outcome, Recorded, admit
from lotkin.domain.event import Event, ParsedDocument
from lotkin.domain.facts import PackingOp, facts_of
from lotkin.domain.size import digest_within
from lotkin.errors import Problem, ProblemCode
from lotkin.journal import intent as journal_intent
from lotkin.journal import read as journal_read
from lotkin.records import capture as capture_records
from lotkin.records import events, identities, jobs, stays
from lotkin.records.entry import Entry, Teller
from lotkin.records.session import Connection
from lotkin.resolvers import answers
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting
from lotkin.resolvers.own import own_keys, own_party_keys
from lotkin.resolvers.remarks import remarks_of
from lotkin.resolvers.usecase import usecase

POSITION_POLL_S = (0.002, 0.004, 0.008, 0.016, 0.032, 0.05)  # the sequencer answers in some ms


class OnError(StrEnum):
    """What a refused event means for the others of its document."""

    ROLLBACK = "ROLLBACK"
    PROCEED = "PROCEED"


@dataclass(frozen=True, slots=True)
class CaptureOutcome:
    """What became of a document. position: None while the journal has not placed it yet."""

    captured: int
    results: tuple[CaptureResult, ...]
    position: int | None
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Written:
    """What one transaction did, before the journal has placed it."""

    results: list[CaptureResult] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    intents: list[UUID] = field(default_factory=list)

    @property
    def captured(self) -> int:
        """How many events were captured."""
        return sum(result.outcome is Outcome.CAPTURED for result in self.results)


class _RolledBackError(Exception):
    """Ends the transaction of a document that is refused as a whole."""

    def __init__(self, written: _Written) -> None:
        super().__init__("rolled back")
        self.written = written


@usecase(Permission.EVENT_CAPTURE, writes=True)
async def capture(
    context: Context,
    document: object,
    on_error: OnError = OnError.ROLLBACK,
    idempotency_key: str | None = None,
) -> CaptureOutcome:
    """Capture an EPCIS document, bare event or list of events.

    Bounds: settings.document_bytes_max, document_depth_max, document_events_max.
    A document that is refused whole is an outcome with problems, never an exception.
    """
    try:
        digest = _digest(context, document)
        written = await _capture(context, document, _Request(digest, on_error, idempotency_key))
    except Problem as problem:
        return CaptureOutcome(0, (), None, (problem,))
    return await _outcome(context, written)


async def _outcome(context: Context, written: _Written) -> CaptureOutcome:
    position = await wait_for_position(context, written.intents)
    return CaptureOutcome(
        written.captured, tuple(written.results), position, tuple(written.problems)
    )


@usecase(Permission.EVENT_CAPTURE, writes=True)
async def submit(context: Context, document: object, on_error: OnError = OnError.ROLLBACK) -> UUID:
    """Capture a document as a job of the REST binding; return the job's id when it has ended.

    Raises: Problem for what a limit or the schema shows, in an event too unless PROCEED keeps the
    others (ruling 19); nothing is kept then, no job either.
    """
    digest = _digest(context, document)
    job = clock.new_id()
    written = await _capture(context, document, _Request(digest, on_error, job=job))
    await wait_for_position(context, written.intents)
    return job


def _digest(context: Context, document: object) -> bytes:
    settings = context.settings
    return digest_within(
        document, bytes_max=settings.document_bytes_max, depth_max=settings.document_depth_max
    )


@dataclass(frozen=True, slots=True)
class _Request:
    """How a document came: its digest, what a refusal means, and how its answer is kept."""

    digest: bytes
    on_error: OnError
    idempotency_key: str | None = None
    job: UUID | None = None


async def _capture(context: Context, document: object, request: _Request) -> _Written:
    parsed = epcis.parse(document, sources=context.settings.sources, now_us=clock.now_us())
    if parsed.count > context.settings.document_events_max:
        raise Problem(
            ProblemCode.TOO_MANY_EVENTS,
            count=parsed.count,
            limit=context.settings.document_events_max,
        )
    if request.job is not None and request.on_error is OnError.ROLLBACK and parsed.refused:
        index = min(parsed.refused)
        raise _located(index, parsed.refused[index])
    try:
        return await context.database.run(
            lambda connection: _write(context, connection, parsed, request)
        )
    except _RolledBackError as refusal:
        if request.job is not None:
            async with context.database.transaction() as connection:
                await _store_job(context, connection, request, refusal.written)
        return refusal.written


async def _write(
    context: Context, connection: Connection, parsed: ParsedDocument, request: _Request
) -> _Written:
    if request.idempotency_key is not None:
        remembered = await _remembered(context, connection, request)
        if remembered is not None:
            return remembered
    own = await identities.own_keys(connection, own_keys(context.settings))
    told = [(event, facts_of(event, own)) for event in parsed.events]
    await _lock(connection, told)
    known = await events.known(connection, [event.event_id for event in parsed.events])
    recorded = {
        (each.event_id, each.is_declaration): Recorded(each.id, each.digest, each.is_retracted)
        for each in known
    }
    admission = admit(told, recorded)
    admission.refused.update(parsed.refused)
    if admission.refused and request.on_error is OnError.ROLLBACK:
        raise _RolledBackError(_rolled_back(parsed, admission))
    await _lock_touched(connection, admission)
    entries = await _write_entries(context, connection, parsed, admission)
    written = _Written(
        _results(parsed, admission, await remarks_of(connection, entries)), _problems(admission)
    )
    repeats = {event.event_id for event in admission.duplicates}
    written.intents = [entry.intent_id for entry in entries] or [
        each.intent_id for each in known if each.event_id in repeats
    ]
    await _keep_answer(context, connection, request, written)
    return written


async def _write_entries(
    context: Context, connection: Connection, parsed: ParsedDocument, admission: Admission
) -> list[Entry]:
    at = await events.now(connection)
    intents = journal_intent.fresh_ids(len(admission.admitted))
    entries = [
        Entry(event, facts, intent)
        for (event, facts), intent in zip(admission.admitted, intents, strict=True)
    ]
    settings = context.settings
    await capture_records.write(
        connection,
        entries,
        parsed.master,
        [events.Retraction(*pair) for pair in admission.pairs],
        teller=Teller(context.actor.subject, settings.org, settings.site, own_party_keys(settings)),
        at=at,
    )
    await journal_intent.append(connection, [_intent(context, entry, at) for entry in entries])
    return entries


Told = Sequence[tuple[Event, Any]]


async def _lock(connection: Connection, told: Told) -> None:
    keys = {event.event_id for event, _ in told}
    for _, facts in told:
        for packing in facts.packings:
            keys |= {packing.parent} | ({packing.child} if packing.child else set())
    await events.lock(connection, sorted(keys))


async def _lock_touched(connection: Connection, admission: Admission) -> None:
    """Lock what only the record can name: children of emptied parents and of retracted events."""
    originals = [pair.original for pair in admission.pairs if pair.original >= 0]
    keys = await stays.packed_in(connection, originals) if originals else set()
    emptied = {
        packing.parent
        for _, facts in admission.admitted
        for packing in facts.packings
        if packing.op is PackingOp.DELETE_ALL
    }
    keys |= await stays.keys_inside(connection, keys | emptied)
    if keys:
        await events.lock(connection, sorted(keys))


def _intent(context: Context, entry: Entry, at: datetime) -> journal_intent.Intent:
    event = entry.event
    is_declaration = event.error is not None
    return journal_intent.intent(
        id=entry.intent_id,
        at=at,
        event="event.declared_wrong" if is_declaration else "event.captured",
        actor=acting(context),
        entity={"type": "event", "id": event.event_id, "ver": 1},
        body={
            "event": {
                "row": entry.row,
                "id": event.event_id,
                "digest": event.digest.hex(),
                "type": event.type.value,
                "at": event.time.at,
                "declaration": is_declaration,
            },
            "graph": entry.graph,
        },
    )


def _rolled_back(parsed: ParsedDocument, admission: Admission) -> _Written:
    fault = min(admission.refused)
    results = []
    for index, event_id in _indexes(parsed):
        problem = admission.refused.get(index) or Problem(ProblemCode.ROLLED_BACK, index=fault)
        results.append(CaptureResult(index, event_id, Outcome.REFUSED, problem))
    others = [
        _located(index, each) for index, each in sorted(admission.refused.items()) if index != fault
    ]
    return _Written(results, [_located(fault, admission.refused[fault]), *others])


def _problems(admission: Admission) -> list[Problem]:
    return [_located(index, each) for index, each in sorted(admission.refused.items())]


def _located(index: int, problem: Problem) -> Problem:
    """Return the problem of one event with its path from the document."""
    path = (str(index), *problem.path)
    return Problem(problem.code, path=path, detail=problem.detail, **problem.facts)


def _indexes(parsed: ParsedDocument) -> list[tuple[int, str]]:
    ids = {event.index: event.event_id for event in parsed.events}
    return [
        (index, ids.get(index) or parsed.event_ids.get(index, "")) for index in range(parsed.count)
    ]


def _results(
    parsed: ParsedDocument, admission: Admission, remarks: Mapping[int, Sequence[Problem]]
) -> list[CaptureResult]:
    repeats = {event.index for event in admission.duplicates}
    results = []
    for index, event_id in _indexes(parsed):
        if index in admission.refused:
            problem = admission.refused[index]
            results.append(CaptureResult(index, event_id, Outcome.REFUSED, problem))
        elif index in repeats:
            results.append(CaptureResult(index, event_id, Outcome.DUPLICATE))
        else:
            odd = (*admission.remarks.get(index, ()), *remarks.get(index, ()))
            results.append(CaptureResult(index, event_id, Outcome.CAPTURED, None, odd))
    return results


async def _keep_answer(
    context: Context, connection: Connection, request: _Request, written: _Written
) -> None:
    last = max(written.intents, default=None)
    if request.idempotency_key is not None:
        await jobs.remember_answer(
            connection,
            context.actor.subject,
            request.idempotency_key,
            jobs.Remembered(
                request.digest, answers.stored(written.results, written.problems), last
            ),
        )
    if request.job is not None:
        await _store_job(context, connection, request, written)


async def _store_job(
    context: Context, connection: Connection, request: _Request, written: _Written
) -> None:
    assert request.job is not None
    # At fault first; good events that went with a bad one come after it (ruling 19).
    refused = sorted(
        (each for each in written.results if each.problem is not None),
        key=lambda each: each.problem is not None and each.problem.code is ProblemCode.ROLLED_BACK,
    )
    await jobs.store(
        connection,
        id=request.job,
        actor=context.actor.subject,
        on_error=request.on_error.value,
        success=not refused,
        errors=[answers.job_error(each, context.language) for each in refused],
        captured=written.captured,
        last_intent=max(written.intents, default=None),
    )


async def _remembered(
    context: Context, connection: Connection, request: _Request
) -> _Written | None:
    actor, key = context.actor.subject, request.idempotency_key
    assert key is not None
    await events.lock(connection, [f"idempotency:{actor}:{key}"])
    found = await jobs.recall_answer(connection, actor, key)
    if found is None:
        return None
    if found.digest != request.digest:
        raise Problem(ProblemCode.IDEMPOTENCY_CONFLICT, path=("idempotencyKey",))
    results, problems = answers.restored(found.answer)
    return _Written(results, problems, [found.last_intent] if found.last_intent else [])


async def wait_for_position(context: Context, intents: Sequence[UUID]) -> int | None:
    """Return the journal position of the last of `intents`, waiting for the sequencer.

    Bounds: settings.position_wait_s; None when there is nothing to wait for or it took longer:
    the events are recorded all the same, and get their place when a sequencer runs again.
    """
    if not intents:
        return None
    last = [max(intents)]
    deadline = clock.elapsed() + context.settings.position_wait_s
    attempt = 0
    while True:
        async with context.database.reading() as connection:
            position = await journal_read.position(connection, last)
        if position is not None or clock.elapsed() >= deadline:
            return position
        await asyncio.sleep(POSITION_POLL_S[min(attempt, len(POSITION_POLL_S) - 1)])
        attempt += 1
