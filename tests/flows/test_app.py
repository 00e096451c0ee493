"""The whole service in one process, as `lotkin serve` composes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from graphql import build_schema, get_introspection_query, parse, validate

from lotkin import clock, schema
from lotkin.app import create_app
from lotkin.auth import demo
from lotkin.auth.permissions import Role
from lotkin.errors import Refusal
from lotkin.portal import graphiql
from lotkin.records.session import Database
from lotkin.settings import Settings

NOWHERE = "bolt://127.0.0.1:9"  # the discard port: nothing listens

EVENT = {
    "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
    "type": "ObjectEvent",
    "eventTime": "2026-03-01T08:00:00Z",
    "eventTimeZoneOffset": "+00:00",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.1"],
    "action": "ADD",
    "bizStep": "commissioning",
}


@asynccontextmanager
async def serving(settings: Settings, *, background: bool) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, background=background)
    token = demo.mint(settings, Role.OPERATOR, subject="op", name="Op")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=cast("Any", app)),
            base_url="http://t",
            headers={"authorization": f"Bearer {token}"},
        ) as client,
    ):
        yield client


@pytest.fixture
def settings(tmp_path: Path, database: Database) -> Settings:
    return Settings(state_dir=tmp_path, database_url=database.url, database_pool=3)


@pytest.mark.parametrize("neo4j_uri", [None, NOWHERE])
async def test_the_service_needs_no_neo4j(settings: Settings, neo4j_uri: str | None) -> None:
    site = settings.model_copy(update={"neo4j_uri": neo4j_uri})
    async with serving(site, background=True) as client:
        accepted = await client.post("/capture", json=EVENT)
        assert accepted.status_code == 202
        job = (await client.get(accepted.headers["location"])).json()
        assert job["position"] is not None
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["graph"]["status"] == ("down" if neo4j_uri else "off")
        answer = await client.post("/graphql", json={"query": "{ viewer { name } }"})
        assert answer.json() == {"data": {"viewer": {"name": "Op"}}}
        assert "lotkin_graph_up 0.0" in (await client.get("/metrics")).text
        left = clock.elapsed()
    assert clock.elapsed() - left < 5


async def test_a_capture_is_acknowledged_while_nobody_sequences(settings: Settings) -> None:
    site = settings.model_copy(update={"position_wait_s": 0.05})
    async with serving(site, background=False) as client:
        accepted = await client.post("/capture", json=EVENT)
        job = (await client.get(accepted.headers["location"])).json()
        assert (job["success"], job["captured"], job["position"]) == (True, 1, None)
        assert "lotkin_journal_pending_intents 1.0" in (await client.get("/metrics")).text


async def test_people_are_shown_to_the_ide(settings: Settings) -> None:
    async with serving(settings, background=False) as client:
        for address in ("/", "/graphql"):
            answer = await client.get(address, headers={"accept": "text/html"})
            assert (answer.status_code, answer.headers["location"]) == (302, "/graphiql")
        assert (await client.get("/graphiql")).status_code == 200
        assert (await client.get("/nowhere")).status_code == 404


async def test_the_ide_can_read_the_whole_schema(settings: Settings) -> None:
    async with serving(settings, background=False) as client:
        query = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
        answer = await client.post("/graphql", json={"query": query})
        assert "errors" not in answer.json()


def test_the_example_in_the_ide_is_a_document_of_this_schema() -> None:
    script = (graphiql.FILES / "page.js").read_text(encoding="utf-8")
    example = script.split("const EXAMPLE = `")[1].split("`")[0]
    assert validate(build_schema(schema.build().as_str()), parse(example)) == []


def test_a_service_without_a_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="BAD_INPUT"):
        create_app(Settings(state_dir=tmp_path), background=False)
