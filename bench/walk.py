"""Walks of both engines on one generated graph, beside a column read by the bare driver.

    python bench/walk.py [--lots N] [--rounds N]

Builds: 20 raw lots, N component lots each moulded from one of them, ten assemblies of ten serials
a component lot. Prints medians in milliseconds: a noisy machine gives ratios, not figures.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from neo4j import READ_ACCESS, AsyncDriver, AsyncManagedTransaction

from lotkin import clock
from lotkin.domain.genealogy import Bounds, Direction, Known, Subgraph
from lotkin.graph.digest import neo4j_digest, relational_digest
from lotkin.graph.migrate import migrate as migrate_graph
from lotkin.graph.neo4j import Neo4jReader, open_driver
from lotkin.graph.project import Projector
from lotkin.graph.reader import Reader
from lotkin.graph.relational import RelationalReader
from lotkin.graph.server import local_neo4j
from lotkin.records import migrate as records_migrate
from lotkin.records.server import embedded_postgres
from lotkin.records.session import Database
from lotkin.tests.graph.load import Telling, load

RAW_LOTS = 20
BATCH = 500
FAN_OUT = (Path(__file__).parent / "fan_out.cypher").read_text(encoding="utf-8")


def story(lots: int) -> tuple[Telling, int]:
    """Return the telling and its first raw lot: one entry an event, as capture writes them."""
    telling, choose = Telling(), random.Random(1)
    raw = [telling.item(0, 1) for _ in range(RAW_LOTS)]
    parts = []
    for hour in range(lots):
        telling.entry()
        parts.append(telling.item(0, 2))
        telling.activity([raw[hour % RAW_LOTS]], [parts[-1]], hour=hour)
    for hour, part in enumerate(parts, lots):
        for _ in range(10):
            telling.entry()
            serials = [telling.item(1, 3) for _ in range(10)]
            telling.activity([part, choose.choice(parts)], serials, kind=1, hour=hour)
    return telling, raw[0]


async def median_ms(ask: Callable[[], Awaitable[object]], rounds: int) -> float:
    """Return the median time of `ask` in milliseconds, after two rounds that do not count."""
    times = []
    for _ in range(rounds + 2):
        begun = clock.elapsed()
        await ask()
        times.append((clock.elapsed() - begun) * 1000)
    return statistics.median(times[2:])


async def bare_columns(driver: AsyncDriver, start: int) -> dict[str, list[int]]:
    """Return the serials `start` reaches as five columns, by the driver alone."""

    async def read(tx: AsyncManagedTransaction) -> dict[str, list[int]]:
        record = await (await tx.run(FAN_OUT, start=start)).single(strict=True)
        return record.data()

    async with driver.session(default_access_mode=READ_ACCESS, fetch_size=-1) as session:
        return await session.execute_read(read)


async def project(driver: AsyncDriver, entries: list[tuple[int, dict[str, object]]]) -> float:
    """Apply `entries`; return entries a second."""
    projector, begun = Projector(driver), clock.elapsed()
    for first in range(0, len(entries), BATCH):
        await projector.apply(entries[first : first + BATCH])
    return len(entries) / (clock.elapsed() - begun)


async def run(url: str, driver: AsyncDriver, lots: int, rounds: int) -> None:
    """Build, check both sides equal, measure and print."""
    telling, start = story(lots)
    database = Database(url, role=None)
    entries = await load(database.engine, telling.bodies)
    await migrate_graph(driver)
    print(f"projected {await project(driver, entries):,.0f} entries/s ({len(entries):,} entries)")
    begun = clock.elapsed()
    one, two = await relational_digest(database.engine), await neo4j_digest(driver)
    assert one == two
    seconds = clock.elapsed() - begun
    print(f"digests equal: {one.nodes:,} nodes, {one.edges:,} edges, {seconds:.1f} s for both")

    bare = await bare_columns(driver, start)
    bare_ms = await median_ms(lambda: bare_columns(driver, start), rounds)
    print(f"bare driver: {len(bare['id']):,} serials x 5 columns {bare_ms:.0f} ms")
    last = max(bare["id"])
    readers: tuple[Reader, ...] = (RelationalReader(database.engine), Neo4jReader(driver))
    for reader in readers:
        for label, item, way in (
            ("forward", start, Direction.FORWARD),
            ("backward", last, Direction.BACKWARD),
        ):

            async def ask(
                reader: Reader = reader, item: int = item, way: Direction = way
            ) -> Subgraph:
                return await reader.lineage([item], way, known=Known(), bounds=Bounds())

            found = await ask()
            ms = await median_ms(ask, rounds)
            size = f"{len(found.items.id):,} items, {rows(found):,} rows"
            print(f"{reader.engine.value} {label}: {size} {ms:.1f} ms ({ms / bare_ms:.2f} x bare)")
    await database.close()


def rows(found: Subgraph) -> int:
    """Return the number of facts in an answer."""
    tables = (found.draws, found.productions, found.installations, found.memberships)
    return sum(len(table[0]) for table in tables)


@contextmanager
def servers() -> Iterator[tuple[str, AsyncDriver]]:
    """Run both servers over a temporary folder."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lotkin-bench-"))
        url = stack.enter_context(embedded_postgres(Path(folder) / "postgres"))
        records_migrate.upgrade(url)
        neo4j = stack.enter_context(local_neo4j())
        yield url, open_driver(neo4j.uri, neo4j.user, neo4j.password)


async def _main(url: str, driver: AsyncDriver, lots: int, rounds: int) -> None:
    async with driver:
        await run(url, driver, lots, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=1000, help="component lots; 100 serials each")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with servers() as (url, driver):
        asyncio.run(_main(url, driver, options.lots, options.rounds))
