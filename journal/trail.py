"""The audit trail: entries searched by subject, actor, action and time; and the proof of one."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lotkin.journal import checkpoint, tiles, tree


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; everything given must hold.

    subjects: `<type>/<id>` of the entry; item, event: rows; entries that tell an event about the
    item, or that event, are wanted too.
    """

    subjects: tuple[str, ...] = ()
    item: int | None = None
    event: int | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Entry(NamedTuple):
    """One journal entry, read; raw: its canonical bytes, as hashed into the leaf."""

    position: int
    intent_id: UUID
    raw: bytes
    body_raw: bytes
    salt: bytes

    @property
    def told(self) -> dict[str, Any]:
        """The entry's own fields."""
        told: dict[str, Any] = orjson.loads(self.raw)
        return told

    @property
    def body(self) -> dict[str, Any]:
        """What the entry commits to by digest."""
        body: dict[str, Any] = orjson.loads(self.body_raw)
        return body


class Proof(NamedTuple):
    """That an entry is in the journal of a signed size."""

    position: int
    leaf: bytes
    size: int
    hashes: list[bytes]
    note: str

    def tlog_proof(self) -> str:
        """Return the proof as a C2SP tlog-proof file; its index counts from zero."""
        hashes = "".join(f"{b64encode(each).decode()}\n" for each in self.hashes)
        return f"c2sp.org/tlog-proof@v1\nindex {self.position - 1}\n{hashes}\n{self.note}"


_WHERE = """
from journal j join journal_intent i on i.id = j.intent_id
where (cast(:actor as text) is null or i.actor = :actor)
  and (cast(:action as text) is null or i.event = :action)
  and (cast(:since as timestamptz) is null or i.at >= :since)
  and (cast(:until as timestamptz) is null or i.at < :until)
  and (not :is_about or i.subject = any(cast(:subjects as text[])) or i.id in (
    select e.intent_id from event_item told join event e on e.id = told.event_id
    where told.item_id = :item
    union all select intent_id from event where id = :event
  ))
"""
_ENTRY = "select j.seq, i.id, i.entry, i.body, i.salt"


def _told(wanted: Filter) -> dict[str, Any]:
    return {
        "subjects": list(wanted.subjects),
        "item": wanted.item,
        "event": wanted.event,
        "is_about": bool(wanted.subjects) or wanted.item is not None or wanted.event is not None,
        "actor": wanted.actor,
        "action": wanted.action,
        "since": wanted.since,
        "until": wanted.until,
    }


async def page(
    connection: AsyncConnection, wanted: Filter, *, before: int | None, limit: int
) -> list[Entry]:
    """Return entries, newest first, that stand before the position `before`."""
    found = await connection.execute(
        text(
            f"{_ENTRY} {_WHERE} and (cast(:before as bigint) is null or j.seq < :before) "
            "order by j.seq desc limit :limit"
        ),
        {**_told(wanted), "before": before, "limit": limit},
    )
    return [_entry(row) for row in found]


async def count(connection: AsyncConnection, wanted: Filter) -> int:
    """Return how many entries there are."""
    found = await connection.execute(text(f"select count(*) {_WHERE}"), _told(wanted))
    return int(found.scalar_one())


async def by_positions(connection: AsyncConnection, positions: Sequence[int]) -> list[Entry]:
    """Return the entries at positions, in their order; unknown ones are left out."""
    found = await connection.execute(
        text(
            f"{_ENTRY} from journal j join journal_intent i on i.id = j.intent_id "
            "where j.seq = any(cast(:positions as bigint[])) order by j.seq"
        ),
        {"positions": list(positions)},
    )
    return [_entry(row) for row in found]


def _entry(row: Sequence[Any]) -> Entry:
    seq, id, raw, body, salt = row
    return Entry(seq, id, bytes(raw), bytes(body), bytes(salt))


async def prove(connection: AsyncConnection, position: int) -> Proof | None:
    """Return the proof of an entry under a checkpoint; None while none covers it."""
    stored = await checkpoint.covering(connection, position)
    return None if stored is None else await prove_in(connection, position, stored)


async def prove_in(connection: AsyncConnection, position: int, stored: checkpoint.Stored) -> Proof:
    """Return the proof of an entry under one checkpoint that covers it."""
    index = position - 1

    def question(read: tree.Reader) -> tuple[bytes, list[bytes]]:
        return read(0, index), tree.inclusion(index, stored.size, read)

    leaf, hashes = await tiles.ask(connection, question)
    return Proof(position, leaf, stored.size, hashes, stored.note)
