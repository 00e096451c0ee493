"""The capture interface of the EPCIS 2.0 REST binding: `/capture` and its jobs.

A document that the schema refuses is answered 400 and leaves no job. Every other one gets a job,
which has ended when the 202 is sent: what it tells is final.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lotkin.auth.permissions import Permission
from lotkin.errors import Problem, ProblemCode, Refusal, RefusalCode
from lotkin.portal.rest import (
    INVALID,
    NOT_ACCEPTABLE,
    UNSUPPORTED,
    VERSIONS,
    RestError,
    answering,
    context_of,
    json_response,
)
from lotkin.resolvers.capture import OnError, submit
from lotkin.resolvers.capture_jobs import CaptureJob, job, newest_jobs
from lotkin.resolvers.context import Services

# The second spelling is the one of the standard's text, the first that of its OpenAPI file.
BEHAVIOUR_HEADERS = ("gs1-capture-error-behaviour", "gs1-epcis-capture-error-behaviour")
PER_PAGE = 30  # the standard's default
_READABLE = {"application/json", "application/ld+json"}
_ACCEPTED = {*_READABLE, "application/problem+json", "application/*", "*/*", ""}


def routes(services: Services) -> list[Route]:
    """Return the routes of the capture interface."""
    rest = _Capture(services)
    return [
        Route("/capture", answering(rest.submit), methods=["POST"]),
        Route("/capture", answering(rest.list), methods=["GET"]),
        Route("/capture", answering(rest.discover), methods=["OPTIONS"]),
        Route("/capture/{id}", answering(rest.read), methods=["GET"]),
        Route("/capture/{id}", answering(rest.discover_job), methods=["OPTIONS"]),
    ]


class _Capture:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def submit(self, request: Request) -> Response:
        _check_accept(request)
        context = context_of(request, self._services)
        # Before the body is read: who may not capture may not make us parse either.
        context.actor.require(Permission.EVENT_CAPTURE)
        if _media_type(request) not in _READABLE:
            raise RestError(UNSUPPORTED, "Send application/json or application/ld+json in UTF-8.")
        on_error = _on_error(request)
        document = _document(await request.body())
        id = await submit(context, document, on_error)
        return Response(None, 202, {**VERSIONS, "location": f"/capture/{id}"})

    async def read(self, request: Request) -> Response:
        _check_accept(request)
        context = context_of(request, self._services)
        try:
            id = UUID(request.path_params["id"])
        except ValueError as error:
            raise Refusal(RefusalCode.NOT_FOUND, index=request.path_params["id"]) from error
        found = await job(context, id)
        if found is None:
            raise Refusal(RefusalCode.NOT_FOUND, index=id)
        return json_response(_job(found))

    async def list(self, request: Request) -> Response:
        _check_accept(request)
        context = context_of(request, self._services)
        wanted = request.query_params.get("perPage", str(PER_PAGE))
        if not (wanted.isascii() and wanted.isdigit() and int(wanted[:9]) > 0):
            raise RestError(INVALID, "perPage is a whole number from 1.")
        limit = min(int(wanted[:9]), context.settings.page_max)
        return json_response([_job(each) for each in await newest_jobs(context, limit)])

    async def discover(self, request: Request) -> Response:
        return self._capabilities(request, "OPTIONS, POST, GET")

    async def discover_job(self, request: Request) -> Response:
        return self._capabilities(request, "OPTIONS, GET")

    def _capabilities(self, request: Request, allow: str) -> Response:
        context_of(request, self._services)  # a bad token is refused here too
        settings = self._services.settings
        headers = {
            **VERSIONS,
            "allow": allow,
            "gs1-epcis-min": "2.0.0",
            "gs1-epcis-max": "2.0.0",
            "gs1-cbv-min": "2.0.0",
            "gs1-cbv-max": "2.0.0",
            "gs1-epcis-capture-limit": str(settings.document_events_max),
            "gs1-epcis-capture-file-size-limit": str(settings.document_bytes_max),
            "gs1-capture-error-behaviour": "all",
        }
        return Response(None, 204, headers)


def _document(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(ProblemCode.BAD_DOCUMENT, reason=f"it is not JSON ({error})") from error


def _on_error(request: Request) -> OnError:
    told = {value.strip().lower() for name in BEHAVIOUR_HEADERS
            for value in request.headers.getlist(name)}  # fmt: skip
    if len(told) > 1 or not told <= {"rollback", "proceed"}:
        raise RestError(INVALID, f"{BEHAVIOUR_HEADERS[0]} is rollback or proceed.")
    return OnError.PROCEED if told == {"proceed"} else OnError.ROLLBACK


def _job(job: CaptureJob) -> dict[str, Any]:
    return {
        "captureID": str(job.id),
        "createdAt": _time(job.created_at),
        **({"finishedAt": _time(job.finished_at)} if job.finished_at else {}),
        "running": job.finished_at is None,
        "success": job.success is not False,
        "captureErrorBehaviour": job.on_error.value.lower(),
        "errors": [{"status": INVALID[0], **error} for error in job.errors],
        "captured": job.captured,
        "position": None if job.position is None else str(job.position),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _media_type(request: Request) -> str:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    name, _, charset = parameters.partition("=")
    foreign = name.strip().lower() == "charset" and charset.strip(' "').lower() != "utf-8"
    packed = request.headers.get("content-encoding", "identity").lower() != "identity"
    return "" if foreign or packed else media_type.strip().lower()


def _check_accept(request: Request) -> None:
    accepted = {
        choice.partition(";")[0].strip().lower()
        for choice in ",".join(request.headers.getlist("accept")).split(",")
    }
    if not accepted & _ACCEPTED:
        raise RestError(NOT_ACCEPTABLE, "Answers are application/json.")
