"""The journal as its witnesses read it: checkpoint, keys, consistency proofs; open to everybody.

A checkpoint is there to be known widely. It tells how many entries there are, nothing of them.
"""

from base64 import b64encode
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lotkin.errors import LotkinError, Refusal, RefusalCode
from lotkin.resolvers import witnessing
from lotkin.resolvers.context import Services

BODY_MAX = 4_096  # bytes of a cosignature; an Ed25519 line has some 200
_STATUS = {RefusalCode.NOT_FOUND: 404, RefusalCode.UNAVAILABLE: 503, RefusalCode.FORBIDDEN: 403}

Handler = Callable[[Request], Awaitable[Response]]


def routes(services: Services) -> list[Route]:
    """Return the routes."""
    journal = _Journal(services)
    return [
        Route("/journal/checkpoint", _answering(journal.checkpoint), methods=["GET"]),
        Route("/journal/keys", _answering(journal.keys), methods=["GET"]),
        Route("/journal/consistency", _answering(journal.consistency), methods=["GET"]),
        Route("/journal/cosignature", _answering(journal.cosignature), methods=["POST"]),
    ]


class _Journal:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def checkpoint(self, request: Request) -> Response:  # noqa: ARG002
        return PlainTextResponse(await witnessing.newest(self._services))

    async def keys(self, request: Request) -> Response:  # noqa: ARG002
        lines = [
            f"{key.vkey} {b64encode(key.endorsement or b'').decode()}".rstrip()
            for key in await witnessing.keys(self._services)
        ]
        return PlainTextResponse("".join(f"{line}\n" for line in lines))

    async def consistency(self, request: Request) -> Response:
        old, new = (_size(request, name) for name in ("old", "new"))
        hashes = await witnessing.consistency(self._services, old, new)
        return PlainTextResponse("".join(f"{b64encode(each).decode()}\n" for each in hashes))

    async def cosignature(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > BODY_MAX:
            raise Refusal(RefusalCode.BAD_INPUT, reason="A cosignature is one short line")
        size = await witnessing.cosigned(self._services, body.decode(errors="replace"))
        return PlainTextResponse(f"{size}\n")


def _size(request: Request, name: str) -> int:
    told = request.query_params.get(name, "")
    if not (told.isascii() and told.isdigit() and len(told) < 19):
        raise Refusal(RefusalCode.BAD_INPUT, reason=f"{name} is a number of entries")
    return int(told)


def _answering(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except LotkinError as error:
            status = _STATUS.get(error.code, 400) if isinstance(error, Refusal) else 413
            return PlainTextResponse(f"{error.code.value}\n{error.message()}\n", status)

    return answer
