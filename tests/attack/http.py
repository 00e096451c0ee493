"""What a hostile sender of bytes gets: never 5xx, never memory, never a held connection.

`python -m tests.attack.http --bodies 10000` prints how each was answered.
"""

import argparse
import gzip
import random
import socket
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from lotkin.auth.middleware import BODY_S
from lotkin.auth.permissions import Role
from lotkin.portal.listening import HEADER_BYTES_MAX, HEADER_S, options
from tests.attack import service
from tests.interop.tools import listening

JSON = {"content-type": "application/json"}
LATE_S = 2.0  # a deadline is met within this of its time
CLIENT_S = 30.0


def random_bodies(client: httpx.Client, count: int, seed: int = 7) -> Counter[int]:
    """Return how often each status answered random bytes, and broken pieces of operations."""
    chance = random.Random(seed)
    good = b'{"query":"query Q($a: ID!) { node(id: $a) { id } }","variables":{"a":"x"}}'
    found: Counter[int] = Counter()
    for number in range(count):
        if number % 2:
            body = chance.randbytes(chance.randrange(1, 2_000))
        else:
            mutable = bytearray(good)
            for _ in range(chance.randrange(1, 8)):
                mutable[chance.randrange(len(mutable))] = chance.randrange(256)
            body = bytes(mutable)
        found[client.post("/graphql", content=body, headers=JSON).status_code] += 1
    return found


def large(client: httpx.Client, size: int) -> int:
    """Return the status of a body of `size` bytes."""
    try:
        return client.post("/graphql", content=b" " * size, headers=JSON).status_code
    except httpx.TransportError:  # closed while we still sent
        return 413


def compressed(client: httpx.Client, size: int) -> int:
    """Return the status of a body that says it unpacks to `size` bytes."""
    body = gzip.compress(b" " * size)
    headers = {**JSON, "content-encoding": "gzip"}
    return client.post("/graphql", content=body, headers=headers).status_code


def slow(address: str, *, head: bytes, drip: bytes, until_s: float) -> float:
    """Return after how many seconds a connection that only drips is closed or answered."""
    parts = urlsplit(address)
    begun = time.monotonic()
    with socket.create_connection((parts.hostname, parts.port), timeout=1) as connection:
        connection.sendall(head)
        while time.monotonic() - begun < until_s:
            try:
                connection.sendall(drip)
                connection.settimeout(0.5)
                if connection.recv(1_000) is not None:
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    return time.monotonic() - begun


def slow_body(address: str) -> float:
    """Return how long a body may take that never ends."""
    head = (
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: 100000\r\n\r\n"
    )
    return slow(address, head=head, drip=b" ", until_s=BODY_S * 3)


def slow_header(address: str) -> float:
    """Return how long a header may take that never ends."""
    return slow(address, head=b"POST /graphql HTTP/1.1\r\nx: ", drip=b"a", until_s=HEADER_S * 3)


def endless_header(address: str) -> int:
    """Return how many bytes of a header are taken before the connection is closed."""
    parts = urlsplit(address)
    taken = 0
    with socket.create_connection((parts.hostname, parts.port), timeout=2) as connection:
        connection.sendall(b"POST /graphql HTTP/1.1\r\n")
        try:
            while taken < 64 * HEADER_BYTES_MAX:
                connection.sendall(b"x-%d: " % taken + b"a" * 1_000 + b"\r\n")
                taken += 1_000
        except OSError:
            return taken
    return taken


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bodies", type=int, default=10_000)
    count = parser.parse_args().bodies
    with tempfile.TemporaryDirectory() as folder:
        site = service.settings(Path(folder))
        bearer = {"authorization": f"Bearer {service.token(site, Role.VIEWER)}"}
        with (
            listening(service.app(site), **options()) as address,
            httpx.Client(base_url=address, headers=bearer, timeout=CLIENT_S) as client,
        ):
            found = random_bodies(client, count)
            broken = sum(times for status, times in found.items() if status >= 500)
            print(f"Q5: {count} random bodies: {broken} answered 5xx; {dict(found)}")
            print(f"Q5: a body of 257 KiB: {large(client, 257 * 1024)}")
            print(f"Q5: a body of 50 MB: {large(client, 50_000_000)}")
            print(f"Q5: gzip of 100 MB: {compressed(client, 10**8)}")
            print(f"Q5: a slow body is cut after {slow_body(address):.1f} s")
            print(f"Q5: a slow header is cut after {slow_header(address):.1f} s")
            print(f"Q5: an endless header is cut after {endless_header(address)} bytes")


if __name__ == "__main__":
    main()
