"""Every read of a partner is in the journal, with its purpose and how much it was told.

python -m tests.access.reads --size 10000 [--seed 1]
"""

import argparse
import asyncio
import random
import sys
from collections import Counter
from typing import Any

import orjson
import psycopg

from tests.access.world import PARTNERS, World, alone, run
from tests.flows.events import lot
from tests.flows.pump import PUMPS, RESIN

# Documents, and how many objects an answer holds by its own account.
READS = (
    "query ($key: String!) { item(by: {key: $key}) { key } }",
    "query ($key: String!) { scan(text: $key) { scheme item { key } } }",
    "query ($key: String!) { traceForward(from: [{key: $key}]) { counts { count } "
    "boundaries { beyond } items { edges { node { depth } } } } }",
    "query ($key: String!) { traceBackward(from: [{key: $key}]) { "
    "items { edges { node { item { key } } } } } }",
    "query ($key: String!) { item(by: {key: $key}) { whereabouts { at } } }",
    "query ($key: String!) { alerts { totalCount } item(by: {key: $key}) { key } }",
)
TARGETS = [*PUMPS, lot(RESIN, 1), lot(RESIN, 2), "nothing"]
AT_ONCE = 8
Told = tuple[str, int, bool]


def objects(value: Any, *, is_root: bool = True) -> int:
    """The objects an answer tells of: each root object, and each entry of a list."""
    if isinstance(value, dict):
        below = sum(objects(each, is_root=False) for each in value.values())
        return below + (sum(isinstance(each, dict) for each in value.values()) if is_root else 0)
    if isinstance(value, list):
        return sum(isinstance(each, dict) + objects(each, is_root=False) for each in value)
    return 0


async def reads(made: World, size: int, seed: int) -> tuple[Counter[Told], Counter[Told]]:
    """Do `size` reads; return what was answered and what is journaled: (who, objects, refused)."""
    chance = random.Random(seed)
    limit = asyncio.Semaphore(AT_ONCE)
    answered: Counter[Told] = Counter()

    async def one() -> None:
        actor, document = chance.choice(PARTNERS), chance.choice(READS)
        key = chance.choice(TARGETS)
        async with limit:
            result = await run(made, actor, document, key=key)
        answered[actor.subject, objects(result.data), bool(result.errors)] += 1

    await asyncio.gather(*(one() for _ in range(size)))
    journaled: Counter[Told] = Counter()
    async with await psycopg.AsyncConnection.connect(made.services.database.url) as connection:
        found = await connection.execute(
            "select actor, body from journal_intent where event = 'partner.read'"
        )
        for who, body in await found.fetchall():
            told = orjson.loads(body)
            assert told["purpose"], told
            journaled[who, told["count"], bool(told["refused"])] += 1
    return answered, journaled


async def main(size: int, seed: int) -> int:
    """Run against a server of its own; return how many reads and entries differ."""
    async with alone() as made:
        answered, journaled = await reads(made, size, seed)
    missing = sum(((answered - journaled) + (journaled - answered)).values())
    print(f"{answered.total()} reads, {journaled.total()} journaled, different = {missing}")
    return missing


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(min(asyncio.run(main(given.size, given.seed)), 1))
