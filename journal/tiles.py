"""The stored tree: reads just the tiles that a proof needs, in one statement."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lotkin.journal import tree
from lotkin.journal.tree import HASH, TILE_HEIGHT, TILE_WIDTH, Node, Reader

T = TypeVar("T")


class TornTree(Exception):  # noqa: N818  (named as the alarm calls it)
    """The stored tiles do not hold what the tree's size says they must."""


async def ask(connection: AsyncConnection, question: Callable[[Reader], T]) -> T:
    """Return question(reader) over the stored tree; the question is put twice.

    Raises: TornTree where a tile is missing or short.
    """
    wanted: list[Node] = []

    def note(level: int, index: int) -> bytes:
        wanted.append((level, index))
        return bytes(HASH)

    question(note)
    tiles = await read(connection, {_place(node)[0] for node in wanted})
    return question(reader(tiles))


def reader(tiles: Mapping[Node, bytes]) -> Reader:
    """Return a reader over tiles. It raises TornTree where one is missing or short."""

    def subtree(level: int, index: int) -> bytes:
        tile, first = _place((level, index))
        count = 1 << level % TILE_HEIGHT
        hashes = tiles.get(tile, b"")[first * HASH : (first + count) * HASH]
        if len(hashes) != count * HASH:
            raise TornTree(f"tile {tile[0]}/{tile[1]} is short")
        leaves = [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
        return tree.root(tree.grow(0, [], leaves).frontier)

    return subtree


async def read(connection: AsyncConnection, places: Iterable[Node]) -> dict[Node, bytes]:
    """Return tiles by (level, index); missing ones are left out."""
    told = sorted(places)
    found = await connection.execute(
        text(
            "select t.level, t.index, t.hashes from journal_tile t join unnest("
            "cast(:levels as smallint[]), cast(:indexes as bigint[])) as told (level, index) "
            "using (level, index)"
        ),
        {"levels": [each[0] for each in told], "indexes": [each[1] for each in told]},
    )
    return {(level, index): bytes(hashes) for level, index, hashes in found}


def _place(node: Node) -> tuple[Node, int]:
    """Return the tile of a complete subtree, and where in it its first hash stands."""
    level, index = node
    first = index << level % TILE_HEIGHT
    return (level // TILE_HEIGHT, first // TILE_WIDTH), first % TILE_WIDTH
