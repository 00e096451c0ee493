"""Recomputes the whole journal from its entries and names everything that does not fit.

Reads in chunks inside the caller's snapshot: memory stays flat, other work goes on between them.
"""

import hashlib
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lotkin.domain.evidence import Finding, Flaw
from lotkin.journal import tiles, tree
from lotkin.journal.checkpoint import Checkpoint
from lotkin.journal.intent import FORMAT, subject_of
from lotkin.journal.tree import HASH, TILE_WIDTH

MISSING = bytes(HASH)  # stands for the leaf of a position that is not there
FINDINGS_MAX = 1_000  # told one by one; the rest is counted
CHUNK = 16 * TILE_WIDTH  # entries a statement; some 3 MB


class Row(NamedTuple):
    """One position with its intent; entry None where the intent is gone."""

    seq: int
    leaf: bytes
    intent_id: UUID
    entry: bytes | None
    body: bytes
    salt: bytes
    at: datetime
    event: str
    actor: str
    subject: str


@dataclass(slots=True)
class Verified:
    """How far a verification came, what it computed, and what it found wrong."""

    size: int = 0
    frontier: list[bytes] = field(default_factory=list)
    #: root at every size that was asked for
    roots: dict[int, bytes] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    #: how many findings there are, also those that are no longer told one by one
    count: int = 0

    def wrong(
        self, flaw: Flaw, table: str, row: object, detail: str, position: int | None = None
    ) -> None:
        """Note something that does not fit."""
        self.add(Finding(flaw, table, str(row), detail, position))

    def add(self, finding: Finding) -> None:
        """Note a finding."""
        self.count += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)


async def entries(connection: AsyncConnection, asked: Sequence[int]) -> AsyncIterator[Verified]:
    """Verify entries, bodies, places, tiles and head; yields the state after every chunk.

    asked: the sizes at which the caller wants the tree's root; `Verified.roots` holds those that
    the journal reaches.
    """
    state = Verified()
    sizes = sorted({size for size in asked if size > 0}, reverse=True)
    while rows := await _chunk(connection, state.size):
        leaves = _check_rows(state, rows)
        stored = await tiles.read(connection, _level_zero(state.size, len(leaves)))
        leaves = _check_places(state, rows, leaves, stored)
        await _grow(connection, state, leaves, sizes)
        yield state
    await _check_head(connection, state)
    yield state


async def _chunk(connection: AsyncConnection, after: int) -> list[Row]:
    # Straight to the driver, in binary: a million rows in seconds.
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    async with raw.cursor(binary=True) as cursor:
        await cursor.execute(
            "select j.seq, j.leaf, j.intent_id, i.entry, i.body, i.salt, i.at, i.event, i.actor, "
            "i.subject from journal j left join journal_intent i on i.id = j.intent_id "
            "where j.seq > %s order by j.seq limit %s",
            [after, CHUNK],
        )
        return list(map(Row._make, await cursor.fetchall()))


def _check_rows(state: Verified, rows: Sequence[Row]) -> list[bytes]:
    """Check every row by itself; return the leaves its entries make, one for each position."""
    leaves: list[bytes] = []
    expected = state.size + 1
    for row in rows:
        while expected < row.seq and len(leaves) < CHUNK:
            state.wrong(Flaw.ENTRY_MISSING, "journal", expected, "no such position", expected)
            leaves.append(MISSING)
            expected += 1
        if expected != row.seq:
            break
        leaves.append(_check_row(state, row))
        expected += 1
    return leaves


def _check_row(state: Verified, row: Row) -> bytes:
    if row.entry is None:
        state.wrong(
            Flaw.ENTRY_MISSING, "journal_intent", row.intent_id, "the entry is gone", row.seq
        )
        return row.leaf
    leaf = tree.leaf_hash(row.entry)
    if leaf != row.leaf:
        detail = "the leaf is not the hash of the entry"
        state.wrong(Flaw.ENTRY_CHANGED, "journal_intent", row.intent_id, detail, row.seq)
    try:
        told = orjson.loads(row.entry)
        digest, columns = _decoded(told["body"]), _columns(row, told)
        is_entry = told["v"] == FORMAT and told["id"] == str(row.intent_id)
    except (KeyError, TypeError, ValueError, AttributeError):
        digest, columns, is_entry = b"", [], False
    if not is_entry:
        detail = "not an entry of this intent"
        state.wrong(Flaw.ENTRY_CHANGED, "journal_intent", row.intent_id, detail, row.seq)
        return leaf
    if digest != hashlib.sha256(row.salt + row.body).digest():
        detail = "the body does not fit its digest"
        state.wrong(Flaw.BODY_CHANGED, "journal_intent", row.intent_id, detail, row.seq)
    if columns:
        detail = f"{', '.join(columns)} is not what the entry says"
        state.wrong(Flaw.COLUMN_CHANGED, "journal_intent", row.intent_id, detail, row.seq)
    return leaf


def _columns(row: Row, told: dict[str, Any]) -> list[str]:
    """Return the search columns that say something else than the entry."""
    # The column keeps microseconds, the entry milliseconds.
    at = row.at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    same = {
        "at": told["at"] == at,
        "event": told["ev"] == row.event,
        "actor": str(told["act"].get("sub")) == row.actor,
        "subject": subject_of(told["ent"]) == row.subject,
    }
    return [name for name, fits in same.items() if not fits]


def _decoded(text: object) -> bytes:
    try:
        return urlsafe_b64decode(f"{text}=")
    except ValueError:
        return b""


def _level_zero(size: int, count: int) -> list[tree.Node]:
    return [(0, index) for index in range(size // TILE_WIDTH, (size + count - 1) // TILE_WIDTH + 1)]


def _check_places(
    state: Verified, rows: Sequence[Row], leaves: list[bytes], stored: dict[tree.Node, bytes]
) -> list[bytes]:
    """Compare leaves with the tiles' lowest level; an odd one that stands elsewhere was moved.

    Returns the leaves to go on with: where they differ, what is noted here shall not be noted of
    everything above and behind it again.
    """
    told = b"".join(stored.get(place, b"") for place in _level_zero(state.size, len(leaves)))
    begin = state.size % TILE_WIDTH * HASH
    told = told[begin : begin + len(leaves) * HASH]
    if told == b"".join(leaves):
        return leaves
    tiled = [told[at : at + HASH] for at in range(0, len(told), HASH)]
    known = set(tiled)
    ids = {row.seq: row.intent_id for row in rows}
    for place, (leaf, other) in enumerate(zip(leaves, tiled, strict=False)):
        if leaf == other:
            continue
        position = state.size + place + 1
        if leaf != MISSING:
            is_moved = leaf in known
            flaw = Flaw.ORDER_CHANGED if is_moved else Flaw.ENTRY_CHANGED
            detail = "stands elsewhere in the tree" if is_moved else "the tree holds another entry"
            state.wrong(flaw, "journal", f"{position} ({ids.get(position)})", detail, position)
        leaves[place] = other
    if len(tiled) < len(leaves):
        detail = f"holds no entry {state.size + len(tiled) + 1}"
        state.wrong(Flaw.TILE_CHANGED, "journal_tile", "0", detail, state.size + len(tiled) + 1)
    return leaves


async def _grow(
    connection: AsyncConnection, state: Verified, leaves: Sequence[bytes], sizes: list[int]
) -> None:
    done = 0
    grown: dict[tree.Node, bytearray] = {}
    while done < len(leaves):
        stop = len(leaves)
        if sizes and sizes[-1] <= state.size + len(leaves) - done:
            stop = done + sizes[-1] - state.size
        growth = tree.grow(state.size, state.frontier, leaves[done:stop])
        for place, hashes in growth.tiles.items():
            grown.setdefault(place, bytearray()).extend(hashes)
        state.frontier, state.size = growth.frontier, state.size + stop - done
        done = stop
        if sizes and sizes[-1] == state.size:
            state.roots[sizes.pop()] = tree.root(state.frontier)
    await _check_tiles(connection, state, grown, len(leaves))


async def _check_tiles(
    connection: AsyncConnection, state: Verified, grown: dict[tree.Node, bytearray], count: int
) -> None:
    """Compare what the chunk added to tiles above the lowest level with what is stored."""
    stored = await tiles.read(connection, grown)
    before = state.size - count
    for (level, index), hashes in grown.items():
        width = tree.TILE_HEIGHT * level
        first = (before >> width) - index * TILE_WIDTH
        begin = max(first, 0) * HASH
        if stored.get((level, index), b"")[begin : begin + len(hashes)] != hashes:
            detail = "does not hold what the entries make"
            state.wrong(Flaw.TILE_CHANGED, "journal_tile", f"{level}/{index}", detail)


async def _check_head(connection: AsyncConnection, state: Verified) -> None:
    head = (
        await connection.execute(
            text(
                "select size, frontier, (select coalesce(sum(length(hashes)), 0) from journal_tile)"
                " as stored, (select array_agg(i.id) from (select i.id from journal_intent i "
                "where (i.xid, i.id) <= (h.last_xid, h.last_id) and not exists (select from "
                "journal j where j.intent_id = i.id) limit 100) i) as dropped from journal_head h"
            )
        )
    ).one_or_none()
    if head is None or head.size != state.size or bytes(head.frontier) != b"".join(state.frontier):
        size = None if head is None else head.size
        detail = f"says {size} entries; {state.size} are there, or their hashes differ"
        state.wrong(Flaw.HEAD_CHANGED, "journal_head", "1", detail, state.size)
    expected, level = 0, state.size
    while level:
        expected, level = expected + level * HASH, level >> tree.TILE_HEIGHT
    if head is not None and head.stored != expected:
        detail = f"{head.stored} bytes of tiles where {expected} are expected"
        state.wrong(Flaw.TILE_CHANGED, "journal_tile", "all", detail)
    for dropped in (head.dropped or ()) if head is not None else ():
        detail = "was placed, and its place is gone"
        state.wrong(Flaw.ENTRY_MISSING, "journal_intent", dropped, detail)


def against(state: Verified, told: Checkpoint, table: str, row: object, flaw: Flaw) -> None:
    """Compare a checkpoint that somebody holds with the journal as it is."""
    root = state.roots.get(told.size)
    if root is None:
        detail = f"is of {told.size} entries; the journal has {state.size}"
        state.wrong(flaw, table, row, detail, told.size)
    elif root != told.root:
        detail = f"its root at {told.size} entries is another one than the journal's"
        state.wrong(flaw, table, row, detail, told.size)
