"""Capture jobs of the REST binding: reading them back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lotkin.auth.permissions import Permission
from lotkin.journal import read as journal_read
from lotkin.records import jobs
from lotkin.records.session import Connection
from lotkin.resolvers.capture import OnError
from lotkin.resolvers.context import Context
from lotkin.resolvers.usecase import usecase


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """A finished capture job as its owner reads it."""

    id: UUID
    created_at: datetime
    finished_at: datetime | None
    success: bool | None
    on_error: OnError
    errors: Sequence[Mapping[str, Any]]
    captured: int | None
    position: int | None


@usecase(Permission.EVENT_CAPTURE)
async def job(context: Context, id: UUID) -> CaptureJob | None:
    """Return the caller's own capture job, or None."""
    async with context.database.reading() as connection:
        found = await jobs.find(connection, id, context.actor.subject)
        return None if found is None else await _job(connection, found)


@usecase(Permission.EVENT_CAPTURE)
async def newest_jobs(context: Context, limit: int) -> list[CaptureJob]:
    """Return the caller's newest capture jobs; 1 <= limit <= settings.page_max."""
    limit = max(1, min(limit, context.settings.page_max))
    async with context.database.reading() as connection:
        found = await jobs.newest(connection, context.actor.subject, limit=limit)
        return [await _job(connection, each) for each in found]


async def _job(connection: Connection, found: jobs.Job) -> CaptureJob:
    intents = [found.last_intent] if found.last_intent else []
    position = await journal_read.position(connection, intents) if intents else None
    return CaptureJob(
        found.id,
        found.created_at,
        found.finished_at,
        found.success,
        OnError(found.on_error),
        found.errors,
        found.captured,
        position,
    )
