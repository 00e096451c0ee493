"""Makes keys into ids: items, classes, parties, locations and activities come to be here.

Keys are inserted in sorted order so that two captures of the same new keys wait for each other
instead of deadlocking.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import text

from lotkin.domain.event import ClassMaster, MasterData, PlaceMaster
from lotkin.domain.facts import ActivitySeen, ItemSeen, owner_key
from lotkin.domain.genealogy import ItemKind
from lotkin.domain.identity import Identity, Thing, lot_key, serial_key
from lotkin.records.session import Connection


async def parties(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Return the id of each party key, new ones added."""
    return await _keyed(connection, "party", keys)


async def locations(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Return the id of each location key, new ones added."""
    return await _keyed(connection, "location", keys)


async def _keyed(connection: Connection, table: str, keys: Iterable[str]) -> dict[str, int]:
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    await connection.execute(
        text(
            f"insert into {table} (key) select * from unnest(cast(:keys as text[])) "
            "on conflict (key) do nothing"
        ),
        {"keys": wanted},
    )
    found = await connection.execute(
        text(f"select key, id from {table} where key = any(:keys)"), {"keys": wanted}
    )
    return dict(found.all())


async def party_of(
    connection: Connection, places: Iterable[Identity], *, also: frozenset[str] = frozenset()
) -> dict[str, int]:
    """Return the party id for each place key: itself, its location's party, or its GLN's.

    also: keys of parties to know from now on.
    """
    wanted = {place.key: place for place in places}
    sites = [key for key, place in wanted.items() if place.thing is Thing.LOCATION]
    owners: dict[str, int] = {}
    if sites:
        found = await connection.execute(
            text(
                "select key, party_id from location where key = any(:keys) and party_id is not null"
            ),
            {"keys": sites},
        )
        owners = dict(found.all())
    others = {key: owner_key(place) for key, place in wanted.items() if key not in owners}
    ids = await parties(connection, {*others.values(), *also})
    return owners | {key: ids[owner] for key, owner in others.items()}


async def own_keys(connection: Connection, own: frozenset[str]) -> frozenset[str]:
    """Return our own keys together with the locations that belong to our own parties."""
    if not own:
        return own
    found = await connection.execute(
        text(
            "select location.key from location join party on party.id = location.party_id "
            "where party.key = any(:own)"
        ),
        {"own": sorted(own)},
    )
    return own | frozenset(found.scalars())


async def classes(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Return (id, principal key) of each class key, new ones added.

    A further device identifier of a class leads to the class itself.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    found = await _aliases(connection, wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        await connection.execute(
            text(
                "with made as (insert into item_class (key, udi_di) "
                "select key, case when key like '/01/%' then substr(key, 5) end "
                "from unnest(cast(:keys as text[])) as told (key) "
                "on conflict (key) do nothing returning key, id) "
                "insert into item_class_alias (key, class_id) select key, id from made "
                "on conflict (key) do nothing"
            ),
            {"keys": missing},
        )
        found |= await _aliases(connection, missing)
    return found


async def _aliases(connection: Connection, keys: list[str]) -> dict[str, tuple[int, str]]:
    found = await connection.execute(
        text(
            "select alias.key, item_class.id, item_class.key from item_class_alias alias "
            "join item_class on item_class.id = alias.class_id where alias.key = any(:keys)"
        ),
        {"keys": keys},
    )
    return {alias: (id, key) for alias, id, key in found}


async def items(
    connection: Connection,
    seen: Iterable[ItemSeen],
    class_ids: Mapping[str, tuple[int, str]],
    *,
    org: str,
    site: str,
) -> dict[str, tuple[int, str, int, int | None]]:
    """Return (id, principal key, kind, class id) of each item key as told, new ones added.

    An item told under a further identifier of its class is the item of the class's own key.
    What a later event tells for the first time (lot, supplier lot) completes the item.
    """
    by_told: dict[str, str] = {}
    rows: dict[str, ItemSeen] = {}
    for item in seen:
        key = _principal(item, class_ids)
        by_told[item.key] = key
        known = rows.setdefault(key, item)
        known.lot_no = known.lot_no or item.lot_no
        known.supplier_lot_no = known.supplier_lot_no or item.supplier_lot_no
    if not rows:
        return {}
    ordered = sorted(rows.items())
    found = await connection.execute(
        text(
            "insert into item "
            "(key, kind, class_id, lot_no, serial_no, supplier_lot_no, org_id, site_id) "
            "select told.*, :org, :site from unnest(cast(:keys as text[]), "
            "cast(:kinds as smallint[]), cast(:classes as bigint[]), cast(:lots as text[]), "
            "cast(:serials as text[]), cast(:suppliers as text[])) as told "
            "on conflict (key) do nothing"
        ),
        {
            "keys": [key for key, _ in ordered],
            "kinds": [int(item.kind) for _, item in ordered],
            "classes": [
                class_ids[item.class_key][0] if item.class_key else None for _, item in ordered
            ],
            "lots": [item.lot_no if item.kind is ItemKind.LOT else None for _, item in ordered],
            "serials": [item.serial_no for _, item in ordered],
            "suppliers": [item.supplier_lot_no for _, item in ordered],
            "org": org,
            "site": site,
        },
    )
    if found.rowcount < len(ordered):
        await _complete(connection, rows)
    found = await connection.execute(
        text("select key, id, kind, class_id from item where key = any(:keys)"),
        {"keys": [key for key, _ in ordered]},
    )
    ids = {key: (id, key, kind, class_id) for key, id, kind, class_id in found}
    return {told: ids[key] for told, key in by_told.items()}


async def _complete(connection: Connection, rows: Mapping[str, ItemSeen]) -> None:
    telling = [(key, item) for key, item in sorted(rows.items()) if item.supplier_lot_no]
    if telling:
        await connection.execute(
            text(
                "update item set supplier_lot_no = told.supplier from "
                "unnest(cast(:keys as text[]), cast(:suppliers as text[])) as told (key, supplier) "
                "where item.key = told.key and item.supplier_lot_no is null"
            ),
            {
                "keys": [key for key, _ in telling],
                "suppliers": [item.supplier_lot_no for _, item in telling],
            },
        )


def _principal(item: ItemSeen, class_ids: Mapping[str, tuple[int, str]]) -> str:
    if item.class_key is None:
        return item.key
    principal = class_ids[item.class_key][1]
    if principal == item.class_key:
        return item.key
    if item.serial_no is not None:
        return serial_key(principal, item.serial_no)
    return lot_key(principal, item.lot_no) if item.lot_no is not None else item.key


async def activities(connection: Connection, seen: Iterable[ActivitySeen]) -> dict[str, int]:
    """Return the id of each activity, new ones added; the first kind told stays."""
    by_key = {each.key: each for each in seen}
    if not by_key:
        return {}
    ordered = sorted(by_key.values(), key=lambda each: each.key)
    await connection.execute(
        text(
            "insert into activity (key, kind) select * from "
            "unnest(cast(:keys as text[]), cast(:kinds as smallint[])) on conflict (key) do nothing"
        ),
        {"keys": [each.key for each in ordered], "kinds": [int(each.kind) for each in ordered]},
    )
    found = await connection.execute(
        text("select key, id from activity where key = any(:keys)"),
        {"keys": [each.key for each in ordered]},
    )
    return dict(found.all())


async def master_data(connection: Connection, master: MasterData) -> None:
    """Store the names and properties that a document's master data tells; untold ones stay."""
    for each in master.parties:
        await parties(connection, [each.identity.key])
        await connection.execute(
            text("update party set name = coalesce(:name, name) where key = :key"),
            {"key": each.identity.key, "name": each.name},
        )
    for each in master.locations:
        await _location(connection, each)
    for told in master.classes:
        await _class(connection, told)


async def _location(connection: Connection, told: PlaceMaster) -> None:
    await locations(connection, [told.identity.key])
    owner = await parties(connection, [told.party.key]) if told.party else {}
    await connection.execute(
        text(
            "update location set name = coalesce(:name, name), "
            "party_id = coalesce(:party, party_id) where key = :key"
        ),
        {"key": told.identity.key, "name": told.name, "party": next(iter(owner.values()), None)},
    )


async def _class(connection: Connection, told: ClassMaster) -> None:
    keys = [told.identity.key, *([told.alternate_of.key] if told.alternate_of else [])]
    ids = await classes(connection, keys)
    own = ids[told.identity.key][0]
    await connection.execute(
        text(
            "update item_class set name = coalesce(:name, name), "
            "implantable = coalesce(:implantable, implantable), "
            "tracked = coalesce(:tracked, tracked), "
            "balance_tolerance = coalesce(:tolerance, balance_tolerance), "
            "alternate_of = coalesce(:alternate, alternate_of) where id = :id"
        ),
        {
            "id": own,
            "name": told.name,
            "implantable": told.implantable,
            "tracked": told.tracked,
            "tolerance": told.balance_tolerance,
            "alternate": ids[told.alternate_of.key][0] if told.alternate_of else None,
        },
    )
    if told.other_keys:
        # A key already in use as a class of its own stays what it is: items hang on it.
        await connection.execute(
            text(
                "insert into item_class_alias (key, class_id) "
                "select key, :id from unnest(cast(:keys as text[])) as told (key) "
                "on conflict (key) do nothing"
            ),
            {"id": own, "keys": sorted(told.other_keys)},
        )
