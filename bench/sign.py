"""Signed reviews a second, with their latency: `python -m bench.sign --rate 10 --seconds 300`.

Open loop: signings start on the clock, whether earlier ones have ended or not, so that a stall
shows as latency. Each is a request for a challenge and a signed mutation with a software key.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from lotkin.domain.signature import Action, Meaning
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import Database
from lotkin.resolvers import worker
from tests.trust.people import Person, make_lots, person, services_at


async def _one(signer: Person, subject: str, took: list[float], errors: list[str]) -> None:
    began = time.perf_counter()
    issued = await signer.challenge(Action.RELEASE_LOT, subject, Meaning.REVIEWED)
    told = await signer.sign(issued)
    took.append(time.perf_counter() - began)
    errors += [each.code.value for each in told.problems]


async def _main(url: str, folder: Path, rate: int, seconds: int) -> None:
    database = Database(url)
    sequencer = asyncio.create_task(worker.sequencer(database))
    site, count = services_at(database, folder), rate * seconds
    lots = []
    for start in range(0, count, 500):
        numbers = [f"B{n}" for n in range(start, min(start + 500, count))]
        lots += await make_lots(site, *numbers)
    # As many signers as can sign at once: each has one challenge at a time.
    signers = [await person(site, f"signer-{n}").enrol() for n in range(rate * 4)]
    took: list[float] = []
    errors: list[str] = []
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n, subject in enumerate(lots):
            await asyncio.sleep(max(0, began + n / rate - time.perf_counter()))
            group.create_task(_one(signers[n % len(signers)], subject, took, errors))
    whole = time.perf_counter() - began
    sequencer.cancel()
    await asyncio.gather(sequencer, return_exceptions=True)
    await database.close()
    took.sort()
    print(
        f"{count / whole:.1f} signings/s for {whole:.0f} s, p50 {took[len(took) // 2] * 1000:.0f} "
        f"ms, p99 {took[int(len(took) * 0.99)] * 1000:.0f} ms, {len(errors)} errors"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=300)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-bench-") as base,
        embedded_postgres(Path(base) / "pg", THROWAWAY) as server,
    ):
        migrate.upgrade(server)
        asyncio.run(_main(server, Path(base) / "state", given.rate, given.seconds))
