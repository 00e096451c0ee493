"""GraphQL over HTTP: one POST address, answers by media type, every refusal with a code.

Follows the GraphQL over HTTP draft: `application/graphql-response+json` answers carry a status
that tells a refused request from an answer; `application/json` ones are for older clients. GET
queries, batches and uploads are off: each is a way around a check and none is needed.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import orjson
import structlog
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import MaxTokensLimiter, ParserCache, SchemaExtension, ValidationCache
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from lotkin.auth.actor import ANONYMOUS
from lotkin.auth.bearer import challenge, step_up_challenge
from lotkin.auth.middleware import actor_of, base_url_of, is_origin_checked
from lotkin.errors import Language, LotkinError, ProblemCode, Refusal, RefusalCode
from lotkin.resolvers.bugs import masked
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.language import language_of
from lotkin.schema.freshness import FreshLookups
from lotkin.schema.problem import Schema, error_entry
from lotkin.schema.socket import SocketHandler, TextSocket

_log = structlog.get_logger(__name__)

RESPONSE_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"
DOCUMENT_CHARS_MAX = 15_000  # the introspection query of the IDE has 2,000
TOKENS_MAX = 1_000
SUBSCRIPTIONS_MAX = 10  # of one socket
INIT_SECONDS = 10  # a socket that says nothing costs memory
STEP_UP_CODE = "SIG_STEP_UP_REQUIRED"  # answered as RFC 9470 has it: sign in again, then repeat

# What every schema of ours is built with: `Schema(…, extensions=EXTENSIONS, …)`.
EXTENSIONS: Sequence[Callable[[], SchemaExtension]] = (
    lambda: MaxTokensLimiter(max_token_count=TOKENS_MAX),
    ParserCache,
    ValidationCache,
    FreshLookups,
)

Body: TypeAlias = Mapping[str, Any]
_STATUS = {
    RefusalCode.UNAUTHENTICATED: 401,
    RefusalCode.INTERNAL: 500,
    ProblemCode.DOCUMENT_TOO_LARGE: 413,
}


class GraphQLEndpoint(GraphQL[Context, None]):
    """The ASGI view of the schema; mount it behind BearerAuthentication and BodyLimit."""

    graphql_transport_ws_handler_class = SocketHandler
    websocket_adapter_class = TextSocket

    def __init__(self, schema: Schema, services: Services, *, ide_url: str = "/graphiql") -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            multipart_uploads_enabled=False,
            max_subscriptions_per_connection=SUBSCRIPTIONS_MAX,
        )
        self._services = services
        self._ide_url = ide_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or speak graphql-transport-ws on a socket."""
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if refused := self._refused_by_headers(request):
            return refused
        try:
            actor_of(request.scope)  # a bad token is refused even where none is needed
            return await self.run(request)
        except HTTPException as error:
            entry = {"message": error.reason, "extensions": {"code": RefusalCode.BAD_INPUT.value}}
            return _errors(request, [entry], error.status_code)
        except LotkinError as error:
            return self._refused(request, error)
        except Exception as bug:  # noqa: BLE001  (the edge: whatever is raised must be answered)
            return self._refused(request, masked(bug))

    def _refused_by_headers(self, request: Request) -> Response | None:
        if request.method != "POST":
            if request.method in {"GET", "HEAD"} and "text/html" in _accept(request):
                return RedirectResponse(self._ide_url, status_code=302)
            refused = _bad_input(request, "Send operations with POST", 405)
            refused.headers["allow"] = "POST"
            return refused
        if not _is_json(request):
            return _bad_input(request, f"Send {PLAIN_JSON} in UTF-8, not compressed", 415)
        return None

    def _refused(self, request: Request, error: LotkinError) -> Response:
        if error.detail:
            _log.info("refused", code=error.code.value, detail=error.detail)
        entry = error_entry(error, _language(request))
        response = _errors(request, [entry], _STATUS.get(error.code, 400))
        if error.code is RefusalCode.UNAUTHENTICATED:
            response.headers["www-authenticate"] = challenge(
                base_url_of(request.scope), is_anonymous=False
            )
        return response

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:  # noqa: ARG002
        """Tell whether a page of another origin may connect: decided before we are asked."""
        return is_origin_checked(request.scope)

    async def get_context(self, request: Request | WebSocket, response: object) -> Context:  # noqa: ARG002
        """Return who asks, the services, and the language to answer in.

        On a socket nobody has said yet who asks (`schema.socket`).
        """
        actor = ANONYMOUS if isinstance(request, WebSocket) else actor_of(request.scope)
        return Context(actor=actor, services=self._services, language=_language(request))

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Return the operation of a body.

        Raises: HTTPException 400 where it is none, Refusal BAD_INPUT where it is too long.
        """
        try:
            body = orjson.loads(await request.get_body())
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, "The body is not JSON.") from error
        if not isinstance(body, dict):
            raise HTTPException(400, "The body is not one JSON object; batches are off.")
        query = _member(body, "query", str)
        if query is not None and len(query) > DOCUMENT_CHARS_MAX:
            reason = f"The document has more than {DOCUMENT_CHARS_MAX} characters"
            raise Refusal(RefusalCode.BAD_INPUT, reason=reason)
        return GraphQLRequestData(
            query=query,
            variables=_member(body, "variables", dict),
            operation_name=_member(body, "operationName", str),
            extensions=_member(body, "extensions", dict),
        )

    def encode_json(self, data: object) -> bytes:
        """Return `data` as JSON."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """Return what JSON says."""
        return orjson.loads(data)

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Return the draft of the response, which remembers the media type asked for."""
        draft = await super().get_sub_response(request)
        draft.media_type = _media_type(_accept(request))
        return draft

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Return the answer; a request that was not executed has no `data`, and 400 where told."""
        answer: GraphQLHTTPResponse = response_data
        status = 200
        errors: Any = answer.get("errors")
        if errors and answer.get("data") is None and not any("path" in entry for entry in errors):
            answer.pop("data", None)
            status = 400 if sub_response.media_type == RESPONSE_JSON else 200
        response = _json(answer, sub_response.media_type or PLAIN_JSON, status)
        for entry in errors or ():
            facts = entry.get("extensions", {})
            if facts.get("code") == STEP_UP_CODE:
                response.status_code = 401
                response.headers["www-authenticate"] = step_up_challenge(
                    self._services.settings.base_url(), facts
                )
        return response


def _json(body: object, media_type: str, status: int) -> Response:
    content_type = f"{media_type}; charset=utf-8"
    return Response(orjson.dumps(body), status, {"content-type": content_type})


def _errors(request: Request, entries: list[dict[str, Any]], status: int) -> Response:
    return _json({"errors": entries}, _media_type(_accept(request)), status)


def _bad_input(request: Request, reason: str, status: int) -> Response:
    refusal = Refusal(RefusalCode.BAD_INPUT, reason=reason)
    return _errors(request, [error_entry(refusal, _language(request))], status)


def _member(body: Body, name: str, kind: type) -> Any:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        shape = "a string" if kind is str else "an object"
        raise HTTPException(400, f"`{name}` is not {shape}.")
    return value


def _language(request: HTTPConnection) -> Language:
    return language_of(request.headers.get("accept-language"))


def _accept(request: HTTPConnection) -> str:
    return ",".join(request.headers.getlist("accept")).lower()


def _is_json(request: Request) -> bool:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    name, _, charset = parameters.partition("=")
    return (
        media_type.strip().lower() == PLAIN_JSON
        and request.headers.get("content-encoding", "identity").lower() == "identity"
        and (name.strip().lower() != "charset" or charset.strip(' "').lower() == "utf-8")
    )


def _media_type(accept: str) -> str:
    """Return the newer media type where it is asked for by name and not less than the older."""
    weights = dict(_weight(choice) for choice in accept.split(",")[:20])
    newer = weights.get(RESPONSE_JSON, 0.0)
    return RESPONSE_JSON if newer > 0 and newer >= weights.get(PLAIN_JSON, 0.0) else PLAIN_JSON


def _weight(choice: str) -> tuple[str, float]:
    media_type, *parameters = (part.strip() for part in choice.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return media_type, float(parameter[2:])
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0
