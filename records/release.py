"""Lot dispositions, holds, required inspections, and the facts a release is decided by."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from lotkin.domain.genealogy import ItemKind
from lotkin.records.session import Connection
from lotkin.records.trace import array

# One lock for "does anything upstream hold it": releases share it, whoever places a hold has it
# alone. Otherwise a hold and a release that do not see each other could both commit.
_HOLDS_LOCK = 0x4C48
_ENTITY_LOCK = 0x4C45


class Disposition(NamedTuple):
    """What quality decided of a lot."""

    state: str
    version: int


class LotFacts(NamedTuple):
    """A lot as it is shown to who releases it. expires: as told, ISO 8601."""

    id: int
    key: str
    lot_no: str | None
    supplier_lot_no: str | None
    class_id: int | None
    class_key: str | None
    class_name: str | None
    events: int
    last_event: str | None
    expires: str | None
    accepted: int
    has_failed: bool
    required: int


class HoldRow(NamedTuple):
    """One hold of the record."""

    id: int
    item_id: int
    kind: str
    reason: str
    reference: str | None
    state: str
    version: int
    placed_by: str
    placed_name: str
    placed_at: datetime
    lifted_at: datetime | None


_HOLD = (
    "select id, item_id, kind, reason, reference, state, version, placed_by, placed_name, "
    "placed_at, lifted_at from quality_hold "
)


async def lock_entity(connection: Connection, name: str) -> None:
    """Hold a record's name until the transaction ends, before the first write.

    The journal's order follows transaction numbers, which writing gives out: who waits for a
    record must not have a number yet.
    """
    await connection.execute(
        text("select pg_advisory_xact_lock(:class, hashtext(:name))"),
        {"class": _ENTITY_LOCK, "name": name},
    )


async def lock_holds(connection: Connection, *, is_shared: bool) -> None:
    """Hold "no hold is placed meanwhile" (shared), or the right to place one, until the end."""
    lock = "pg_advisory_xact_lock_shared" if is_shared else "pg_advisory_xact_lock"
    await connection.execute(text(f"select {lock}(:class, 0)"), {"class": _HOLDS_LOCK})


async def disposition(connection: Connection, lot: int, *, lock: bool = False) -> Disposition:
    """Return the disposition of a lot; PENDING at version 1 where nothing was decided."""
    if lock:
        await connection.execute(
            text("insert into lot_disposition (item_id) values (:lot) on conflict do nothing"),
            {"lot": lot},
        )
    found = await connection.execute(
        text(
            "select state, version from lot_disposition where item_id = :lot"
            + (" for update" if lock else "")
        ),
        {"lot": lot},
    )
    row = found.one_or_none()
    return Disposition("PENDING", 1) if row is None else Disposition(*row)


async def decide(connection: Connection, lot: int, state: str, *, by: str, intent: UUID) -> None:
    """Give a lot its next state and version."""
    await connection.execute(
        text(
            "update lot_disposition set state = :state, version = version + 1, "
            "changed_at = clock_timestamp(), changed_by = :by, last_intent = :intent "
            "where item_id = :lot"
        ),
        {"lot": lot, "state": state, "by": by, "intent": intent},
    )


async def rejected_among(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Return those of the items that are rejected, or whose release was revoked."""
    found = await connection.execute(
        text(
            "select item_id from lot_disposition where state in ('REJECTED', 'REVOKED') "
            "and item_id = any(cast(:ids as bigint[]))"
        ),
        {"ids": array(ids)},
    )
    return list(found.scalars())


async def lot_facts(connection: Connection, lot: int) -> LotFacts | None:
    """Return what a release of `lot` is decided by; None for what is no lot.

    An inspection is an event of step `inspecting` that names the lot and tells a disposition.
    """
    found = await connection.execute(text(_LOT_FACTS), {"lot": lot, "kind": int(ItemKind.LOT)})
    row = found.one_or_none()
    return None if row is None else LotFacts(*row)


_LOT_FACTS = """
with told as (
    select e.* from event e where e.retracted_at is null and not e.is_declaration
      and e.id in (select event_id from event_item where item_id = :lot)
), inspection as (
    select at, id, disposition from told
    where biz_step = 'inspecting' and disposition in ('conformant', 'non_conformant')
), failed as (
    select at, id from inspection where disposition = 'non_conformant'
    order by at desc, id desc limit 1
)
select i.id, i.key, i.lot_no, i.supplier_lot_no, i.class_id, c.key, c.name,
       (select count(*) from told),
       (select event_id from told order by id desc limit 1),
       (select field.value from told, jsonb_each_text(
            case jsonb_typeof(document -> 'ilmd') when 'object' then document -> 'ilmd' end) field
        where field.key like '%itemExpirationDate' order by told.at desc, told.id desc limit 1),
       (select count(*) from inspection where disposition = 'conformant' and (at, id) >
            (select coalesce(max(at), 0), coalesce(max(id), 0) from failed)),
       coalesce((select disposition = 'non_conformant' from inspection
                 order by at desc, id desc limit 1), false),
       coalesce((select accepted from inspection_requirement where class_id = i.class_id), 0)
from item i left join item_class c on c.id = i.class_id
where i.id = :lot and i.kind = :kind
"""


async def performers(connection: Connection, ids: Sequence[int]) -> frozenset[str]:
    """Return who told an event about any of the items: those who made, moved or inspected them."""
    found = await connection.execute(
        text(
            "select distinct e.actor from event_item about join event e on e.id = about.event_id "
            "where about.item_id = any(cast(:ids as bigint[]))"
        ),
        {"ids": array(ids)},
    )
    return frozenset(found.scalars())


async def told_to_hold(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Return the items of which some event told that they are held; it may be lifted since."""
    found = await connection.execute(
        text(
            "select distinct about.item_id from event_item about "
            "join event e on e.id = about.event_id "
            "where about.item_id = any(cast(:ids as bigint[])) and e.retracted_at is null "
            "and (e.biz_step = 'holding' or e.persistent_set <> '{}')"
        ),
        {"ids": array(ids)},
    )
    return list(found.scalars())


# --- holds -----------------------------------------------------------------------------------


async def place_hold(connection: Connection, row: Mapping[str, Any]) -> int:
    """Keep a hold; return its row id."""
    found = await connection.execute(
        text(
            "insert into quality_hold (item_id, kind, reason, reference, placed_by, placed_name, "
            "placed_at, last_intent) values (:item_id, :kind, :reason, :reference, :placed_by, "
            ":placed_name, :placed_at, :last_intent) returning id"
        ),
        dict(row),
    )
    return int(found.scalar_one())


async def lift_hold(connection: Connection, id: int, *, intent: UUID) -> None:
    """Lift a hold."""
    await connection.execute(
        text(
            "update quality_hold set state = 'LIFTED', version = version + 1, "
            "lifted_at = clock_timestamp(), last_intent = :intent where id = :id"
        ),
        {"id": id, "intent": intent},
    )


async def hold(connection: Connection, id: int, *, lock: bool = False) -> HoldRow | None:
    """Return a hold by its row id."""
    found = await connection.execute(
        text(_HOLD + "where id = :id" + (" for update" if lock else "")), {"id": id}
    )
    row = found.one_or_none()
    return None if row is None else HoldRow(*row)


async def holds_by_ids(connection: Connection, ids: Collection[int]) -> dict[int, HoldRow]:
    """Return holds by row id; unknown ids are left out."""
    found = await connection.execute(text(_HOLD + "where id = any(:ids)"), {"ids": list(ids)})
    return {row[0]: HoldRow(*row) for row in found}


async def open_holds(connection: Connection, ids: Sequence[int]) -> list[HoldRow]:
    """Return the holds open on any of the items, oldest first."""
    found = await connection.execute(
        text(
            _HOLD + "where state = 'ACTIVE' and item_id = any(cast(:ids as bigint[])) order by id"
        ),
        {"ids": array(ids)},
    )
    return [HoldRow(*row) for row in found]


class QualityRow(NamedTuple):
    """What the record says of one item, by itself or as one of a lot."""

    state: str | None
    holds: list[HoldRow]


async def quality_of(connection: Connection, items: Collection[int]) -> dict[int, QualityRow]:
    """Return disposition and open holds of items; a serial has those of its lot too."""
    asked = {"ids": array(list(items))}
    found = await connection.execute(text(_SCOPE + _DISPOSITIONS), asked)
    states: dict[int, str] = dict(map(tuple, found))
    holds: dict[int, list[HoldRow]] = {}
    for item, *row in await connection.execute(text(_SCOPE + _HOLDS), asked):
        holds.setdefault(item, []).append(HoldRow(*row))
    return {item: QualityRow(states.get(item), holds.get(item, [])) for item in items}


_SCOPE = """
with asked as (select unnest(cast(:ids as bigint[])) as id), scope as (
    select id, id as of from asked
    union select serial_id, lot_id from membership
    where serial_id in (select id from asked) and rec_to is null
)
"""
# Its own disposition comes before its lot's.
_DISPOSITIONS = """
select distinct on (scope.id) scope.id, d.state from scope
join lot_disposition d on d.item_id = scope.of where d.state <> 'PENDING'
order by scope.id, (scope.of = scope.id) desc, d.changed_at desc
"""
_HOLDS = """
select scope.id, h.id, h.item_id, h.kind, h.reason, h.reference, h.state, h.version, h.placed_by,
       h.placed_name, h.placed_at, h.lifted_at
from scope join quality_hold h on h.item_id = scope.of where h.state = 'ACTIVE' order by h.id
"""


async def require_inspections(
    connection: Connection, item_class: int, accepted: int, *, by: str
) -> None:
    """Set how many accepted inspections a lot of a class needs."""
    await connection.execute(
        text(
            "insert into inspection_requirement (class_id, accepted, set_by) "
            "values (:id, :accepted, :by) on conflict (class_id) do update "
            "set accepted = :accepted, set_by = :by, set_at = clock_timestamp()"
        ),
        {"id": item_class, "accepted": accepted, "by": by},
    )
