"""The composition root: Settings in, a running ASGI service out.

Nothing connects before it is needed: the service starts and answers while Neo4j is away, and
says so on `/readyz` while PostgreSQL is.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from lotkin import schema
from lotkin.auth.middleware import BearerAuthentication, BodyLimit
from lotkin.auth.tokens import TokenVerifier
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph.neo4j import Driver, Neo4jReader, open_driver
from lotkin.graph.project import Projector
from lotkin.graph.relational import RelationalReader
from lotkin.portal import capture, graphiql, health, journal, metrics, oauth
from lotkin.portal.headers import SecurityHeaders
from lotkin.portal.signin import SignInPages
from lotkin.records.session import Database
from lotkin.records.tokens import ProofMemory, RevocationList
from lotkin.resolvers import worker
from lotkin.resolvers.bugs import masked
from lotkin.resolvers.context import Services
from lotkin.schema.endpoint import GraphQLEndpoint
from lotkin.settings import Settings

RESTART_S = 5.0  # a background loop that met a bug is tried again; people act in minutes


def create_app(settings: Settings, *, background: bool) -> Starlette:
    """Return the service; background: also run the sequencer and the projector in its lifespan.

    Raises: Refusal BAD_INPUT when the settings name no database.
    """
    services, driver = open_services(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        async with running(services, driver, background=background):
            yield

    measured = metrics.Metrics()
    verifier = TokenVerifier(
        settings,
        revocations=RevocationList(services.database),
        replays=ProofMemory(services.database),
    )
    return Starlette(
        routes=_routes(services, measured),
        middleware=[
            Middleware(metrics.RequestMetrics, measured),
            Middleware(SecurityHeaders),
            Middleware(BearerAuthentication, verifier),
            Middleware(BodyLimit, settings.body_bytes_max, settings.document_bytes_max),
        ],
        lifespan=lifespan,
    )


def open_services(settings: Settings) -> tuple[Services, Driver | None]:
    """Return the long-lived parts, none of them connected yet, and the driver to close.

    Raises: Refusal BAD_INPUT when the settings name no database.
    """
    if settings.database_url is None:
        raise Refusal(RefusalCode.BAD_INPUT, reason="LOTKIN_DATABASE_URL names no database")
    database = Database(settings.database_url, pool=settings.database_pool)
    driver = None
    if settings.neo4j_uri is not None:
        driver = open_driver(settings.neo4j_uri, settings.neo4j_user, settings.neo4j_secret())
    neo4j = None if driver is None else Neo4jReader(driver)
    return Services(settings, database, RelationalReader(database.engine), neo4j), driver


@asynccontextmanager
async def running(
    services: Services, driver: Driver | None, *, background: bool
) -> AsyncIterator[None]:
    """Run the background loops while the block lasts, then close every connection."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(services.database.close)
        if driver is not None:
            stack.push_async_callback(driver.close)
        if background:
            target = None if driver is None else Projector(driver)
            stack.push_async_callback(_cancel, asyncio.create_task(_work(services, target)))
        yield


def configure_logging() -> None:
    """Write one JSON object a line to standard error; tracebacks without the values in them."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _routes(services: Services, measured: metrics.Metrics) -> list[BaseRoute]:
    endpoint = GraphQLEndpoint(schema.build(), services)
    return [
        Route("/", _to_ide, methods=["GET"]),
        Route("/graphql", endpoint),
        Route("/graphql/trusted/{document}", endpoint),
        WebSocketRoute("/graphql", endpoint),
        *capture.routes(services),
        *health.routes(services),
        *journal.routes(services),
        *metrics.routes(services, measured),
        *graphiql.routes(),
        *oauth.resource_routes(services.settings),
        *(_sign_in_routes(services) if services.settings.auth_server else []),
    ]


def _sign_in_routes(services: Services) -> list[BaseRoute]:
    service = oauth.authorization_service(services)
    return [*oauth.routes(service), *SignInPages(services, service).routes()]


async def _to_ide(request: Request) -> Response:  # noqa: ARG001
    return RedirectResponse("/graphiql", status_code=302)


async def _work(services: Services, target: Projector | None) -> None:
    while True:
        try:
            await worker.run(services, target)
        except Exception as bug:  # noqa: BLE001  (an edge: no caller is there to be told)
            masked(bug)
        await asyncio.sleep(RESTART_S)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
