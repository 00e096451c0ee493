"""Gives committed intents their place: gapless, total, in the order of their transactions.

A sequence number taken before commit would let a reader that polls by number miss a transaction
that commits late. Here only intents below the snapshot's horizon get a place: every transaction
below it has ended, so nothing can still appear in front of what was numbered.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "lotkin_journal"
BATCH = 5_000  # entries a transaction: some 100 ms, so that followers see progress
LEADER = 0x4C4F544B  # advisory lock: "LOTK"

# xid8 has no arithmetic but compares in order; (xid, id) is unique, so the row compare is total.
_SEQUENCE = """
with head as (
    select size, last_xid, last_id from journal_head for update
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
    returning seq
), last as (
    select xid, id from batch order by place desc limit 1
)
update journal_head set
    size = size + (select count(*) from placed),
    last_xid = (select xid from last),
    last_id = (select id from last)
where exists (select from last)
returning (select count(*) from placed)
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
    placed = (await connection.execute(text(_SEQUENCE), {"batch": batch})).scalar()
    if placed:
        await connection.execute(text(f"notify {CHANNEL}"))
    return placed or 0
