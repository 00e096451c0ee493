"""y is in forward(x) exactly when x is in backward(y), over every valid public document."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from lotkin.domain.nodeid import NodeType, node_id
from lotkin.resolvers.capture import OnError, capture
from lotkin.resolvers.context import Context
from tests.flows.pump import ask
from tests.shared_data import shared_data

FOLDERS = (("gs1",), ("openepcis", "valid"), ("openepcis", "events"))
TRACE = """query ($from: [ItemLookup!]!) {
  forward: traceForward(from: $from) { items(first: 10000) { edges { node { item { id } } } } }
  backward: traceBackward(from: $from) { items(first: 10000) { edges { node { item { id } } } } }
}"""


def documents() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted(shared_data("epcis", *folder).rglob("*.json*"))


@pytest.fixture
async def everything(context: Context) -> Context:
    for path in documents():
        await capture(context, orjson.loads(path.read_bytes()), OnError.PROCEED)
    return context


def reached(trace: dict) -> set[str]:
    return {edge["node"]["item"]["id"] for edge in trace["items"]["edges"]}


async def test_forward_and_backward_mirror_each_other(everything: Context) -> None:
    async with everything.database.reading() as connection:
        told = await connection.execute(text("select id from item where kind <> 2 order by id"))
        ids = [node_id(NodeType.ITEM, row) for row in told.scalars()]
    assert len(ids) > 30
    forward, backward = dict[str, set[str]](), dict[str, set[str]]()
    for item in ids:
        data = await ask(everything, TRACE, **{"from": [{"id": item}]})
        forward[item], backward[item] = reached(data["forward"]), reached(data["backward"])
    pairs = {(x, y) for x in ids for y in forward[x]}
    assert pairs == {(x, y) for y in ids for x in backward[y]}
    assert len(pairs) >= 5
