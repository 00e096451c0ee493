"""ASGI layers that every request passes: how much it may send, and who sends it.

Neither answers by itself: each endpoint renders a refusal in its own format.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from lotkin.auth.actor import ANONYMOUS, Actor
from lotkin.auth.tokens import TokenVerifier
from lotkin.errors import Problem, ProblemCode, Refusal, RefusalCode

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_S = 60.0  # 16 MiB at 2.2 Mbit/s; a slower sender holds memory and a connection
_ACTOR = "lotkin.actor"


class BearerAuthentication:
    """Reads the bearer token of a request; `actor_of` tells the outcome."""

    def __init__(self, app: App, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the Actor, or the Refusal of its token, into the scope."""
        if scope["type"] in {"http", "websocket"}:
            scope[_ACTOR] = self._read(scope)
        await self._app(scope, receive, send)

    def _read(self, scope: Scope) -> Actor | Refusal:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if not values:
            return ANONYMOUS
        scheme, _, token = values[0].decode("latin-1").partition(" ")
        # Two headers could be read differently by a proxy in front of us.
        if len(values) > 1 or scheme.lower() != "bearer":
            return Refusal(RefusalCode.UNAUTHENTICATED, detail="not one bearer token")
        try:
            return self._verifier.actor(token.strip())
        except Refusal as refusal:
            return refusal


def actor_of(scope: Scope) -> Actor:
    """Return who sent the request; ANONYMOUS when it carries no token.

    Raises: Refusal UNAUTHENTICATED when it carries a token that is not valid.
    """
    found: Actor | Refusal = scope.get(_ACTOR, ANONYMOUS)
    if isinstance(found, Refusal):
        raise found
    return found


class BodyLimit:
    """Lets an endpoint read at most `bytes_max` of a body, within BODY_S.

    The endpoint's own read raises: Problem DOCUMENT_TOO_LARGE, before more is kept in memory;
    Refusal BAD_INPUT when the body takes too long.
    """

    def __init__(self, app: App, bytes_max: int) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counting `receive`."""
        if scope["type"] == "http":
            announced = dict(scope["headers"]).get(b"content-length", b"0")
            count = int(announced) if announced.isdigit() else 0
            receive = _Body(receive, announced=count, bytes_max=self._bytes_max).receive
        await self._app(scope, receive, send)


class _Body:
    """One body on its way in."""

    def __init__(self, receive: Receive, *, announced: int, bytes_max: int) -> None:
        self._receive = receive
        self._announced = announced
        self._bytes_max = bytes_max
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
        self._deadline = self._deadline or loop.time() + BODY_S
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError as error:
            reason = f"The body took longer than {BODY_S:g} s"
            raise Refusal(RefusalCode.BAD_INPUT, reason=reason) from error

    def _check(self, size: int) -> None:
        if size > self._bytes_max:
            raise Problem(ProblemCode.DOCUMENT_TOO_LARGE, size=size, limit=self._bytes_max)
