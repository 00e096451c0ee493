"""The Neo4j engine, and the opening of its driver: the graph answers in collected columns.

The server is read-committed, so one question's statements could see different states. Every
relationship therefore carries the journal position that added it and the cursor names the last one
that removed any: a question reads at the position published before it, and again if facts ended
meanwhile.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, NamedTuple, TypeAlias, TypeVar

import neo4j
from neo4j import AsyncDriver, AsyncGraphDatabase, AsyncManagedTransaction, exceptions

from lotkin.domain.genealogy import (
    Activities,
    Bounds,
    Custody,
    Direction,
    Engine,
    Flows,
    Intervals,
    Items,
    Known,
    Memberships,
    Movements,
    Subgraph,
    ints,
)
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph.columns import check_size, distinct, nodes_max, ordered

# A lost server must be noticed while the caller still waits: PostgreSQL answers then.
CONNECT_TIMEOUT_S = 3.0
RETRY_S = 0.5
# Facts of one kind end in bursts; a question that meets five bursts is better asked elsewhere.
TRIES_MAX = 5
PAUSE_S = 0.02

CYPHER = Path(__file__).parent / "cypher"
Columns = TypeVar("Columns", bound=NamedTuple)
Record: TypeAlias = Mapping[str, Any]
Driver: TypeAlias = AsyncDriver  # for those who only open, pass on and close it


def open_driver(uri: str, user: str, password: str | None) -> AsyncDriver:
    """Return a driver for one server; it connects when first used and must be closed.

    Without a password the server is asked without credentials.
    """
    return AsyncGraphDatabase.driver(
        uri,
        auth=None if password is None else (user, password),
        connection_timeout=CONNECT_TIMEOUT_S,
        connection_acquisition_timeout=2 * CONNECT_TIMEOUT_S,
        max_transaction_retry_time=RETRY_S,
        notifications_min_severity="OFF",
    )


@cache
def statement(name: str) -> LiteralString:
    """Return the text of `cypher/<name>.cypher`."""
    return (CYPHER / f"{name}.cypher").read_text(encoding="utf-8")


@contextmanager
def reachable() -> Iterator[None]:
    """Turn a server that is away, failing or overloaded into Refusal GRAPH_UNAVAILABLE."""
    try:
        yield
    except (
        exceptions.ServiceUnavailable,
        exceptions.SessionExpired,
        exceptions.ConnectionPoolError,
        exceptions.TransientError,
        exceptions.DatabaseError,
        exceptions.AuthError,
        exceptions.Forbidden,
        OSError,
    ) as error:
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail=str(error)) from error


class Neo4jReader:
    """Reads the projected graph; implements `graph.reader.Reader` for current knowledge."""

    engine = Engine.NEO4J

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def position(self) -> int:
        """Return the journal position the graph surely stands at; -1 while it is being rebuilt.

        Raises: Refusal GRAPH_UNAVAILABLE.
        """
        with reachable():
            async with self._driver.session(default_access_mode=neo4j.READ_ACCESS) as session:
                return int((await session.execute_read(_cursor))["applied"])

    async def lineage(
        self, starts: Sequence[int], direction: Direction, *, known: Known, bounds: Bounds
    ) -> Subgraph:
        """Return every lineage row reachable from `starts`, as `Reader.lineage` says.

        Raises: Refusal WALK_TOO_LARGE, WALK_TIMEOUT, GRAPH_UNAVAILABLE.
        """
        forward = direction is Direction.FORWARD
        name = "lineage_forward" if forward else "lineage_backward"
        record = await self._ask(name, "lineage_ended", starts, known, bounds)
        return Subgraph(
            items=distinct(_columns(Items, "item", record)),
            activities=distinct(_columns(Activities, "activity", record)),
            draws=ordered(_columns(Flows, "draw", record)),
            productions=ordered(_columns(Flows, "production", record)),
            installations=ordered(_columns(Intervals, "installation", record)),
            memberships=ordered(_columns(Memberships, "membership", record)),
        )

    async def custody(self, items: Sequence[int], *, known: Known, bounds: Bounds) -> Custody:
        """Return stays and movements of `items` and their containers, as `Reader.custody` says.

        Raises: as `lineage`.
        """
        record = await self._ask("custody", "custody_ended", items, known, bounds)
        return Custody(
            stays=ordered(_columns(Intervals, "stay", record)),
            movements=ordered(_columns(Movements, "movement", record)),
        )

    async def _ask(
        self, name: str, ended: str, starts: Sequence[int], known: Known, bounds: Bounds
    ) -> Record:
        assert known.is_current, "the graph holds current knowledge only"
        # Each start is searched by itself, so one named twice would cost twice.
        distinct_starts = sorted({int(start) for start in starts})
        question = _Question(name, ended, distinct_starts, bounds)
        try:
            # The server looks at its own timeout every two seconds only.
            async with asyncio.timeout(bounds.timeout_s):
                with reachable():
                    record = await self._consistent(question)
        except TimeoutError as error:
            raise Refusal(RefusalCode.WALK_TIMEOUT, seconds=bounds.timeout_s) from error
        except exceptions.ClientError as error:
            if "TransactionTimedOut" in (error.code or ""):
                raise Refusal(RefusalCode.WALK_TIMEOUT, seconds=bounds.timeout_s) from error
            raise
        check_size(record["item_count"], record["activity_count"], bounds)
        return record

    async def _consistent(self, question: "_Question") -> Record:
        work = neo4j.unit_of_work(timeout=question.bounds.timeout_s)(_read)
        async with self._driver.session(
            default_access_mode=neo4j.READ_ACCESS, fetch_size=-1
        ) as session:
            for tried in range(TRIES_MAX):
                record = await session.execute_read(work, question)
                if record is not None:
                    return record
                await asyncio.sleep(PAUSE_S * (tried + 1))
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail="facts ended during every read")


class _Question(NamedTuple):
    name: str
    ended: str
    starts: list[int]
    bounds: Bounds


async def _cursor(tx: AsyncManagedTransaction) -> Record:
    record = await (await tx.run(statement("cursor"))).single()
    if record is None:
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail="the graph has not been migrated")
    return record


async def _read(tx: AsyncManagedTransaction, question: _Question) -> Record | None:
    """Return the answer at one position, or None if facts ended while it was read."""
    before = await _cursor(tx)
    if before["applied"] < 0:
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail="the graph is being rebuilt")
    if before[question.ended] > before["applied"]:
        return None
    result = await tx.run(
        statement(question.name),
        starts=question.starts,
        position=before["applied"],
        nodes_max=nodes_max(question.bounds),
        visited_max=question.bounds.visited_max,
    )
    record = await result.single(strict=True)
    after = await _cursor(tx)
    unmoved = after[question.ended] == before[question.ended] and after["applied"] >= 0
    return record if unmoved else None


def _columns(table: type[Columns], prefix: str, record: Record) -> Columns:
    return table._make(ints(record[f"{prefix}_{field}"]) for field in table._fields)
