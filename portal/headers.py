"""Headers that tell browsers how little an answer may do; a page of ours says more itself."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[..., Awaitable[None]]

# An answer of the API is data: it runs nothing, is shown in no frame, kept by no cache.
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
# Only where the caller came by TLS; a year, as browsers ask for.
_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """Adds each header that an answer does not carry yet."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Pass the request on, and its answer back with the headers."""
        wanted = (*HEADERS, _TRANSPORT) if scope.get("scheme") == "https" else HEADERS

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                said = {name.lower() for name, _ in headers}
                message["headers"] = headers + [each for each in wanted if each[0] not in said]
            await send(message)

        await self._app(scope, receive, add if scope["type"] == "http" else send)
