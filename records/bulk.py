"""Bulk statements: rows travel as arrays, one round trip a table, whatever the number of rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from lotkin.records.session import Connection

# Columns that capture writes, with their PostgreSQL types. Fact tables share their tail.
_FACT = {"event_id": "bigint", "rec_from": "timestamptz", "rec_to": "timestamptz"}
_TIME = {"at": "bigint", "quality": "smallint", "uncertainty": "bigint"}
_AMOUNT = {"qty": "numeric", "unit": "text"}
_FLOW = {
    "id": "bigint",
    "item_id": "bigint",
    "activity_id": "bigint",
    **_TIME,
    "pieces": "bigint",
    **_AMOUNT,
    **_FACT,
    "ended_by": "bigint",
}
COLUMNS: dict[str, dict[str, str]] = {
    "event": {
        "id": "bigint",
        "event_id": "text",
        "is_declaration": "boolean",
        "digest": "bytea",
        "type": "text",
        "action": "text",
        "biz_step": "text",
        "disposition": "text",
        "persistent_set": "text[]",
        "persistent_unset": "text[]",
        **_TIME,
        "zone": "text",
        "record_time": "timestamptz",
        "read_point_id": "bigint",
        "biz_location_id": "bigint",
        "activity_id": "bigint",
        "transactions": "jsonb",
        "source": "text",
        "org_id": "text",
        "site_id": "text",
        "actor": "text",
        "document": "jsonb",
        "intent_id": "uuid",
    },
    "event_item": {"item_id": "bigint", "event_id": "bigint", "role": "smallint", **_AMOUNT},
    "draw": _FLOW,
    "production": _FLOW,
    "untracked_flow": {
        "event_id": "bigint",
        "activity_id": "bigint",
        "class_id": "bigint",
        "is_draw": "boolean",
        **_AMOUNT,
    },
    "membership": {
        "id": "bigint",
        "lot_id": "bigint",
        "serial_id": "bigint",
        **_FACT,
        "ended_by": "bigint",
    },
    "packing": {
        "id": "bigint",
        "parent_id": "bigint",
        "child_id": "bigint",
        "is_installation": "boolean",
        "op": "smallint",
        **_TIME,
        **_AMOUNT,
        **_FACT,
        "ended_by": "bigint",
    },
    "stay": {
        "id": "bigint",
        "child_id": "bigint",
        "parent_id": "bigint",
        "is_installation": "boolean",
        "since": "bigint",
        "since_quality": "smallint",
        "since_uncertainty": "bigint",
        "until": "bigint",
        "until_quality": "smallint",
        "until_uncertainty": "bigint",
        **_AMOUNT,
        **_FACT,
        "ended_by": "bigint",
    },
    "movement": {
        "id": "bigint",
        "item_id": "bigint",
        "kind": "smallint",
        **_TIME,
        "sender_id": "bigint",
        "receiver_id": "bigint",
        **_AMOUNT,
        **_FACT,
        "ended_by": "bigint",
    },
    "alert": {"code": "text", "facts": "jsonb", "event_id": "bigint", "item_id": "bigint"},
}


async def new_ids(connection: Connection, table: str, count: int) -> list[int]:
    """Return `count` fresh ids of `table`, rising."""
    if not count:
        return []
    found = await connection.execute(
        text(
            "select nextval(pg_get_serial_sequence(:table, 'id')) from generate_series(1, :count)"
        ),
        {"table": table, "count": count},
    )
    return sorted(found.scalars())


async def insert(connection: Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns, a subset of COLUMNS[table]."""
    if not rows:
        return
    types = COLUMNS[table]
    names = list(rows[0])
    # An array of text arrays would be flattened by unnest: such a column travels as literals.
    arrays = ", ".join(
        f"cast(:{name} as {'text' if types[name] == 'text[]' else types[name]}[])" for name in names
    )
    picked = ", ".join(
        f"cast({name} as text[])" if types[name] == "text[]" else name for name in names
    )
    statement = (
        f"insert into {table} ({', '.join(names)}) overriding system value "
        f"select {picked} from unnest({arrays}) as told ({', '.join(names)})"
    )
    await connection.execute(text(statement), {name: [row[name] for row in rows] for name in names})


def array_literal(values: Sequence[str]) -> str:
    """Return a PostgreSQL array literal of texts."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
