"""kill -9 of each process in turn while events are captured: is every acknowledged one there once?

    python -m tests.crash.matrix --events 20000 --kills 20 --seed 1

starts its own servers and processes and ends with one line. The parts are killed in the order
service, sequencer, projector, Neo4j, PostgreSQL, and started again at once.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from lotkin.auth import demo as issuer
from lotkin.auth.permissions import Role
from lotkin.graph import digest, migrate
from lotkin.graph.neo4j import open_driver
from lotkin.graph.project import Projector
from lotkin.graph.server import Neo4jServer
from lotkin.records import migrate as record_migrations
from lotkin.records.server import PostgresServer
from lotkin.records.session import Database
from lotkin.settings import Settings
from tests.flows.events import document, lot, make, quantity, serial

BATCH = 20  # events a request
CLIENTS = 4
RECOVERY_S_MAX = 120.0
QUERY = (
    "mutation($input: CaptureEventsInput!) { captureEvents(input: $input) "
    "{ captured results { eventId outcome } problems { code } } }"
)


@dataclass(slots=True)
class Part:
    """A Lotkin process that can be killed and started again."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; its output goes to its log."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lotkin.cli", *self.arguments],
                env=os.environ | self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """End it without warning."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@dataclass(slots=True)
class Tally:
    """What the clients were told."""

    acknowledged: set[str] = field(default_factory=set)
    failures: int = 0
    refused: list[str] = field(default_factory=list)


class Plant:
    """Two servers and three processes under one folder."""

    def __init__(self, folder: Path) -> None:
        self.postgres = PostgresServer(folder / "postgres")
        self.neo4j = Neo4jServer(folder / "neo4j", progress=lambda _: None)
        self.postgres.start()
        self.neo4j.start()
        self.port = 18000 + os.getpid() % 1000
        environment = {
            "LOTKIN_DATABASE_URL": self.postgres.url,
            "LOTKIN_NEO4J_URI": self.neo4j.uri,
            "LOTKIN_NEO4J_PASSWORD": self.neo4j.password,
            "LOTKIN_STATE_DIR": str(folder / "state"),
            "LOTKIN_PORT": str(self.port),
            "LOTKIN_TOKEN_LIFETIME_MAX_S": "43200",
        }
        settings = Settings(state_dir=folder / "state", token_lifetime_max_s=43_200)
        self.token = issuer.mint(settings, Role.OPERATOR, subject="op", name="op")
        commands = {
            "service": ["serve", "--no-background"],
            "sequencer": ["worker", "--only", "sequencer"],
            "projector": ["worker", "--only", "projector"],
        }
        self.parts = {
            name: Part(name, arguments, environment, folder / f"{name}.log")
            for name, arguments in commands.items()
        }
        self.victims: list[tuple[str, Callable[[], None], Callable[[], object]]] = [
            *((part.name, part.kill, part.start) for part in self.parts.values()),
            ("neo4j", self.neo4j.kill, self.neo4j.start),
            ("postgres", self.postgres.kill, self.postgres.start),
        ]

    def stop(self) -> None:
        """End everything."""
        for part in self.parts.values():
            part.kill()
        self.neo4j.kill()
        self.postgres.stop()


async def _client(plant: Plant, batches: list[list[int]], tally: Tally) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        while batches:
            batch = batches.pop()
            while not await _send(client, plant, batch, tally):
                tally.failures += 1
                await asyncio.sleep(0.2)


async def _send(client: httpx.AsyncClient, plant: Plant, batch: list[int], tally: Tally) -> bool:
    told = document(*(_event(number) for number in batch))
    try:
        response = await client.post(
            f"http://127.0.0.1:{plant.port}/graphql",
            json={"query": QUERY, "variables": {"input": {"document": told}}},
            headers={"authorization": f"Bearer {plant.token}"},
        )
        answer = response.json()
    except (httpx.HTTPError, ValueError):
        return False
    if answer.get("errors"):
        return False
    for each in answer["data"]["captureEvents"]["results"]:
        if each["outcome"] == "REFUSED":
            tally.refused.append(each["eventId"])
        tally.acknowledged.add(each["eventId"])
    return True


def _event(number: int) -> dict[str, object]:
    return make(
        number % 500,
        [quantity(lot(1, f"R{number % 50}"), 1)],
        [serial(2, number)],
        eventID=f"urn:x:{number}",
    )


async def _killer(plant: Plant, kills: int, dice: random.Random, batches: list[list[int]]) -> None:
    """Kill the next part each time another share of the events has been taken up."""
    total = len(batches)
    for done in range(kills):
        while len(batches) > total * (1 - (done + 1) / (kills + 1)):
            await asyncio.sleep(0.005)
        await asyncio.sleep(dice.uniform(0, 0.1))
        name, kill, start = plant.victims[done % len(plant.victims)]
        kill()
        await asyncio.sleep(dice.uniform(0, 0.5))
        await asyncio.to_thread(start)
        print(f"kill {done + 1}: {name}", flush=True)


async def _wrong(plant: Plant, events: int, tally: Tally) -> list[str]:
    wrong = [f"{len(tally.refused)} refused"] if tally.refused else []
    database = Database(plant.postgres.url)
    async with open_driver(plant.neo4j.uri, plant.neo4j.user, plant.neo4j.password) as driver:
        target = Projector(driver)
        deadline = asyncio.get_running_loop().time() + RECOVERY_S_MAX
        while await target.cursor() < events and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.2)
        graph_side = await digest.neo4j_digest(driver)
        record_side = await digest.relational_digest(database.engine)
    await database.close()
    if graph_side.sha256 != record_side.sha256:
        wrong.append(f"digests differ: {graph_side} {record_side}")
    with psycopg.connect(plant.postgres.url) as connection:
        recorded = [row[0] for row in connection.execute("select event_id from event")]
        gaps = connection.execute("select max(seq) - count(*) from journal").fetchone()
    if len(recorded) != len(set(recorded)):
        wrong.append("an event is recorded twice")
    lost = tally.acknowledged - set(recorded)
    if lost:
        wrong.append(f"{len(lost)} acknowledged events are lost")
    if len(recorded) != events:
        wrong.append(f"{len(recorded)} of {events} events are recorded")
    if gaps != (0,):
        wrong.append(f"journal gaps: {gaps}")
    return wrong


async def _run(plant: Plant, events: int, kills: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    record_migrations.upgrade(plant.postgres.url)
    async with open_driver(plant.neo4j.uri, plant.neo4j.user, plant.neo4j.password) as driver:
        await migrate.migrate(driver)
    for part in plant.parts.values():
        part.start()
    tally = Tally()
    numbers = list(range(events))
    batches = [numbers[start : start + BATCH] for start in range(0, events, BATCH)]
    async with asyncio.TaskGroup() as group:
        group.create_task(_killer(plant, kills, dice, batches))
        for _ in range(CLIENTS):
            group.create_task(_client(plant, batches, tally))
    wrong = await _wrong(plant, events, tally)
    print(
        f"{events} events, {kills} kills, {tally.failures} requests sent again, "
        f"wrong: {wrong or 'nothing'}"
    )
    return wrong


def main() -> int:
    """Run the matrix; return 0 when nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lotkin-crash-") as folder:
        plant = Plant(Path(folder))
        try:
            wrong = asyncio.run(_run(plant, arguments.events, arguments.kills, arguments.seed))
        finally:
            plant.stop()
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
