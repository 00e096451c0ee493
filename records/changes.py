"""Changes and every content they ever had."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from lotkin.records.session import Connection


class ChangeRow(NamedTuple):
    """One change as it stands."""

    id: int
    title: str
    kind: str
    risk: str
    content: str
    state: str
    version: int
    author: str
    author_name: str
    created_at: datetime
    changed_at: datetime


class Content(NamedTuple):
    """What is approved."""

    title: str
    kind: str
    risk: str
    content: str


_CHANGE = (
    "select id, title, kind, risk, content, state, version, author, author_name, created_at, "
    "changed_at from change "
)


async def insert(
    connection: Connection, content: Content, *, author: str, name: str, intent: UUID
) -> int:
    """Keep a new change with its first content; return its row id."""
    found = await connection.execute(
        text(
            "insert into change (title, kind, risk, content, author, author_name, last_intent) "
            "values (:title, :kind, :risk, :content, :author, :name, :intent) returning id"
        ),
        {**content._asdict(), "author": author, "name": name, "intent": intent},
    )
    id = int(found.scalar_one())
    await _keep(connection, id, 1, content, author)
    return id


async def edit(
    connection: Connection, row: ChangeRow, content: Content, *, state: str, by: str, intent: UUID
) -> None:
    """Give a change its next content, version and state."""
    await connection.execute(
        text(
            "update change set title = :title, kind = :kind, risk = :risk, content = :content, "
            "state = :state, version = version + 1, changed_at = clock_timestamp(), "
            "last_intent = :intent where id = :id"
        ),
        {**content._asdict(), "state": state, "intent": intent, "id": row.id},
    )
    await _keep(connection, row.id, row.version + 1, content, by)


async def move(connection: Connection, id: int, state: str, *, intent: UUID) -> None:
    """Give a change its next state; its content and version stay."""
    await connection.execute(
        text(
            "update change set state = :state, changed_at = clock_timestamp(), "
            "last_intent = :intent where id = :id"
        ),
        {"id": id, "state": state, "intent": intent},
    )


async def by_id(connection: Connection, id: int, *, lock: bool = False) -> ChangeRow | None:
    """Return a change by its row id."""
    found = await connection.execute(
        text(_CHANGE + "where id = :id" + (" for update" if lock else "")), {"id": id}
    )
    row = found.one_or_none()
    return None if row is None else ChangeRow(*row)


async def by_ids(connection: Connection, ids: Collection[int]) -> dict[int, ChangeRow]:
    """Return changes by row id; unknown ids are left out."""
    found = await connection.execute(text(_CHANGE + "where id = any(:ids)"), {"ids": list(ids)})
    return {row[0]: ChangeRow(*row) for row in found}


async def editors(connection: Connection, id: int) -> frozenset[str]:
    """Return everybody who wrote some content of a change."""
    found = await connection.execute(
        text("select distinct editor from change_version where change_id = :id"), {"id": id}
    )
    return frozenset(found.scalars())


async def _keep(
    connection: Connection, id: int, version: int, content: Content, editor: str
) -> None:
    await connection.execute(
        text(
            "insert into change_version (change_id, version, title, kind, risk, content, editor) "
            "values (:id, :version, :title, :kind, :risk, :content, :editor)"
        ),
        {**content._asdict(), "id": id, "version": version, "editor": editor},
    )
