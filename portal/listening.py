"""How the service listens: what a connection may hold before it has asked anything."""

import asyncio
from typing import TypedDict

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_S = 10.0  # a request line and its headers; who needs longer holds a connection for nothing
HEADER_BYTES_MAX = 32 * 1024  # a token and its proof have 8 KB each
READ_BYTES_MAX = 256 * 1024  # what the event loop reads at once
CONNECTIONS_MAX = 200  # at once, sockets too: as many requests as two cores serve in a second
KEEP_ALIVE_S = 5  # an idle connection; the next request opens another in a millisecond
MESSAGE_BYTES_MAX = 64 * 1024  # of a socket; whole documents go by POST


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose headers come within HEADER_S and fit into HEADER_BYTES_MAX."""

    _deadline: asyncio.TimerHandle | None = None
    _received = 0  # bytes since the request began, which may hold a piece of its body
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a request."""
        self._wait()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the request's address."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(name + value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Wait no more: how long the body may take is the application's to say."""
        self._stop()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a header that never ends is cut before it fills the memory."""
        if self._deadline is not None:
            self._received += len(data)
            if self._received > HEADER_BYTES_MAX + READ_BYTES_MAX:
                self.transport.abort()
                return
        super().data_received(data)

    def _count(self, part: bytes) -> None:
        self._header_bytes += len(part)
        if self._header_bytes > HEADER_BYTES_MAX:
            raise ValueError("headers too large")  # becomes the parser's error: 400, closed

    def _wait(self) -> None:
        self._stop()
        self._received = self._header_bytes = 0
        self._deadline = self.loop.call_later(HEADER_S, self._cut)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        self._deadline = None
        self.transport.abort()


class Options(TypedDict):
    """Arguments of `uvicorn.Config`."""

    http: type[GuardedProtocol]
    limit_concurrency: int
    timeout_keep_alive: int
    ws_max_size: int
    server_header: bool
    log_level: str


def options() -> Options:
    """Return how uvicorn is to listen."""
    return Options(
        http=GuardedProtocol,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        ws_max_size=MESSAGE_BYTES_MAX,
        server_header=False,
        log_level="warning",
    )
