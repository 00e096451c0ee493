"""`/metrics` for Prometheus: requests as they pass, the journal and the projection at scrape."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lotkin import clock
from lotkin.errors import LotkinError
from lotkin.journal import read as journal
from lotkin.resolvers.context import Services

T = TypeVar("T")

SCRAPE_S = 2.0
# Names, not addresses: callers must not be able to make new time series.
_NAMED = ("graphql", "capture", "graphiql", "journal", "livez", "readyz", "metrics")
_METHODS = frozenset({"GET", "POST", "OPTIONS", "HEAD"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All figures of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lotkin_http_requests",
            "HTTP requests answered",
            ["endpoint", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "lotkin_http_request_seconds",
            "Time from request to the end of its answer",
            ["endpoint"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.captures = Counter(
            "lotkin_rest_captures",
            "Documents sent to POST /capture",
            ["outcome"],
            registry=self.registry,
        )
        self.entries = self._gauge("lotkin_journal_entries", "Entries of the journal")
        self.pending = self._gauge(
            "lotkin_journal_pending_intents", "Committed facts that the journal has not placed"
        )
        self.lag = self._gauge(
            "lotkin_projection_lag_entries", "Journal entries that Neo4j has not applied"
        )
        self.database_up = self._gauge("lotkin_database_up", "1 when PostgreSQL answered")
        self.graph_up = self._gauge("lotkin_graph_up", "1 when Neo4j answered; 0 also when off")

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answered request."""
        first = scope["path"].lstrip("/").partition("/")[0]
        endpoint = first if first in _NAMED else "other"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.requests.labels(endpoint, method, str(status)).inc()
        self.seconds.labels(endpoint).observe(seconds)
        if endpoint == "capture" and method == "POST":
            outcome = "accepted" if status == 202 else "failed" if status >= 500 else "refused"
            self.captures.labels(outcome).inc()

    async def measure(self, services: Services) -> None:
        """Read the gauges from the databases; one that does not answer keeps its last figure."""
        head = await _within(_head(services))
        reached = await _within(services.neo4j.position()) if services.neo4j else None
        self.database_up.set(head is not None)
        self.graph_up.set(reached is not None)
        if head is not None:
            self.entries.set(head.size)
            self.pending.set(head.pending)
            if reached is not None:
                self.lag.set(max(0, head.size - reached))


async def _head(services: Services) -> journal.Head:
    async with services.database.reading() as connection:
        return await journal.head(connection)


async def _within(reading: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(SCRAPE_S):
            return await reading
    except (TimeoutError, LotkinError, OSError):
        return None


class RequestMetrics:
    """ASGI layer that counts and times every request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its status."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = clock.elapsed()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._metrics.answered(scope, status, clock.elapsed() - started)


def routes(services: Services, metrics: Metrics) -> list[Route]:
    """Return the route of `/metrics`."""

    async def scrape(request: Request) -> Response:  # noqa: ARG001
        await metrics.measure(services)
        return Response(
            generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST}
        )

    return [Route("/metrics", scrape, methods=["GET"])]
