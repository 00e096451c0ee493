"""Who speaks on a WebSocket: asked at `connection_init`, and watched while the socket lives.

The token comes in the first message's payload (`authorization`, and `dpop` for a bound one) or,
from programs that can set headers, with the handshake. When it ends or is revoked the socket is
closed with 4401; a client signs in again and opens another.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from starlette.types import Scope
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage

from lotkin import clock
from lotkin.auth.actor import ANONYMOUS
from lotkin.auth.middleware import authenticate, caller_of, check_still_valid
from lotkin.auth.tokens import Caller
from lotkin.errors import Refusal, RefusalCode
from lotkin.resolvers.context import Context

UNAUTHORIZED, TRY_LATER = 4401, 1013
WATCH_S = 2.0  # a revoked token is found out this long after the list of revocations has it


class TextSocket(ASGIWebSocketAdapter):
    """Sends JSON as text frames, as graphql-transport-ws asks; ours is made as bytes."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        try:
            await self.ws.send_text(cast("bytes", self.view.encode_json(message)).decode())
        except RuntimeError as error:  # the socket was closed while an operation had an answer
            raise WebSocketDisconnected from error


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket of graphql-transport-ws."""

    _watch: asyncio.Task[None] | None = None

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
        self.context = replace(self.context, actor=caller.actor)
        await super().handle_connection_init(message)
        self._watch = asyncio.create_task(self._end_with_token(caller))

    async def shutdown(self) -> None:
        """End the watch and every operation."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await super().shutdown()

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
