"""kill -9 of the sequencer and checkpointer, again and again, while intents are committed.

    python -m tests.crash.sequencer --kills 500 --seed 1

starts its own server and ends with one line: positions gapless and unique, every checkpoint
consistent with all earlier ones, nothing committed left out.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg

from lotkin import clock
from lotkin.graph.relational import RelationalReader
from lotkin.journal import checkpoint, intent, tiles, tree
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import SEQUENCER, Database
from lotkin.resolvers import worker
from lotkin.resolvers.context import Services
from lotkin.resolvers.verification import Wanted, verification
from lotkin.settings import Settings

LIFE_S_MAX = 0.6  # of a sequencer: it has connected by then, and is somewhere in its work
WRITE_PAUSE_S = 0.002


def write(url: str, stop: Any) -> None:
    """Commit intents one by one until told to stop."""
    asyncio.run(_write(url, stop))


async def _write(url: str, stop: Any) -> None:
    database = Database(url, pool=1)
    while not stop.is_set():
        entry = intent.intent(
            id=clock.new_id(),
            at=clock.now(),
            event="crash.told",
            actor={"sub": "writer"},
            entity={"type": "test", "id": "x", "ver": 0},
            body={},
        )
        async with database.transaction() as connection:
            await intent.append(connection, [entry])
        await asyncio.sleep(WRITE_PAUSE_S)
    await database.close()


async def _follow(url: str, folder: Path) -> None:
    database, settings = Database(url), Settings(state_dir=folder)

    async def sign() -> None:
        while True:
            await worker.checkpoint_once(database, settings)
            await asyncio.sleep(0.01)

    await asyncio.gather(worker.sequencer(database), sign())


def kill_again_and_again(url: str, folder: Path, kills: int, seed: int) -> None:
    """Fork a sequencer and kill it at a random moment, `kills` times."""
    dice = random.Random(seed)
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            asyncio.run(_follow(url, folder))
            os._exit(0)
        time.sleep(dice.uniform(0.02, LIFE_S_MAX))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


async def judge(url: str, folder: Path) -> tuple[str, bool]:
    """Let the rest be placed; return the figure, and whether all is well."""
    database, settings = Database(url), Settings(state_dir=folder)
    while await worker.sequence_once(database.as_role(SEQUENCER)):
        pass
    await worker.checkpoint_once(database, settings)
    services = Services(settings, database, RelationalReader(database.engine), None)
    report = await verification(services, Wanted())
    with psycopg.connect(url) as connection:
        counts = connection.execute(
            "select (select count(*) from journal_intent), count(*), count(distinct intent_id), "
            "coalesce(max(seq), 0) from journal"
        ).fetchone()
        notes = [
            checkpoint.Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
            for (note,) in connection.execute("select note from journal_checkpoint order by size")
        ]
    bad = 0
    async with database.reading() as connection:
        for old, new in pairwise(notes):
            sizes = old.size, new.size
            proof = await tiles.ask(connection, lambda r, s=sizes: tree.consistency(*s, r))  # type: ignore[misc]
            bad += not tree.extends(old.size, old.root, new.size, new.root, proof)
    await database.close()
    assert counts is not None
    is_well = len(set(counts)) == 1 and report.is_intact and not bad
    return (
        f"{counts[0]} committed, {counts[1]} placed, highest {counts[3]}; {len(notes)} "
        f"checkpoints, {bad} inconsistent; {report.count} findings"
    ), is_well


def run(url: str, folder: Path, *, kills: int, seed: int) -> tuple[str, bool]:
    """Write, kill, judge; needs a process without threads of its own, because it forks."""
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    writers = [spawn.Process(target=write, args=(url, stop), daemon=True) for _ in range(2)]
    for each in writers:
        each.start()
    kill_again_and_again(url, folder, kills, seed)
    stop.set()
    for each in writers:
        each.join()
    return asyncio.run(judge(url, folder))


def main() -> int:
    """Run and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-crash-") as folder,
        embedded_postgres(Path(folder) / "postgres", THROWAWAY) as url,
    ):
        migrate.upgrade(url)
        figure, is_well = run(url, Path(folder), kills=wanted.kills, seed=wanted.seed)
    print(f"{wanted.kills} kills: {figure}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
