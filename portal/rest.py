"""RFC 7807 problem documents in the vocabulary of the EPCIS 2.0 REST binding."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from lotkin.auth.actor import ANONYMOUS
from lotkin.auth.bearer import challenge
from lotkin.auth.middleware import actor_of, base_url_of
from lotkin.errors import LotkinError, Problem, ProblemCode, Refusal, RefusalCode
from lotkin.resolvers.bugs import masked
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.language import language_of

_log = structlog.get_logger(__name__)

VERSIONS = {"gs1-epcis-version": "2.0.0", "gs1-cbv-version": "2.0.0"}
PROBLEM_JSON = "application/problem+json"

_LIMIT = (413, "epcisException:CaptureLimitExceededException")
_STATUS: dict[ProblemCode | RefusalCode, tuple[int, str]] = {
    RefusalCode.UNAUTHENTICATED: (401, "epcisException:SecurityException"),
    RefusalCode.FORBIDDEN: (403, "epcisException:SecurityException"),
    RefusalCode.NOT_FOUND: (404, "epcisException:NoSuchResourceException"),
    RefusalCode.UNAVAILABLE: (503, "epcisException:ImplementationException"),
    RefusalCode.INTERNAL: (500, "epcisException:ImplementationException"),
    ProblemCode.DOCUMENT_TOO_LARGE: _LIMIT,
    ProblemCode.TOO_MANY_EVENTS: _LIMIT,
}
INVALID = (400, "epcisException:ValidationException")
NOT_ACCEPTABLE = (406, "epcisException:NotAcceptableException")
UNSUPPORTED = (415, "epcisException:UnsupportedMediaTypeException")

Handler = Callable[[Request], Awaitable[Response]]


class RestError(Exception):
    """A request that HTTP itself is enough to refuse: status, exception type, what to do."""

    def __init__(self, kind: tuple[int, str], title: str) -> None:
        super().__init__(title)
        self.kind = kind
        self.title = title


def answering(handler: Handler) -> Handler:
    """Return `handler` with everything it raises turned into a problem document."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except RestError as error:
            return _document(error.kind, {"title": error.title})
        except LotkinError as error:
            return _refused(request, error)
        except Exception as bug:  # noqa: BLE001  (the edge: whatever is raised must be answered)
            return _refused(request, masked(bug))

    return answer


def context_of(request: Request, services: Services) -> Context:
    """Return the request's context.

    Raises: Refusal UNAUTHENTICATED for a token that is not valid.
    """
    language = language_of(request.headers.get("accept-language"))
    return Context(actor=actor_of(request.scope), services=services, language=language)


def json_response(body: object, status: int = 200) -> Response:
    """Return a JSON answer with the version headers of the standard."""
    return Response(orjson.dumps(body), status, VERSIONS, "application/json")


def _refused(request: Request, error: LotkinError) -> Response:
    if error.detail:
        _log.info("refused", code=error.code.value, detail=error.detail)
    language = language_of(request.headers.get("accept-language"))
    body: dict[str, Any] = {"title": error.message(language), "code": error.code.value}
    if isinstance(error, Problem) and error.path:
        body["path"] = list(error.path)
    response = _document(_STATUS.get(error.code, INVALID), body)
    if error.code is RefusalCode.UNAUTHENTICATED:
        response.headers["www-authenticate"] = _challenge(request)
    return response


def _challenge(request: Request) -> str:
    try:
        anonymous = actor_of(request.scope) == ANONYMOUS
    except Refusal:
        anonymous = False
    return challenge(base_url_of(request.scope), is_anonymous=anonymous)


def _document(kind: tuple[int, str], body: dict[str, Any]) -> Response:
    status, type_ = kind
    content = orjson.dumps({"type": type_, "status": status, **body})
    return Response(content, status, VERSIONS, PROBLEM_JSON)
