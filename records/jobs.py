"""Capture jobs of the REST binding, and remembered answers of idempotent requests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text

from lotkin.records.session import Connection


class Job(NamedTuple):
    """One capture job as stored; `last_intent` leads to its journal position."""

    id: UUID
    created_at: datetime
    finished_at: datetime | None
    success: bool | None
    on_error: str
    errors: list[dict[str, Any]]
    captured: int | None
    last_intent: UUID | None


class Remembered(NamedTuple):
    """The answer that an idempotency key got."""

    digest: bytes
    answer: dict[str, Any]
    last_intent: UUID | None


async def store(
    connection: Connection,
    *,
    id: UUID,
    actor: str,
    on_error: str,
    success: bool,
    errors: Sequence[dict[str, Any]],
    captured: int,
    last_intent: UUID | None,
) -> None:
    """Keep a finished job, in the transaction of the capture itself where there is one."""
    await connection.execute(
        text(
            "insert into capture_job (id, actor, on_error, success, errors, captured, last_intent, "
            "finished_at) values (:id, :actor, :on_error, :success, cast(:errors as jsonb), "
            ":captured, :last_intent, clock_timestamp())"
        ),
        {
            "id": id,
            "actor": actor,
            "on_error": on_error,
            "success": success,
            "errors": orjson.dumps(list(errors)).decode(),
            "captured": captured,
            "last_intent": last_intent,
        },
    )


async def find(connection: Connection, id: UUID, actor: str) -> Job | None:
    """Return the actor's own job, or None."""
    found = await connection.execute(
        text(_JOB + "where id = :id and actor = :actor"), {"id": id, "actor": actor}
    )
    row = found.one_or_none()
    return Job(*row) if row else None


async def newest(connection: Connection, actor: str, *, limit: int) -> list[Job]:
    """Return the actor's newest jobs."""
    found = await connection.execute(
        text(_JOB + "where actor = :actor order by created_at desc, id limit :limit"),
        {"actor": actor, "limit": limit},
    )
    return [Job(*row) for row in found]


_JOB = (
    "select id, created_at, finished_at, success, on_error, errors, captured, last_intent "
    "from capture_job "
)


async def recall_answer(connection: Connection, actor: str, key: str) -> Remembered | None:
    """Return what an idempotency key of this actor was answered, or None."""
    found = await connection.execute(
        text(
            "select digest, answer, last_intent from capture_request "
            "where actor = :actor and key = :key"
        ),
        {"actor": actor, "key": key},
    )
    row = found.one_or_none()
    return Remembered(bytes(row[0]), row[1], row[2]) if row else None


async def remember_answer(
    connection: Connection, actor: str, key: str, remembered: Remembered
) -> None:
    """Keep the answer to an idempotency key with the capture it answers."""
    await connection.execute(
        text(
            "insert into capture_request (actor, key, digest, answer, last_intent) "
            "values (:actor, :key, :digest, cast(:answer as jsonb), :last_intent)"
        ),
        {
            "actor": actor,
            "key": key,
            "digest": remembered.digest,
            "answer": orjson.dumps(remembered.answer).decode(),
            "last_intent": remembered.last_intent,
        },
    )
