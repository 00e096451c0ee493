"""The PostgreSQL engine: walks the genealogy rows by recursive queries, returns columns.

Only here does `graph/` hold SQL. Nothing is decided about times: rows are read, not judged. All
statements of one question share one REPEATABLE READ snapshot.
"""

import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeAlias, cast

import numpy as np
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lotkin import clock
from lotkin.domain.genealogy import (
    NO_INTS,
    Activities,
    Bounds,
    Custody,
    Direction,
    Engine,
    Flows,
    Intervals,
    Ints,
    Items,
    Known,
    Memberships,
    Movements,
    Subgraph,
    ints,
)
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph.columns import Reached, check_size, named, nodes_max, ordered

# One walk follows items and activities alike (activities as negative ids), so that an activity of
# m inputs and n outputs costs m + n rows, not m * n. UNION drops what was reached before: cycles
# end, diamonds are linear. LIMIT stops the recursion itself: a CTE read once is not materialised.
WALK_FORWARD = """
with recursive walk (node) as (
    select unnest(%(starts)s::bigint[])
    union
    select step.node from walk w cross join lateral (
        select -f.activity_id from draw f where f.item_id = w.node and w.node > 0 and known(f)
        union all
        select f.item_id from production f
        where f.activity_id = -w.node and w.node < 0 and known(f)
        union all
        select f.serial_id from membership f where f.lot_id = w.node and w.node > 0 and known(f)
        union all
        select f.parent_id from stay f
        where f.child_id = w.node and w.node > 0 and f.is_installation and known(f)
    ) as step (node)
)
select array_agg(node) from (select node from walk limit %(node_limit)s) as reached
"""
WALK_BACKWARD = """
with recursive walk (node) as (
    select unnest(%(starts)s::bigint[])
    union
    select step.node from walk w cross join lateral (
        select -f.activity_id from production f
        where f.item_id = w.node and w.node > 0 and known(f)
        union all
        select f.item_id from draw f where f.activity_id = -w.node and w.node < 0 and known(f)
        union all
        select f.lot_id from membership f where f.serial_id = w.node and w.node > 0 and known(f)
        union all
        select f.child_id from stay f
        where f.parent_id = w.node and w.node > 0 and f.is_installation and known(f)
    ) as step (node)
)
select array_agg(node) from (select node from walk limit %(node_limit)s) as reached
"""
HOLDERS = """
with recursive walk (node) as (
    select unnest(%(starts)s::bigint[])
    union
    select f.parent_id from walk w join stay f on f.child_id = w.node
    where not f.is_installation and known(f)
)
select array_agg(node) from (select node from walk limit %(node_limit)s) as reached
"""

DRAWS = """
select array_agg(f.id), array_agg(f.item_id), array_agg(f.activity_id), array_agg(f.at),
    array_agg(f.quality::bigint), array_agg(f.uncertainty), array_agg(f.pieces)
from unnest(%(nodes)s::bigint[]) as n (id) join draw f on f.activity_id = n.id
where known(f)
"""
PRODUCTIONS = """
select array_agg(f.id), array_agg(f.item_id), array_agg(f.activity_id), array_agg(f.at),
    array_agg(f.quality::bigint), array_agg(f.uncertainty), array_agg(f.pieces)
from unnest(%(nodes)s::bigint[]) as n (id) join production f on f.item_id = n.id
where known(f)
"""
MEMBERSHIPS_FORWARD = """
select array_agg(f.lot_id), array_agg(f.serial_id), array_agg(f.id)
from unnest(%(nodes)s::bigint[]) as n (id) join membership f on f.lot_id = n.id
where known(f)
"""
MEMBERSHIPS_BACKWARD = """
select array_agg(f.lot_id), array_agg(f.serial_id), array_agg(f.id)
from unnest(%(nodes)s::bigint[]) as n (id) join membership f on f.serial_id = n.id
where known(f)
"""
INSTALLATIONS_FORWARD = """
select array_agg(f.id), array_agg(f.child_id), array_agg(f.parent_id), array_agg(f.since),
    array_agg(f.since_quality::bigint), array_agg(f.since_uncertainty), array_agg(f.until),
    array_agg(f.until_quality::bigint), array_agg(f.until_uncertainty)
from unnest(%(nodes)s::bigint[]) as n (id) join stay f on f.child_id = n.id
where f.is_installation and known(f)
"""
INSTALLATIONS_BACKWARD = """
select array_agg(f.id), array_agg(f.child_id), array_agg(f.parent_id), array_agg(f.since),
    array_agg(f.since_quality::bigint), array_agg(f.since_uncertainty), array_agg(f.until),
    array_agg(f.until_quality::bigint), array_agg(f.until_uncertainty)
from unnest(%(nodes)s::bigint[]) as n (id) join stay f on f.parent_id = n.id
where f.is_installation and known(f)
"""
STAYS = """
select array_agg(f.id), array_agg(f.child_id), array_agg(f.parent_id), array_agg(f.since),
    array_agg(f.since_quality::bigint), array_agg(f.since_uncertainty), array_agg(f.until),
    array_agg(f.until_quality::bigint), array_agg(f.until_uncertainty)
from unnest(%(nodes)s::bigint[]) as n (id) join stay f on f.child_id = n.id
where not f.is_installation and known(f)
"""
MOVEMENTS = """
select array_agg(f.id), array_agg(f.item_id), array_agg(f.kind::bigint), array_agg(f.at),
    array_agg(f.quality::bigint), array_agg(f.uncertainty),
    array_agg(coalesce(f.sender_id, -1)), array_agg(coalesce(f.receiver_id, -1)),
    array_agg(f.event_id)
from unnest(%(nodes)s::bigint[]) as n (id) join movement f on f.item_id = n.id
where known(f)
"""
ITEMS = """
select array_agg(i.id), array_agg(i.kind::bigint), array_agg(coalesce(i.class_id, -1))
from unnest(%(nodes)s::bigint[]) as n (id) join item i on i.id = n.id
"""
ACTIVITIES = """
select array_agg(a.id), array_agg(a.kind::bigint)
from unnest(%(nodes)s::bigint[]) as n (id) join activity a on a.id = n.id
"""

# For the digest: pages of nodes by id, with the key that the graph holds too.
ITEM_PAGE = """
select array_agg(p.id), array_agg(p.kind::bigint), array_agg(coalesce(p.class_id, -1)),
    array_agg(p.key)
from (
    select id, kind, class_id, key from item where id > %(after)s order by id limit %(nodes_max)s
) as p
"""
ACTIVITY_PAGE = """
select array_agg(p.id), array_agg(p.kind::bigint)
from (
    select id, kind from activity where id > %(after)s order by id limit %(nodes_max)s
) as p
"""

# What `known(f)` stands for above: the facts f a question may use.
KNOWN_CURRENT = "f.rec_to is null"
KNOWN_AT_TIME = """f.rec_from <= %(record_time)s::timestamptz
    and (f.rec_to is null or f.rec_to > %(record_time)s::timestamptz)"""
KNOWN_AT_POSITION = """exists (
        select from event e join journal j on j.intent_id = e.intent_id
        where e.id = f.event_id and j.seq <= %(position)s
    ) and not exists (
        select from event e join journal j on j.intent_id = e.intent_id
        where e.id = f.ended_by and j.seq <= %(position)s
    )"""

# Row estimates of recursive queries are guesses: compiling them costs more than it saves. The
# memory is for the set of reached nodes, so that a large walk does not go through files.
SETTINGS = """
select set_config('jit', 'off', true), set_config('work_mem', '64MB', true)
"""
TIMEOUT = "select set_config('statement_timeout', %(timeout_ms)s, true)"
POSITION = "select array_agg(size) from journal_head"

Statement: TypeAlias = str
Enter: TypeAlias = Callable[[AsyncConnection], Awaitable[None]]


class RelationalReader:
    """Reads the genealogy rows of PostgreSQL; implements `graph.reader.Reader`."""

    engine = Engine.POSTGRESQL

    def __init__(self, engine: AsyncEngine, enter: Enter | None = None) -> None:
        """enter: what each question begins with, such as a partner's scope."""
        self._pool = engine
        self._enter = enter

    async def position(self) -> int:
        """Return the journal's size.

        Raises: Refusal UNAVAILABLE.
        """
        async with asking(self._pool, Known(), Bounds(), self._enter) as ask:
            return int((await ask(POSITION))[0][0])

    async def lineage(
        self, starts: Sequence[int], direction: Direction, *, known: Known, bounds: Bounds
    ) -> Subgraph:
        """Return every lineage row reachable from `starts`, as `Reader.lineage` says.

        Raises: Refusal WALK_TOO_LARGE, WALK_TIMEOUT, UNAVAILABLE.
        """
        forward = direction is Direction.FORWARD
        async with asking(self._pool, known, bounds, self._enter) as ask:
            reached = await ask.walk(WALK_FORWARD if forward else WALK_BACKWARD, starts)
            draws = Flows(*await ask(DRAWS, nodes=reached.activities))
            productions = Flows(*await ask(PRODUCTIONS, nodes=reached.items))
            installations = INSTALLATIONS_FORWARD if forward else INSTALLATIONS_BACKWARD
            memberships = MEMBERSHIPS_FORWARD if forward else MEMBERSHIPS_BACKWARD
            fitted = Intervals(*await ask(installations, nodes=reached.items))
            members = Memberships(*(await ask(memberships, nodes=reached.items))[:2])
            everything = named(reached, draws, productions)
            items = Items(*await ask(ITEMS, nodes=everything.items))
            activities = Activities(*await ask(ACTIVITIES, nodes=everything.activities))
        return Subgraph(
            items=ordered(items),
            activities=ordered(activities),
            draws=ordered(draws),
            productions=ordered(productions),
            installations=ordered(fitted),
            memberships=ordered(members),
        )

    async def custody(self, items: Sequence[int], *, known: Known, bounds: Bounds) -> Custody:
        """Return stays and movements of `items` and their containers, as `Reader.custody` says.

        Raises: as `lineage`.
        """
        async with asking(self._pool, known, bounds, self._enter) as ask:
            held = (await ask.walk(HOLDERS, items)).items
            stays = Intervals(*await ask(STAYS, nodes=held))
            movements = Movements(*await ask(MOVEMENTS, nodes=held))
        return Custody(stays=ordered(stays), movements=ordered(movements))


@asynccontextmanager
async def asking(
    engine: AsyncEngine, known: Known, bounds: Bounds, enter: Enter | None = None
) -> AsyncIterator["Question"]:
    """Give a question its snapshot, and turn what the server or driver raises into refusals.

    Raises: Refusal WALK_TIMEOUT, UNAVAILABLE.
    """
    try:
        async with engine.connect() as connection:
            yield await Question.begin(connection, known, bounds, enter)
    except psycopg.errors.QueryCanceled as error:
        raise Refusal(RefusalCode.WALK_TIMEOUT, seconds=bounds.timeout_s) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Refusal(RefusalCode.UNAVAILABLE, detail=str(error)) from error
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Refusal(RefusalCode.UNAVAILABLE, detail=str(error)) from error


class Question:
    """One read-only snapshot with a deadline; called with a statement it returns columns."""

    def __init__(self, cursor: psycopg.AsyncCursor[Any], known: Known, bounds: Bounds) -> None:
        self._cursor = cursor
        self._known = known
        self._bounds = bounds
        self._deadline = clock.elapsed() + bounds.timeout_s

    @classmethod
    async def begin(
        cls,
        connection: AsyncConnection,
        known: Known,
        bounds: Bounds,
        enter: Enter | None = None,
    ) -> "Question":
        await connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        if enter is not None:
            await enter(connection)
        # The driver's own connection: its binary arrays become columns without a Python object a
        # value (100,000 rows of seven columns: 100 ms this way, a second through rows).
        raw = await connection.get_raw_connection()
        cursor = cast("psycopg.AsyncConnection[Any]", raw.driver_connection).cursor(binary=True)
        cursor.adapters.register_loader(_INT8_ARRAY, _ColumnLoader)
        cursor.adapters.register_dumper(np.ndarray, _ColumnDumper)
        await cursor.execute(SETTINGS)
        return cls(cursor, known, bounds)

    async def __call__(self, statement: Statement, **parameters: object) -> list[Ints]:
        """Run a statement whose single row holds arrays; an empty array comes as null."""
        await self._limit_time()
        record_time = self._known.record_time
        values = {
            "record_time": None if record_time is None else clock.from_us(record_time),
            "position": self._known.position,
            **parameters,
        }
        # Never prepared: a generic plan would not know how long the arrays are.
        await self._cursor.execute(_text(statement, _rule(self._known)), values, prepare=False)
        row = await self._cursor.fetchone()
        assert row is not None
        return [NO_INTS if column is None else column for column in row]

    async def walk(self, statement: Statement, starts: Sequence[int]) -> Reached:
        """Return the nodes reached from `starts`, these included.

        Raises: Refusal WALK_TOO_LARGE.
        """
        limit = nodes_max(self._bounds)
        (nodes,) = await self(statement, starts=ints(starts), node_limit=limit)
        reached = Reached(nodes[nodes > 0], -nodes[nodes < 0])
        check_size(len(reached.items), len(reached.activities), self._bounds)
        return reached

    async def _limit_time(self) -> None:
        left_ms = int((self._deadline - clock.elapsed()) * 1000)
        if left_ms <= 0:
            raise Refusal(RefusalCode.WALK_TIMEOUT, seconds=self._bounds.timeout_s)
        await self._cursor.execute(TIMEOUT, {"timeout_ms": str(left_ms)})


def _rule(known: Known) -> str:
    if known.position is not None:
        return KNOWN_AT_POSITION
    return KNOWN_CURRENT if known.record_time is None else KNOWN_AT_TIME


@cache
def _text(statement: Statement, rule: str) -> bytes:
    return statement.replace("known(f)", rule).encode()


# A binary array of PostgreSQL: dimensions, has-nulls, element type, length, lower bound, then
# each element behind its own length; all big-endian. Columns here have no nulls.
_HEADER = struct.Struct(">iiIii")
_ELEMENT = np.dtype([("size", ">i4"), ("value", ">i8")])
_INT8, _INT8_ARRAY = 20, 1016


class _ColumnLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Ints:
        if len(data) < _HEADER.size:
            return NO_INTS
        return np.frombuffer(data, dtype=_ELEMENT, offset=_HEADER.size)["value"].astype(np.int64)


class _ColumnDumper(Dumper):
    format = Format.BINARY
    oid = _INT8_ARRAY

    def dump(self, obj: Ints) -> Buffer:
        elements = np.empty(len(obj), dtype=_ELEMENT)
        elements["size"], elements["value"] = 8, obj
        return _HEADER.pack(1, 0, _INT8, len(obj), 1) + elements.tobytes()
