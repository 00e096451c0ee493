"""Gives committed intents their place: gapless, total, in the order of their transactions.

A sequence number taken before commit would let a reader that polls by number miss a transaction
that commits late. Here only intents below the snapshot's horizon get a place: every transaction
below it has ended, so nothing can still appear in front of what was numbered. The Merkle tree grows
in the same transaction, by what is new alone.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lotkin.journal.tree import HASH, grow

CHANNEL = "lotkin_journal"
BATCH = 5_000  # entries a transaction: some 100 ms, so that followers see progress
LEADER = 0x4C4F544B  # advisory lock: "LOTK"

# xid8 has no arithmetic but compares in order; (xid, id) is unique, so the row compare is total.
_PLACE = """
with head as (
    select size, frontier, last_xid, last_id from journal_head for update
), batch as (
    select intent.id, intent.xid, intent.entry, row_number() over (order by xid, id) as place
    from (
        select i.id, i.xid, i.entry from journal_intent i, head
        where (i.xid, i.id) > (head.last_xid, head.last_id)
          and i.xid < pg_snapshot_xmin(pg_current_snapshot())
        order by i.xid, i.id
        limit :batch
    ) intent
), placed as (
    insert into journal (seq, leaf, intent_id)
    select head.size + batch.place, sha256('\\x00'::bytea || batch.entry), batch.id
    from batch, head
    returning seq, leaf
)
select head.size, head.frontier, cast(last.xid as text), last.id,
    (select array_agg(leaf order by seq) from placed)
from head, (select xid, id from batch order by place desc limit 1) last
"""

_GROW = """
with tiled as (
    insert into journal_tile as tile (level, index, hashes)
    select * from unnest(
        cast(:levels as smallint[]), cast(:indexes as bigint[]), cast(:hashes as bytea[])
    )
    on conflict (level, index) do update set hashes = tile.hashes || excluded.hashes
)
update journal_head set
    size = :size, frontier = :frontier, last_xid = cast(:last_xid as xid8), last_id = :last_id
"""


async def sequence(connection: AsyncConnection, *, batch: int = BATCH) -> int:
    """Place the next committed intents in the caller's transaction; return how many.

    Returns 0 when nothing is ready or another process is the leader.
    """
    leader = await connection.execute(
        text("select pg_try_advisory_xact_lock(:lock)"), {"lock": LEADER}
    )
    if not leader.scalar_one():
        return 0
    found = (await connection.execute(text(_PLACE), {"batch": batch})).one_or_none()
    if found is None:
        return 0
    size, frontier, last_xid, last_id, leaves = found
    await _grow(connection, size, bytes(frontier), leaves, (last_xid, last_id))
    await connection.execute(text(f"notify {CHANNEL}"))
    return len(leaves)


async def _grow(
    connection: AsyncConnection,
    size: int,
    frontier: bytes,
    leaves: Sequence[bytes],
    last: tuple[str, UUID],
) -> None:
    hashes = [frontier[at : at + HASH] for at in range(0, len(frontier), HASH)]
    growth = grow(size, hashes, leaves)
    await connection.execute(
        text(_GROW),
        {
            "levels": [level for level, _ in growth.tiles],
            "indexes": [index for _, index in growth.tiles],
            "hashes": list(growth.tiles.values()),
            "size": size + len(leaves),
            "frontier": b"".join(growth.frontier),
            "last_xid": last[0],
            "last_id": last[1],
        },
    )
