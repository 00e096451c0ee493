"""A database put back to an older backup, again and again: does the witness refuse every time?

    python -m tests.tamper.rollback --rounds 50

A backup is a copy of the whole database; after going back the site goes on as if nothing were,
signs new checkpoints with its own key, and shows them to the witness.
"""

import argparse
import asyncio
import random
import sys
from pathlib import Path

import psycopg

from lotkin.journal.watch import Watched, WitnessRefused
from tests.flows.events import commission, serial
from tests.tamper.stores import WITNESS, own_log, own_server, tale


async def refusals(url: str, folder: Path, *, rounds: int) -> int:
    """Go back `rounds` times from a random later state; return how often the witness refused."""
    refused = 0
    for turn in range(rounds):
        dice = random.Random(turn)
        async with own_log(url, folder) as log:
            events = tale(dice)
            backup = dice.randint(1, len(events) - 1)
            await log.tell(*events[:backup])
            watched = Watched(str(log.key.verifier))
            await log.show(watched, WITNESS)
            copy = _saved(url)
            await log.tell(*events[backup:])
            await log.show(watched, WITNESS)
            await log.services.database.close()
            _restored(url, copy)
        # Another process after the restore, which knows of nothing; it may even grow past the end.
        async with own_log(url, folder, is_empty=False) as log:
            for number in range(dice.choice((0, 1, 2 * len(events)))):
                await log.tell(commission(300, serial(99, number)))
            try:
                await log.show(watched, WITNESS)
            except WitnessRefused:
                refused += 1
    return refused


_TABLES = "select tablename from pg_tables where schemaname = 'public' order by 1"


def _saved(url: str) -> dict[str, bytes]:
    with psycopg.connect(url) as connection:
        names = [name for (name,) in connection.execute(_TABLES)]
        return {name: _copied(connection, name) for name in names}


def _copied(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"copy {table} to stdout") as copy:
        return b"".join(bytes(block) for block in copy)


def _restored(url: str, saved: dict[str, bytes]) -> None:
    with psycopg.connect(url) as connection:
        for table in saved:
            connection.execute(f"alter table {table} disable trigger all")
        connection.execute(f"truncate {', '.join(saved)}")
        for table, content in saved.items():
            with connection.cursor() as cursor, cursor.copy(f"copy {table} from stdin") as copy:
                copy.write(content)
        for table in saved:
            connection.execute(f"alter table {table} enable trigger all")
        for table, name in connection.execute(
            "select tgrelid::regclass::text, tgname from pg_trigger where tgname like 'kept_%'"
        ).fetchall():
            connection.execute(f"alter table {table} enable always trigger {name}")


async def main(rounds: int) -> int:
    """Run and print; return the exit status."""
    async with own_server() as (url, folder):
        refused = await refusals(url, folder, rounds=rounds)
    print(f"{refused}/{rounds} rollbacks refused by the witness")
    return 0 if refused == rounds else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    sys.exit(asyncio.run(main(parser.parse_args().rounds)))
