"""Rows put straight into the tables, for tests of reading; capture has tests of its own."""

import json
from typing import Any

from sqlalchemy import text

from lotkin import clock
from lotkin.records.session import Connection

KEPT = {"rec_from": "2026-01-01T00:00:00Z"}
TIMED = {"quality": 1, "uncertainty": 0}


async def row(connection: Connection, table: str, **values: Any) -> int:
    """Insert one row and return its id (0 for a table without one)."""
    values = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in values.items()}
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    back = "" if table in {"event_item", "item_class_alias"} else " returning id"
    done = await connection.execute(
        text(f"insert into {table} ({names}) values ({marks}){back}"), values
    )
    return done.scalar_one() if back else 0


async def item_class(connection: Connection, key: str, **values: Any) -> int:
    """Insert a class with its own alias."""
    made = await row(connection, "item_class", key=key, **values)
    await row(connection, "item_class_alias", key=key, class_id=made)
    return made


async def item(connection: Connection, key: str, kind: int, **values: Any) -> int:
    """Insert an item: kind 0 lot, 1 serial, 2 container."""
    return await row(connection, "item", key=key, kind=kind, org_id="o", site_id="s", **values)


async def event(connection: Connection, at: int, items: dict[int, int], **values: Any) -> int:
    """Insert an event about `items` (item id: role); unsaid columns are harmless."""
    unique = clock.new_id()
    filled = {
        "event_id": f"urn:uuid:{unique}", "is_declaration": False, "digest": b"0" * 32,
        "type": "ObjectEvent", "action": "OBSERVE", "at": at, **TIMED, "zone": "+00:00",
        "org_id": "o", "site_id": "s", "actor": "test", "document": {"at": at},
        "intent_id": unique, **values,
    }  # fmt: skip
    made = await row(connection, "event", **filled)
    for id, role in items.items():
        await row(connection, "event_item", event_id=made, item_id=id, role=role)
    return made


async def fact(connection: Connection, table: str, event_id: int, at: int, **values: Any) -> int:
    """Insert a draw, production, movement or packing."""
    filled = {"event_id": event_id, "at": at, **TIMED, **KEPT, **values}
    return await row(connection, table, **filled)


async def stay(
    connection: Connection, event_id: int, child: int, parent: int, since: int, until: int,
    *, is_installation: bool = False, **values: Any,
) -> int:  # fmt: skip
    """Insert a stay of `child` in `parent`."""
    return await row(
        connection, "stay", child_id=child, parent_id=parent, is_installation=is_installation,
        since=since, since_quality=1, since_uncertainty=0, until=until, until_quality=1,
        until_uncertainty=0, event_id=event_id, **KEPT, **values,
    )  # fmt: skip
