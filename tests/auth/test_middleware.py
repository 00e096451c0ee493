"""What every request passes before an endpoint sees it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lotkin.auth import demo, middleware
from lotkin.auth.actor import ANONYMOUS, Actor
from lotkin.auth.middleware import BearerAuthentication, BodyLimit, actor_of
from lotkin.auth.permissions import Role
from lotkin.auth.tokens import TokenVerifier
from lotkin.errors import Problem, ProblemCode, Refusal
from lotkin.settings import Settings

Headers = Sequence[tuple[bytes, bytes]]


async def nothing_sent(message: Any) -> None:
    raise AssertionError("a layer answers nothing by itself")


async def nobody_receives() -> Any:
    raise AssertionError("this layer reads no body")


async def outcome(settings: Settings, headers: Headers, kind: str = "http") -> Actor:
    seen: list[Any] = []

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    layer = BearerAuthentication(endpoint, TokenVerifier(settings))
    await layer({"type": kind, "headers": list(headers)}, nobody_receives, nothing_sent)
    return actor_of(seen[0])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path)


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_token_becomes_an_actor(settings: Settings, kind: str) -> None:
    token = demo.mint(settings, Role.AUDITOR, subject="a", name="A").encode()
    actor = await outcome(settings, [(b"authorization", b"Bearer  " + token)], kind)
    assert actor.roles == {Role.AUDITOR}


async def test_no_token_is_nobody(settings: Settings) -> None:
    assert await outcome(settings, [(b"accept", b"*/*")]) == ANONYMOUS


async def test_two_tokens_are_none(settings: Settings) -> None:
    token = b"Bearer " + demo.mint(settings, Role.AUDITOR, subject="a", name="A").encode()
    with pytest.raises(Refusal):
        await outcome(settings, [(b"authorization", token), (b"authorization", token)])


async def test_without_the_layer_everybody_is_nobody() -> None:
    assert actor_of({"type": "http"}) == ANONYMOUS


async def read_all(limit: int, headers: Headers, parts: Sequence[bytes]) -> tuple[int, int]:
    """Return how many bytes an endpoint got and how many messages were fetched for it."""
    fetched = 0
    got = 0

    async def receive() -> Any:
        nonlocal fetched
        fetched += 1
        return {
            "type": "http.request", "body": parts[fetched - 1], "more_body": fetched < len(parts),
        }  # fmt: skip

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        nonlocal got
        more = True
        while more:
            message = await receive()
            got += len(message["body"])
            more = message["more_body"]

    layer = BodyLimit(endpoint, limit)
    scope = {"type": "http", "headers": list(headers)}
    try:
        await layer(scope, receive, nothing_sent)
    except Problem as problem:
        return (-1 if problem.code is ProblemCode.DOCUMENT_TOO_LARGE else -2), fetched
    return got, fetched


async def test_a_body_up_to_the_limit_passes() -> None:
    assert await read_all(10, [(b"content-length", b"10")], [b"12345", b"67890"]) == (10, 2)


async def test_an_announced_excess_is_refused_unread() -> None:
    assert await read_all(10, [(b"content-length", b"11")], [b"x" * 11]) == (-1, 0)


@pytest.mark.parametrize(
    "announced", [[], [(b"content-length", b"3")], [(b"content-length", b"-")]]
)
async def test_an_excess_nobody_announced_is_refused_where_it_passes_the_limit(
    announced: Headers,
) -> None:
    assert await read_all(10, announced, [b"12345", b"678901", b"never read"]) == (-1, 2)


async def test_a_body_that_dribbles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_S", 0.05)
    read = 0

    async def receive() -> Any:
        nonlocal read
        read += 1
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        while True:
            await receive()

    with pytest.raises(Refusal):
        await BodyLimit(endpoint, 10_000)({"type": "http", "headers": []}, receive, nothing_sent)
    assert read < 10


async def test_waiting_for_the_caller_to_leave_is_no_slow_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(middleware, "BODY_S", 0.02)
    messages = [{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}]
    seen = []

    async def receive() -> Any:
        await asyncio.sleep(0.03 if len(messages) == 1 else 0)
        return messages.pop(0)

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])

    await BodyLimit(endpoint, 10)({"type": "http", "headers": []}, receive, nothing_sent)
    assert seen == ["http.request", "http.disconnect"]
