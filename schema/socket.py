"""Who speaks on a WebSocket: asked at `connection_init`, and watched while the socket lives.

The token comes in the first message's payload (`authorization`, and `dpop` for a bound one) or,
from programs that can set headers, with the handshake. When it ends or is revoked the socket is
closed with 4401; a client signs in again and opens another.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar, cast

import orjson
from starlette.types import Scope
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from lotkin import clock
from lotkin.auth.actor import ANONYMOUS
from lotkin.auth.middleware import authenticate, caller_of, check_still_valid
from lotkin.auth.tokens import Caller
from lotkin.errors import Refusal, RefusalCode
from lotkin.resolvers.context import Context
from lotkin.resolvers.metering import principal
from lotkin.schema import trusted

T = TypeVar("T")

UNAUTHORIZED, TRY_LATER, TOO_MANY, TOO_BIG = 4401, 1013, 4429, 1009
MESSAGE_CHARS_MAX = 64 * 1024  # a document and its variables; whole EPCIS documents go by POST
STRANGERS_MAX = 20  # sockets of one address on which nobody has said yet who asks
REFUSALS_MAX = 100  # operations refused on one socket before it is closed: no client is so wrong
WATCH_S = 2.0  # a revoked token is found out this long after the list of revocations has it


class TextSocket(ASGIWebSocketAdapter):
    """Sends JSON as text frames, as graphql-transport-ws asks; ours is made as bytes."""

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        """Yield messages; one above the limit closes the socket before it is parsed."""
        try:
            while True:
                text = await self.ws.receive_text()
                if len(text) > MESSAGE_CHARS_MAX:
                    await self.close(TOO_BIG, "Message too big")
                    return
                try:
                    yield orjson.loads(text)
                except orjson.JSONDecodeError as error:
                    if not ignore_parsing_errors:
                        raise NonJsonMessageReceived from error
        except KeyError as error:
            raise NonTextMessageReceived from error
        except (WebSocketDisconnect, RuntimeError):  # gone, or closed by us
            return

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        try:
            await self.ws.send_text(cast("bytes", self.view.encode_json(message)).decode())
        except RuntimeError as error:  # the socket was closed while an operation had an answer
            raise WebSocketDisconnected from error


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket of graphql-transport-ws."""

    _watch: asyncio.Task[None] | None = None
    _counted_as: str | None = None  # whose socket it is, in the count of open ones
    _refused = 0

    async def handle(self) -> None:
        """Speak until the socket is closed, if its address has not too many that say nothing."""
        stranger = f"stranger {self.context.address}"
        if not self._enter(stranger, STRANGERS_MAX):
            await self.websocket.close(TRY_LATER, "Too many connections")
            return
        try:
            await super().handle()
        finally:
            self._leave()

    async def handle_message(self, message: Message) -> None:
        """Handle one message; what is no object is no message."""
        if not isinstance(message, dict):
            await self.handle_invalid_message("A message is an object")
            return
        try:
            await super().handle_message(message)
        except (TypeError, AttributeError):  # members of other types than the protocol's
            await self.handle_invalid_message("Failed to parse message")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation, unless ten run already; who never stops trying is closed."""
        if self.connection_acknowledged and len(self.operations) >= (
            self.max_subscriptions_per_connection or 0
        ):
            self._refused += 1
            if self._refused > REFUSALS_MAX:
                await self.websocket.close(TOO_MANY, "Too many operations")
                return
        payload: Any = message["payload"]
        named = payload.get("documentId")
        if isinstance(named, str) and payload.get("query") is None:
            found = trusted.documents().get(named.removeprefix(trusted.PREFIX))
            payload["query"] = found or ""
        if not _is_operation(message["id"], payload):
            await self.handle_invalid_message("Failed to parse message")
            return
        await super().handle_subscribe(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge a caller whose token is valid; close the socket of any other."""
        payload: object = message.get("payload") or {}
        if self.connection_init_received or not isinstance(payload, dict):
            await super().handle_connection_init(message)  # closes with the protocol's own code
            return
        try:
            caller = await _introduced(self._scope, payload)
        except Refusal as refusal:
            await self._close(refusal)
            return
        self._leave()
        if not self._enter(principal(caller.actor), self.context.settings.sockets_max):
            await self.websocket.close(TOO_MANY, "Too many connections")
            return
        self.context = replace(self.context, actor=caller.actor)
        await super().handle_connection_init(message)
        self._watch = asyncio.create_task(self._end_with_token(caller))

    async def shutdown(self) -> None:
        """End the watch and every operation."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await super().shutdown()

    def _enter(self, who: str, most: int) -> bool:
        try:
            self.context.services.sockets.enter(who, most)
        except Refusal:
            self.context.services.sockets.turned_away(self.context.address)
            return False
        self._counted_as = who
        return True

    def _leave(self) -> None:
        if self._counted_as is not None:
            self.context.services.sockets.leave(self._counted_as)
            self._counted_as = None

    @property
    def _scope(self) -> Scope:
        return cast("ASGIWebSocketAdapter", self.websocket).ws.scope

    async def _end_with_token(self, caller: Caller) -> None:
        while True:
            left = caller.expires - clock.now_us() / 1e6
            await asyncio.sleep(min(WATCH_S, max(left, 0)))
            try:
                await check_still_valid(self._scope, caller)
            except Refusal as refusal:
                # While the list of revocations is away, operations fail by themselves.
                if refusal.code is RefusalCode.UNAUTHENTICATED:
                    await self._close(refusal)
                    return

    async def _close(self, refusal: Refusal) -> None:
        is_ours = refusal.code is not RefusalCode.UNAUTHENTICATED
        self.connection_acknowledged = False  # nothing more is begun
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)
        with suppress(RuntimeError):  # closed by the other side already
            await self.websocket.close(
                code=TRY_LATER if is_ours else UNAUTHORIZED,
                reason="Try again later" if is_ours else "Unauthorized",
            )


def _is_operation(id: object, payload: Mapping[str, Any]) -> bool:
    return (
        isinstance(id, str)
        and isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )


async def while_valid(
    parts: AsyncIterator[T], scope: Scope, caller: Caller
) -> AsyncGenerator[T, None]:
    """Yield `parts` until the caller's token ends or is revoked."""
    waiting: asyncio.Task[T] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(_next(parts))
            done, _ = await asyncio.wait({waiting}, timeout=WATCH_S)
            if done:
                part, waiting = waiting, None
                try:
                    yield part.result()
                except StopAsyncIteration:
                    return
            if caller.actor != ANONYMOUS:
                try:
                    await check_still_valid(scope, caller)
                except Refusal:
                    return
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


async def _next(parts: AsyncIterator[T]) -> T:
    return await anext(parts)


async def _introduced(scope: Scope, payload: Mapping[str, Any]) -> Caller:
    told = {str(name).lower(): value for name, value in payload.items()}
    authorization, proof = told.get("authorization"), told.get("dpop")
    if authorization is None:
        caller = caller_of(scope)
    elif isinstance(authorization, str) and isinstance(proof, str | None):
        caller = await authenticate(scope, authorization, [] if proof is None else [proof])
    else:
        raise Refusal(RefusalCode.UNAUTHENTICATED, detail="authorization is not a text")
    if caller.actor == ANONYMOUS:
        raise Refusal(RefusalCode.UNAUTHENTICATED, detail="no token")
    return caller
