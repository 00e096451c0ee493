"""Background loops: the sequencer places intents, the projector follows the journal, checkpoints
are signed.

Any number of processes may run them; a lock in the database and a fence in the graph let only
one of each act. Both come back by themselves after their server was gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import structlog

from lotkin import clock
from lotkin.errors import Refusal
from lotkin.graph.project import PoisonEntry, Projector
from lotkin.journal import checkpoint, keys, note, tiles
from lotkin.journal import read as journal_read
from lotkin.journal import sequence as journal_sequence
from lotkin.journal.intent import AWAKE_S
from lotkin.journal.intent import CHANNEL as INTENT_CHANNEL
from lotkin.journal.sequence import CHANNEL as JOURNAL_CHANNEL
from lotkin.records import alerts
from lotkin.records.session import PROJECTOR, SEQUENCER, Database
from lotkin.resolvers.context import Services
from lotkin.resolvers.verification import Report, Wanted, verification
from lotkin.settings import Settings

log = structlog.get_logger()

IDLE_S = 0.5  # how long a loop sleeps through a notification it did not get
HORIZON_S = 0.005  # a writer that is still open holds intents back; look again soon
HASTE_S = 0.05  # how long it looks that often after something came
LOOK_S = 0.02  # and then, while more may come without a word
RETRY_S = 1.0  # pause after a server was gone
POISON_S = 30.0  # a stopped line is tried again this often: people act in minutes
CHECKPOINT_S = 1.0  # how old the newest checkpoint may be while entries come
VERIFY_S = 3600.0  # a verification reads everything, a minute a million entries
PROJECT_BATCH = 500  # entries a graph transaction: some 50 ms


async def run(services: Services, target: Projector | None) -> None:
    """Run all loops until cancelled; without a graph there is nothing to project to."""
    async with asyncio.TaskGroup() as group:
        group.create_task(sequencer(services.database))
        group.create_task(checkpointer(services.database, services.settings))
        group.create_task(verifier(services))
        if target is not None:
            group.create_task(projector(services.database, target))


async def sequencer(database: Database) -> None:
    """Place committed intents until cancelled."""
    await _forever("sequencer", lambda: _sequence(database.as_role(SEQUENCER)))


async def projector(database: Database, target: Projector) -> None:
    """Bring the graph to the journal's head, again and again, until cancelled."""
    await _forever("projector", lambda: _project(database.as_role(PROJECTOR), target))


async def checkpointer(database: Database, settings: Settings) -> None:
    """Sign a checkpoint every second in which the journal grew, until cancelled."""
    while True:
        await asyncio.sleep(CHECKPOINT_S)
        try:
            await checkpoint_once(database, settings)
        except Refusal as refusal:
            log.warning("background.waiting", loop="checkpointer", code=refusal.code.value)
        except UNSIGNED as alarm:
            log.exception("journal.unsigned", reason=f"{type(alarm).__name__}: {alarm}")
            await asyncio.sleep(POISON_S)


async def verifier(services: Services) -> None:
    """Verify journal and records every hour, and raise an alert for what is wrong."""
    while True:
        await asyncio.sleep(VERIFY_S)
        try:
            await verify_once(services)
        except Refusal as refusal:
            log.warning("background.waiting", loop="verifier", code=refusal.code.value)


async def verify_once(services: Services) -> Report:
    """Verify everything once; what is wrong becomes one alert."""
    report = await verification(services, Wanted())
    if not report.is_intact:
        log.error("journal.tampered", count=report.count, first=str(report.findings[0]))
        facts = {"count": report.count, "first": str(report.findings[0])}
        async with services.database.transaction() as connection:
            await alerts.store(
                connection,
                [{"code": "JOURNAL_TAMPERED", "facts": facts, "event_id": None, "item_id": None}],
            )
    return report


# What must be looked at by people before anything is signed again.
UNSIGNED = (checkpoint.KeyNotAccepted, checkpoint.Forked, tiles.TornTree, note.BadNote, OSError)


async def checkpoint_once(database: Database, settings: Settings) -> int | None:
    """Sign the journal as it stands; return its size, None when it did not grow.

    Raises: one of UNSIGNED; nothing is signed then.
    """
    key = keys.load_or_make(settings.journal_key(), settings.journal_origin, note.ED25519)
    async with database.as_role(SEQUENCER).transaction() as connection:
        made = await checkpoint.make(connection, key)
    return None if made is None else made.size


async def _forever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Refusal as refusal:
            log.warning("background.waiting", loop=name, code=refusal.code.value)
            await asyncio.sleep(RETRY_S)
        except PoisonEntry as poison:
            log.exception("projector.stopped", seq=poison.seq, reason=poison.reason)
            await asyncio.sleep(POISON_S)


async def _sequence(database: Database) -> None:
    async with aclosing(database.listen(INTENT_CHANNEL, wait_s=IDLE_S)) as woken:
        async for _ in woken:
            quiet_since = clock.elapsed()
            while (quiet := clock.elapsed() - quiet_since) < AWAKE_S:
                if await _has_pending(database):
                    await sequence_once(database)
                    quiet_since = clock.elapsed()
                # What is pending may wait for the horizon, whose moves nobody announces.
                await asyncio.sleep(HORIZON_S if quiet < HASTE_S else LOOK_S)


async def sequence_once(database: Database) -> int:
    """Place what is ready; return how many entries were placed."""
    async with database.as_role(SEQUENCER).transaction() as connection:
        return await journal_sequence.sequence(connection)


async def _has_pending(database: Database) -> bool:
    async with database.reading() as connection:
        return (await journal_read.head(connection)).pending > 0


async def _project(database: Database, target: Projector) -> None:
    async with aclosing(database.listen(JOURNAL_CHANNEL, wait_s=IDLE_S)) as woken:
        async for _ in woken:
            while await project_once(database, target):
                pass


async def project_once(database: Database, target: Projector) -> int:
    """Apply the next batch of the journal to the graph; return how many entries it had.

    Raises: PoisonEntry when an entry cannot be applied; everything before it is applied, an
    alert is stored, and the line stops there.
    """
    cursor = await target.cursor()
    if cursor < 0:
        return 0  # somebody is emptying the graph; there is nothing to apply to
    async with database.reading() as connection:
        entries = await journal_read.after(connection, cursor, limit=PROJECT_BATCH)
    if not entries:
        return 0
    batch = [(seq, graph_rows(body)) for seq, body in entries]
    try:
        await target.apply(batch)
    except PoisonEntry:
        await _up_to_poison(database, target, batch)
    return len(batch)


async def _up_to_poison(
    database: Database, target: Projector, batch: Sequence[tuple[int, Mapping[str, Any]]]
) -> None:
    for entry in batch:
        try:
            await target.apply([entry])
        except PoisonEntry as poison:
            await _alarm(database, poison)
            raise


async def _alarm(database: Database, poison: PoisonEntry) -> None:
    facts = {"seq": poison.seq, "reason": poison.reason}
    async with database.transaction() as connection:
        await alerts.store(
            connection,
            [{"code": "PROJECTION_STOPPED", "facts": facts, "event_id": None, "item_id": None}],
        )


def graph_rows(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a journal body with the integers of its graph rows restored.

    Canonical JSON carries integers above 2^53 - 1 as strings, such as the end of an open stay.
    """
    graph = dict(body.get("graph", {}))
    ended = {kind: _whole(rows) for kind, rows in graph.pop("ended", {}).items()}
    items = graph.pop("items", [])
    return {"graph": {"items": items, **{k: _whole(v) for k, v in graph.items()}, "ended": ended}}


def _whole(rows: Sequence[Sequence[int | str]]) -> list[list[int]]:
    return [[int(value) for value in row] for row in rows]
