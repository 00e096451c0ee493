"""Reading the journal: the audit trail, one entry, and the proof that an entry is in it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain.nodeid import NodeType, node_id, parse_node_id
from lotkin.errors import Refusal, RefusalCode
from lotkin.journal import read as journal_read
from lotkin.journal import trail
from lotkin.journal.trail import Entry, Filter, Proof
from lotkin.records import items
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import REFUSED
from lotkin.resolvers.usecase import usecase

PROOF_POLL_S = 0.05

# Under which types entries tell things of a node type.
SUBJECT_TYPES: dict[str, tuple[str, ...]] = {
    NodeType.ITEM: ("item", "lot", "serial", "container"),
    NodeType.ITEM_CLASS: ("item_class",),
    NodeType.PARTY: ("party",),
    NodeType.LOCATION: ("location",),
    NodeType.ACTIVITY: ("activity",),
    NodeType.CHANGE: ("change",),
    NodeType.SIGNATURE: ("signature",),
    NodeType.CHALLENGE: ("challenge",),
    NodeType.HOLD: ("hold",),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries a caller wants; subject: an opaque id."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@usecase(Permission.JOURNAL_READ)
async def audit_trail(
    context: Context, asked: Asked, *, before: int | None, first: int
) -> list[Entry]:
    """Return up to `first` entries before a position, newest first."""
    wanted = await filter_of(context, asked)
    async with context.database.reading() as connection:
        return await trail.page(connection, wanted, before=before, limit=first)


@usecase(Permission.JOURNAL_READ)
async def audit_trail_count(context: Context, asked: Asked) -> int:
    """Return how many entries there are."""
    wanted = await filter_of(context, asked)
    async with context.database.reading() as connection:
        return await trail.count(connection, wanted)


@usecase(Permission.JOURNAL_READ)
async def journal_entry(context: Context, position: int) -> Entry | None:
    """Return the entry at a position; None behind the end."""
    async with context.database.reading() as connection:
        found = await trail.by_positions(connection, [position])
    return found[0] if found else None


@usecase(Permission.JOURNAL_PROVE)
async def prove(context: Context, position: int) -> Proof:
    """Return the proof of an entry under the newest checkpoint, a cosigned one where there is.

    Bounds: waits settings.position_wait_s for a checkpoint that covers it.
    Raises: Refusal PROJECTION_LAG while none does.
    """
    deadline = clock.elapsed() + context.settings.position_wait_s
    while True:
        async with context.database.reading() as connection:
            found = await trail.prove(connection, position)
            size = (await journal_read.head(connection)).size
        if found is not None:
            return found
        if clock.elapsed() >= deadline:
            raise Refusal(RefusalCode.PROJECTION_LAG, wanted=position, reached=size)
        await asyncio.sleep(PROOF_POLL_S)


@usecase(Permission.JOURNAL_PROVE)
async def prove_intent(context: Context, intent: UUID) -> Proof | None:
    """Return the proof of an intent's entry; None while it has no place in the journal."""
    async with context.database.reading() as connection:
        position = await journal_read.position(connection, [intent])
    return None if position is None else await prove(context, position)


async def filter_of(context: Context, asked: Asked) -> Filter:
    """Return the filter of what a caller asks. Raises: Refusal NOT_FOUND for no opaque id."""
    wanted = Filter(actor=asked.actor, action=asked.action, since=asked.since, until=asked.until)
    if asked.subject is None:
        return wanted
    parsed = parse_node_id(asked.subject)
    if parsed is None:
        raise Refusal(RefusalCode.NOT_FOUND, index="subject")
    tag, row = parsed
    names = [asked.subject]
    if tag == NodeType.ITEM:
        async with context.database.reading() as connection:
            found = await items.rows(connection, [row])
        names += [each.key for each in found.values()]
    types = SUBJECT_TYPES.get(tag, (tag.lower(),))
    subjects = tuple(f"{kind}/{name}" for kind in types for name in names)
    return replace(
        wanted,
        subjects=subjects,
        item=row if tag == NodeType.ITEM else None,
        event=row if tag == NodeType.EVENT else None,
    )


async def subject_of(context: Context, entry: Entry) -> str | None:
    """Return the opaque id of what an entry is about; None for what has none."""
    told = entry.told["ent"]
    if parse_node_id(str(told["id"])) is not None:
        return str(told["id"])
    if told["type"] == "event":
        row = entry.body.get("event", {}).get("row")
        return None if row is None else node_id(NodeType.EVENT, int(row))
    if told["type"] in SUBJECT_TYPES[NodeType.ITEM]:
        async with context.database.reading() as connection:
            (ids,) = await items.find(connection, [items.Wanted(keys=(str(told["id"]),))])
        return node_id(NodeType.ITEM, ids[0]) if ids else None
    return None


def is_refusal(entry: Entry) -> bool:
    """Return whether an entry tells a refusal."""
    return str(entry.told["ev"]).endswith(REFUSED)


def change_of(entry: Entry) -> tuple[Any, Any]:
    """Return what an entry tells was there before and after; None where it tells neither."""
    body = entry.body
    return body.get("before"), body.get("after", body.get("event"))


def at(entry: Entry) -> datetime:
    """Return when an entry was made."""
    return datetime.fromisoformat(entry.told["at"])
