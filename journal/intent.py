"""Writes what happened into the journal, in the transaction of the change itself."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rfc8785
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lotkin.clock import id_at, new_id, now_us, random_bytes

FORMAT = "lotkin-journal/1"
CHANNEL = "lotkin_intent"
AWAKE_S = 1.0  # how long the sequencer looks for more by itself after it found something
LATELY_US = 400_000  # well within AWAKE_S: the transaction has the rest of it to commit


@dataclass(frozen=True, slots=True)
class Intent:
    """One entry to be: its canonical bytes, the body they commit to, the salt between."""

    id: UUID
    entry: bytes
    body: bytes
    salt: bytes
    #: what the audit trail is searched by; told by the entry
    at: datetime
    event: str
    actor: str
    subject: str


def intent(
    *,
    id: UUID,
    at: datetime,
    event: str,
    actor: Mapping[str, Any],
    entity: Mapping[str, Any],
    body: Mapping[str, Any],
    signature: str | None = None,
) -> Intent:
    """Return an intent in canonical JSON (RFC 8785); integers stay below 2^53 or become strings.

    The entry holds only the salted digest of the body, so that a body can be disclosed alone or
    erased without touching the tree. actor: {sub, client, roles, sid}; entity: {type, id, ver};
    signature: digest of the signature challenge that the act was signed with.
    """
    salt = random_bytes(32)
    canonical = rfc8785.dumps(_exact(body))
    digest = hashlib.sha256(salt + canonical).digest()
    entry = {
        "v": FORMAT,
        "id": str(id),
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ev": event,
        "act": dict(actor),
        "ent": dict(entity),
        "body": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "sig": signature,
    }
    return Intent(
        id,
        rfc8785.dumps(entry),
        canonical,
        salt,
        at,
        event,
        str(actor.get("sub")),
        subject_of(entity),
    )


def subject_of(entity: Mapping[str, Any]) -> str:
    """Return `<type>/<id>`, by which entries about a thing are found."""
    return f"{entity['type']}/{entity['id']}"


async def append(connection: AsyncConnection, intents: Sequence[Intent]) -> None:
    """Add intents to the transaction; the sequencer is woken when it commits, if it may sleep."""
    if not intents:
        return
    # A transaction that notifies commits alone, which costs three quarters of the throughput. Ids
    # begin with their time: while others came lately, the sequencer is awake (AWAKE_S).
    await connection.execute(
        text(
            "select pg_notify(:channel, '') where not exists "
            "(select from journal_intent where id > cast(:lately as uuid))"
        ),
        {"channel": CHANNEL, "lately": id_at(now_us() - LATELY_US)},
    )
    await connection.execute(
        text(
            "insert into journal_intent (id, entry, body, salt, at, event, actor, subject) "
            "select * from unnest(cast(:ids as uuid[]), cast(:entries as bytea[]), "
            "cast(:bodies as bytea[]), cast(:salts as bytea[]), cast(:ats as timestamptz[]), "
            "cast(:events as text[]), cast(:actors as text[]), cast(:subjects as text[]))"
        ),
        {
            "ids": [each.id for each in intents],
            "entries": [each.entry for each in intents],
            "bodies": [each.body for each in intents],
            "salts": [each.salt for each in intents],
            "ats": [each.at for each in intents],
            "events": [each.event for each in intents],
            "actors": [each.actor for each in intents],
            "subjects": [each.subject for each in intents],
        },
    )


def fresh_ids(count: int) -> list[UUID]:
    """Return ids in the order their entries shall stand in the journal."""
    return [new_id() for _ in range(count)]


_SAFE = 2**53 - 1


def _exact(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -_SAFE <= value <= _SAFE else str(value)
    if isinstance(value, Mapping):
        return {key: _exact(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_exact(each) for each in value]
    raise TypeError(f"{type(value).__name__} has no exact JSON form")
