"""The capture interface of the EPCIS 2.0 REST binding, on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from lotkin.auth import demo
from lotkin.auth.middleware import BearerAuthentication, BodyLimit
from lotkin.auth.permissions import Role
from lotkin.auth.tokens import TokenVerifier
from lotkin.graph.relational import RelationalReader
from lotkin.portal import capture, graphiql, health, metrics
from lotkin.records.session import Database
from lotkin.resolvers import worker
from lotkin.resolvers.context import Services
from lotkin.settings import Settings

LD = "application/ld+json"


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        "eventTime": "2026-03-01T08:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "epcList": [f"urn:epc:id:sgtin:0614141.107346.{number}"],
        "action": "ADD",
        "bizStep": "commissioning",
    } | changes


def document(*events: object) -> dict[str, Any]:
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T09:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path, document_events_max=5, document_bytes_max=20_000)


@pytest.fixture
async def services(settings: Settings, database: Database) -> AsyncIterator[Services]:
    made = Services(settings, database, RelationalReader(database.engine), None)
    task = asyncio.create_task(worker.run(made, None))
    yield made
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    settings, measured = services.settings, metrics.Metrics()
    app = Starlette(
        routes=[
            *capture.routes(services),
            *health.routes(services),
            *metrics.routes(services, measured),
            *graphiql.routes(),
        ],
        middleware=[
            Middleware(metrics.RequestMetrics, measured),
            Middleware(BodyLimit, settings.document_bytes_max),
            Middleware(BearerAuthentication, TokenVerifier(settings)),
        ],
    )
    token = demo.mint(settings, Role.OPERATOR, subject="op", name="Op")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=cast("Any", app)),
        base_url="http://t",
        headers={"authorization": f"Bearer {token}"},
    ) as made:
        yield made


async def send(client: httpx.AsyncClient, body: object, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post("/capture", content=content, headers={"content-type": LD, **named})


async def job_of(client: httpx.AsyncClient, accepted: httpx.Response) -> dict[str, Any]:
    assert accepted.status_code == 202, accepted.text
    answer = await client.get(accepted.headers["location"])
    assert answer.status_code == 200
    return cast("dict[str, Any]", answer.json())


@pytest.mark.parametrize(
    "shape", [document, lambda one: one | {"@context": document()["@context"]}], ids=["doc", "bare"]
)
@pytest.mark.parametrize("content_type", [LD, "application/json; charset=UTF-8"])
async def test_an_accepted_document_has_a_job_that_ends(
    client: httpx.AsyncClient, shape: Callable[[Any], Any], content_type: str
) -> None:
    accepted = await send(client, shape(event(1)), content_type=content_type)
    assert accepted.headers["gs1-epcis-version"] == "2.0.0"
    job = await job_of(client, accepted)
    assert job["captureID"] == accepted.headers["location"].removeprefix("/capture/")
    assert (job["running"], job["success"], job["errors"]) == (False, True, [])
    assert job["captureErrorBehaviour"] == "rollback"
    assert job["captured"] == 1
    assert int(job["position"]) > 0
    assert job["createdAt"].endswith("Z")
    assert job["finishedAt"].endswith("Z")


async def test_a_repeat_is_accepted_and_captures_nothing(client: httpx.AsyncClient) -> None:
    await send(client, document(event(1)))
    job = await job_of(client, await send(client, document(event(1))))
    assert (job["success"], job["captured"]) == (True, 0)
    assert int(job["position"]) > 0


@pytest.mark.parametrize("header", capture.BEHAVIOUR_HEADERS)
async def test_the_header_says_what_becomes_of_the_good_events(
    client: httpx.AsyncClient, header: str
) -> None:
    await send(client, document(event(1)))
    conflict = event(1, bizStep="receiving", action="OBSERVE")
    rolled_back = await job_of(client, await send(client, document(event(2), conflict)))
    assert (rolled_back["success"], rolled_back["captured"]) == (False, 0)
    assert [error["index"] for error in rolled_back["errors"]] == [1, 0]
    accepted = await send(client, document(event(2), conflict), **{header: "Proceed"})
    proceeded = await job_of(client, accepted)
    assert proceeded["captureErrorBehaviour"] == "proceed"
    assert (proceeded["success"], proceeded["captured"]) == (False, 1)
    (error,) = proceeded["errors"]
    assert error["index"] == 1
    assert error["status"] == 400
    assert {"type", "title"} <= error.keys()


async def test_a_behaviour_nobody_knows_is_refused(client: httpx.AsyncClient) -> None:
    response = await send(client, document(event(1)), gs1_capture_error_behaviour="all")
    assert response.status_code == 400
    both = await send(
        client, document(event(1)),
        gs1_capture_error_behaviour="proceed", gs1_epcis_capture_error_behaviour="rollback",
    )  # fmt: skip
    assert both.status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"7", b"\xff", {}, {"type": "EPCISDocument"}])
async def test_what_the_schema_refuses_is_a_problem_and_no_job(
    client: httpx.AsyncClient, body: object
) -> None:
    response = await send(client, body)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "epcisException:ValidationException"
    assert problem["status"] == 400
    assert problem["title"]
    assert (await client.get("/capture")).json() == []


async def test_too_much_is_refused_as_too_much(client: httpx.AsyncClient) -> None:
    many = await send(client, document(*(event(n) for n in range(6))))
    large = await send(client, document(event(1, note="x" * 20_000)))
    for response, code in ((many, "TOO_MANY_EVENTS"), (large, "DOCUMENT_TOO_LARGE")):
        assert response.status_code == 413
        assert response.json()["type"] == "epcisException:CaptureLimitExceededException"
        assert response.json()["code"] == code


async def test_who_may_not_capture_is_told_before_the_body_is_read(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    viewer = demo.mint(settings, Role.VIEWER, subject="v", name="V")
    forbidden = await send(client, b"{", authorization=f"Bearer {viewer}")
    assert forbidden.status_code == 403
    invalid = await send(client, b"{", authorization="Bearer x.y.z")
    assert invalid.status_code == 401
    assert invalid.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    del client.headers["authorization"]
    anonymous = await send(client, b"{")
    assert anonymous.status_code == 401
    assert anonymous.headers["www-authenticate"].startswith("Bearer resource_metadata=")
    assert anonymous.json()["type"] == "epcisException:SecurityException"


@pytest.mark.parametrize("content_type", ["application/xml", "text/plain", "", "application/jsonp"])
async def test_other_media_types_are_refused(client: httpx.AsyncClient, content_type: str) -> None:
    response = await send(client, document(event(1)), content_type=content_type)
    assert response.status_code == 415
    assert response.json()["type"] == "epcisException:UnsupportedMediaTypeException"


async def test_xml_is_no_answer_of_ours(client: httpx.AsyncClient) -> None:
    response = await client.get("/capture", headers={"accept": "application/xml"})
    assert response.status_code == 406


async def test_a_job_is_its_senders_alone(client: httpx.AsyncClient, settings: Settings) -> None:
    accepted = await send(client, document(event(1)))
    other = demo.mint(settings, Role.OPERATOR, subject="other", name="Other")
    headers = {"authorization": f"Bearer {other}"}
    foreign = await client.get(accepted.headers["location"], headers=headers)
    unknown = await client.get("/capture/00000000-0000-7000-8000-000000000000")
    nonsense = await client.get("/capture/17")
    for response in (foreign, unknown, nonsense):
        assert response.status_code == 404
        assert response.json()["type"] == "epcisException:NoSuchResourceException"
    assert (await client.get("/capture", headers=headers)).json() == []


async def test_jobs_are_listed_newest_first(client: httpx.AsyncClient) -> None:
    for number in (1, 2, 3):
        await send(client, document(event(number)))
    jobs = (await client.get("/capture")).json()
    assert [job["captured"] for job in jobs] == [1, 1, 1]
    assert sorted((job["createdAt"] for job in jobs), reverse=True) == [
        job["createdAt"] for job in jobs
    ]
    assert len((await client.get("/capture?perPage=2")).json()) == 2
    for wrong in ("0", "x", "-1", "٣"):
        assert (await client.get("/capture", params={"perPage": wrong})).status_code == 400


async def test_the_interface_tells_its_limits(client: httpx.AsyncClient) -> None:
    answer = await client.options("/capture")
    assert answer.status_code == 204
    assert answer.headers["gs1-epcis-capture-limit"] == "5"
    assert answer.headers["gs1-epcis-capture-file-size-limit"] == "20000"
    assert answer.headers["gs1-capture-error-behaviour"] == "all"
    assert answer.headers["allow"] == "OPTIONS, POST, GET"
    assert (await client.delete("/capture")).status_code == 405


async def test_problems_speak_the_language_of_the_caller(client: httpx.AsyncClient) -> None:
    response = await send(client, b"{", accept_language="zh-CN")
    assert "不是有效的 EPCIS 2.0 文档" in response.json()["title"]


async def test_probes_and_metrics_tell_the_state(client: httpx.AsyncClient) -> None:
    await send(client, document(event(1)))
    await send(client, b"{")
    live, ready = await client.get("/livez"), await client.get("/readyz")
    assert (live.status_code, live.json()) == (200, {"status": "up"})
    assert ready.status_code == 200
    assert ready.json()["database"]["status"] == "up"
    assert ready.json()["graph"] == {"status": "off"}
    text = (await client.get("/metrics")).text
    assert 'lotkin_rest_captures_total{outcome="accepted"} 1.0' in text
    assert 'lotkin_rest_captures_total{outcome="refused"} 1.0' in text
    assert "lotkin_journal_pending_intents 0.0" in text
    assert "lotkin_journal_entries 1.0" in text
    assert "lotkin_database_up 1.0" in text
    assert "lotkin_projection_lag_entries" in text


async def test_a_database_that_is_gone_is_not_ready_and_not_an_internal_error(
    settings: Settings,
) -> None:
    gone = Database("postgresql://nobody@127.0.0.1:9/none")
    services = Services(settings, gone, RelationalReader(gone.engine), None)
    verifier = TokenVerifier(settings)
    app = Starlette(
        routes=[*health.routes(services), *capture.routes(services)],
        middleware=[Middleware(BearerAuthentication, verifier)],
    )
    token = demo.mint(settings, Role.OPERATOR, subject="op", name="Op")
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        client.headers["authorization"] = f"Bearer {token}"
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["database"]) == (503, {"status": "down"})
        assert (await client.get("/livez")).status_code == 200
        response = await send(client, document(event(1)))
        assert response.status_code == 503
        assert response.json()["code"] == "UNAVAILABLE"
    await gone.close()


async def test_the_ide_needs_no_other_host(client: httpx.AsyncClient) -> None:
    del client.headers["authorization"]
    page = await client.get("/graphiql")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    assets = [part.split('"')[0] for part in page.text.split('="/')[1:]]
    assert len(assets) == 6
    for asset in assets:
        found = await client.get(f"/{asset}")
        assert found.status_code == 200, asset
        assert found.headers["content-security-policy"] == graphiql.CONTENT_SECURITY_POLICY
    assert (await client.get("/graphiql/files/../graphiql.py")).status_code == 404


async def test_an_event_that_the_schema_refuses_is_a_bad_request(
    client: httpx.AsyncClient,
) -> None:
    broken = event(1) | {"action": "MAYBE"}
    answer = await send(client, document(event(2), broken))
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert (await client.get("/capture")).json() == []


async def test_proceed_keeps_the_events_that_the_schema_takes(client: httpx.AsyncClient) -> None:
    broken = event(1) | {"action": "MAYBE"}
    accepted = await send(client, document(event(2), broken), gs1_capture_error_behaviour="proceed")
    job = await job_of(client, accepted)
    assert (job["success"], job["captured"]) == (False, 1)
    assert [each["index"] for each in job["errors"]] == [1]
