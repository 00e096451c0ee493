"""GraphQL over HTTP as callers see it: status, media type, codes, and nothing they may not read."""

import gzip
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import strawberry
import structlog
from strawberry.scalars import JSON

from lotkin import errors
from lotkin.auth import demo
from lotkin.auth.middleware import BearerAuthentication, BodyLimit
from lotkin.auth.permissions import Permission, Role
from lotkin.auth.tokens import TokenVerifier
from lotkin.errors import Refusal, RefusalCode
from lotkin.resolvers.context import Context, Services
from lotkin.schema.columnar import ColumnarExecutor
from lotkin.schema.endpoint import EXTENSIONS, GraphQLEndpoint
from lotkin.schema.problem import PlainProblem, Problem, Schema, to_graphql
from lotkin.settings import Settings

NEW = "application/graphql-response+json"
OLD = "application/json"
LIMIT = 5_000


def context_of(info: strawberry.Info) -> Context:
    return cast("Context", info.context)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, info: strawberry.Info) -> str:
        return f"hello {context_of(info).actor.name} ({context_of(info).language})"

    @strawberry.field
    def secret(self, info: strawberry.Info) -> str:
        context_of(info).actor.require(Permission.TRACE_READ)
        return "secret"

    @strawberry.field
    def ambiguous(self) -> str | None:
        raise Refusal(
            RefusalCode.AMBIGUOUS_ITEM, detail="row 7", candidates=["a", {"lot": Decimal(1)}]
        )

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("password of the database")

    @strawberry.field
    def echo(self, document: JSON) -> JSON:
        return document

    @strawberry.field
    def problems(self, info: strawberry.Info) -> list[Problem]:
        problem = errors.Problem(errors.ProblemCode.BAD_DATE, value="x", reason="y", path=["at", 0])
        return [to_graphql(problem, context_of(info).language, under=["input"])]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def store(self) -> int:
        return 1


SCHEMA = Schema(
    Query, Mutation, types=[PlainProblem], extensions=EXTENSIONS,
    execution_context_class=ColumnarExecutor,
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    nothing = cast("Any", None)  # the little schema above reads no record
    endpoint = GraphQLEndpoint(SCHEMA, Services(settings, nothing, nothing, None))
    app = BearerAuthentication(BodyLimit(endpoint, LIMIT), TokenVerifier(settings))
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as made:
        yield made


async def post(client: httpx.AsyncClient, query: object, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/graphql", json={"query": query}, headers=named)


def code(response: httpx.Response) -> str:
    return response.json()["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", OLD),
        (OLD, OLD),
        (NEW, NEW),
        (f"{NEW}, {OLD};q=0.9", NEW),
        (f"{OLD}, {NEW}", NEW),
        (f"{OLD}, {NEW};q=0.5", OLD),
        (f"{NEW};q=0", OLD),
        ("image/png", OLD),
    ],
)
async def test_the_media_type_asked_for_is_answered(
    client: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    response = await post(client, "{ hello }", accept=accept)
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.json()["data"] == {"hello": "hello anonymous (en)"}


@pytest.mark.parametrize(("accept", "status"), [(NEW, 400), (OLD, 200)])
@pytest.mark.parametrize("query", ["{", "{ nothing }", "query ($x: JSON!) { echo(document: $x) }"])
async def test_a_request_that_is_not_executed_has_no_data(
    client: httpx.AsyncClient, accept: str, status: int, query: str
) -> None:
    response = await post(client, query, accept=accept)
    assert response.status_code == status
    assert "data" not in response.json()
    assert code(response) == "BAD_INPUT"


async def test_an_error_that_nulls_everything_is_still_an_answer(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ secret }", accept=NEW)
    assert response.status_code == 200
    assert response.json()["data"] is None
    assert code(response) == "UNAUTHENTICATED"


async def test_a_role_sees_what_it_may(client: httpx.AsyncClient, settings: Settings) -> None:
    viewer = demo.mint(settings, Role.VIEWER, subject="v", name="Vi")
    outsider = demo.mint(settings, Role.ADMINISTRATOR, subject="s", name="Su")
    seen = await post(client, "{ secret hello }", authorization=f"Bearer {viewer}")
    assert seen.json()["data"] == {"secret": "secret", "hello": "hello Vi (en)"}
    refused = await post(client, "{ secret }", authorization=f"bearer {outsider}")
    assert code(refused) == "FORBIDDEN"
    assert refused.json()["errors"][0]["extensions"]["permission"] == "trace:read"


@pytest.mark.parametrize("value", ["Bearer nonsense", "Bearer ", "Basic dTpw", "x"])
async def test_a_token_that_is_not_valid_is_refused_by_http_too(
    client: httpx.AsyncClient, value: str
) -> None:
    response = await post(client, "{ hello }", authorization=value)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert code(response) == "UNAUTHENTICATED"


async def test_the_reason_a_token_was_refused_stays_in_the_log(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as log:
        response = await post(client, "{ hello }", authorization="Bearer a.b.c")
    assert log[0]["detail"] not in response.text
    assert "a.b.c" not in json.dumps(log)


async def test_facts_of_a_refusal_are_told_and_its_detail_is_not(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ ambiguous }")
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "AMBIGUOUS_ITEM", "candidates": ["a", {"lot": "1"}]}
    assert error["path"] == ["ambiguous"]
    assert "row 7" not in response.text


async def test_a_bug_is_masked_and_logged_once(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as log:
        response = await post(client, "{ broken again: broken }")
    assert "password" not in response.text
    correlations = {one["extensions"]["correlation"] for one in response.json()["errors"]}
    assert [entry["correlation"] for entry in log] == list(correlations)
    assert str(log[0]["exc_info"]) == "password of the database"


async def test_errors_speak_the_language_of_the_caller(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ secret hello }", accept_language="fr, zh-CN;q=0.8, en;q=0.3")
    assert response.json()["errors"][0]["message"] == "需要有效的访问令牌。请登录后重试。"


async def test_a_problem_of_a_payload_points_into_the_input(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ problems { __typename code message path } }")
    (problem,) = response.json()["data"]["problems"]
    assert problem["__typename"] == "PlainProblem"
    assert problem["code"] == "BAD_DATE"
    assert problem["path"] == ["input", "at", "0"]


async def test_a_body_above_the_limit_is_refused_while_reading(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", content=b"x" * (LIMIT + 1), headers={"content-type": OLD}
    )
    assert response.status_code == 413
    assert code(response) == "DOCUMENT_TOO_LARGE"

    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100:
            sent += 1
            yield b"x" * 1000

    response = await client.post("/graphql", content=endless(), headers={"content-type": OLD})
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["limit"] == LIMIT


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "5", "null", '"{hello}"', '[{"query": "{ hello }"}]', "{}", '{"query": 7}',
     '{"query": "{hello}", "variables": []}', '{"query": "{hello}", "operationName": {}}',
     '{"query": "{hello}", "extensions": 1}', '{"query": "{hello}", "operationName": "X"}',
     '{"query": ""}', '{"query": "fragment F on Query { hello }"}', "[" * 2000],
)  # fmt: skip
async def test_what_is_no_operation_is_a_bad_request(client: httpx.AsyncClient, body: str) -> None:
    response = await client.post("/graphql", content=body, headers={"content-type": OLD})
    assert response.status_code == 400
    assert code(response) == "BAD_INPUT"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/jsonp", "application/json; charset=utf-16", ""],
)  # fmt: skip
async def test_other_content_types_are_refused(
    client: httpx.AsyncClient, content_type: str
) -> None:
    content = json.dumps({"query": "{ hello }"})
    response = await client.post(
        "/graphql", content=content, headers={"content-type": content_type}
    )
    assert response.status_code == 415


async def test_compressed_bodies_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", content=gzip.compress(b"0" * 10**6),
        headers={"content-type": OLD, "content-encoding": "gzip"},
    )  # fmt: skip
    assert response.status_code == 415


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_only_post_executes(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql", params={"query": "{ hello }"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_a_browser_is_sent_to_the_ide(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})
    assert response.status_code == 302
    assert response.headers["location"] == "/graphiql"


@pytest.mark.parametrize(
    "query",
    ["{" + "hello " * 3000 + "}", "{" + "a:hello " * 600 + "}", "{hello" * 400 + "}" * 400],
)
async def test_a_document_out_of_proportion_is_not_executed(
    client: httpx.AsyncClient, query: str
) -> None:
    client.headers["accept"] = NEW
    response = await client.post("/graphql", json={"query": query[:4_900]})
    assert response.status_code == 400
    assert code(response) == "BAD_INPUT"


async def test_a_cached_document_is_answered_in_each_callers_language(
    client: httpx.AsyncClient,
) -> None:
    for language, word in (("zh", "zh"), ("en", "en"), ("zh", "zh")):
        response = await post(client, "{ hello }", accept_language=language)
        assert response.json()["data"]["hello"].endswith(f"({word})")
