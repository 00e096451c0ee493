"""GraphiQL at `/graphiql`, from our own files: nothing is fetched from any other host."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

FILES = Path(__file__).parent / "static" / "graphiql"

# The editor sets styles on elements and carries its fonts as data; everything else is our own.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",  # asked again each time, answered 304 while unchanged
}


def routes() -> list[BaseRoute]:
    """Return the page and its files."""
    return [
        Route("/graphiql", _page, methods=["GET"]),
        Mount("/graphiql/files", _Files(directory=FILES)),
    ]


async def _page(request: Request) -> Response:  # noqa: ARG001
    return FileResponse(FILES / "index.html", headers=HEADERS)


class _Files(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Return a file with the page's headers."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(HEADERS)
        return response
