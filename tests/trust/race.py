"""Racers at the same challenge: exactly one signature each?

    python -m tests.trust.race --challenges 1000 --racers 16

starts its own server and prints how many winners each challenge had.
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from sqlalchemy import text

from lotkin.domain.nodeid import NodeType, node_id
from lotkin.domain.signature import Action, Meaning
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import Database
from lotkin.resolvers import worker
from lotkin.resolvers.context import Services
from tests.trust.people import gather, make_lots, person, services_at

LOTS = 50  # made at a time: one signer's name, one challenge, one race each


async def race(services: Services, *, challenges: int, racers: int) -> Counter[int]:
    """Race for each challenge; return how many challenges had how many winners."""
    winners: Counter[int] = Counter()
    for start in range(0, challenges, LOTS):
        count = min(LOTS, challenges - start)
        lots = await make_lots(services, *(f"R{start + n}" for n in range(count)))
        for n, subject in enumerate(lots):
            winners[await _one(services, f"signer-{start + n}", subject, racers)] += 1
    return winners


async def _one(services: Services, name: str, subject: str, racers: int) -> int:
    signer = await person(services, name).enrol()
    issued = await signer.challenge(Action.RELEASE_LOT, subject, Meaning.REVIEWED)
    proof = signer.proof(issued)
    told = await gather(*(signer.sign(issued, proof) for _ in range(racers)))
    wins = [each for each in told if not isinstance(each, BaseException) and each.signature]
    others = {p.code.value for each in told if each not in wins for p in each.problems}
    assert others <= {"SIG_CONSUMED", "SIG_LOCKED", "SIG_PROOF_INVALID"}, others
    id = node_id(NodeType.SIGNATURE, wins[0].signature)
    assert all(
        p.facts["signatureId"] == id
        for each in told
        for p in each.problems
        if p.code.value == "SIG_CONSUMED"
    )
    async with services.database.reading() as connection:
        kept = await connection.execute(
            text("select count(*) from signature where challenge_id = :id"), {"id": issued.row.id}
        )
        assert kept.scalar_one() == len(wins)
    return len(wins)


async def _main(challenges: int, racers: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-race-") as folder,
        embedded_postgres(Path(folder) / "pg", THROWAWAY) as url,
    ):
        migrate.upgrade(url)
        database = Database(url)
        task = asyncio.create_task(worker.sequencer(database))
        site = services_at(database, Path(folder) / "state")
        winners = await race(site, challenges=challenges, racers=racers)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.close()
    print(f"{challenges} challenges x {racers} racers: winners={dict(winners)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--challenges", type=int, default=1000)
    parser.add_argument("--racers", type=int, default=16)
    given = parser.parse_args()
    asyncio.run(_main(given.challenges, given.racers))
