"""The record as a partner sees it: a pool in the partner's own database role, a scope in each
transaction, and where the scope ends.

What lies beyond does not exist for the role, so that a walk stops there by itself. The scope is
computed in the database (0005_access.sql) once a request and set for each transaction alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lotkin.domain.genealogy import ItemKind
from lotkin.errors import Refusal, RefusalCode
from lotkin.records.session import REGULATOR, SUPPLIER, Connection, Database

SCOPE_MAX = 200_000  # items of one scope, as `partner.bounded` has it


class Scope(NamedTuple):
    """What a request may see, as the texts of bigint[]; why, for a regulator."""

    items: str
    activities: str
    grants: tuple[int, ...] = ()
    purposes: tuple[str, ...] = ()


class Stub(NamedTuple):
    """One edge out of the scope: a visible item, and an opaque name for what lies beyond."""

    source: int
    stub: str
    kind: ItemKind
    relation: int


class Scoped(Database):
    """One request of one partner on the partners' pool; it has no other way to the record."""

    def __init__(self, pool: Database, *, own: str, subject: str) -> None:
        """pool: in the role of a supplier or a regulator. own: key of the partner's party."""
        # Not the parent's: the connections are those of `pool`, which also closes them.
        self.url, self.engine, self.role = pool.url, pool.engine, pool.role
        self._others = {}
        self._own = own
        self._subject = subject
        self.scope: Scope | None = None

    async def enter(self, connection: Connection) -> None:
        """Set the scope for the transaction that begins, computing it the first time.

        Raises: Refusal WALK_TOO_LARGE for a scope above SCOPE_MAX items.
        """
        if self.scope is None:
            self.scope = await self._computed(connection)
        await connection.execute(
            text(
                "select set_config('app.items', :items, true), "
                "set_config('app.activities', :activities, true)"
            ),
            {"items": self.scope.items, "activities": self.scope.activities},
        )

    async def _computed(self, connection: Connection) -> Scope:
        statement = {
            SUPPLIER: "select items::text, activities::text from partner.supplier_scope(:own)",
            REGULATOR: "select items::text, activities::text, grants, purposes "
            "from partner.regulator_scope(:own, :subject)",
        }[self.role or ""]
        try:
            found = await connection.execute(
                text(statement), {"own": self._own, "subject": self._subject}
            )
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.errors.ProgramLimitExceeded):
                raise Refusal(RefusalCode.WALK_TOO_LARGE, limit=SCOPE_MAX, what="items") from error
            raise
        items, activities, *why = found.one()
        return Scope(items, activities, *(tuple(each) for each in why))


async def boundary(
    connection: Connection, items: Sequence[int], *, at: int, secret: str, limit: int
) -> list[Stub]:
    """Return the edges that leave the scope from `items` by one step forward, up to `at`.

    secret: of this request; the same thing beyond has the same name under it, and no other.
    Bounds: one more than `limit`, if there are.
    """
    found = await connection.execute(
        text(
            "select source, stub, kind, relation "
            "from partner.boundary(cast(:items as bigint[]), :at, :secret, :limit)"
        ),
        {"items": list(items), "at": at, "secret": secret, "limit": limit + 1},
    )
    return [Stub(source, stub, ItemKind(kind), relation) for source, stub, kind, relation in found]
