"""The only readers of time and randomness. Everything else is handed a time or an id.

Record time comes from the database clock, not from here (decision 13).
"""

import os
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """Return the current UTC time of this process."""
    return datetime.now(UTC)


def now_us() -> int:
    """Return the current time as microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def elapsed() -> float:
    """Return a monotonic reading in seconds; only differences mean anything."""
    return time.perf_counter()


def new_id() -> UUID:
    """Return a UUID version 7 (RFC 9562): later ids of one process sort after earlier ones."""
    return next(_ids)


def id_at(moment: int) -> UUID:
    """Return the smallest UUID version 7 of an instant in us; ids made later are above it."""
    return UUID(int=moment // 1000 << 80 | 7 << 76 | 2 << 62)


def token(size: int = 32) -> str:
    """Return an unguessable URL-safe secret of `size` random bytes."""
    return secrets.token_urlsafe(size)


def random_bytes(size: int) -> bytes:
    """Return `size` unguessable bytes."""
    return secrets.token_bytes(size)


def to_us(moment: datetime) -> int:
    """Return an aware time as integer microseconds since the epoch, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_us(moment: int) -> datetime:
    """Return integer microseconds since the epoch as an aware UTC time."""
    return EPOCH + timedelta(microseconds=moment)


def _uuid7() -> Iterator[UUID]:
    # 48 bits of milliseconds, then a 74-bit counter that starts at random and only rises within
    # the same millisecond: ids of one process never go back, which keeps the journal in document
    # order inside a transaction.
    last_ms, tail = 0, 0
    while True:
        at_ms = max(time.time_ns() // 1_000_000, last_ms)
        tail = tail + 1 if at_ms == last_ms else int.from_bytes(os.urandom(9), "big")
        last_ms = at_ms
        high, low = tail >> 62 & 0xFFF, tail & ((1 << 62) - 1)
        yield UUID(int=at_ms << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


_ids = _uuid7()
