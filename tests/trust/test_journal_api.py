"""The journal through the API: who did what, and proofs that hold without the service."""

import base64
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from lotkin import schema
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.journal import checkpoint, note, tree
from lotkin.journal.note import SignerKey
from lotkin.portal import journal as portal
from tests.flows.events import commission, serial
from tests.trust.journals import Log

SCHEMA = schema.build()
WITNESS = SignerKey.make("witness.example/w1", note.COSIGNATURE, bytes(range(32)))

TRAIL = """
query ($subject: ID, $actor: String, $action: String, $first: Int, $after: String) {
  auditTrail(subject: $subject, actor: $actor, action: $action, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      id position at actor action outcome reason after canonical
      subject { __typename id }
      proof { position leaf treeSize hashes checkpoint tlogProof }
    } }
  }
}
"""


async def ask(log: Log, query: str, **variables: Any) -> dict[str, Any]:
    fresh = replace(log.context, batches={})
    result = await SCHEMA.execute(query, variables, fresh)
    assert not result.errors, result.errors
    assert result.data is not None
    return dict(result.data)


def nodes(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in data["auditTrail"]["edges"]]


async def test_every_entry_proves_itself_without_the_service(log: Log) -> None:
    size = await log.tell_story()
    told = nodes(await ask(log, TRAIL))
    assert [int(each["position"]) for each in told] == list(range(size, 0, -1))
    for each in told:
        proof = each["proof"]
        found = checkpoint.opened(proof["checkpoint"], log.key.verifier)
        leaf = tree.leaf_hash(each["canonical"].encode())
        assert base64.b64decode(proof["leaf"]) == leaf
        hashes = [base64.b64decode(hash) for hash in proof["hashes"]]
        index = int(proof["position"]) - 1
        assert tree.includes(leaf, index, found.size, hashes, found.root)
        assert proof["tlogProof"].startswith(f"c2sp.org/tlog-proof@v1\nindex {index}\n")
        assert proof["tlogProof"].endswith(f"\n\n{proof['checkpoint']}")


async def test_the_trail_is_searched_by_subject_actor_and_action(log: Log) -> None:
    await log.tell_story()
    viewer = Actor("v-1", "Viewer", None, frozenset({Role.VIEWER}))
    refused = replace(log.context, actor=viewer)
    result = await SCHEMA.execute(
        "mutation { captureEvents(input: {document: {}}) { captured } }", None, refused
    )
    assert result.errors
    await log.settle()
    (entry,) = nodes(await ask(log, TRAIL, actor="v-1"))
    assert (entry["action"], entry["outcome"]) == ("capture.refused", "REFUSED")
    assert entry["reason"] == "FORBIDDEN"
    data = await ask(log, '{ item(by: {key: "/01/04012345000016/10/1"}) { id } }')
    about = nodes(await ask(log, TRAIL, subject=data["item"]["id"]))
    assert [each["action"] for each in about] == ["event.captured"]
    assert about[0]["subject"]["__typename"] == "TimelineEvent"
    again = nodes(await ask(log, TRAIL, subject=about[0]["subject"]["id"]))
    assert [each["id"] for each in again] == [about[0]["id"]]
    node = await ask(
        log, "query ($id: ID!) { node(id: $id) { ... on JournalEntry { position } } }",
        id=about[0]["id"],
    )  # fmt: skip
    assert node["node"]["position"] == about[0]["position"]


async def test_pages_follow_each_other(log: Log) -> None:
    size = await log.tell_story()
    first = (await ask(log, TRAIL, first=5))["auditTrail"]
    rest = (await ask(log, TRAIL, after=first["pageInfo"]["endCursor"]))["auditTrail"]
    assert first["totalCount"] == size
    assert len(first["edges"]) + len(rest["edges"]) == size


async def test_verification_is_told_through_the_api(log: Log) -> None:
    size = await log.tell_story()
    data = await ask(log, "{ verifyJournal { intact size checkpoints findings { flaw } } }")
    assert data["verifyJournal"] == {
        "intact": True,
        "size": size,
        "checkpoints": 3,
        "findings": [],
    }


@pytest.fixture
def web(log: Log) -> httpx.AsyncClient:
    """A client of the journal's own routes."""
    settings = log.services.settings.model_copy(
        update={"witness_keys": frozenset({str(WITNESS.verifier)})}
    )
    app = Starlette(routes=portal.routes(replace(log.services, settings=settings)))
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://lotkin.test")


async def test_a_witness_reads_proves_and_cosigns_over_http(
    log: Log, web: httpx.AsyncClient
) -> None:
    assert (await web.get("/journal/checkpoint")).status_code == 404
    await log.tell_story()
    old = checkpoint.opened((await web.get("/journal/checkpoint")).text, log.key.verifier)
    await log.tell(commission(1, serial(9, 9)))
    told = (await web.get("/journal/checkpoint")).text
    new = checkpoint.opened(told, log.key.verifier)
    proof = await web.get("/journal/consistency", params={"old": old.size, "new": new.size})
    hashes = [base64.b64decode(line) for line in proof.text.splitlines()]
    assert tree.extends(old.size, old.root, new.size, new.root, hashes)
    line = WITNESS.line(new.text(), time=1_800_000_000)
    posted = await web.post("/journal/cosignature", content=line)
    assert (posted.status_code, posted.text) == (200, f"{new.size}\n")
    assert (await web.get("/journal/checkpoint")).text == told + line
    (entry, *_) = nodes(await ask(log, TRAIL))
    assert line in entry["proof"]["checkpoint"]


async def test_nobody_else_cosigns_and_sizes_must_be_sizes(
    log: Log, web: httpx.AsyncClient
) -> None:
    await log.tell_story()
    told = note.read((await web.get("/journal/checkpoint")).text)[0]
    stranger = SignerKey.make("witness.example/w1", note.COSIGNATURE, b"s" * 32)
    assert (await web.post("/journal/cosignature", content=stranger.line(told))).status_code == 403
    wrong = WITNESS.line(told.replace("lotkin", "latkin"), time=1)
    assert (await web.post("/journal/cosignature", content=wrong)).status_code == 404
    assert (await web.post("/journal/cosignature", content="x")).status_code == 400
    for old, new in (("1", "999"), ("3", "2"), ("-1", "2"), ("", "2"), ("9" * 30, "1")):
        asked = await web.get("/journal/consistency", params={"old": old, "new": new})
        assert asked.status_code == 400
