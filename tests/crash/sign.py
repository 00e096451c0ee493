"""kill -9 of the service at random points of signing: is all of a signature there, or nothing?

    python -m tests.crash.sign --kills 200 --seed 1

starts its own server and signs in a process of its own that is killed again and again. In the end
it counts signatures without transition, transitions without signature, and either without entry.
"""

import argparse
import asyncio
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from lotkin.domain.signature import Action, Meaning
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import Database
from lotkin.resolvers import worker
from tests.trust.people import make_lots, person, services_at

SIGN_S_MAX = 0.25  # kills come at random within; one signing takes some 60 ms

# Everything a signature does is one transaction, so none of these may ever have a row.
WRONG = {
    "signature without transition": "select count(*) from signature s left join lot_disposition d "
    "on d.item_id = s.entity_id where d.state is distinct from 'REVIEWED'",
    "transition without signature": "select count(*) from lot_disposition d left join signature s "
    "on s.entity_id = d.item_id where d.state = 'REVIEWED' and s.id is null",
    "signature without entry": "select count(*) from signature s left join journal_intent i "
    "on i.id = s.intent_id where i.id is null",
    "used challenge without signature": "select count(*) from signature_challenge c "
    "left join signature s on s.challenge_id = c.id where c.state = 'CONSUMED' and s.id is null",
    "entry without signature": "select count(*) from journal_intent i left join signature s "
    "on s.intent_id = i.id where convert_from(i.entry, 'utf8')::jsonb ->> 'ev' = 'lot.reviewed' "
    "and s.id is null",
}


async def _sign_forever(url: str, folder: Path, run: int) -> None:
    """Review one lot after the other until killed."""
    database = Database(url)
    task = asyncio.create_task(worker.sequencer(database))
    site = services_at(database, folder)
    for n in range(10_000):
        (subject,) = await make_lots(site, f"K{run}-{n}")
        signer = await person(site, f"signer-{run}-{n}").enrol()
        issued = await signer.challenge(Action.RELEASE_LOT, subject, Meaning.REVIEWED)
        print("signing", flush=True)
        told = await signer.sign(issued)
        assert not told.problems, told.problems
        print("acknowledged", flush=True)
    task.cancel()


def _kill_once(url: str, folder: Path, run: int, chance: random.Random) -> int:
    """Run a signing process, kill it during a signing; return how many were acknowledged."""
    command = [sys.executable, "-m", "tests.crash.sign", "--child", url, str(folder), str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged, signings = 0, chance.randrange(1, 4)
        for line in child.stdout:
            acknowledged += line == "acknowledged\n"
            signings -= line == "signing\n"
            if signings == 0:
                break
        try:
            child.wait(chance.random() * SIGN_S_MAX)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        acknowledged += child.stdout.read().count("acknowledged")
    return acknowledged


def crash(url: str, folder: Path, *, kills: int, seed: int) -> tuple[dict[str, int], int, int]:
    """Kill so often; return what is wrong, the acknowledged signings, and those kept."""
    chance = random.Random(seed)
    acknowledged = sum(_kill_once(url, folder, run, chance) for run in range(kills))
    with psycopg.connect(url) as connection:
        wrong = {name: _count(connection, query) for name, query in WRONG.items()}
        return wrong, acknowledged, _count(connection, "select count(*) from signature")


def _count(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        url, folder, run = given.child
        asyncio.run(_sign_forever(url, Path(folder), int(run)))
        return
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-sign-") as folder,
        embedded_postgres(Path(folder) / "pg", THROWAWAY) as url,
    ):
        migrate.upgrade(url)
        state = Path(folder) / "state"
        wrong, told, kept = crash(url, state, kills=given.kills, seed=given.seed)
    print(
        f"seed {given.seed}, {given.kills} kills: {told} acknowledged, {kept} kept, wrong={wrong}"
    )


if __name__ == "__main__":
    _main()
