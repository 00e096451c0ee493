"""Probes: `/livez` asks the process alone, `/readyz` whether it can answer questions now."""

import asyncio
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lotkin.errors import LotkinError
from lotkin.graph.reader import Reader
from lotkin.journal import read as journal
from lotkin.records import migrate
from lotkin.resolvers.context import Services

PROBE_S = 2.0  # orchestrators give up after some seconds


def routes(services: Services) -> list[Route]:
    """Return the probes' routes."""
    probe = _Probe(services)
    return [
        Route("/livez", probe.live, methods=["GET"]),
        Route("/readyz", probe.ready, methods=["GET"]),
    ]


class _Probe:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._is_migrated = False  # a database that reached our revision stays there

    async def live(self, request: Request) -> Response:  # noqa: ARG002
        return _json({"status": "up"}, 200)

    async def ready(self, request: Request) -> Response:  # noqa: ARG002
        database, graph = await asyncio.gather(
            _within(self._database()), _within(_position(self._services.neo4j))
        )
        is_ready = database["status"] == "up"
        body = {"status": "up" if is_ready else "down", "database": database, "graph": graph}
        return _json(body, 200 if is_ready else 503)

    async def _database(self) -> dict[str, Any]:
        database = self._services.database
        if not self._is_migrated:
            async with database.reading():
                pass  # a server that is gone is told apart from one that is empty
            revision = await asyncio.to_thread(migrate.current, database.url)
            if revision != migrate.head():
                return {"status": "not migrated", "revision": revision}
            self._is_migrated = True
        async with database.reading() as connection:
            head = await journal.head(connection)
        return {"status": "up", "position": head.size, "pending": head.pending}


async def _position(reader: Reader | None) -> dict[str, Any]:
    # Neo4j is told, not required: PostgreSQL answers alone.
    if reader is None:
        return {"status": "off"}
    return {"status": "up", "position": await reader.position()}


async def _within(probe: Any) -> dict[str, Any]:
    try:
        async with asyncio.timeout(PROBE_S):
            found: dict[str, Any] = await probe
            return found
    except TimeoutError:
        return {"status": "slow"}
    except (LotkinError, OSError):
        return {"status": "down"}


def _json(body: object, status: int) -> Response:
    return Response(orjson.dumps(body), status, {"cache-control": "no-store"}, "application/json")
