"""Every class of tampering, by every seed: is it found? And are clean journals found clean?

    python -m tests.tamper.run --seeds 1000

starts its own server, builds a journal every few seeds, tampers in a transaction that is rolled
back, verifies inside it with the witness's file, and prints how many were found. The class of a
graph that differs from the journal is tried on a real Neo4j by tests/tamper/graph.py.
"""

import argparse
import asyncio
import copy
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lotkin.auth.permissions import Role
from lotkin.domain.signature import Action, Meaning
from lotkin.journal.watch import Watched
from lotkin.records.session import Database
from lotkin.resolvers.verification import Report, Wanted, verify_in
from tests.tamper.classes import CLASSES, Store
from tests.tamper.stores import WITNESS, own_log, own_server, tale
from tests.trust.journals import Log
from tests.trust.people import make_lots, person

SEEDS_PER_STORE = 25


@dataclass(slots=True)
class Tally:
    """How many of each class were tried and found; `missed` names those that were not."""

    tried: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    clean: int = 0
    alarms: int = 0

    def figure(self) -> str:
        """Return the line to print."""
        return (
            f"{sum(self.found.values())}/{sum(self.tried.values())} of {len(self.tried)} classes "
            f"found, {self.alarms} alarms in {self.clean} clean journals"
        )


async def build(log: Log, dice: random.Random) -> Store:
    """Tell a week with checkpoints between, sign two lots, and let a witness watch the end."""
    events = tale(dice)
    for first in range(0, len(events), 5):
        await log.tell(*events[first : first + 5])
    subjects = await make_lots(log.services, "T1", "T2")
    await log.settle()
    signers = [
        await person(log.services, name, Role.QA_RELEASER).enrol() for name in ("qa-1", "qa-2")
    ]
    for subject in subjects:
        for signer, meaning in zip(signers, (Meaning.REVIEWED, Meaning.RELEASED), strict=True):
            version = 1 + signers.index(signer)
            issued = await signer.challenge(Action.RELEASE_LOT, subject, meaning, version=version)
            told = await signer.sign(issued)
            assert not told.problems, told.problems
        await log.settle()
    size = await log.settle()
    watched = Watched(str(log.key.verifier))
    await log.show(watched, WITNESS)
    return Store(size, log.key, watched)


async def verified(owner: Database, log: Log, store: Store, name: str, seed: int) -> Report:
    """Tamper and verify in a transaction that leaves nothing behind; name "": do not tamper."""
    async with owner.engine.connect() as connection:
        await connection.begin()
        if name:
            await CLASSES[name](connection, random.Random(f"{name}-{seed}"), store)
        report = await verify_in(
            connection, log.services, Wanted(witnesses=[("witness", store.watched)])
        )
        await connection.rollback()
    return report


async def run(url: str, folder: Path, *, seeds: int, tally: Tally) -> Tally:
    """Try `seeds` seeds of every class on journals in the database at `url`."""
    owner = Database(url, role=None)
    for first in range(0, seeds, SEEDS_PER_STORE):
        async with own_log(url, folder) as log:
            store = await build(log, random.Random(first))
            for seed in range(first, min(first + SEEDS_PER_STORE, seeds)):
                tally.clean += 1
                report = await verified(owner, log, store, "", seed)
                tally.alarms += not report.is_intact
                if not report.is_intact:
                    tally.missed.append(f"clean {seed}: {report.findings[0]}")
                for name in CLASSES:
                    report = await verified(owner, log, copy.deepcopy(store), name, seed)
                    tally.tried[name] = tally.tried.get(name, 0) + 1
                    tally.found[name] = tally.found.get(name, 0) + (not report.is_intact)
                    if report.is_intact:
                        tally.missed.append(f"{name} {seed}")
        print(f"seed {first}: {tally.figure()}", flush=True)
    await owner.close()
    return tally


async def main(seeds: int) -> int:
    """Run and print; return the exit status."""
    tally = Tally()
    async with own_server() as (url, folder):
        await run(url, folder, seeds=seeds, tally=tally)
    for line in tally.missed[:50]:
        print("MISSED", line)
    for name, tried in tally.tried.items():
        print(f"{name:<24}{tally.found[name]:>6}/{tried}")
    print(tally.figure())
    return 1 if tally.missed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    sys.exit(asyncio.run(main(parser.parse_args().seeds)))
