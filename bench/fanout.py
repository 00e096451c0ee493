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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
from neo4j import READ_ACCESS, AsyncDriver, AsyncManagedTransaction

from lotkin import clock
from lotkin.auth import demo as issuer
from lotkin.auth.permissions import Role
from lotkin.domain.genealogy import ActivityKind, ItemKind
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
    command = [sys.executable, "-m", "lotkin.cli", "serve", "--port", str(port)]
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
    body = orjson.dumps({"query": QUERY, "variables": {"lot": _node_id(start)}})
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
