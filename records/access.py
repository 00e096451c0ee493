"""Access grants: what a regulator may see, why, and until when."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from lotkin.records.session import Connection


class GrantRow(NamedTuple):
    """One grant; products and items as their keys, the period in microseconds, [since, until)."""

    id: int
    organisation: str | None
    subject: str | None
    products: list[str]
    markets: list[str]
    items: list[str]
    case_reference: str | None
    since: int
    until: int
    purpose: str
    state: str
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None
    expires_at: datetime


class NewGrant(NamedTuple):
    """A grant as it is asked for."""

    organisation: str | None
    subject: str | None
    products: Sequence[int]
    markets: Sequence[str]
    items: Sequence[int]
    case_reference: str | None
    since: int
    until: int
    purpose: str
    expires_at: datetime


# EXPIRED follows from the clock of the database, as the scope does.
_TOLD = {
    "state": "case when state <> 'REVOKED' and expires_at <= clock_timestamp() then 'EXPIRED' "
    "else state end as state",
    "products": "array(select key from item_class where id = any(products) order by key) "
    "as products",
    "items": "array(select key from item where id = any(items) order by key) as items",
}
_COLUMNS = ", ".join(_TOLD.get(name, name) for name in GrantRow._fields)


async def request(connection: Connection, new: NewGrant, by: str) -> int:
    """Store a grant that waits for a second administrator; return its id."""
    found = await connection.execute(
        text(
            "insert into access_grant (organisation, subject, products, markets, items, "
            "case_reference, since, until, purpose, expires_at, requested_by) values ("
            ":organisation, :subject, cast(:products as bigint[]), cast(:markets as text[]), "
            "cast(:items as bigint[]), :case_reference, :since, :until, :purpose, :expires_at, "
            ":by) returning id"
        ),
        new._asdict()
        | {name: list(getattr(new, name)) for name in ("products", "markets", "items")}
        | {"by": by},
    )
    return int(found.scalar_one())


async def approve(connection: Connection, id: int, by: str) -> bool:
    """Put a requested grant in force; return whether it was one, and not asked for by `by`."""
    found = await connection.execute(
        text(
            "update access_grant set state = 'ACTIVE', approved_by = :by, "
            "approved_at = clock_timestamp() where id = :id and state = 'REQUESTED' "
            "and expires_at > clock_timestamp() and requested_by <> :by"
        ),
        {"id": id, "by": by},
    )
    return bool(found.rowcount)


async def revoke(connection: Connection, id: int, by: str) -> bool:
    """End a grant; return whether it had not ended yet."""
    found = await connection.execute(
        text(
            "update access_grant set state = 'REVOKED', revoked_by = :by, "
            "revoked_at = clock_timestamp() where id = :id and state <> 'REVOKED' "
            "and expires_at > clock_timestamp()"
        ),
        {"id": id, "by": by},
    )
    return bool(found.rowcount)


async def classes(connection: Connection, keys: Sequence[Sequence[str]]) -> list[int | None]:
    """Return the item class that each group of keys or device identifiers names."""
    found = await connection.execute(
        text(
            "select key, class_id from item_class_alias where key = any(:keys) "
            "union select udi_di, id from item_class where udi_di = any(:keys)"
        ),
        {"keys": [key for group in keys for key in group]},
    )
    known: dict[str, int] = {row[0]: row[1] for row in found}
    return [next((known[key] for key in group if key in known), None) for group in keys]


async def grants(connection: Connection, ids: Collection[int]) -> dict[int, GrantRow]:
    """Return grants by id; unknown ids are left out."""
    found = await connection.execute(
        text(f"select {_COLUMNS} from access_grant where id = any(:ids)"), {"ids": list(ids)}
    )
    return {row[0]: GrantRow(*row) for row in found}


async def listed(
    connection: Connection, state: str | None, *, below: int | None, limit: int
) -> list[GrantRow]:
    """Return the next `limit` grants, newest first, from below the id `below`."""
    found = await connection.execute(
        text(
            f"select * from (select {_COLUMNS} from access_grant) grants "
            "where (cast(:state as text) is null or state = :state) "
            "and (cast(:below as bigint) is null or id < :below) order by id desc limit :limit"
        ),
        {"state": state, "below": below, "limit": limit},
    )
    return [GrantRow(*row) for row in found]


async def count(connection: Connection, state: str | None) -> int:
    """Return how many grants there are in a state, or in all."""
    found = await connection.execute(
        text(
            f"select count(*) from (select {_COLUMNS} from access_grant) grants "
            "where cast(:state as text) is null or state = :state"
        ),
        {"state": state},
    )
    return int(found.scalar_one())
