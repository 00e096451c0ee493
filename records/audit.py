"""Event rows and their facts beside what the journal told of them, for verification."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from lotkin.records.session import Connection


class EventRow(NamedTuple):
    """One event row with the body of its journal entry; body None where there is no entry."""

    id: int
    event_id: str
    is_declaration: bool
    digest: bytes
    type: str
    action: str | None
    biz_step: str | None
    disposition: str | None
    at: int
    zone: str
    actor: str
    document: dict[str, Any]
    intent_id: UUID
    is_retracted: bool
    position: int | None
    body: bytes | None
    journal_actor: str | None


async def event_rows(connection: Connection, after: int, limit: int) -> list[EventRow]:
    """Return event rows by id, behind the id `after`."""
    found = await connection.execute(
        text(
            "select e.id, e.event_id, e.is_declaration, e.digest, e.type, e.action, e.biz_step, "
            "e.disposition, e.at, e.zone, e.actor, e.document, e.intent_id, "
            "e.retracted_at is not null, j.seq, i.body, i.actor "
            "from event e left join journal_intent i on i.id = e.intent_id "
            "left join journal j on j.intent_id = e.intent_id "
            "where e.id > :after order by e.id limit :limit"
        ),
        {"after": after, "limit": limit},
    )
    return [EventRow(*row) for row in found]


# Fact rows as the journal tells them, and the same facts by the keys that the document tells.
_GRAPH = {
    "draws": "select event_id, id, item_id, activity_id, at, quality, uncertainty, pieces "
    "from draw",
    "productions": "select event_id, id, item_id, activity_id, at, quality, uncertainty, pieces "
    "from production",
    "memberships": "select event_id, id, lot_id, serial_id from membership",
    "movements": "select event_id, id, item_id, kind, at, quality, uncertainty, "
    "coalesce(sender_id, -1), coalesce(receiver_id, -1), event_id from movement",
    "installations": "select event_id, id, child_id, parent_id, since, since_quality, "
    "since_uncertainty, until, until_quality, until_uncertainty from stay where is_installation",
    "stays": "select event_id, id, child_id, parent_id, since, since_quality, "
    "since_uncertainty, until, until_quality, until_uncertainty from stay "
    "where not is_installation",
}
_ENDED = {
    "draws": "select ended_by, id from draw",
    "productions": "select ended_by, id from production",
    "memberships": "select ended_by, id from membership",
    "movements": "select ended_by, id from movement",
    "installations": "select ended_by, id from stay where is_installation",
    "stays": "select ended_by, id from stay where not is_installation",
}
_KEYED = {
    "draw": "select f.event_id, i.key, f.qty, f.unit from draw f join item i on i.id = f.item_id",
    "production": "select f.event_id, i.key, f.qty, f.unit from production f "
    "join item i on i.id = f.item_id",
    "packing": "select f.event_id, p.key, c.key, f.op, f.is_installation, f.qty, f.unit "
    "from packing f join item p on p.id = f.parent_id left join item c on c.id = f.child_id",
    "membership": "select f.event_id, l.key, s.key from membership f "
    "join item l on l.id = f.lot_id join item s on s.id = f.serial_id",
    "movement": "select f.event_id, i.key, f.kind, f.qty, f.unit from movement f "
    "join item i on i.id = f.item_id",
}
Facts = dict[str, dict[int, list[tuple[Any, ...]]]]


async def told_facts(connection: Connection, events: Sequence[int]) -> Facts:
    """Return {kind: {event row: fact rows}} in the columns of journal bodies."""
    return {
        kind: await _by_event(connection, f"{statement} {_where(statement)} event_id", events)
        for kind, statement in _GRAPH.items()
    }


async def ended_facts(connection: Connection, events: Sequence[int]) -> Facts:
    """Return {kind: {event row: (id,) of the facts it ended}}."""
    return {
        kind: await _by_event(connection, f"{statement} {_where(statement)} ended_by", events)
        for kind, statement in _ENDED.items()
    }


async def keyed_facts(connection: Connection, events: Sequence[int]) -> Facts:
    """Return {table: {event row: fact rows}} by keys, as the event's document tells them."""
    return {
        table: await _by_event(connection, f"{statement} where f.event_id", events)
        for table, statement in _KEYED.items()
    }


async def journaled_events(connection: Connection) -> list[tuple[int, UUID]]:
    """Return (position, intent) of entries that tell an event whose row is gone."""
    found = await connection.execute(
        text(
            "select j.seq, i.id from journal j join journal_intent i on i.id = j.intent_id "
            "where i.event in ('event.captured', 'event.declared_wrong') "
            "and not exists (select from event e where e.intent_id = i.id) "
            "order by j.seq limit 1000"
        )
    )
    return [(seq, id) for seq, id in found]


def _where(statement: str) -> str:
    return "and" if " where " in statement else "where"


async def _by_event(
    connection: Connection, statement: str, events: Sequence[int]
) -> dict[int, list[tuple[Any, ...]]]:
    found = await connection.execute(
        text(f"{statement} = any(cast(:events as bigint[]))"), {"events": list(events)}
    )
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for event, *row in found:
        rows.setdefault(event, []).append(tuple(row))
    return rows


async def signatures_of(connection: Connection, intents: Sequence[UUID]) -> list[int]:
    """Return the row ids of the signatures that these journal entries tell."""
    found = await connection.execute(
        text("select id from signature where intent_id = any(cast(:intents as uuid[]))"),
        {"intents": list(intents)},
    )
    return list(found.scalars())


async def signature_entries(
    connection: Connection, intents: Sequence[UUID]
) -> dict[UUID, tuple[int, bytes, bytes]]:
    """Return (position, entry, body) of the entries that tell signatures."""
    found = await connection.execute(
        text(
            "select i.id, j.seq, i.entry, i.body from journal_intent i "
            "join journal j on j.intent_id = i.id where i.id = any(cast(:intents as uuid[]))"
        ),
        {"intents": list(intents)},
    )
    return {id: (seq, bytes(entry), bytes(body)) for id, seq, entry, body in found}
