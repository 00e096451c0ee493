"""Writers that delay and roll back at random: is what was projected exactly what was committed?

    python -m tests.crash.gaps --events 50000 --writers 8 --seed 1

starts its own servers and ends with one line: committed, projected, twice, digests equal.
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neo4j import AsyncDriver
from sqlalchemy import text

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.graph import digest, migrate
from lotkin.graph.neo4j import open_driver
from lotkin.graph.project import Projector
from lotkin.graph.relational import RelationalReader
from lotkin.graph.server import local_neo4j
from lotkin.records import migrate as record_migrations
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import Connection, Database, T
from lotkin.resolvers import worker
from lotkin.resolvers.capture import capture
from lotkin.resolvers.context import Context, Services
from lotkin.settings import Settings
from tests.flows.events import document, lot, make, quantity, serial

ROLLBACK_SHARE = 0.05
DELAY_S_MAX = 0.01


class Whim(Exception):  # noqa: N818
    """A transaction that ends badly for no reason of its own."""


class WhimsicalDatabase(Database):
    """Sleeps inside every capture's transaction, and rolls some of them back."""

    dice: random.Random

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def delayed(connection: Connection) -> T:
            done = await work(connection)
            await asyncio.sleep(self.dice.random() * DELAY_S_MAX)
            if self.dice.random() < ROLLBACK_SHARE:
                raise Whim
            return done

        return await super().run(delayed)


@dataclass(frozen=True, slots=True)
class Result:
    """What the race left behind; `wrong` lists what must be empty."""

    committed: int
    acknowledged: int
    rolled_back: int
    projected: int
    wrong: tuple[str, ...]


async def race(url: str, driver: AsyncDriver, *, events: int, writers: int, seed: int) -> Result:
    """Capture `events` one by one with `writers` at once; return what was projected of them."""
    database = WhimsicalDatabase(url, pool=writers + 4)
    database.dice = random.Random(seed)
    actor = Actor("op", "op", None, frozenset({Role.OPERATOR}))
    settings = Settings().model_copy(update={"position_wait_s": 0.0})
    context = Context(actor, Services(settings, database, RelationalReader(database.engine), None))
    target = Projector(driver)
    loops = [
        asyncio.create_task(worker.sequencer(database)),
        asyncio.create_task(worker.projector(database, target)),
    ]
    numbers = iter(range(events))
    tally = await asyncio.gather(*(_write(context, numbers) for _ in range(writers)))
    acknowledged = sum(good for good, _ in tally)
    committed = await _count(database, "select count(*) from event")
    while await target.cursor() < committed:
        await asyncio.sleep(0.05)
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    wrong = await _wrong(database, driver, acknowledged, committed)
    await database.close()
    projected = await target.cursor()
    return Result(committed, acknowledged, sum(bad for _, bad in tally), projected, tuple(wrong))


async def _write(context: Context, numbers: Iterator[int]) -> tuple[int, int]:
    good = bad = 0
    for number in numbers:
        event = make(
            number % 500,
            [quantity(lot(1, f"R{number % 7}"), 1)],
            [serial(2, number)],
            eventID=f"urn:x:{number}",
        )
        try:
            outcome = await capture(context, document(event))
            good += outcome.captured
        except Whim:
            bad += 1
    return good, bad


async def _wrong(
    database: Database, driver: AsyncDriver, acknowledged: int, committed: int
) -> list[str]:
    wrong = []
    if acknowledged != committed:
        wrong.append(f"{acknowledged} acknowledged, {committed} recorded")
    gaps = await _count(database, "select max(seq) - count(*) from journal")
    if gaps:
        wrong.append(f"{gaps} positions missing in the journal")
    unplaced = await _count(
        database,
        "select count(*) from journal_intent i where not exists "
        "(select from journal j where j.intent_id = i.id)",
    )
    if unplaced:
        wrong.append(f"{unplaced} committed intents without a position")
    graph_side = await digest.neo4j_digest(driver)
    record_side = await digest.relational_digest(database.engine)
    if graph_side.sha256 != record_side.sha256:
        wrong.append("the graph differs from the record")
    return wrong


async def _count(database: Database, statement: str) -> int:
    async with database.reading() as connection:
        found: int = (await connection.execute(text(statement))).scalar_one()
        return found


async def _main(arguments: argparse.Namespace) -> Result:
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-gaps-") as folder,
        embedded_postgres(Path(folder) / "postgres", THROWAWAY) as url,
        local_neo4j() as server,
    ):
        record_migrations.upgrade(url)
        async with open_driver(server.uri, server.user, server.password) as driver:
            await migrate.migrate(driver)
            return await race(
                url,
                driver,
                events=arguments.events,
                writers=arguments.writers,
                seed=arguments.seed,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    result = asyncio.run(_main(parser.parse_args()))
    print(
        f"committed {result.committed}, projected {result.projected}, "
        f"rolled back {result.rolled_back}, wrong: {list(result.wrong) or 'nothing'}"
    )
    raise SystemExit(bool(result.wrong) or result.committed != result.projected)
