"""Does the graph hold what PostgreSQL says? One SHA-256 over the current facts of each side.

A node or fact is one line, a canonical JSON array (RFC 8785) of its kind and its numbers written as
strings, because some exceed what JSON numbers carry. Lines of a kind are ordered by the node they
hang on (draws: the activity; the rest: the item, child or lot), then by fact. Both sides are read
in pages of id ranges, never as a whole.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import orjson
from neo4j import READ_ACCESS, AsyncDriver, AsyncSession
from sqlalchemy.ext.asyncio import AsyncEngine

from lotkin.domain.genealogy import Bounds, Known, ints
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph import relational
from lotkin.graph.neo4j import reachable, statement
from lotkin.graph.relational import Question, asking

NODES_MAX = 5_000  # nodes a page; some 20,000 lines, 10 MB
TIMEOUT_S = 3600.0
TRIES_MAX = 3
LAST_ID = 2**63 - 1

Row: TypeAlias = Sequence[Any]
Lines: TypeAlias = dict[str, list[bytes]]

# Node kinds, and the facts that hang on each with the column of the node's id.
HANGING: dict[str, dict[str, int]] = {
    "activities": {"activities": 0, "draws": 2},
    "items": {
        "installations": 1,
        "items": 0,
        "memberships": 0,
        "movements": 1,
        "productions": 1,
        "stays": 1,
    },
}
NODES = frozenset(HANGING)


class Part(NamedTuple):
    """One kind's number of lines and their SHA-256 in hex."""

    lines: int
    sha256: str


class Digest(NamedTuple):
    """One side's current facts: the journal position it stood at, and what it held."""

    position: int
    nodes: int
    edges: int
    sha256: str
    parts: dict[str, Part]


class Difference(NamedTuple):
    """A line that one side holds and the other does not."""

    kind: str
    line: str
    only_in: str  # "PostgreSQL" or "Neo4j"


async def relational_digest(engine: AsyncEngine) -> Digest:
    """Return the digest of PostgreSQL's current facts, read in one snapshot.

    Facts that are committed but not yet sequenced count: compare when the journal has caught up.
    Raises: Refusal UNAVAILABLE.
    """
    async with _relational(engine) as side:
        return await _digest(side)


async def neo4j_digest(driver: AsyncDriver) -> Digest:
    """Return the digest of the graph, read while the cursor stood still.

    Raises: Refusal GRAPH_UNAVAILABLE, also when the cursor moved during each of three readings.
    """
    async with _neo4j(driver) as side:
        for _ in range(TRIES_MAX):
            digest = await _digest(side)
            if digest.position == await side.position():
                return digest
    raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail="the cursor moved during the digest")


async def difference(
    engine: AsyncEngine, driver: AsyncDriver, *, lines_max: int = 20
) -> list[Difference]:
    """Return the first lines that only one side holds; none when both are equal.

    Raises: Refusal UNAVAILABLE, GRAPH_UNAVAILABLE.
    """
    found: list[Difference] = []
    async with _relational(engine) as one, _neo4j(driver) as two:
        for node in HANGING:
            async for after, upto in _ranges(one, node, then=LAST_ID):
                ours, theirs = [await side.page(node, after, upto) for side in (one, two)]
                for kind in HANGING[node]:
                    found += _only(kind, ours[kind], theirs[kind], "PostgreSQL")
                    found += _only(kind, theirs[kind], ours[kind], "Neo4j")
                if len(found) >= lines_max:
                    return found[:lines_max]
    return found


def _only(
    kind: str, lines: Iterable[bytes], others: Iterable[bytes], only_in: str
) -> list[Difference]:
    beside = set(others)
    return [Difference(kind, line.decode(), only_in) for line in lines if line not in beside]


class _Side(Protocol):
    async def position(self) -> int: ...

    async def upto(self, node: str, after: int) -> int | None:
        """Return the last id of the page after `after`, None behind the last one."""
        ...

    async def page(self, node: str, after: int, upto: int) -> Lines: ...


async def _digest(side: _Side) -> Digest:
    position = await side.position()
    parts: dict[str, Part] = {}
    for node, hanging in HANGING.items():
        sums = {kind: hashlib.sha256() for kind in hanging}
        counts = dict.fromkeys(hanging, 0)
        async for after, upto in _ranges(side, node):
            for kind, lines in (await side.page(node, after, upto)).items():
                counts[kind] += len(lines)
                sums[kind].update(b"".join(lines))
        parts |= {kind: Part(counts[kind], sums[kind].hexdigest()) for kind in hanging}
    parts = dict(sorted(parts.items()))
    nodes = sum(part.lines for kind, part in parts.items() if kind in NODES)
    edges = sum(part.lines for part in parts.values()) - nodes
    listed = [[kind, str(part.lines), part.sha256] for kind, part in parts.items()]
    return Digest(position, nodes, edges, hashlib.sha256(orjson.dumps(listed)).hexdigest(), parts)


async def _ranges(
    side: _Side, node: str, *, then: int | None = None
) -> AsyncIterator[tuple[int, int]]:
    """Give the id ranges (after, upto] of all pages, and last the range up to `then`."""
    after = 0
    while (upto := await side.upto(node, after)) is not None:
        yield after, upto
        after = upto
    if then is not None:
        yield after, then


def _lines(kind: str, rows: Iterable[Row], anchor: int, fact: int) -> list[bytes]:
    # orjson writes strings and arrays as RFC 8785 asks; a test compares it with a full writer.
    ordered = sorted(rows, key=lambda row: (row[anchor], row[fact]))
    return [orjson.dumps([kind, *map(str, row)], option=_NEWLINE) for row in ordered]


_NEWLINE = orjson.OPT_APPEND_NEWLINE


def _page(node: str, tables: Mapping[str, Iterable[Row]]) -> Lines:
    return {
        kind: _lines(kind, tables[kind], anchor, fact=2 if kind == "memberships" else 0)
        for kind, anchor in HANGING[node].items()
    }


class _Relational:
    def __init__(self, ask: Question) -> None:
        self._ask = ask
        self._read: tuple[str, int, list[Any]] | None = None

    async def position(self) -> int:
        return int((await self._ask(relational.POSITION))[0][0])

    async def upto(self, node: str, after: int) -> int | None:
        ids = (await self._nodes(node, after))[0]
        return int(ids.max()) if len(ids) else None

    async def page(self, node: str, after: int, upto: int) -> Lines:
        columns = await self._nodes(node, after)
        keep = columns[0] <= upto
        tables = {node: _rows([column[keep] for column in columns])}
        for kind, text in _FACTS[node].items():
            tables[kind] = _rows(await self._ask(text, nodes=ints(columns[0][keep])))
        return _page(node, tables)

    async def _nodes(self, node: str, after: int) -> list[Any]:
        # Asked twice in a row for one page: for its end, then for its rows.
        if self._read is None or self._read[:2] != (node, after):
            text = relational.ITEM_PAGE if node == "items" else relational.ACTIVITY_PAGE
            columns = await self._ask(text, after=after, nodes_max=NODES_MAX)
            arrays = [np.asarray(column, dtype=object) for column in columns]
            self._read = (node, after, arrays)
        return self._read[2]


_FACTS = {
    "activities": {"draws": relational.DRAWS},
    "items": {
        "installations": relational.INSTALLATIONS_FORWARD,
        "memberships": relational.MEMBERSHIPS_FORWARD,
        "movements": relational.MOVEMENTS,
        "productions": relational.PRODUCTIONS,
        "stays": relational.STAYS,
    },
}


def _rows(columns: Iterable[Any]) -> list[Row]:
    return list(zip(*(column.tolist() for column in columns), strict=True))


class _Neo4j:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def position(self) -> int:
        return int((await self._run("cursor"))["seq"])

    async def upto(self, node: str, after: int) -> int | None:
        name = "digest_last_item" if node == "items" else "digest_last_activity"
        upto: int | None = (await self._run(name, after=after, nodes_max=NODES_MAX))["upto"]
        return upto

    async def page(self, node: str, after: int, upto: int) -> Lines:
        return _page(node, await self._run(f"digest_{node}", after=after, upto=upto))

    async def _run(self, name: str, **parameters: object) -> dict[str, Any]:
        record = await (await self._session.run(statement(name), dict(parameters))).single()
        if record is None:
            raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail="the graph has not been migrated")
        return record.data()


@asynccontextmanager
async def _relational(engine: AsyncEngine) -> AsyncIterator[_Relational]:
    async with asking(engine, Known(), Bounds(timeout_s=TIMEOUT_S)) as ask:
        yield _Relational(ask)


@asynccontextmanager
async def _neo4j(driver: AsyncDriver) -> AsyncIterator[_Neo4j]:
    with reachable():
        async with driver.session(default_access_mode=READ_ACCESS, fetch_size=-1) as session:
            yield _Neo4j(session)
