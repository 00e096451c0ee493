"""What one supplier and one regulator are answered to every operation of the schema, kept as files.

Each root field is asked for an own thing, for a foreign one, and for one that does not exist; the
last two answers must not differ. `LOTKIN_WRITE_GOLDEN=1 pytest` on this
file writes them anew; read the difference as the partner's competitor would.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from lotkin.auth.visibility import is_shown
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.schema.field import ROOT_FIELDS
from tests.access.generated import Operations
from tests.access.noninterference import Secrets, answered, everything, scope
from tests.access.world import REGULATOR_ACTORS, SCHEMA, SUPPLIER_ACTORS, key_of
from tests.flows.events import lot
from tests.flows.pump import PUMPS, RESIN

GOLDEN = Path(__file__).parents[1] / "golden"
SERVED = SCHEMA._schema
# Of each partner: an own item, and one of somebody else.
CASES = {
    "supplier": (SUPPLIER_ACTORS[0], lot(RESIN, 1), lot(RESIN, 2)),
    "regulator": (REGULATOR_ACTORS[0], PUMPS[0], PUMPS[5]),
}
_VARYING = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-f]{32}\b|[0-9a-f]{8}-[0-9a-f-]{27}")


def selection(type_: Any, role: Any, depth: int = 5) -> str:
    """Everything below a type that a role may select, lists once."""
    named = get_named_type(type_)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType):
        parts = [f"... on {each.name} {selection(each, role, depth)}" for each in named.types]
        return "{ __typename " + " ".join(parts) + " }"
    parts = ["__typename"]
    for name, field in named.fields.items():
        below = get_named_type(field.type)
        is_open = is_shown(role, named.name, name)
        is_plain = not any(isinstance(arg.type, GraphQLNonNull) for arg in field.args.values())
        if is_open and is_plain and (is_leaf_type(below) or depth > 0):
            parts.append(name + " " + selection(below, role, depth - 1))
    if isinstance(named, GraphQLInterfaceType) and named.name == "Item":
        own = {"Lot": "lotNo supplierLotNo", "Serial": "serialNo udi lot { key }"}
        parts += [f"... on {name} {{ {fields} }}" for name, fields in own.items()]
    return "{ " + " ".join(parts) + " }"


def document(root: str, role: Any, key: str, id: str) -> str:
    """One operation over everything a role may see of a root field."""
    kind, _, name = root.partition(".")
    type_ = {"Query": SERVED.query_type, "Mutation": SERVED.mutation_type}.get(kind)
    type_ = type_ or SERVED.subscription_type
    made = Operations(SERVED, role, [("key", key)], seed=1)
    made._id = lambda: f'"{id}"'  # type: ignore[method-assign]
    made._chance = _Fixed()  # type: ignore[assignment]
    field = type_.fields[name]
    given = made._arguments(kind, name, field.args)
    return f"{kind.lower()} {{ {name}{given} {selection(field.type, role, 4)} }}"


class _Fixed:
    """Chance that always takes the first and leaves out what it may."""

    def random(self) -> float:
        return 0.5

    def choice(self, values: Any) -> Any:
        return values[0]

    def randint(self, least: int, _most: int) -> int:
        return least


@pytest.mark.parametrize("partner", CASES)
async def test_the_answers_to_every_operation_are_the_golden_ones(told_world, partner) -> None:
    actor, own, foreign = CASES[partner]
    rows = await everything(told_world.services.database.url)
    secrets = Secrets(rows, await scope(told_world, actor))
    told: dict[str, Any] = {}
    unknown = key_of(foreign).rpartition("/")[0] + "/none"
    keys = {"own": key_of(own), "foreign": key_of(foreign), "unknown": unknown}
    for root in sorted(ROOT_FIELDS):
        answers = {}
        for name, key in keys.items():
            row = told_world.items.get(key, 10**6)
            asked = document(root, actor.partner, key, node_id(NodeType.ITEM, row))
            answer, _ = await answered(told_world, actor, asked)
            assert secrets.leaks(asked, answer) == [], (root, name)
            answers[name] = plain(answer, key)
        assert answers["foreign"] == answers["unknown"], root
        told[root] = {"own": answers["own"], "foreign or unknown": answers["foreign"]}
    text = json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    path = GOLDEN / f"partner_{partner}.json"
    if os.environ.get("LOTKIN_WRITE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


def plain(answer: str, key: str) -> Any:
    """An answer without what differs from one asking to the next, or repeats the question."""
    read = json.loads(_VARYING.sub("*", answer))
    read.pop("extensions")
    serial_or_lot = key.rsplit("/", 1)[1]
    text = json.dumps(read).replace(key, "<asked>").replace(f'"{serial_or_lot}"', '"<asked>"')
    return json.loads(text)
