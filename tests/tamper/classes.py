"""The classes of tampering: what the tables' owner, or a thief of the key, can do to a journal.

Each gets the owner's transaction, a die and the store, and leaves the database as the attacker
would: triggers are off, and what can be made to fit is made to fit.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import rfc8785
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lotkin.clock import new_id
from lotkin.journal import note, tree
from lotkin.journal.checkpoint import Checkpoint
from lotkin.journal.note import SignerKey
from lotkin.journal.watch import Watched

THIEF = SignerKey.make("lotkin.invalid/journal/main", note.ED25519, b"t" * 32)


@dataclass(slots=True)
class Store:
    """A journal to tamper with: its size, the stolen key, and what a witness has seen."""

    size: int
    key: SignerKey
    watched: Watched


Tamper = Callable[[AsyncConnection, random.Random, Store], Awaitable[None]]
CLASSES: dict[str, Tamper] = {}


def tamper(function: Tamper) -> Tamper:
    """Register a class under the function's name."""
    CLASSES[function.__name__] = function
    return function


async def execute(connection: AsyncConnection, statement: str, **told: Any) -> list[Any]:
    """Run a statement; return its rows."""
    found = await connection.execute(text(statement), told)
    return list(found) if found.returns_rows else []


async def unguarded(connection: AsyncConnection, *tables: str) -> None:
    """Switch off what keeps rows, as only the tables' owner can."""
    for table in tables:
        await execute(connection, f"alter table {table} disable trigger all")


JOURNAL = (
    "journal", "journal_intent", "journal_head", "journal_tile", "journal_checkpoint",
    "journal_cosignature", "journal_key",
)  # fmt: skip


async def rehash(connection: AsyncConnection, key: SignerKey) -> None:
    """Make leaves, tiles, head and checkpoints fit the entries as they are, signed with `key`."""
    rows = await execute(
        connection,
        "select j.seq, i.entry from journal j join journal_intent i on i.id = j.intent_id "
        "order by j.seq",
    )
    leaves = [tree.leaf_hash(bytes(entry)) for _, entry in rows]
    growth = tree.grow(0, [], leaves)
    for seq, leaf in enumerate(leaves, 1):
        await execute(connection, "update journal set leaf = :l where seq = :s", l=leaf, s=seq)
    await execute(connection, "delete from journal_tile")
    for (level, index), hashes in growth.tiles.items():
        await execute(
            connection,
            "insert into journal_tile values (:level, :index, :hashes)",
            level=level, index=index, hashes=hashes,
        )  # fmt: skip
    await execute(
        connection,
        "update journal_head set size = :size, frontier = :frontier",
        size=len(leaves), frontier=b"".join(growth.frontier),
    )  # fmt: skip
    await execute(connection, "delete from journal_cosignature")
    await execute(connection, "delete from journal_checkpoint where size > :s", s=len(leaves))
    for (size,) in await execute(connection, "select size from journal_checkpoint"):
        root = tree.root(tree.grow(0, [], leaves[:size]).frontier)
        told = Checkpoint(key.name, size, root).text()
        await execute(
            connection,
            "update journal_checkpoint set root = :root, note = :note where size = :size",
            root=root, note=f"{told}\n{key.line(told)}", size=size,
        )  # fmt: skip


def flipped(dice: random.Random, content: bytes) -> bytes:
    """Return bytes with one bit flipped."""
    changed = bytearray(content)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


async def pick(connection: AsyncConnection, dice: random.Random, store: Store) -> tuple[Any, ...]:
    """Return (seq, intent id, entry, body) of any entry."""
    (row,) = await execute(
        connection,
        "select j.seq, i.id, i.entry, i.body from journal j "
        "join journal_intent i on i.id = j.intent_id where j.seq = :seq",
        seq=dice.randint(1, store.size),
    )
    return tuple(row)


@tamper
async def body_edit(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    _, id, _, body = await pick(connection, dice, store)
    await unguarded(connection, "journal_intent")
    await execute(
        connection, "update journal_intent set body = :b where id = :id",
        b=flipped(dice, bytes(body)), id=id,
    )  # fmt: skip


@tamper
async def entry_edit(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """The entry, and in every other store the leaf with it."""
    seq, id, entry, _ = await pick(connection, dice, store)
    changed = flipped(dice, bytes(entry))
    await unguarded(connection, "journal_intent", "journal")
    await execute(
        connection, "update journal_intent set entry = :e where id = :id", e=changed, id=id
    )
    if dice.random() < 0.5:
        leaf = tree.leaf_hash(changed)
        await execute(connection, "update journal set leaf = :l where seq = :s", l=leaf, s=seq)


@tamper
async def row_delete(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    seq, id, _, _ = await pick(connection, dice, store)
    await unguarded(connection, "journal", "journal_intent")
    await execute(connection, "delete from journal where seq = :s", s=seq)
    if dice.random() < 0.5:
        await execute(connection, "delete from journal_intent where id = :id", id=id)


@tamper
async def tail_truncate(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """The last entries go, and all of the journal is made to fit, the log's key stolen too."""
    keep = dice.randint(1, store.size - 1)
    await _back_to(connection, keep, store)


async def _back_to(connection: AsyncConnection, keep: int, store: Store) -> None:
    await unguarded(connection, *JOURNAL)
    await execute(connection, "delete from journal where seq > :k", k=keep)
    await rehash(connection, store.key)


@tamper
async def insert(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """A forged entry in the middle: all behind it moves on by one."""
    seq, _, entry, body = await pick(connection, dice, store)
    await unguarded(connection, *JOURNAL)
    id = new_id()
    forged = rfc8785.dumps(orjson.loads(bytes(entry)) | {"id": str(id)})
    await execute(
        connection,
        "insert into journal_intent (id, xid, entry, body, salt, at, event, actor, subject) "
        "select :id, xid, :entry, :body, salt, at, event, actor, subject from journal_intent "
        "where id = (select intent_id from journal where seq = :seq)",
        id=id, entry=forged, body=bytes(body), seq=seq,
    )  # fmt: skip
    for moved in range(store.size, seq - 1, -1):
        await execute(connection, "update journal set seq = seq + 1 where seq = :s", s=moved)
    await execute(
        connection, "insert into journal values (:s, :l, :id)",
        s=seq, l=tree.leaf_hash(forged), id=id,
    )  # fmt: skip
    if dice.random() < 0.5:
        await rehash(connection, store.key)


@tamper
async def reorder(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    one, other = dice.sample(range(1, store.size + 1), 2)
    await unguarded(connection, "journal")
    for old, new in ((one, 10**9), (other, one), (10**9, other)):
        await execute(connection, "update journal set seq = :n where seq = :o", n=new, o=old)


@tamper
async def rehash_with_stolen_key(
    connection: AsyncConnection, dice: random.Random, store: Store
) -> None:
    """Another actor in an entry; everything recomputed and signed with the log's own key."""
    _, id, entry, _ = await pick(connection, dice, store)
    await _rewritten(connection, id, bytes(entry), dice)
    await rehash(connection, store.key)


async def _rewritten(
    connection: AsyncConnection, id: UUID, entry: bytes, dice: random.Random
) -> None:
    told = orjson.loads(entry)
    told["act"]["sub"] = f"nobody-{dice.randrange(10**6)}"
    await unguarded(connection, *JOURNAL, "event")
    await execute(
        connection,
        "update journal_intent set entry = :e, actor = :a where id = :id",
        e=rfc8785.dumps(told), a=told["act"]["sub"], id=id,
    )  # fmt: skip
    await execute(
        connection, "update event set actor = :a where intent_id = :id",
        a=told["act"]["sub"], id=id,
    )  # fmt: skip


@tamper
async def split_view(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """The witness is shown one tree; everybody else another of the same size, as well signed."""
    _, id, entry, _ = await pick(connection, dice, store)
    last = store.watched.last
    assert last is not None
    other = Checkpoint(last.origin, last.size, flipped(dice, last.root)).text()
    if dice.random() < 0.5:
        store.watched.seen[-1] = f"{other}\n{store.key.line(other)}"
    else:
        await _rewritten(connection, id, bytes(entry), dice)
        await rehash(connection, store.key)


@tamper
async def rollback(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """Everything as it was in an older backup, records too."""
    keep = dice.randint(1, store.size - 1)
    await unguarded(
        connection, *JOURNAL, "event", "event_item", "untracked_flow", "draw", "production",
        "membership", "packing", "stay", "movement", "alert", "signature", "signature_void",
    )  # fmt: skip
    gone = "(select intent_id from journal where seq > :k)"
    events = f"(select id from event where intent_id in {gone})"
    for table in (
        "event_item", "untracked_flow", "draw", "production", "membership", "packing", "stay",
        "movement", "alert",
    ):  # fmt: skip
        await execute(connection, f"delete from {table} where event_id in {events}", k=keep)
        if table not in {"event_item", "untracked_flow", "alert"}:
            await execute(
                connection,
                f"update {table} set rec_to = null, ended_by = null where ended_by in {events}",
                k=keep,
            )
    await execute(connection, f"delete from signature where intent_id in {gone}", k=keep)
    await execute(
        connection,
        f"update event set retracted_at = null, retracted_by = null where retracted_by in {events}",
        k=keep,
    )
    await execute(connection, f"delete from event where intent_id in {gone}", k=keep)
    await execute(connection, "delete from journal_cosignature where size > :k", k=keep)
    await execute(connection, f"delete from journal_intent where id in {gone}", k=keep)
    await _back_to(connection, keep, store)


@tamper
async def signature_moved(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """What was signed for one record is shown under another, or in another's name."""
    await unguarded(connection, "signature")
    ids = [id for (id,) in await execute(connection, "select id from signature order by id")]
    one = dice.choice(ids)
    change = dice.choice((
        "entity_id = (select max(item_id) + 1 from lot_disposition)",
        "entity_ver = entity_ver + 7",
        "signer = 'somebody'",
        "printed_name = 'Somebody Else'",
        "meaning = 'APPROVED'",
        "reason = 'another'",
        "payload = convert_to(replace(convert_from(payload, 'UTF8'), 'lot', 'lat'), 'UTF8')",
        "digest = sha256(digest)",
        "intent_id = (select intent_id from journal where seq = 1)",
    ))  # fmt: skip
    await execute(connection, f"update signature set {change} where id = :id", id=one)


EDITS = (
    ("event", "document = jsonb_set(document, '{eventTime}', '\"2020-01-01T00:00:00Z\"')"),
    ("event", "at = at + 1"),
    ("event", "biz_step = 'inspecting_' || coalesce(biz_step, '')"),
    ("event", "actor = 'nobody'"),
    ("event", "digest = sha256(digest)"),
    ("draw", "at = at + 1"),
    ("draw", "item_id = item_id + 1"),
    ("draw", "qty = coalesce(qty, 0) + 1"),
    ("production", "pieces = pieces + 1"),
    ("production", "unit = 'XXX'"),
    ("movement", "receiver_id = sender_id"),
    ("movement", "kind = (kind + 1) % 4"),
    ("stay", "until = until - 1"),
    ("stay", "parent_id = parent_id + 1"),
    ("packing", "op = (op + 1) % 4"),
    ("lot_disposition", "state = case when state = 'RELEASED' then 'REJECTED' else 'RELEASED' end"),
)


@tamper
async def business_row_edit(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """A row changed behind the journal's back."""
    table, change = dice.choice(EDITS)
    await unguarded(connection, table)
    name = "item_id" if table == "lot_disposition" else "id"
    rows = await execute(connection, f"select {name} from {table} order by 1")
    row = dice.choice(rows)[0]
    await execute(connection, f"update {table} set {change} where {name} = :row", row=row)


@tamper
async def key_swap(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """The thief's key in the place of ours, or behind it; checkpoints signed with it."""
    await unguarded(connection, *JOURNAL)
    if dice.random() < 0.5:
        await execute(
            connection, "update journal_key set vkey = :v where number = 1", v=str(THIEF.verifier)
        )
    else:
        await execute(
            connection, "insert into journal_key values (2, :v, :e)",
            v=str(THIEF.verifier), e=THIEF.private.sign(b"myself"),
        )  # fmt: skip
    await rehash(connection, THIEF)


@tamper
async def stale_checkpoint(connection: AsyncConnection, dice: random.Random, store: Store) -> None:
    """An old checkpoint is shown as the newest, or in the newest one's place."""
    await unguarded(connection, "journal_checkpoint", "journal_cosignature")
    last = "(select max(size) from journal_checkpoint)"
    if dice.random() < 0.5:
        await execute(connection, f"delete from journal_cosignature where size = {last}")
        await execute(connection, f"delete from journal_checkpoint where size = {last}")
    else:
        await execute(
            connection,
            "update journal_checkpoint set note = (select note from journal_checkpoint "
            f"order by size limit 1) where size = {last}",
        )
