"""The events told, and how a later one retracts an earlier one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from lotkin.records.session import Connection

# Captures that touch the same event ids, parents or children run one after the other. The locks
# are taken before the first write, so before the transaction gets its number: the journal's
# order (by transaction number) is then also the order of dependence.
STRIPES = 512  # of 6,400 lock places of a default server; eight big captures fit together
LOCK_CLASS = 0x4C4B


class Known(NamedTuple):
    """An event already recorded."""

    id: int
    event_id: str
    is_declaration: bool
    digest: bytes
    intent_id: UUID
    is_retracted: bool


async def lock(connection: Connection, keys: Iterable[str]) -> None:
    """Hold the stripes of `keys` until the transaction ends."""
    # One sorted pass over the stripes: two captures never wait for each other in a circle.
    await connection.execute(
        text(
            "select pg_advisory_xact_lock(:class, stripe) from ("
            "select distinct abs(hashtext(key) % :stripes) as stripe "
            "from unnest(cast(:keys as text[])) as told (key) order by 1) ordered"
        ),
        {"class": LOCK_CLASS, "stripes": STRIPES, "keys": list(keys)},
    )


async def now(connection: Connection) -> datetime:
    """Return the database's clock, which gives record times."""
    told: datetime = (await connection.execute(text("select clock_timestamp()"))).scalar_one()
    return told


async def known(connection: Connection, event_ids: Sequence[str]) -> list[Known]:
    """Return the recorded events and declarations under these ids."""
    found = await connection.execute(
        text(
            "select id, event_id, is_declaration, digest, intent_id, retracted_at is not null "
            "from event where event_id = any(:ids)"
        ),
        {"ids": list(event_ids)},
    )
    return [Known(id, key, flag, bytes(digest), *rest) for id, key, flag, digest, *rest in found]


class Retraction(NamedTuple):
    """That the event row `original` is ended by the declaration row `declaration`."""

    original: int
    declaration: int


# Fact tables that a retraction ends, with the columns the journal needs to say which facts.
ENDED_COLUMNS: dict[str, str] = {
    "draw": "id, item_id, activity_id, at, quality, uncertainty, pieces",
    "production": "id, item_id, activity_id, at, quality, uncertainty, pieces",
    "membership": "id, lot_id, serial_id",
    "movement": "id, item_id, kind, at, quality, uncertainty, coalesce(sender_id, -1), "
    "coalesce(receiver_id, -1), event_id",
    "packing": "id, parent_id, child_id, is_installation",
}


async def retract(
    connection: Connection, pairs: Sequence[Retraction], at: datetime
) -> dict[str, list[tuple[int, tuple[Any, ...]]]]:
    """End every current fact of the originals; return {table: [(declaration row, fact row)]}.

    The originals stay readable; their facts keep a closed record interval (ruling 17).
    """
    told = {
        "originals": [pair.original for pair in pairs],
        "declarations": [pair.declaration for pair in pairs],
        "at": at,
    }
    source = (
        "(select * from unnest(cast(:originals as bigint[]), cast(:declarations as bigint[])) "
        "as told (original, declaration)) told"
    )
    await connection.execute(
        text(
            "update event set retracted_at = :at, retracted_by = told.declaration "
            f"from {source} where event.id = told.original and event.retracted_at is null"
        ),
        told,
    )
    ended: dict[str, list[tuple[int, tuple[Any, ...]]]] = {}
    for table, columns in ENDED_COLUMNS.items():
        found = await connection.execute(
            text(
                f"with gone as (update {table} set rec_to = :at, "
                f"ended_by = told.declaration from {source} "
                f"where {table}.event_id = told.original and {table}.rec_to is null "
                f"returning told.declaration, {table}.*) select declaration, {columns} from gone"
            ),
            told,
        )
        ended[table] = [(row[0], tuple(row[1:])) for row in found]
    return ended


async def describe_activities(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Complete activities by what transformation events tell; the first teller wins a field."""
    for row in rows:
        await connection.execute(
            text(
                "update activity set operation = coalesce(operation, :operation), "
                "operator = coalesce(operator, :operator), "
                "equipment = case when equipment = '{}' then :equipment else equipment end, "
                "parameters = case when parameters = '[]' then cast(:parameters as jsonb) "
                "else parameters end where id = :id"
            ),
            row,
        )
