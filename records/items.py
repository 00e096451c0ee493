"""Items as columns, found by id, key, lot or serial number; classes and owners beside them."""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text

from lotkin.domain.genealogy import ItemKind
from lotkin.records.session import Connection


class ItemColumns(NamedTuple):
    """Attributes of items, one list entry an item; `class_id` and texts are None where not told."""

    id: list[int]
    key: list[str]
    kind: list[int]
    class_id: list[int | None]
    lot_no: list[str | None]
    serial_no: list[str | None]
    supplier_lot_no: list[str | None]
    udi: list[str | None]


class ItemRow(NamedTuple):
    """One item, as `ItemColumns` has many."""

    id: int
    key: str
    kind: ItemKind
    class_id: int | None
    lot_no: str | None
    serial_no: str | None
    supplier_lot_no: str | None
    udi: str | None


class Wanted(NamedTuple):
    """One look-up. What is given is tried in every way it allows; the finds are put together.

    keys: canonical item keys. class_keys: keys or device identifiers that one class may have, for
    `lot` or `serial`. A supplier's lot number is never matched (ruling 21).
    """

    id: int | None = None
    keys: tuple[str, ...] = ()
    class_keys: tuple[str, ...] = ()
    lot: str | None = None
    serial: str | None = None


class ClassRow(NamedTuple):
    """An item class; `name` is its key where no document named it, `balance_tolerance` a share of
    what was drawn."""

    id: int
    key: str
    name: str
    udi_di: str | None
    implantable: bool
    tracked: bool
    balance_tolerance: Decimal


class NamedRow(NamedTuple):
    """A party or a location."""

    id: int
    key: str
    name: str | None


class ActivityRow(NamedTuple):
    """An activity; its times are those of its first and last event, microseconds (ruling 3)."""

    id: int
    key: str
    kind: int
    operation: str | None
    operator: str | None
    equipment: list[str]
    started_at: int | None
    ended_at: int | None


async def columns(connection: Connection, ids: Collection[int]) -> ItemColumns:
    """Return the attributes of `ids` in their order, in one statement.

    Bounds: 10,000 ids take some 15 ms. Every id must exist.
    """
    read = await _columns(connection, ids)
    assert len(read.id) == len(ids), "every id comes from the record"
    return read


async def rows(connection: Connection, ids: Collection[int]) -> dict[int, ItemRow]:
    """Return items by id; unknown ids are left out."""
    read = await _columns(connection, ids)
    return {
        row[0]: ItemRow(*row)._replace(kind=ItemKind(row[2])) for row in zip(*read, strict=True)
    }


async def _columns(connection: Connection, ids: Collection[int]) -> ItemColumns:
    # One array a column: the driver then makes eight lists, not ten thousand rows.
    found = await connection.execute(
        text(
            "select array_agg(id), array_agg(key), array_agg(kind), array_agg(class_id), "
            "array_agg(lot_no), array_agg(serial_no), array_agg(supplier_lot_no), array_agg("
            # A label need not tell more than product and piece for the identifier to be unique.
            "coalesce(udi, case when kind = 1 and key like '/01/%/21/%' "
            "then '(01)' || substr(key, 5, 14) || '(21)' || serial_no end)) "
            "from (select item.* from unnest(cast(:ids as bigint[])) with ordinality "
            "as asked (id, n) join item on item.id = asked.id order by n) ordered"
        ),
        {"ids": [int(item) for item in ids]},
    )
    return ItemColumns(*([] if column is None else column for column in found.one()))


async def find(connection: Connection, wanted: Sequence[Wanted]) -> list[tuple[int, ...]]:
    """Return the ids of the items that each look-up names, ascending: none, one, or candidates."""
    key_of, keys = _flat(each.keys for each in wanted)
    class_of, classes = _flat(each.class_keys for each in wanted)
    found = await connection.execute(
        text(
            "select n, item.id from unnest(cast(:ids as bigint[])) with ordinality asked (id, n) "
            "join item on item.id = asked.id "
            "union select n, item.id from unnest(cast(:key_of as bigint[]), "
            "cast(:keys as text[])) asked (n, key) join item on item.key = asked.key "
            "union select asked.n, item.id from unnest(cast(:class_of as bigint[]), "
            "cast(:classes as text[]), cast(:lots as text[]), cast(:serials as text[])) "
            "asked (n, class, lot, serial) join lateral ("
            "select class_id from item_class_alias where key = asked.class "
            "union select id from item_class where udi_di = asked.class) known on true "
            "join item on item.class_id = known.class_id and ("
            "item.kind = 0 and item.lot_no = asked.lot and asked.serial is null "
            "or item.kind = 1 and item.serial_no = asked.serial) order by 1, 2"
        ),
        {
            "ids": [each.id for each in wanted],
            "key_of": key_of,
            "keys": keys,
            "class_of": class_of,
            "classes": classes,
            "lots": [wanted[n - 1].lot for n in class_of],
            "serials": [wanted[n - 1].serial for n in class_of],
        },
    )
    candidates: list[list[int]] = [[] for _ in wanted]
    for n, item in found:
        candidates[n - 1].append(item)
    return [tuple(each) for each in candidates]


def _flat(groups: Iterable[tuple[str, ...]]) -> tuple[list[int], list[str]]:
    pairs = [(n, each) for n, group in enumerate(groups, start=1) for each in group]
    return [n for n, _ in pairs], [each for _, each in pairs]


async def lots_of(connection: Connection, serials: Collection[int]) -> dict[int, int]:
    """Return the lot of each serial that is one of a lot; told twice, the later telling counts."""
    found = await connection.execute(
        text(
            "select distinct on (serial_id) serial_id, lot_id from membership "
            "where serial_id = any(:serials) and rec_to is null order by serial_id, id desc"
        ),
        {"serials": list(serials)},
    )
    return dict(map(tuple, found))


async def classes(connection: Connection, ids: Collection[int]) -> dict[int, ClassRow]:
    """Return item classes by id; unknown ids are left out."""
    found = await connection.execute(
        text(
            "select id, key, coalesce(name, key), udi_di, implantable, tracked, balance_tolerance "
            "from item_class where id = any(:ids)"
        ),
        {"ids": list(ids)},
    )
    return {row[0]: ClassRow(*row) for row in found}


async def parties(connection: Connection, ids: Collection[int]) -> dict[int, NamedRow]:
    """Return parties by id; unknown ids are left out."""
    found = await connection.execute(
        text("select id, key, name from party where id = any(:ids)"), {"ids": list(ids)}
    )
    return {row[0]: NamedRow(*row) for row in found}


async def locations(connection: Connection, ids: Collection[int]) -> dict[int, NamedRow]:
    """Return locations by id; unknown ids are left out."""
    found = await connection.execute(
        text("select id, key, name from location where id = any(:ids)"), {"ids": list(ids)}
    )
    return {row[0]: NamedRow(*row) for row in found}


async def activities(connection: Connection, ids: Collection[int]) -> dict[int, ActivityRow]:
    """Return activities by id; unknown ids are left out. Retracted events give no time."""
    found = await connection.execute(
        text(
            "select a.id, a.key, a.kind, a.operation, a.operator, a.equipment, "
            "min(facts.at), max(facts.at) from activity a left join ("
            "select activity_id, at from draw where activity_id = any(:ids) and rec_to is null "
            "union all select activity_id, at from production "
            "where activity_id = any(:ids) and rec_to is null) facts on facts.activity_id = a.id "
            "where a.id = any(:ids) "
            # All of them: to a partner `activity` is a view, which has no key.
            "group by a.id, a.key, a.kind, a.operation, a.operator, a.equipment"
        ),
        {"ids": list(ids)},
    )
    return {row[0]: ActivityRow(*row) for row in found}


async def own_parties(connection: Connection, keys: Collection[str]) -> frozenset[int]:
    """Return the ids of our own parties. keys: of parties, or of locations that are ours.

    A GLN of a location (`/414/…`) also names the party of that GLN (`/417/…`).
    """
    told = {f"/417/{key.split('/')[2]}" for key in keys if key.startswith("/414/")}
    found = await connection.execute(
        text(
            "select id from party where key = any(:parties) "
            "union select party_id from location where key = any(:keys) and party_id is not null"
        ),
        {"parties": [*keys, *told], "keys": [*keys]},
    )
    return frozenset(found.scalars())
