"""One fan-out question over HTTP against the same Cypher read by the bare driver as columns.

10,000 serials of one raw lot, five fields each. The service runs in a process of its own; rounds
alternate, so that a machine that slows down slows both. The goal is a ratio of at most 2.5.
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import orjson
from neo4j import READ_ACCESS, AsyncDriver, AsyncManagedTransaction
from sqlalchemy import text

from lotkin import clock
from lotkin.auth import demo as issuer
from lotkin.auth.permissions import Role
from lotkin.domain.genealogy import ActivityKind, Bounds, ItemKind
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.graph.columns import nodes_max
from lotkin.graph.migrate import migrate as migrate_graph
from lotkin.graph.neo4j import open_driver, statement
from lotkin.graph.project import Projector
from lotkin.graph.server import local_neo4j
from lotkin.records import migrate as records_migrate
from lotkin.records.server import embedded_postgres
from lotkin.records.session import Database
from lotkin.settings import Settings
from lotkin.tests.graph.load import Telling, load

SERIALS = 10_000
PER_LOT = 100
BATCH = 500
QUERY = """
query Fan($lot: ID!) {
  traceForward(from: [{id: $lot}]) {
    completeness { engine }
    items(kind: SERIAL, first: 10000) {
      edges { node { depth item { id key kind ... on Serial { serialNo } } } }
    }
  }
}
"""
Work = Callable[[AsyncManagedTransaction], Awaitable[dict[str, list[int]]]]
FAN_OUT = (Path(__file__).parent / "fan_out.cypher").read_text(encoding="utf-8")


def story() -> tuple[Telling, int]:
    """Return a raw lot that became component lots that became 10,000 serials."""
    telling = Telling()
    raw = telling.item(int(ItemKind.LOT), 1)
    for hour in range(SERIALS // PER_LOT):
        telling.entry()
        part = telling.item(int(ItemKind.LOT), 2)
        telling.activity([raw], [part], hour=hour)
        serials = [telling.item(int(ItemKind.SERIAL), 3) for _ in range(PER_LOT)]
        for each in serials:
            telling.activity([part], [each], kind=int(ActivityKind.ASSEMBLE), hour=hour + 1)
    return telling, raw


@contextmanager
def service(environment: dict[str, str], port: int) -> Iterator[str]:
    """Run `lotkin serve` in a process of its own and give its URL."""
    command = [sys.executable, "-m", "lotkin.cli", "serve", "--no-background", "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | environment)
    url = f"http://127.0.0.1:{port}"
    try:
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = clock.elapsed() + 60
    while clock.elapsed() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service did not start")


async def measure(driver: AsyncDriver, url: str, token: str, start: int, rounds: int) -> None:
    """Ask both in turn and print the ratios of the medians."""
    times: dict[str, list[float]] = {"http": [], "same": [], "columns": []}
    body = orjson.dumps({"query": QUERY, "variables": {"lot": node_id(NodeType.ITEM, start)}})
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(rounds + 3):
            begun = clock.elapsed()
            response = await client.post(f"{url}/graphql", content=body, headers=headers)
            answer = orjson.loads(response.content)
            times["http"].append(clock.elapsed() - begun)
            begun = clock.elapsed()
            await _same(driver, start)
            times["same"].append(clock.elapsed() - begun)
            begun = clock.elapsed()
            await _columns(driver, start)
            times["columns"].append(clock.elapsed() - begun)
    trace = answer["data"]["traceForward"]
    assert len(trace["items"]["edges"]) == SERIALS, len(trace["items"]["edges"])
    assert trace["completeness"]["engine"] == "NEO4J", trace["completeness"]
    medians = {name: statistics.median(each[3:]) * 1000 for name, each in times.items()}
    print(
        f"fan-out over HTTP / same Cypher by the bare driver: "
        f"{medians['http'] / medians['same']:.2f} (goal: at most 2.5)"
    )
    print(
        f"fan-out over HTTP / five item columns by the bare driver: "
        f"{medians['http'] / medians['columns']:.2f}"
    )
    print(
        f"medians of {rounds}: HTTP {medians['http']:.1f} ms ({len(response.content):,} bytes), "
        f"same Cypher {medians['same']:.1f} ms, five columns {medians['columns']:.1f} ms"
    )


async def _same(driver: AsyncDriver, start: int) -> dict[str, list[int]]:
    """What the service asks the graph for this query, as columns, and nothing else."""
    bounds = Bounds()

    async def read(tx: AsyncManagedTransaction) -> dict[str, list[int]]:
        answer = await tx.run(
            statement("lineage_forward"),
            starts=[start],
            position=2**53,
            nodes_max=nodes_max(bounds),
            visited_max=bounds.visited_max,
        )
        return (await answer.single(strict=True)).data()

    return await _read(driver, read)


async def _columns(driver: AsyncDriver, start: int) -> dict[str, list[int]]:
    """The least anybody could ask for: five columns of the serials themselves."""

    async def read(tx: AsyncManagedTransaction) -> dict[str, list[int]]:
        return (await (await tx.run(FAN_OUT, start=start)).single(strict=True)).data()

    return await _read(driver, read)


async def _read(driver: AsyncDriver, work: Work) -> dict[str, list[int]]:
    async with driver.session(default_access_mode=READ_ACCESS, fetch_size=-1) as session:
        return await session.execute_read(work)


async def run(rounds: int) -> None:
    """Start servers and service, build the genealogy, measure and print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lotkin-bench-")))
        database_url = stack.enter_context(embedded_postgres(folder / "postgres"))
        records_migrate.upgrade(database_url)
        neo4j = stack.enter_context(local_neo4j())
        settings = Settings(state_dir=folder / "state", token_lifetime_max_s=3600)
        token = issuer.mint(settings, Role.VIEWER, subject="bench", name="bench")
        async with open_driver(neo4j.uri, neo4j.user, neo4j.password) as driver:
            await migrate_graph(driver)
            start = await _fill(database_url, driver)
            environment = {
                "LOTKIN_DATABASE_URL": database_url,
                "LOTKIN_NEO4J_URI": neo4j.uri,
                "LOTKIN_NEO4J_PASSWORD": neo4j.password,
                "LOTKIN_STATE_DIR": str(folder / "state"),
                "LOTKIN_TOKEN_LIFETIME_MAX_S": "3600",
            }
            url = stack.enter_context(service(environment, _free_port()))
            await measure(driver, url, token, start, rounds)


async def _fill(database_url: str, driver: AsyncDriver) -> int:
    telling, start = story()
    database = Database(database_url, role=None)
    entries = await load(database.engine, telling.bodies)
    async with database.transaction() as connection:
        # The loader writes journal rows itself; the head shall know that all have their place.
        await connection.execute(
            text(
                "update journal_head set last_xid = pg_current_xact_id(), "
                "size = (select max(seq) from journal)"
            )
        )
    await database.close()
    projector = Projector(driver)
    for first in range(0, len(entries), BATCH):
        await projector.apply(entries[first : first + BATCH])
    return start


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    asyncio.run(run(parser.parse_args().rounds))
