"""Which engine answers a walk (decision 4): Neo4j once it has reached what the request needs,
PostgreSQL at full currency otherwise. A dead Neo4j costs a request nothing but a glance.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar
from weakref import WeakKeyDictionary

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain.genealogy import Bounds, Engine, Known
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph.reader import Reader
from lotkin.journal import read as journal
from lotkin.journal.read import Head
from lotkin.records import trace as records
from lotkin.resolvers import asof
from lotkin.resolvers.asof import Asked, Stand
from lotkin.resolvers.context import Context

T = TypeVar("T")

POLL_S = 0.01
SETTLE_S = 0.2  # how long unsequenced facts may delay an answer; the sequencer needs milliseconds
DOWN_S = 1.0  # how long a Neo4j that failed is not asked again
GLANCE_S = 1.0  # a Neo4j that cannot tell its position in this time counts as down
PARTNER_BOUNDS = Bounds(50_000, 5.0)
RETRIES = 3  # walks during which the projector moved the graph, before PostgreSQL answers


@dataclass(frozen=True, slots=True)
class View:
    """One engine, and which facts it may show; every read of one answer goes through one View."""

    reader: Reader
    known: Known
    bounds: Bounds


async def answer(
    context: Context, asked: Asked, read: Callable[[View], Awaitable[T]]
) -> tuple[T, Stand]:
    """Return what `read` makes of the chosen engine's rows, and what the answer stands on.

    asked: pinned. `read` may be called again on another engine; it must only read.
    Raises: Refusal AS_OF_CONFLICT, BAD_INPUT, PROJECTION_LAG when a wanted position is not
    reached in `position_wait_s`, GRAPH_UNAVAILABLE when Neo4j is forced and down, and what the
    walk raises; never an old or a cut answer.
    """
    known = asof.check(asked)
    instant = asof.instant(asked)
    if context.partner is not None:
        return await _from_scope(context, asked, known, read)
    head = await _needed(context, asked)
    neo4j = context.neo4j
    if neo4j is None and asked.engine is Engine.NEO4J:
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE)
    if neo4j is not None and known.is_current and asked.engine is not Engine.POSTGRESQL:
        forced = asked.engine is Engine.NEO4J
        # Facts without a place yet count too: what was acknowledged is in the answer.
        told = await _from_neo4j(context, neo4j, head.size + head.pending, forced, read)
        if told is not None:
            value, position = told
            return value, Stand(instant, clock.now_us(), position, position, Engine.NEO4J)
    return await _from_record(context, known, head, instant, read)


async def _needed(context: Context, asked: Asked) -> Head:
    """Return the journal's head once it has reached `atLeast` and an asked position."""
    wanted = max(asked.at_least or 0, asked.as_of.position or 0)
    deadline = clock.elapsed() + context.settings.position_wait_s
    while True:
        head = await _head(context)
        if head.size >= wanted:
            return head
        if clock.elapsed() >= deadline:
            raise Refusal(RefusalCode.PROJECTION_LAG, wanted=wanted, reached=head.size)
        await asyncio.sleep(POLL_S)


async def _head(context: Context) -> Head:
    async with context.database.reading() as connection:
        return await journal.head(connection)


async def _from_neo4j(
    context: Context,
    reader: Reader,
    needed: int,
    forced: bool,
    read: Callable[[View], Awaitable[T]],
) -> tuple[T, int] | None:
    """Return Neo4j's answer and its position, or None where PostgreSQL should answer."""
    view = View(reader, Known(), bounds(context))
    deadline = clock.elapsed() + (context.settings.position_wait_s if forced else 0)
    try:
        before = await _glance(reader, forced)
        while before < needed and clock.elapsed() < deadline:
            await asyncio.sleep(POLL_S)
            before = await _glance(reader, forced)
        if before < needed:
            _refuse_lag(needed, before, forced)
            return None
        for _ in range(RETRIES):
            value = await read(view)
            after = await _glance(reader, forced)
            if after == before:
                return value, after
            # The projector moved the graph under the walk: no single position names its facts.
            before = after
    except Refusal as refusal:
        if refusal.code is not RefusalCode.GRAPH_UNAVAILABLE:
            raise
        _health(reader).down_until = clock.elapsed() + DOWN_S
        if forced:
            raise
        return None
    return (value, before) if forced else None


def _refuse_lag(needed: int, reached: int, forced: bool) -> None:
    if forced:
        raise Refusal(RefusalCode.PROJECTION_LAG, wanted=needed, reached=reached)


async def _glance(reader: Reader, forced: bool) -> int:
    """Return Neo4j's position; a Neo4j known to be down is not asked unless forced."""
    health = _health(reader)
    if not forced and clock.elapsed() < health.down_until:
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE)
    try:
        health.position = await asyncio.wait_for(reader.position(), GLANCE_S)
    except TimeoutError as error:
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE, detail="position timed out") from error
    return health.position


async def _from_record(
    context: Context, known: Known, head: Head, instant: int, read: Callable[[View], Awaitable[T]]
) -> tuple[T, Stand]:
    """Return PostgreSQL's answer and the position that names exactly its facts."""
    view = View(context.relational, known, bounds(context))
    if known.is_current:
        head = await _settled(context, head)
    value = await read(view)
    if known.is_current:
        after = await _head(context)
        if after != head and not head.pending:
            # Facts were committed during the walk; what is known at one position stays the same.
            view = replace(view, known=Known(position=after.size))
            value, head = await read(view), after
    async with context.database.reading() as connection:
        record_time, position = await records.knowledge(connection, known, head.size)
    neo4j = context.neo4j
    graph_position = position if neo4j is None else _health(neo4j).position
    return value, Stand(instant, record_time, position, graph_position, Engine.POSTGRESQL)


async def _from_scope(
    context: Context, asked: Asked, known: Known, read: Callable[[View], Awaitable[T]]
) -> tuple[T, Stand]:
    """Return the answer to a partner, by the engine whose rows end where its scope ends.

    It names no position: how far the journal has come tells how much others do.
    Raises: Refusal FORBIDDEN for a position, and for an engine.
    """
    if asked.at_least is not None or asked.as_of.position is not None or asked.engine is not None:
        raise Refusal(RefusalCode.FORBIDDEN, permission=Permission.JOURNAL_READ.value)
    value = await read(View(context.relational, known, bounds(context)))
    told = clock.now_us() if known.record_time is None else known.record_time
    return value, Stand(asof.instant(asked), told, 0, 0, Engine.POSTGRESQL)


async def _settled(context: Context, head: Head) -> Head:
    """Return the head once every committed fact has its place in the journal.

    After SETTLE_S it is returned as it is: with the sequencer down an answer is complete all the
    same, and its position is the last one given out.
    """
    deadline = clock.elapsed() + SETTLE_S
    while head.pending and clock.elapsed() < deadline:
        await asyncio.sleep(POLL_S)
        head = await _head(context)
    return head


@dataclass(slots=True)
class _Health:
    """What is known of one Neo4j: its last told position, and until when it counts as down."""

    position: int = 0
    down_until: float = 0.0


_HEALTH: WeakKeyDictionary[Reader, _Health] = WeakKeyDictionary()


def _health(reader: Reader) -> _Health:
    return _HEALTH.setdefault(reader, _Health())


def bounds(context: Context) -> Bounds:
    """Return how far a walk of this caller may go (ruling 24)."""
    if context.partner is not None:
        return PARTNER_BOUNDS
    return Bounds(context.settings.visited_max, context.settings.walk_timeout_s)
