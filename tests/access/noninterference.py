"""Nothing foreign in the answers to partners: generated operations, searched for what is hidden.

    python -m tests.access.noninterference --operations 10000 [--seed 1]

Each of two suppliers and two regulators runs so many operations. Searched for, in data, errors,
cursors and extensions: keys and opaque ids of everything outside the scope, and the canary word
that stands in every foreign name, operator, place and machine. Then the foreign world grows, and
the same questions must get the same answers: no count and no depth may follow it.
"""

import argparse
import asyncio
import base64
import json
import re
import sys
from collections import Counter
from typing import Any

import psycopg

from lotkin.auth.actor import Actor
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.resolvers.context import Context
from tests.access.generated import Operations
from tests.access.world import (
    CANARY,
    OPERATOR,
    PARTNERS,
    SCHEMA,
    World,
    alone,
)
from tests.flows.events import lot, make, quantity
from tests.flows.pump import RESIN, told

TABLES = {
    NodeType.ITEM: "item",
    NodeType.ITEM_CLASS: "item_class",
    NodeType.PARTY: "party",
    NodeType.LOCATION: "location",
    NodeType.ACTIVITY: "activity",
    NodeType.EVENT: "event",
}
ROOTS = (
    "item", "scan", "node", "nodes", "traceForward", "traceBackward", "recallImpact", "viewer",
    "_entities", "alerts",
)  # fmt: skip
# What an answer cannot but differ in: instants, what was spent, and names made for one answer.
_VARYING = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-f]{32}\b|[0-9a-f]{8}-[0-9a-f-]{27}")


class Secrets:
    """What one partner must never read."""

    def __init__(self, everything: dict[str, list[tuple[int, str]]], own: dict[str, set[int]]):
        self.words: set[str] = {CANARY}
        self.ids: set[str] = set()
        self.targets: list[tuple[str, str]] = [("key", "/01/04012345000030/21/none")]
        self.own_keys: set[str] = set()
        for tag, table in TABLES.items():
            for row, key in everything[table]:
                id = node_id(tag, row)
                if table == "item":
                    self.targets.append(("key", key))
                self.targets.append(("id", id))
                if row in own.get(table, set()):
                    self.own_keys.add(key)
                else:
                    self.words.add(key)
                    self.ids.add(id)

    def leaks(self, asked: str, answer: str) -> list[str]:
        """Return the secrets in `answer`; what stands in the question itself is no news."""
        readable = answer + " " + " ".join(_decoded(answer))
        found = [
            word
            for word in self.words
            if word in readable
            and word not in asked
            and not any(word in own and own in readable for own in self.own_keys)
        ]
        return found + [id for id in self.ids if f'"{id}"' in answer and id not in asked]


def _decoded(answer: str) -> list[str]:
    """What cursors and other opaque texts hold."""
    found = []
    for text in re.findall(r'"([A-Za-z0-9_-]{8,})"', answer):
        try:
            found.append(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
        except ValueError:
            continue
    return found


async def everything(url: str) -> dict[str, list[tuple[int, str]]]:
    """Every row by table: id and key."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        read = {}
        for table in TABLES.values():
            key = "event_id" if table == "event" else "key"
            found = await connection.execute(f"select id, {key} from {table}")
            read[table] = await found.fetchall()
        return read


async def scope(made: World, actor: Actor) -> dict[str, set[int]]:
    """What an actor may see, computed apart from what answers it: by the scope functions."""
    scoped = made.context(actor).partner
    assert scoped is not None
    async with scoped.reading():
        pass
    assert scoped.scope is not None
    items, activities = (
        {int(each) for each in text.strip("{}").split(",") if each} for text in scoped.scope[:2]
    )
    async with await psycopg.AsyncConnection.connect(made.services.database.url) as connection:
        classes = await connection.execute(
            "select distinct class_id from item where id = any(%s)", [list(items)]
        )
        own = {"item": items, "activity": activities}
        own["item_class"] = {row[0] for row in await classes.fetchall()}
        if actor.partner == "regulator":
            events = await connection.execute(
                "select event_id from event_item where item_id = any(%s)", [list(items)]
            )
            own["event"] = {row[0] for row in await events.fetchall()}
    return own


async def answered(made: World, actor: Actor, document: str) -> tuple[str, bool]:
    """Return the whole answer as text, and whether it holds data."""
    result = await SCHEMA.execute(document, None, Context(actor, made.services))
    errors = [each.formatted for each in result.errors or ()]
    told_ = {"data": result.data, "errors": errors, "extensions": result.extensions}
    return json.dumps(told_, default=str), bool(result.data)


async def compare(made: World, operations: int, seed: int) -> Counter[str]:
    """Run the operations of all partners; return figures, `leaks` among them."""
    figures: Counter[str] = Counter()
    remembered: list[tuple[Actor, str, str]] = []
    rows = await everything(made.services.database.url)
    for number, actor in enumerate(PARTNERS):
        role = actor.partner
        assert role is not None
        secrets = Secrets(rows, await scope(made, actor))
        wanted = Operations(SCHEMA._schema, role, secrets.targets, seed * 100 + number, roots=ROOTS)
        for n in range(operations):
            document = wanted.next()
            answer, has_data = await answered(made, actor, document)
            figures["operations"] += 1
            figures["with data"] += has_data
            for leak in secrets.leaks(document, answer):
                figures["leaks"] += 1
                print(f"LEAK to {actor.subject}: {leak}\n  {document}\n  {answer}")
            if n < min(operations, 200):
                remembered.append((actor, document, answer))
    await grow(made)
    for actor, document, before in remembered:
        after, _ = await answered(made, actor, document)
        figures["asked again"] += 1
        if comparable(before) != comparable(after):
            figures["leaks"] += 1
            print(f"FOLLOWS to {actor.subject}:\n  {document}\n  {before}\n  {after}")
    return figures


def comparable(answer: str) -> str:
    """The answer without what differs from one asking to the next."""
    plain = json.loads(answer)
    plain["extensions"] = None
    return _VARYING.sub("*", json.dumps(_unspent(plain), sort_keys=True))


def _unspent(value: Any) -> Any:
    if isinstance(value, dict):
        if "redactedBoundaries" in value or "costRemaining" in value:
            value = {k: v for k, v in value.items() if not k.endswith("emaining")}
        return {key: _unspent(each) for key, each in value.items()}
    return [_unspent(each) for each in value] if isinstance(value, list) else value


async def grow(made: World) -> None:
    """Make the foreign world larger: other resin, other pumps, further steps beyond every edge."""
    events = [
        make(
            100 + n,
            [quantity(lot(RESIN, f"foreign-{n}"), 1)],
            [quantity(lot(50, f"foreign-{n}"), 5)],
        )
        for n in range(20)
    ]
    # What lies two steps beyond a supplier's edge: housing lot 1 goes on.
    beyond = make(130, [quantity(lot(2, 9), 1)], [quantity(lot(60, 1), 5)])
    await told(made.context(OPERATOR), *events, beyond)


async def main(operations: int, seed: int) -> int:
    """Run against a server of its own; return the number of leaks."""
    async with alone() as made:
        figures = await compare(made, operations, seed)
    print(f"seed {seed}: " + ", ".join(f"{count} {name}" for name, count in figures.items()))
    print(f"leaks = {figures['leaks']}")
    return figures["leaks"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=10_000, help="of each partner")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(min(asyncio.run(main(given.operations, given.seed)), 1))
