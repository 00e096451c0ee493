"""Applies journal entries to Neo4j exactly once: cursor and change commit together.

Knows nothing of where entries come from; the caller reads the journal and decides what a stopped
line means.
"""

from collections.abc import Iterable, Sequence

from neo4j import AsyncDriver, AsyncManagedTransaction, exceptions

from lotkin import clock
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph.entries import FACTS, Batch, Entry, PoisonEntry, Row, batch_of
from lotkin.graph.neo4j import reachable, statement

__all__ = ["PoisonEntry", "Projector"]

# Neo4j keeps a transaction's changes in memory; 20,000 deletions take some 20 MB.
CLEAR_ROWS_MAX = 20_000
# What the server says of a change it will never take (a second item of one key, for example).
REJECTED = ("Neo.ClientError.Schema.", "Neo.ClientError.Statement.")


class Projector:
    """Writes one graph. Any number may run; the fence lets one at a time advance."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def cursor(self) -> int:
        """Return the position of the last applied entry; 0 for an empty graph.

        -1 while the graph is being emptied: nothing can be applied until `clear` has ended.
        Raises: Refusal GRAPH_UNAVAILABLE.
        """
        with reachable():
            async with self._driver.session() as session:
                record = await session.execute_read(_one, "cursor")
                # A projector that died between its two transactions left this open.
                if record["applied"] != record["seq"]:
                    record = await session.execute_write(_one, "publish")
                return int(record["seq"])

    async def apply(self, entries: Sequence[Entry]) -> int:
        """Apply consecutive `(position, body)` entries in one transaction; return the cursor.

        If another projector has moved the cursor nothing is applied, so the result may differ
        from the last position given.
        Bounds: aim at 200 to 1,000 entries.
        Raises: PoisonEntry (nothing of the batch is applied), Refusal GRAPH_UNAVAILABLE.
        """
        if not entries:
            return await self.cursor()
        batch = batch_of(entries)
        with reachable():
            async with self._driver.session() as session:
                try:
                    await session.execute_write(_apply, batch)
                except _FencedOut:
                    return await self.cursor()
                except exceptions.ClientError as error:
                    if not (error.code or "").startswith(REJECTED):
                        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail=str(error)) from error
                    raise PoisonEntry(batch.first, str(error)) from error
                return int((await session.execute_write(_one, "publish"))["seq"])

    async def clear(self) -> None:
        """Empty the graph and set the cursor to 0, so that the journal can be applied again.

        Interrupted, it leaves the cursor at -1; call it again. A second caller takes over from the
        first, which then fails.
        Raises: Refusal GRAPH_UNAVAILABLE.
        """
        token = clock.token()
        with reachable():
            async with self._driver.session() as session:
                await session.execute_write(_one, "clear_begin", token=token)
                for name in ("clear_relationships", "clear_nodes"):
                    while await session.execute_write(_clear, name, token) == CLEAR_ROWS_MAX:
                        pass
                await session.execute_write(_one, "clear_end", token=token)


class _FencedOut(Exception):  # noqa: N818
    """Someone else moved the cursor; leaving by an error rolls back."""


async def _apply(tx: AsyncManagedTransaction, batch: Batch) -> None:
    ended = batch.last_ended()
    moved = await tx.run(
        statement("fence"),
        expected=batch.first - 1,
        last=batch.last,
        lineage_ended=ended.lineage,
        custody_ended=ended.custody,
    )
    if await moved.single() is None:
        raise _FencedOut
    await _write(tx, "merge_items", batch.items.values())
    await _write(tx, "merge_activities", batch.activities.values())
    await _write(tx, "merge_parties", batch.receivers())
    for kind in FACTS:
        await _write_facts(tx, f"add_{kind}", batch.added[kind], "names an unknown end")
    # After all additions: an entry may end a fact that an earlier one of the batch added.
    for kind in FACTS:
        await _write_facts(tx, f"end_{kind}", batch.ended[kind], "ends a fact that does not hold")


async def _write_facts(
    tx: AsyncManagedTransaction, name: str, rows: Sequence[Row], complaint: str
) -> None:
    # MATCH drops a row whose ends are missing without a word; that would be a silent loss.
    done = await _write(tx, name, rows)
    if len(done) != len(rows):
        found = set(done)
        missing = ((row[-1], row[0]) for row in rows if row[0] not in found)
        seq, fact = min(missing, default=(rows[0][-1], rows[0][0]))
        raise PoisonEntry(seq, f"{name}: fact {fact} {complaint}")


async def _write(tx: AsyncManagedTransaction, name: str, rows: Iterable[Row]) -> list[int]:
    listed = list(rows)
    if not listed:
        return []
    record = await (await tx.run(statement(name), rows=listed)).single(strict=True)
    return list(record["done"])


async def _clear(tx: AsyncManagedTransaction, name: str, token: str) -> int:
    record = await _one(tx, name, token=token, rows_max=CLEAR_ROWS_MAX)
    return record["deleted"]


async def _one(tx: AsyncManagedTransaction, name: str, /, **parameters: object) -> dict[str, int]:
    record = await (await tx.run(statement(name), dict(parameters))).single()
    if record is None:
        reason = f"{name}: the graph has not been migrated, or another process is clearing it"
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail=reason)
    return record.data()
