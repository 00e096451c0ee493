"""GraphQL over HTTP: one POST address, answers by media type, every refusal with a code.

Follows the GraphQL over HTTP draft: `application/graphql-response+json` answers carry a status
that tells a refused request from an answer; `application/json` ones are for older clients. GET
executes queries of listed documents alone (`schema.trusted`). Batches and uploads are off: each
is a way around a check and none is needed.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
import structlog
from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import SchemaExtension
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL

from lotkin.auth.actor import ANONYMOUS
from lotkin.auth.bearer import challenge, step_up_challenge
from lotkin.auth.middleware import actor_of, base_url_of, caller_of, is_origin_checked
from lotkin.auth.permissions import Permission
from lotkin.errors import LotkinError, ProblemCode, Refusal, RefusalCode
from lotkin.resolvers.bugs import masked
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.metering import limits_of, principal
from lotkin.schema import trusted
from lotkin.schema.freshness import FreshLookups
from lotkin.schema.gate import Gate
from lotkin.schema.media import (
    PLAIN_JSON,
    RESPONSE_JSON,
    accept,
    is_json,
    language,
    media_type,
    wants_stream,
)
from lotkin.schema.problem import Schema, error_entry
from lotkin.schema.request import operation_in, operation_of_url
from lotkin.schema.sight import PartnerSight
from lotkin.schema.signature import STEP_UP
from lotkin.schema.socket import TRY_LATER, SocketHandler, TextSocket, while_valid

_log = structlog.get_logger(__name__)

SUBSCRIPTIONS_MAX = 10  # of one socket
INIT_SECONDS = 10  # a socket that says nothing costs memory
STEP_UP_CODE = "SIG_STEP_UP_REQUIRED"  # answered as RFC 9470 has it: sign in again, then repeat

# What every schema of ours is built with: `Schema(…, extensions=EXTENSIONS, …)`.
EXTENSIONS: Sequence[Callable[[], SchemaExtension]] = (Gate, FreshLookups, PartnerSight)

_STATUS = {
    RefusalCode.UNAUTHENTICATED: 401,
    RefusalCode.UNTRUSTED_DOCUMENT: 403,
    RefusalCode.RATE_LIMITED: 429,
    RefusalCode.INTERNAL: 500,
    RefusalCode.UNAVAILABLE: 503,
    RefusalCode.TIMEOUT: 504,
    ProblemCode.DOCUMENT_TOO_LARGE: 413,
}
_MAY_WRITE = re.compile(rb"mutation")


class _Adapter(StarletteRequestAdapter):
    """Gives Strawberry's view the request, and us the request back."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.asked = request


class GraphQLEndpoint(GraphQL[Context, None]):
    """The ASGI view of the schema; mount it behind BearerAuthentication and BodyLimit."""

    graphql_transport_ws_handler_class = SocketHandler
    websocket_adapter_class = TextSocket
    request_adapter_class = _Adapter

    def __init__(self, schema: Schema, services: Services, *, ide_url: str = "/graphiql") -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=True,  # of listed documents: `_refused_by_headers`
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            multipart_uploads_enabled=False,
            max_subscriptions_per_connection=SUBSCRIPTIONS_MAX,
        )
        trusted.documents()  # a manifest that does not verify is found at the start
        self._services = services
        self._ide_url = ide_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or speak graphql-transport-ws on a socket."""
        if scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            if self._services.sockets.is_barred(socket.client.host if socket.client else ""):
                await socket.close(TRY_LATER)  # before it is accepted: the handshake gets 403
            else:
                await self.run(socket)
            return
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if refused := self._refused_by_headers(request):
            return refused
        try:
            actor_of(request.scope)  # a bad token is refused even where none is needed
            return await self._run_while_wanted(request)
        except HTTPException as error:
            entry = {"message": error.reason, "extensions": {"code": RefusalCode.BAD_INPUT.value}}
            return _errors(request, [entry], error.status_code)
        except LotkinError as error:
            return self._refused(request, error)
        except Exception as bug:  # noqa: BLE001  (the edge: whatever is raised must be answered)
            return self._refused(request, masked(bug))

    async def _run_while_wanted(self, request: Request) -> Response:
        """Answer; a query is given up as soon as the caller has gone away."""
        body = await request.body()
        if _MAY_WRITE.search(body):
            # What may write runs to its end, so that the caller's going decides nothing.
            answered: Response = await self.run(request)
            return answered
        work = asyncio.ensure_future(self.run(request))
        leaving = asyncio.ensure_future(_left(request))
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not work.done():
                work.cancel()
        if work.cancelled() or not work.done():
            await asyncio.gather(work, return_exceptions=True)
            return Response(status_code=499)  # nobody reads it; the access log does
        return work.result()

    def _refused_by_headers(self, request: Request) -> Response | None:
        if request.method == "GET" and _listed(request) is not None:
            return None
        if request.method != "POST" or "document" in request.path_params:
            if request.method in {"GET", "HEAD"} and "text/html" in accept(request):
                return RedirectResponse(self._ide_url, status_code=302)
            refused = _bad_input(request, "Send operations with POST", 405)
            refused.headers["allow"] = "GET" if "document" in request.path_params else "POST"
            return refused
        if not is_json(request):
            return _bad_input(request, f"Send {PLAIN_JSON} in UTF-8, not compressed", 415)
        return None

    def _refused(self, request: Request, error: LotkinError) -> Response:
        if error.detail:
            _log.info("refused", code=error.code.value, detail=error.detail[:1_000])
        entry = error_entry(error, language(request))
        response = _errors(request, [entry], _STATUS.get(error.code, 400))
        if error.code is RefusalCode.UNAUTHENTICATED:
            response.headers["www-authenticate"] = challenge(
                base_url_of(request.scope), is_anonymous=False
            )
        if not getattr(request, "_stream_consumed", True):
            response.headers["connection"] = "close"  # the rest of the body is not read
        return response

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:  # noqa: ARG002
        """Tell whether a page of another origin may connect: decided before we are asked."""
        return is_origin_checked(request.scope)

    async def get_context(self, request: Request | WebSocket, response: object) -> Context:
        """Return who asks, the services, and the language to answer in.

        On a socket nobody has said yet who asks (`schema.socket`).
        """
        is_socket = isinstance(request, WebSocket)
        context = Context(
            actor=ANONYMOUS if is_socket else actor_of(request.scope),
            services=self._services,
            language=language(request),
            address=request.client.host if request.client else "",
            user_agent=request.headers.get("user-agent", ""),
        )
        if isinstance(response, _Draft):
            response.context = context
        return context

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Return the operation of a request.

        Raises: as `schema.request`.
        """
        assert isinstance(request, _Adapter)
        asked = request.asked
        if asked.method == "GET":
            listed = _listed(asked)
            assert listed is not None  # refused by its headers
            return operation_of_url(listed, asked.query_params)
        may_capture = Permission.EVENT_CAPTURE in actor_of(asked.scope).permissions
        operation = operation_in(await asked.body(), may_capture=may_capture)
        if wants_stream(accept(asked)):
            operation.protocol = "sse"
        return operation

    def encode_json(self, data: object) -> bytes:
        """Return `data` as JSON."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """Return what JSON says."""
        return orjson.loads(data)

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Return the draft of the response, which remembers what the answer needs."""
        draft = _Draft()
        draft.media_type = media_type(accept(request))
        return draft

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        """Return a stream that ends with the caller's token."""
        assert isinstance(sub_response, _Draft)
        caller = caller_of(request.scope)
        sockets, actor = self._services.sockets, caller.actor
        who = principal(actor, request.client.host if request.client else "")
        sockets.enter(who, self._services.settings.sockets_max * SUBSCRIPTIONS_MAX)

        async def bounded() -> AsyncGenerator[str, None]:
            try:
                async for part in while_valid(stream(), request.scope, caller):
                    yield part
            finally:
                sockets.leave(who)

        return StreamingResponse(bounded(), headers=dict(headers))

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Return the answer; a request that was not executed has no `data`, and 4xx where told."""
        assert isinstance(sub_response, _Draft)
        answer: GraphQLHTTPResponse = response_data
        status = 200
        if sub_response.context and (asks := sub_response.context.batches.get(STEP_UP)):
            # A payload's problem too; clients that sign people in again look at errors and status.
            entry = error_entry(asks, sub_response.context.language)
            answer["errors"] = [*(answer.get("errors") or ()), entry]
        errors: Any = answer.get("errors") or ()
        codes = {entry.get("extensions", {}).get("code") for entry in errors}
        if errors and answer.get("data") is None and not any("path" in entry for entry in errors):
            answer.pop("data", None)
            # Older clients read 200 only, but must be told to wait.
            if sub_response.media_type == RESPONSE_JSON or RefusalCode.RATE_LIMITED in codes:
                status = next((_STATUS[code] for code in _STATUS if code in codes), 400)
        response = _json(answer, sub_response.media_type or PLAIN_JSON, status)
        self._tell_rate(response, sub_response, errors)
        for entry in errors:
            facts = entry.get("extensions", {})
            if facts.get("code") == STEP_UP_CODE:
                response.status_code = 401
                response.headers["www-authenticate"] = step_up_challenge(
                    self._services.settings.base_url(), facts
                )
        return response

    def _tell_rate(self, response: Response, draft: "_Draft", errors: Sequence[Any]) -> None:
        context = draft.context
        if context is None:
            return
        limits = limits_of(context.settings, context.actor)
        who = principal(context.actor, context.address)
        standing = self._services.meter.standing(who, limits)
        response.headers["x-ratelimit-limit"] = str(standing.limit)
        response.headers["x-ratelimit-remaining"] = str(standing.remaining)
        response.headers["x-ratelimit-reset"] = str(standing.reset_s)
        for entry in errors:
            facts = entry.get("extensions", {})
            if facts.get("code") == RefusalCode.RATE_LIMITED:
                response.headers["retry-after"] = str(facts["seconds"])


class _Draft(Response):
    """What is known of a response before its operation is executed."""

    context: Context | None = None


async def _left(request: Request) -> None:
    """Return when the caller has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _listed(request: Request) -> str | None:
    """Return the document that a GET request names, where it is a listed one."""
    named = request.path_params.get("document")
    if named is None:
        text = request.query_params.get("query")
        named = None if text is None else trusted.digest(text)
    return None if named is None else trusted.documents().get(named)


def _json(body: object, kind: str, status: int) -> Response:
    content_type = f"{kind}; charset=utf-8"
    return Response(orjson.dumps(body), status, {"content-type": content_type})


def _errors(request: Request, entries: list[dict[str, Any]], status: int) -> Response:
    return _json({"errors": entries}, media_type(accept(request)), status)


def _bad_input(request: Request, reason: str, status: int) -> Response:
    refusal = Refusal(RefusalCode.BAD_INPUT, reason=reason)
    return _errors(request, [error_entry(refusal, language(request))], status)
