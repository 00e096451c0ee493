"""Floods of sockets and subscriptions: how many live, what they cost, what others notice.

`python -m tests.attack.ws_flood --subscribes 10000 --sockets 1000` runs it against a service in a
process of its own and prints its figures.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from lotkin.auth import demo
from lotkin.auth.permissions import Role
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.settings import Settings

PROTOCOL = "graphql-transport-ws"
SUBSCRIPTION = "subscription { alerts { id } }"
ACTIVE_MAX, SOCKETS_MAX = 10, 5
RSS_GROWTH_KIB_MAX = 50 * 1024
SLOWER_MAX = 2.0
ASKED = 200  # operations of somebody else, for a 99th percentile
TOGETHER = 50  # handshakes begun at once


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, Settings, int]]:
    """A service in a process of its own; give its address, settings and process id."""
    with embedded_postgres(folder / "postgres", THROWAWAY) as url:
        migrate.upgrade(url)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        site = Settings(state_dir=folder, database_url=url)
        demo.ensure_key(site)
        told = {"LOTKIN_STATE_DIR": str(folder), "LOTKIN_DATABASE_URL": url}
        told["LOTKIN_PORT"] = str(port)
        command = [sys.executable, "-m", "lotkin.cli", "serve"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=os.environ | told, stderr=log, stdout=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address)
            yield address, site, process.pid
        finally:
            process.terminate()
            process.wait(20)


def _wait(address: str) -> None:
    end = time.monotonic() + 30
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        assert time.monotonic() < end, "the service did not start"
        time.sleep(0.1)


def memory_kib(process: int) -> int:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def opened(address: str, token: str) -> ClientConnection | None:
    """Return an acknowledged socket; None where it is turned away."""
    try:
        made = await connect(
            address.replace("http", "ws") + "/graphql", subprotocols=[PROTOCOL],  # type: ignore[list-item]
            max_queue=None, open_timeout=20,
        )  # fmt: skip
        hello = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        await made.send(json.dumps(hello))
        answer = json.loads(await made.recv())
    except (WebSocketException, OSError, TimeoutError):
        return None
    return made if answer["type"] == "connection_ack" else None


async def subscribes(made: ClientConnection, count: int) -> Counter[str]:
    """Begin `count` subscriptions on one socket; return what became of them, and its close code."""
    found: Counter[str] = Counter()
    try:
        for number in range(count):
            payload = {"query": SUBSCRIPTION}
            await made.send(
                json.dumps({"id": str(number), "type": "subscribe", "payload": payload})
            )
    except ConnectionClosed:
        found["not sent"] = count - number
    try:
        while True:
            message = json.loads(await asyncio.wait_for(made.recv(), 1))
            found[message["type"]] += 1
    except TimeoutError:
        found["open"] = 1
    except ConnectionClosed as closed:
        found[f"closed {closed.rcvd.code if closed.rcvd else 0}"] = 1
    return found


async def active(address: str, token: str, count: int) -> int:
    """Return how many of `count` subscriptions run on one socket before any is refused."""
    made = await opened(address, token)
    assert made is not None
    for number in range(count):
        payload = {"query": SUBSCRIPTION}
        await made.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
    refused = 0
    with suppress(TimeoutError):
        while True:
            refused += json.loads(await asyncio.wait_for(made.recv(), 1))["type"] == "error"
    await made.close()
    return count - refused


async def p99(address: str, token: str) -> float:
    """Return the 99th percentile of somebody else's operations, in milliseconds."""
    times = []
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=20) as client:
        for _ in range(ASKED):
            begun = time.perf_counter()
            answer = await client.post("/graphql", json={"query": "{ viewer { name } }"})
            assert answer.status_code == 200, answer.text
            times.append(time.perf_counter() - begun)
    return sorted(times)[int(len(times) * 0.99)] * 1000


async def apart(address: str, token: str) -> float:
    """Return `p99` as a process of its own sees it: what floods must not slow its own clock."""
    command = [sys.executable, "-m", "tests.attack.ws_flood", "--p99", address, token]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    return float(told)


async def measured(address: str, site: Settings, process: int, asked: Any) -> dict[str, float]:
    """Return every figure of the floods."""
    hostile = demo.mint(site, Role.VIEWER, subject="flood", name="Flood")
    other = demo.mint(site, Role.AUDITOR, subject="other", name="Other")
    await apart(address, other)
    quiet, before = await apart(address, other), memory_kib(process)
    running_now = await active(address, hostile, 60)
    made = await opened(address, hostile)
    assert made is not None
    flood = asyncio.create_task(subscribes(made, asked.subscribes))
    during = await apart(address, other)
    fate = await flood
    sockets: list[ClientConnection] = []
    noise = asyncio.create_task(apart(address, other))
    for _ in range(0, asked.sockets, TOGETHER):
        found = await asyncio.gather(*(opened(address, hostile) for _ in range(TOGETHER)))
        sockets += [each for each in found if each is not None]
    under_sockets = await noise
    await asyncio.gather(*(subscribes(each, 12) for each in sockets))
    growth = memory_kib(process) - before
    alive = sum(each.close_code is None for each in sockets)
    await asyncio.gather(*(each.close() for each in sockets))
    return {
        "active": running_now, "closed": float(any(each.startswith("closed") for each in fate)),
        "sockets": alive, "growth": growth, "quiet": quiet, "during": during,
        "under_sockets": under_sockets,
    }  # fmt: skip


def main() -> None:
    """Print the figures; leave with 1 where one is too large."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subscribes", type=int, default=10_000)
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--p99", nargs=2, help="of operations of this token at this address")
    asked = parser.parse_args()
    if asked.p99:
        print(asyncio.run(p99(*asked.p99)))
        return
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-flood-") as name,
        running(Path(name)) as (address, site, process),
    ):
        told = asyncio.run(measured(address, site, process, asked))
    worst = max(told["during"], told["under_sockets"])
    print(
        f"Q8: {asked.subscribes} subscribes on one socket: {told['active']:.0f} active of 60 asked "
        f"(at most {ACTIVE_MAX}), then the socket is "
        f"{'closed' if told['closed'] else 'left open'}"
    )
    print(
        f"Q8: {asked.sockets} sockets of one caller: {told['sockets']:.0f} open "
        f"(at most {SOCKETS_MAX})"
    )
    print(f"Q8: memory grew by {told['growth'] / 1024:.1f} MiB (at most 50)")
    print(
        f"Q8: p99 of another caller {told['quiet']:.1f} ms before, {told['during']:.1f} ms and "
        f"{told['under_sockets']:.1f} ms meanwhile ({worst / told['quiet']:.1f} times; at most 2)"
    )
    is_right = told["active"] <= ACTIVE_MAX and told["sockets"] <= SOCKETS_MAX
    sys.exit(0 if is_right and told["growth"] <= RSS_GROWTH_KIB_MAX else 1)


if __name__ == "__main__":
    main()
