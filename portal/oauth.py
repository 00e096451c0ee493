"""The built-in authorization server over HTTP: tokens, keys, metadata. Pages: `portal.signin`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import orjson
import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from lotkin.auth.bearer import RESOURCE_METADATA
from lotkin.auth.compact import FlawError
from lotkin.auth.dpop import PROOF_ALGORITHMS, Replays, check_proof
from lotkin.auth.issuers import trusted_issuers
from lotkin.auth.keyring import Keyring
from lotkin.auth.minting import ACR_VALUES, ALGORITHM, Minter
from lotkin.errors import LotkinError, Refusal, RefusalCode
from lotkin.portal.grants import SCOPES, Answer, FormRequest, Server
from lotkin.portal.token_checks import Introspection, Revocation
from lotkin.records.session import Database
from lotkin.records.tokens import ProofMemory
from lotkin.resolvers.bugs import masked
from lotkin.resolvers.context import Services
from lotkin.settings import Settings

_log = structlog.get_logger(__name__)

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
FORM_BYTES_MAX = 16 * 1024
PARAMETERS_MAX = 40
AUTHORIZE, TOKEN, REVOKE, INTROSPECT, JWKS = (
    f"/oauth/{name}" for name in ("authorize", "token", "revoke", "introspect", "jwks")
)
_UNCACHED = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class AuthorizationService:
    """What every request of the authorization server needs."""

    settings: Settings
    database: Database
    minter: Minter
    replays: Replays

    async def run(self, work: Callable[[Server], T], *, jkt: str | None = None) -> T:
        """Do `work` with a server inside one transaction, which commits whatever it answers."""

        def inside(connection: Connection) -> T:
            return work(Server(connection, self.minter, jkt=jkt))

        async with self.database.transaction() as connection:
            return await connection.run_sync(inside)


def authorization_service(services: Services) -> AuthorizationService:
    """Return the service for a site's settings.

    Raises: Refusal BAD_INPUT where passwords would travel in the clear.
    """
    settings = services.settings
    address = urlsplit(settings.base_url())
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        reason = "LOTKIN_AUTH_SERVER needs an https address in LOTKIN_EXTERNAL_URL"
        raise Refusal(RefusalCode.BAD_INPUT, reason=reason)
    minter = Minter(settings, Keyring(settings))
    minter.keyring.signing_key()  # made before the first token asks for it
    return AuthorizationService(settings, services.database, minter, ProofMemory(services.database))


def resource_routes(settings: Settings) -> list[BaseRoute]:
    """Return the protected resource's own metadata (RFC 9728)."""
    base = settings.base_url()
    body = {
        "resource": base,
        "resource_name": "Lotkin",
        "authorization_servers": sorted(trusted_issuers(settings)),
        "scopes_supported": list(SCOPES),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": sorted(PROOF_ALGORITHMS),
    }

    async def metadata(request: Request) -> Response:  # noqa: ARG001
        return _json(body, headers={"cache-control": "max-age=300"})

    return [
        Route(RESOURCE_METADATA + suffix, metadata, methods=["GET"])
        for suffix in ("", "/graphql", "/capture")
    ]


def routes(service: AuthorizationService) -> list[BaseRoute]:
    """Return the endpoints that programs talk to."""
    endpoints = _Endpoints(service)
    return [
        Route(TOKEN, endpoints.edge(endpoints.token), methods=["POST", "OPTIONS"]),
        Route(REVOKE, endpoints.edge(endpoints.revoke), methods=["POST", "OPTIONS"]),
        Route(INTROSPECT, endpoints.edge(endpoints.introspect), methods=["POST"]),
        Route(JWKS, endpoints.edge(endpoints.jwks), methods=["GET"]),
        *(
            Route(f"/.well-known/{name}", endpoints.edge(endpoints.metadata), methods=["GET"])
            for name in ("openid-configuration", "oauth-authorization-server")
        ),
    ]


def unrepeated(text: str) -> dict[str, str]:
    """Return form or query parameters.

    Raises: Refusal BAD_INPUT for a parameter told twice (RFC 6749, 3.1), or for far too many.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=PARAMETERS_MAX)
    except ValueError as error:
        raise Refusal(RefusalCode.BAD_INPUT, reason="Too many parameters") from error
    found = dict(pairs)
    if len(found) != len(pairs) or not all(value.isprintable() for value in found.values()):
        raise Refusal(RefusalCode.BAD_INPUT, reason="A parameter is repeated or not printable")
    return {name: value for name, value in found.items() if value}


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a posted form. Raises: Refusal BAD_INPUT for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refusal(RefusalCode.BAD_INPUT, reason="Send a form, urlencoded")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise Refusal(RefusalCode.BAD_INPUT, reason="The form is too long")
    try:
        return unrepeated(body.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Refusal(RefusalCode.BAD_INPUT, reason="The form is not urlencoded") from error


class _Endpoints:
    """The handlers, over one service."""

    def __init__(self, service: AuthorizationService) -> None:
        self._service = service
        self._origins = service.settings.origins()

    def edge(self, handler: Handler) -> Handler:
        """Return `handler` with errors as RFC 6749 tells them, and let known pages read it."""

        async def answer(request: Request) -> Response:
            try:
                response = Response(status_code=204)
                if request.method != "OPTIONS":
                    response = await handler(request)
            except LotkinError as error:
                response = _refused(error)
            except Exception as bug:  # noqa: BLE001  (the edge: whatever is raised is answered)
                response = _refused(masked(bug))
            origin = request.headers.get("origin", "")
            if origin in self._origins:
                response.headers["access-control-allow-origin"] = origin
                response.headers["access-control-allow-headers"] = "content-type, dpop"
                response.headers["vary"] = "origin"
            return response

        return answer

    async def token(self, request: Request) -> Response:
        """Give tokens for a grant."""
        asked = await _asked(request)
        try:
            jkt = await self._proved(request)
        except FlawError as flaw:
            _log.info("refused", code="invalid_dpop_proof", detail=str(flaw))
            return _error(400, "invalid_dpop_proof", "The DPoP proof is not valid")
        service = self._service
        answer: Answer = await service.run(lambda each: each.create_token_response(asked), jkt=jkt)
        return as_response(answer)

    async def revoke(self, request: Request) -> Response:
        """End a token."""
        return await self._checked(request, Revocation)

    async def introspect(self, request: Request) -> Response:
        """Tell what a token says."""
        return await self._checked(request, Introspection)

    async def jwks(self, request: Request) -> Response:  # noqa: ARG002
        """Show the public keys."""
        keys = self._service.minter.keyring.published()
        return _json(keys, headers={"cache-control": "max-age=300"})

    async def metadata(self, request: Request) -> Response:  # noqa: ARG002
        """Tell where everything is (OpenID Connect Discovery, RFC 8414)."""
        return _json(metadata_of(self._service.settings), headers={"cache-control": "max-age=300"})

    async def _checked(self, request: Request, kind: type[Any]) -> Response:
        asked = await _asked(request)

        def work(server: Server) -> Answer:
            server.register_endpoint(kind)
            found: Answer = server.create_endpoint_response(kind.ENDPOINT_NAME, asked)
            return found

        return as_response(await self._service.run(work))

    async def _proved(self, request: Request) -> str | None:
        proofs = request.headers.getlist("dpop")
        if not proofs:
            return None
        url = self._service.settings.base_url() + TOKEN
        return await check_proof(proofs, self._service.replays, method="POST", url=url)


def metadata_of(settings: Settings) -> dict[str, Any]:
    """Return the authorization server's metadata."""
    base = settings.base_url()
    methods = ["client_secret_basic", "client_secret_post"]
    return {
        "issuer": base,
        "authorization_endpoint": base + AUTHORIZE,
        "token_endpoint": base + TOKEN,
        "revocation_endpoint": base + REVOKE,
        "introspection_endpoint": base + INTROSPECT,
        "jwks_uri": base + JWKS,
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": [*methods, "none"],
        "revocation_endpoint_auth_methods_supported": [*methods, "none"],
        "introspection_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": sorted(PROOF_ALGORITHMS),
        "acr_values_supported": list(ACR_VALUES),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["en", "zh"],
        "claims_supported": ["sub", "name", "auth_time", "acr", "amr", "sid", "nonce"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


def as_response(answer: Answer) -> Response:
    """Return the library's answer as ours."""
    headers = {**dict(answer.headers), **_UNCACHED}
    headers.pop("Content-Type", None)
    return _json(answer.body, answer.status, headers)


async def _asked(request: Request) -> FormRequest:
    # Names only: the library looks for this one header.
    told: Sequence[str] = request.headers.getlist("authorization")
    if len(told) > 1:
        raise Refusal(RefusalCode.BAD_INPUT, reason="More than one authorization header")
    return FormRequest("POST", await form_of(request), {"Authorization": told[0]} if told else {})


def _json(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")


def _refused(error: LotkinError) -> Response:
    if error.detail:
        _log.info("refused", code=error.code.value, detail=error.detail)
    if error.code is RefusalCode.BAD_INPUT:
        return _error(400, "invalid_request", str(error.facts.get("reason", "")))
    if error.code is RefusalCode.UNAVAILABLE:
        return _error(503, "temporarily_unavailable", "Try again shortly")
    return _error(500, "server_error", error.message())


def _error(status: int, code: str, description: str) -> Response:
    return _json({"error": code, "error_description": description}, status, _UNCACHED)
