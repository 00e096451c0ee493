"""Rows by their natural keys, for services that know our objects by these alone."""

from collections.abc import Sequence

from sqlalchemy import text

from lotkin.records.session import Connection


async def class_ids(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Return the ids of item classes by any key they are known under; unknown keys are left out."""
    found = await connection.execute(
        text(
            "select key, id from item_class where key = any(:keys) "
            "union select key, class_id from item_class_alias where key = any(:keys)"
        ),
        {"keys": list(keys)},
    )
    return dict(found.all())


async def party_ids(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Return the ids of parties by key; unknown keys are left out."""
    found = await connection.execute(
        text("select key, id from party where key = any(:keys)"), {"keys": list(keys)}
    )
    return dict(found.all())
