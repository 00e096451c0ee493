"""What stands before every operation: rate, shape, trust, cost, and who may see the schema."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from graphql import build_schema, parse

from lotkin import schema
from lotkin.auth.actor import ANONYMOUS, Actor
from lotkin.auth.permissions import Role
from lotkin.errors import Refusal
from lotkin.schema import limits, trusted
from lotkin.schema.cost import cost_of
from lotkin.schema.gate import needs_trusted
from lotkin.settings import RoleLimits, Settings
from tests.attack import service

SCHEMA = schema.build()._schema
WALK = """query ($n: Int) { traceForward(from: [{key: "x"}]) {
  items(first: $n) { edges { node { depth item { key } } } } } }"""


def cost(document: str, **variables: Any) -> int:
    return cost_of(SCHEMA, parse(document), None, variables)


def check(document: str, depth: int = 12) -> None:
    limits.check(parse(document), depth)


@asynccontextmanager
async def asking(
    folder: Path, role: Role | None, *, developer: bool = False, **others: Any
) -> AsyncIterator[httpx.AsyncClient]:
    site = service.settings(folder, **others)
    bearer = None if role is None else service.token(site, role, developer=developer)
    async with service.client(site, bearer) as client:
        yield client


async def post(client: httpx.AsyncClient, query: str, **members: Any) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, **members})


def code(response: httpx.Response) -> str:
    return response.json()["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ("{" + " ".join(f"a{n}: viewer {{ name }}" for n in range(16)) + "}", "aliases"),
        ("{ viewer { ...F } } fragment F on Viewer { a: name b: name ...G ...G } fragment G on "
         "Viewer { " + " ".join(f"c{n}: name" for n in range(8)) + "}", "aliases"),
        ("{ viewer " + "@include(if: true)" * 9 + " { name } }", "directives"),
        ("{" + "viewer { name } " * 11 + "}", "root fields of a query"),
        ("mutation { a: captureEvents(input: 1) { captured } b: captureEvents(input: 1) "
         "{ captured } }", "root fields of a mutation"),
        ("{" + "name " * 21 + "}", "repetitions of one field"),
        ("{" + "a {" * 13 + "b" + "}" * 13 + "}", "levels"),
        ("{" + "... {" * 31 + "b" + "}" * 31 + "}", "levels of braces"),
        ("{ x } " + " ".join(f"fragment F{n} on Query {{ x }}" for n in range(100)), "definitions"),
    ],
)  # fmt: skip
def test_each_limit_of_shape_is_told_by_its_name(document: str, what: str) -> None:
    with pytest.raises(Refusal) as refused:
        check(document)
    assert refused.value.facts["what"] == what


def test_what_is_just_within_the_limits_passes() -> None:
    check("{" + " ".join(f"a{n}: b" for n in range(10)) + "}")
    check("{" + "a {" * 11 + "b" + "}" * 11 + "}")
    check("{ a { " + " ".join(f"x{n}" for n in range(498)) + " } }")
    with pytest.raises(Refusal):
        check("{ a { " + " ".join(f"x{n}" for n in range(500)) + " } }")


def test_a_fragment_that_nobody_spreads_is_measured_too() -> None:
    inner = " ".join(f"a{n}: b" for n in range(16))
    with pytest.raises(Refusal):
        check("{ b } fragment F on Query { " + inner + " }")


def test_the_price_follows_the_page() -> None:
    page = "query ($n: Int = 7) { alerts(first: $n) { edges { node { code } } } }"
    assert cost(page) < cost(page, n=50) < cost(page, n=100)
    assert cost("{ alerts { edges { node { code } } } }") == cost(page, n=100)
    assert cost("{ viewer { name } }") == cost("{ __typename }") == 1


def test_ten_thousand_items_by_columns_are_within_one_operation() -> None:
    assert cost(WALK, n=10_000) < RoleLimits().cost_max
    assert cost(WALK, n=100) < 20


def test_pages_of_pages_are_not() -> None:
    document = """{ nodes(ids: ["a", "b"]) { ... on Container { contents(first: 100) { edges { node
      { timeline(first: 100) { edges { node { id } } } } } } } } }"""
    assert cost(document) > RoleLimits().cost_max


async def test_an_operation_above_its_cost_is_not_executed(tmp_path: Path) -> None:
    limits = {"viewer": RoleLimits(cost_max=10)}
    async with asking(tmp_path, Role.VIEWER, role_limits=limits) as client:
        refused = await post(client, "{ alerts { edges { node { code } } } }")
        assert (refused.status_code, code(refused)) == (400, "COST_LIMIT")
        assert refused.json()["errors"][0]["extensions"]["limit"] == 10


async def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    limits = {"viewer": RoleLimits(operations_per_minute=3)}
    async with asking(tmp_path, Role.VIEWER, role_limits=limits) as client:
        told = [await post(client, "{ rateLimit { remaining limit cost resetAt } }") for _ in "abc"]
        assert [one.json()["data"]["rateLimit"]["remaining"] for one in told] == [2, 1, 0]
        assert [one.headers["x-ratelimit-remaining"] for one in told] == ["2", "1", "0"]
        refused = await post(client, "{ viewer { name } }")
        assert (refused.status_code, code(refused)) == (429, "RATE_LIMITED")
        assert 1 <= int(refused.headers["retry-after"]) <= 20


async def test_costly_operations_are_counted_by_their_cost(tmp_path: Path) -> None:
    limits = {"viewer": RoleLimits(cost_per_minute=100)}
    async with asking(tmp_path, Role.VIEWER, role_limits=limits) as client:
        query = (
            "{ viewer { name } " + " ".join(f"a{n}: rateLimit {{ cost }}" for n in range(9)) + "}"
        )
        seen = [(await post(client, query)).status_code for _ in range(12)]
        assert 429 in seen
        assert seen[0] == 200


@pytest.mark.parametrize("role", [None, Role.SUPPLIER, Role.REGULATOR, Role.VIEWER])
async def test_all_that_can_be_wrong_with_a_document_looks_alike(
    tmp_path: Path, role: Role | None
) -> None:
    documents = ["{ viewr }", "{ viewer }", "{ viewer { nam } }", '{ item(by: {kee: "x"}) { id } }',
                 "{ __schema { types { name } } }", '{ __type(name: "Lot") { name } }',
                 "{ _service { sdl } }", "{ viewer(x: 1) { name } }", "{ viewer { name ",
                 "query ("]  # fmt: skip
    async with asking(tmp_path, role) as client:
        told = []
        for document in documents:
            (error,) = (await post(client, document)).json()["errors"]
            error["extensions"].pop("correlation")
            told.append(error)
    assert all(each == told[0] for each in told)
    assert "locations" not in told[0]


async def test_who_may_see_the_schema_is_told_what_is_wrong(tmp_path: Path) -> None:
    async with asking(tmp_path, Role.VIEWER, developer=True) as client:
        (error,) = (await post(client, "{ viewr { name } }")).json()["errors"]
        assert "viewr" in error["message"]
        seen = await post(client, '{ _service { sdl } __type(name: "Lot") { name } }')
        sdl = seen.json()["data"]["_service"]["sdl"]
        assert re.search(r'type Lot .*@key\(fields: "id".*@key\(fields: "key"', sdl)
        assert "https://specs.apollo.dev/federation/v2" in sdl


async def test_strangers_send_listed_documents_only(tmp_path: Path) -> None:
    listed = trusted.digest("{ __typename }")
    async with asking(tmp_path, None, trusted_documents="partners") as client:
        refused = await post(client, "{ viewer { name } }")
        assert (refused.status_code, code(refused)) == (403, "UNTRUSTED_DOCUMENT")
        unknown = await client.post("/graphql", json={"documentId": "sha256:" + "0" * 64})
        assert code(unknown) == "UNTRUSTED_DOCUMENT"
    async with asking(tmp_path, Role.VIEWER, trusted_documents="partners") as client:
        assert (await post(client, "{ viewer { name } }")).status_code == 200
        for body in (
            {"documentId": f"sha256:{listed}"},
            {"documentId": listed},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": listed}}},
        ):
            answer = await client.post("/graphql", json=body)
            assert answer.json()["data"] == {"__typename": "Query"}
        by_get = await client.get(f"/graphql?query={'{ __typename }'}")
        assert by_get.json()["data"] == {"__typename": "Query"}


def test_every_listed_document_is_one_of_this_schema() -> None:
    served = build_schema(schema.build().as_str())
    for text in trusted.documents().values():
        limits.check(parse(text), RoleLimits().depth_max)
        assert cost_of(served, parse(text), None, {}) <= RoleLimits().cost_max


def test_a_manifest_that_was_changed_stops_the_service(tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text("{ __typename }\n")
    assert trusted.sign(tmp_path, Ed25519PrivateKey.generate()) == 1
    assert list(trusted.documents(tmp_path).values()) == ["{ __typename }"]
    (tmp_path / "a.graphql").write_text("{ viewer { name } }\n")
    trusted.documents.cache_clear()
    with pytest.raises(Refusal, match="UNAVAILABLE"):
        trusted.documents(tmp_path)
    manifest = (tmp_path / "manifest.json").read_text()
    digest = trusted.digest("{ viewer { name } }")
    changed = manifest.replace(trusted.digest("{ __typename }"), digest)
    (tmp_path / "manifest.json").write_text(changed)
    with pytest.raises(Refusal, match="UNAVAILABLE"):
        trusted.documents(tmp_path)
    trusted.documents.cache_clear()


@pytest.mark.parametrize("role", ["supplier", "regulator"])
def test_a_partner_needs_listed_documents_save_in_a_demo(tmp_path: Path, role: str) -> None:
    partner = Actor("p", "P", None, frozenset({Role(role)}))
    demo = Settings(state_dir=tmp_path)
    site = demo.model_copy(update={"token_jwks_url": "https://id.example/keys"})
    assert not needs_trusted(demo, partner)
    assert needs_trusted(site, partner)
    assert needs_trusted(site, ANONYMOUS)
    assert not needs_trusted(site, Actor("v", "V", None, frozenset({Role.VIEWER})))
    assert not needs_trusted(site.model_copy(update={"trusted_documents": "off"}), partner)


def test_limits_of_several_roles_are_the_larger_ones(tmp_path: Path) -> None:
    site = Settings(state_dir=tmp_path, role_limits={"viewer": RoleLimits(cost_max=7_000)})
    assert site.limits_of([]).operations_per_minute == 120
    assert site.limits_of(["operator"]).operations_per_minute == 6_000
    both = site.limits_of(["viewer", "operator"])
    assert (both.operations_per_minute, both.cost_max) == (6_000, 7_000)
