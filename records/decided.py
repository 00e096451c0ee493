"""Rows of quality with the journal entry that told them last, to hold the one against the other."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from lotkin.records.session import Connection


class Decided(NamedTuple):
    """One row. told: what its journal entry's `after` must say; is_untouched: as it began."""

    id: int
    intent: UUID | None
    is_untouched: bool
    told: dict[str, Any]


# Table -> (id column, whether a row is as it began, what the journal tells of it).
TABLES = {
    "lot_disposition": (
        "item_id",
        "state = 'PENDING' and version = 1",
        "jsonb_build_object('state', state, 'version', version)",
    ),
    "quality_hold": (
        "id",
        "false",
        "jsonb_build_object('state', state, 'version', version, 'kind', kind, 'reason', reason, "
        "'reference', reference, 'placedBy', placed_by, 'placedName', placed_name)",
    ),
    "change": (
        "id",
        "false",
        "jsonb_build_object('state', state, 'version', version, 'title', title, 'kind', kind, "
        "'risk', risk, 'content', content, 'author', author, 'authorName', author_name)",
    ),
}


async def after(connection: Connection, table: str, id: int, *, limit: int) -> list[Decided]:
    """Return the next rows of one of TABLES behind an id, in order."""
    key, untouched, told = TABLES[table]
    found = await connection.execute(
        text(
            f"select {key}, last_intent, {untouched}, {told} from {table} "
            f"where {key} > :id order by {key} limit :limit"
        ),
        {"id": id, "limit": limit},
    )
    return [Decided(*row) for row in found]
