"""What the journal costs: audited transactions a second, its lag, and the time of a verification.

    python bench/journal.py [--writers 8] [--seconds 10] [--entries 100000]

starts its own PostgreSQL (fsync on). Writers are processes; each transaction writes a row and its
journal intent, as a use case does. One process sequences and signs. With --entries 1000000 the
verification is that of a big site's year.
"""

import argparse
import asyncio
import multiprocessing
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from lotkin import clock
from lotkin.graph.relational import RelationalReader
from lotkin.journal import intent as intents
from lotkin.journal import read, trail
from lotkin.journal.intent import Intent
from lotkin.records import alerts, migrate
from lotkin.records.server import embedded_postgres
from lotkin.records.session import Database
from lotkin.resolvers import worker
from lotkin.resolvers.context import Services
from lotkin.resolvers.verification import Wanted, verification
from lotkin.settings import Settings

WATCHED_EVERY = 50  # transactions of a writer: it waits until that one has its place
LOAD_CHUNK = 10_000
PROOFS = 1_000
COLUMNS = "id, entry, body, salt, at, event, actor, subject"


def told(number: int) -> Intent:
    """Return an intent of ordinary size."""
    return intents.intent(
        id=clock.new_id(),
        at=clock.now(),
        event="bench.done",
        actor={
            "sub": f"person-{number % 20}",
            "client": "bench",
            "roles": ["operator"],
            "sid": "s",
        },
        entity={"type": "lot", "id": f"/01/04012345000016/10/{number}", "ver": 1},
        body={"after": {"state": "RELEASED", "number": number}, "before": {"state": "PENDING"}},
    )


def write(url: str, seconds: float, seed: int, results: Any) -> None:
    """Write audited transactions for some seconds; put (count, latencies, lags)."""
    results.put(asyncio.run(_write(url, seconds, seed)))


async def _write(url: str, seconds: float, seed: int) -> tuple[int, list[float], list[float]]:
    database = Database(url, pool=1)
    latencies: list[float] = []
    lags: list[float] = []
    end = time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        entry = told(seed * 10**6 + len(latencies))
        row = {"code": "BENCH", "facts": {}, "event_id": None, "item_id": None}
        async with database.transaction() as connection:
            await alerts.store(connection, [row])
            await intents.append(connection, [entry])
        done = time.perf_counter()
        latencies.append(done - begin)
        if len(latencies) % WATCHED_EVERY == 0:
            lags.append(await _placed(database, entry) - done)
    await database.close()
    return len(latencies), latencies, lags


async def _placed(database: Database, entry: Intent) -> float:
    while True:
        async with database.reading() as connection:
            if await read.position(connection, [entry.id]) is not None:
                return time.perf_counter()
        await asyncio.sleep(0.002)


def follow(url: str, folder: str) -> None:
    """Sequence and sign until killed."""
    database = Database(url)
    settings = Settings(state_dir=Path(folder))
    services = Services(settings, database, RelationalReader(database.engine), None)
    asyncio.run(worker.run(services, None))


def ages(url: str, seconds: float, results: Any) -> None:
    """Sample how old the newest checkpoint is while entries come; put seconds."""
    found = []
    with psycopg.connect(url, autocommit=True) as connection:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            time.sleep(0.1)
            (age,) = connection.execute(
                "select extract(epoch from clock_timestamp() - max(made_at)) "
                "from journal_checkpoint"
            ).fetchone() or (None,)
            if age is not None:
                found.append(float(age))
    results.put(found)


def throughput(url: str, folder: str, writers: int, seconds: float) -> None:
    """Run the writers and print the figures."""
    spawn = multiprocessing.get_context("spawn")
    results, sampled = spawn.Queue(), spawn.Queue()
    follower = spawn.Process(target=follow, args=(url, folder), daemon=True)
    follower.start()
    time.sleep(4)
    crew = [spawn.Process(target=write, args=(url, seconds, n, results)) for n in range(writers)]
    watcher = spawn.Process(target=ages, args=(url, seconds + 4, sampled))
    for each in (*crew, watcher):
        each.start()
    found = [results.get() for _ in crew]
    seen = sampled.get()
    for each in (*crew, watcher):
        each.join()
    time.sleep(2)
    follower.kill()
    follower.join()
    count = sum(each[0] for each in found)
    latency = np.asarray([value for each in found for value in each[1]]) * 1000
    lag = np.asarray([value for each in found for value in each[2]]) * 1000
    rate = sum(each[0] / sum(each[1]) for each in found)
    print(
        f"{writers} writers: {rate:.0f} audited tx/s ({count} in {seconds:.0f} s, waits for the "
        f"sequencer left out), p50 {np.median(latency):.1f} ms, p99 "
        f"{np.percentile(latency, 99):.1f} ms"
    )
    print(f"lag of the sequencer: p50 {np.median(lag):.0f} ms, p99 {np.percentile(lag, 99):.0f} ms")
    print(f"age of the newest checkpoint: at most {max(seen[20:]):.2f} s")


def load(url: str, count: int) -> None:
    """Fill the journal's intents by COPY."""
    with psycopg.connect(url) as connection:
        for first in range(0, count, LOAD_CHUNK):
            with (
                connection.cursor() as cursor,
                cursor.copy(f"copy journal_intent ({COLUMNS}) from stdin") as copy,
            ):
                for number in range(first, min(first + LOAD_CHUNK, count)):
                    each = told(number)
                    copy.write_row((
                        each.id, each.entry, each.body, each.salt, each.at, each.event,
                        each.actor, each.subject,
                    ))  # fmt: skip


async def verify(url: str, folder: str, count: int) -> None:
    """Sequence and verify a journal of `count` more entries, and prove some; print the figures."""
    load(url, count)
    settings = Settings(state_dir=Path(folder))
    database = Database(url)
    services = Services(settings, database, RelationalReader(database.engine), None)
    begin, placed = time.perf_counter(), 0
    sequencing = database.as_role("lotkin_seq")
    while done := await worker.sequence_once(sequencing):
        placed += done
    took = time.perf_counter() - begin
    print(f"sequencer alone: {placed / took:.0f} entries/s with leaves and tiles")
    await worker.checkpoint_once(database, settings)
    report = await verification(services, Wanted())
    state = "nothing wrong" if report.is_intact else f"{report.count} findings"
    print(
        f"verification of {report.size} entries and {report.checkpoints} checkpoints: "
        f"{report.elapsed_ms / 1000:.1f} s, {state}"
    )
    times, most, dice = [], 0, random.Random(1)
    for _ in range(PROOFS):
        async with database.reading() as connection:
            begin = time.perf_counter()
            proof = await trail.prove(connection, dice.randint(1, report.size))
            times.append((time.perf_counter() - begin) * 1000)
        assert proof is not None
        most = max(most, len(proof.hashes))
    print(
        f"{PROOFS} proofs: at most {most} hashes, p50 {np.median(times):.1f} ms, "
        f"p99 {np.percentile(times, 99):.1f} ms"
    )
    await database.close()


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--entries", type=int, default=100_000)
    wanted = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-bench-") as folder,
        embedded_postgres(Path(folder) / "postgres") as url,
    ):
        migrate.upgrade(url)
        throughput(url, folder, wanted.writers, wanted.seconds)
        asyncio.run(verify(url, folder, wanted.entries))


if __name__ == "__main__":
    main()
