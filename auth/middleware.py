"""ASGI layers that every request passes: how much it may send, and who sends it.

Neither answers by itself: each endpoint renders a refusal in its own format.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, TypeAlias

from lotkin import clock
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Permission
from lotkin.auth.tokens import NOBODY, Caller, Credentials, TokenVerifier
from lotkin.errors import Problem, ProblemCode, Refusal, RefusalCode

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_S = 10.0  # 256 KiB at 0.2 Mbit/s; a slower sender holds memory and a connection
CAPTURE_BODY_S = 60.0  # 16 MiB at 2.2 Mbit/s
_CALLER, _VERIFIER = "lotkin.caller", "lotkin.verifier"


class BearerAuthentication:
    """Reads the token of a request and its proof; `actor_of` and `caller_of` tell the outcome."""

    def __init__(self, app: App, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the Caller, or the Refusal of its token, into the scope."""
        if scope["type"] in {"http", "websocket"}:
            if _is_foreign(scope, self._verifier.origins):
                await send({"type": "websocket.close", "code": 1008})  # answered 403
                return
            scope[_VERIFIER] = self._verifier
            try:
                scope[_CALLER] = await self._read(scope)
            except Refusal as refusal:
                scope[_CALLER] = refusal
        await self._app(scope, receive, send)

    async def _read(self, scope: Scope) -> Caller:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if not values:
            return NOBODY
        # Two headers could be read differently by a proxy in front of us.
        if len(values) > 1:
            raise Refusal(RefusalCode.UNAUTHENTICATED, detail="more than one authorization")
        proofs = [value.decode("latin-1") for name, value in scope["headers"] if name == b"dpop"]
        return await authenticate(scope, values[0].decode("latin-1"), proofs)


async def authenticate(scope: Scope, authorization: str, proofs: Sequence[str]) -> Caller:
    """Return who shows `authorization` ("Bearer …" or "DPoP …") on the connection of `scope`.

    Raises: Refusal as `TokenVerifier.authenticate`; UNAUTHENTICATED for any other scheme.
    """
    verifier: TokenVerifier = scope[_VERIFIER]
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() not in {"bearer", "dpop"}:
        raise Refusal(RefusalCode.UNAUTHENTICATED, detail="not a bearer or DPoP token")
    shown = Credentials(
        token=token.strip(),
        scheme=scheme.lower(),
        method=scope.get("method", "GET"),  # a WebSocket begins as a GET
        url=verifier.base_url + scope.get("path", ""),
        proofs=tuple(proofs),
    )
    return await verifier.authenticate(shown)


async def check_still_valid(scope: Scope, caller: Caller) -> None:
    """Do nothing while the caller's token stands. Raises: Refusal UNAUTHENTICATED."""
    if caller.expires <= clock.now_us() / 1e6:
        raise Refusal(RefusalCode.UNAUTHENTICATED, detail="expired")
    verifier: TokenVerifier = scope[_VERIFIER]
    await verifier.check_revocation(caller)


def base_url_of(scope: Scope) -> str:
    """Return the address this service is configured to be reached at."""
    verifier: TokenVerifier = scope[_VERIFIER]
    return verifier.base_url


def is_origin_checked(scope: Scope) -> bool:
    """Tell whether the request passed BearerAuthentication, which turns foreign pages away."""
    return _VERIFIER in scope


def _is_foreign(scope: Scope, origins: frozenset[str]) -> bool:
    """Tell whether a page of somebody else opens a socket; programs send no Origin."""
    if scope["type"] != "websocket":
        return False
    told = [value for name, value in scope["headers"] if name == b"origin"]
    return any(value.decode("latin-1").lower() not in origins for value in told)


def caller_of(scope: Scope) -> Caller:
    """Return who sent the request and until when; NOBODY when it carries no token.

    Raises: Refusal UNAUTHENTICATED when it carries a token that is not valid.
    """
    found: Caller | Refusal = scope.get(_CALLER, NOBODY)
    if isinstance(found, Refusal):
        raise found
    return found


def actor_of(scope: Scope) -> Actor:
    """Return who sent the request; ANONYMOUS when it carries no token.

    Raises: as `caller_of`.
    """
    return caller_of(scope).actor


class BodyLimit:
    """Lets an endpoint read as much of a body as the caller may send, in the time for it.

    Who captures events may send whole documents; everybody else sends operations and forms.
    Stands behind BearerAuthentication, which tells who sends. The endpoint's own read raises:
    Problem DOCUMENT_TOO_LARGE, before more is kept in memory; Refusal BAD_INPUT when the body
    takes too long.
    """

    def __init__(self, app: App, bytes_max: int, capture_bytes_max: int | None = None) -> None:
        self._app = app
        self._bytes_max = bytes_max
        self._capture_bytes_max = capture_bytes_max or bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counting `receive`."""
        if scope["type"] == "http":
            announced = dict(scope["headers"]).get(b"content-length", b"0")
            count = int(announced) if announced.isdigit() and len(announced) < 20 else 0
            is_large = _may_capture(scope)
            receive = _Body(
                receive,
                announced=count,
                bytes_max=self._capture_bytes_max if is_large else self._bytes_max,
                seconds=CAPTURE_BODY_S if is_large else BODY_S,
            ).receive
        await self._app(scope, receive, send)


def _may_capture(scope: Scope) -> bool:
    try:
        return Permission.EVENT_CAPTURE in actor_of(scope).permissions
    except Refusal:
        return False


class _Body:
    """One body on its way in."""

    def __init__(self, receive: Receive, *, announced: int, bytes_max: int, seconds: float) -> None:
        self._receive = receive
        self._announced = announced
        self._bytes_max = bytes_max
        self._seconds = seconds
        self._read = 0
        self._is_complete = False
        self._deadline: float | None = None

    async def receive(self) -> Message:
        if self._is_complete:  # what comes now is the caller's leaving, whenever that is
            return await self._receive()
        self._check(self._announced)
        message = await self._next()
        self._read += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        self._check(self._read)
        return message

    async def _next(self) -> Message:
        loop = asyncio.get_running_loop()
        self._deadline = self._deadline or loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError as error:
            reason = f"The body took longer than {self._seconds:g} s"
            raise Refusal(RefusalCode.BAD_INPUT, reason=reason) from error

    def _check(self, size: int) -> None:
        if size > self._bytes_max:
            raise Problem(ProblemCode.DOCUMENT_TOO_LARGE, size=size, limit=self._bytes_max)
