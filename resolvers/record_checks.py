"""Holds business rows against the journal: one check for each kind of record.

A kind of record adds its own with `check("kind")`; it gets a snapshot and yields findings.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import orjson

from lotkin import clock
from lotkin.domain import epcis
from lotkin.domain.event import Event
from lotkin.domain.evidence import Finding, Flaw
from lotkin.domain.facts import Facts, facts_of
from lotkin.errors import Problem
from lotkin.records import audit, identities
from lotkin.records.audit import EventRow
from lotkin.records.session import Connection
from lotkin.resolvers.context import Services
from lotkin.resolvers.own import own_keys

CHUNK = 1_000  # event rows a statement; some MB of documents

# What reading a body raises that somebody has tampered with.
MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError)

Check = Callable[[Services, Connection], AsyncIterator[Finding]]
CHECKS: dict[str, Check] = {}


def check(kind: str) -> Callable[[Check], Check]:
    """Register how rows of a kind of record are held against the journal."""

    def declare(function: Check) -> Check:
        assert kind not in CHECKS, kind
        CHECKS[kind] = function
        return function

    return declare


@check("event")
async def events(services: Services, connection: Connection) -> AsyncIterator[Finding]:
    """Yield event rows and facts that are not what their documents and entries tell."""
    own = await identities.own_keys(connection, own_keys(services.settings))
    after = 0
    while rows := await audit.event_rows(connection, after, CHUNK):
        after = rows[-1].id
        ids = [row.id for row in rows]
        told, ended, keyed = [
            await read(connection, ids)
            for read in (audit.told_facts, audit.ended_facts, audit.keyed_facts)
        ]
        for row in rows:
            for finding in _judged(row, own, told, ended, keyed):
                yield finding
    for position, intent in await audit.journaled_events(connection):
        detail = "the entry tells an event that is not there"
        yield Finding(Flaw.RECORD_MISSING, "event", f"intent {intent}", detail, position)


def _judged(
    row: EventRow,
    own: frozenset[str],
    told: audit.Facts,
    ended: audit.Facts,
    keyed: audit.Facts,
) -> list[Finding]:
    try:
        return list(_row(row, own, told, ended, keyed))
    except MALFORMED:
        detail = "its body cannot be read"
        row_name = str(row.intent_id)
        return [Finding(Flaw.BODY_CHANGED, "journal_intent", row_name, detail, row.position)]


def _row(
    row: EventRow,
    own: frozenset[str],
    told: audit.Facts,
    ended: audit.Facts,
    keyed: audit.Facts,
) -> Iterable[Finding]:
    if row.body is None:
        detail = "no journal entry tells this event"
        yield Finding(Flaw.RECORD_UNJOURNALED, "event", str(row.id), detail)
        return
    body = orjson.loads(row.body)
    event = _read(row)
    wrong = _columns(row, body.get("event", {}), event)
    if wrong:
        detail = f"{', '.join(wrong)} not as journaled"
        yield Finding(Flaw.RECORD_CHANGED, "event", str(row.id), detail, row.position)
    graph = body.get("graph", {})
    for kind in told:
        for id in _difference(graph.get(kind, ()), told[kind].get(row.id, ())):
            detail = f"event {row.id}: not the facts that were journaled"
            yield Finding(Flaw.RECORD_CHANGED, _TABLES[kind], str(id), detail, row.position)
        journaled = [each[:1] for each in graph.get("ended", {}).get(kind, ())]
        for id in _difference(journaled, ended[kind].get(row.id, ())):
            detail = f"event {row.id}: not ended as was journaled"
            yield Finding(Flaw.RECORD_CHANGED, _TABLES[kind], str(id), detail, row.position)
    if event is not None:
        for table, facts in _told_by(facts_of(event, own)).items():
            if Counter(facts) != Counter(map(_plain, keyed[table].get(row.id, ()))):
                detail = f"event {row.id}: keys or quantities are not those of its document"
                yield Finding(Flaw.RECORD_CHANGED, table, f"event {row.id}", detail, row.position)


_TABLES = {
    "draws": "draw",
    "productions": "production",
    "memberships": "membership",
    "movements": "movement",
    "installations": "stay",
    "stays": "stay",
}


def _read(row: EventRow) -> Event | None:
    try:
        found = epcis.parse([row.document], sources={}, now_us=clock.now_us())
    except Problem:
        return None
    return found.events[0] if found.events else None


def _columns(row: EventRow, told: dict[str, Any], event: Event | None) -> list[str]:
    """Return the columns that are not what document and entry say."""
    if event is None:
        return ["document"]
    same = {
        "digest": row.digest.hex() == told.get("digest"),
        "document": event.digest == row.digest and (event.error is not None) == row.is_declaration,
        "event_id": row.event_id == told.get("id") == event.event_id,
        "id": row.id == told.get("row"),
        "is_declaration": row.is_declaration == told.get("declaration"),
        "type": row.type == told.get("type") == event.type.value,
        "action": row.action == (event.action.value if event.action else None),
        "biz_step": row.biz_step == event.biz_step,
        "disposition": row.disposition == event.disposition,
        "at": row.at == int(told.get("at", -1)) == event.time.at,
        "zone": row.zone == event.zone,
        "actor": row.actor == row.journal_actor,
    }
    return [name for name, fits in same.items() if not fits]


def _difference(journaled: Iterable[Sequence[Any]], stored: Iterable[Sequence[Any]]) -> list[int]:
    """Return the ids of rows that are in one only."""
    left = {tuple(map(int, row)) for row in journaled}
    return sorted({row[0] for row in left ^ {tuple(map(int, row)) for row in stored}})


def _told_by(facts: Facts) -> dict[str, list[tuple[Any, ...]]]:
    flows = facts.flows if facts.activity else []
    return {
        "draw": [_plain((f.item, f.qty, f.unit)) for f in flows if f.is_draw],
        "production": [_plain((f.item, f.qty, f.unit)) for f in flows if not f.is_draw],
        "packing": [
            _plain((p.parent, p.child, int(p.op), p.is_installation, p.qty, p.unit))
            for p in facts.packings
        ],
        "membership": list(facts.memberships),
        "movement": [_plain((m.item, int(m.kind), m.qty, m.unit)) for m in facts.movements],
    }


def _plain(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(row)
