"""Items by id, key, lot and serial number."""

import time

from sqlalchemy import text

from lotkin.records import items
from lotkin.records.items import Wanted
from lotkin.tests.records import facts

GTIN, OTHER = "/01/09521568251204", "/01/09521568251211"


async def seeded(connection):
    made = await facts.item_class(connection, GTIN, udi_di="09521568251204", name="Pump")
    await facts.row(connection, "item_class_alias", key=OTHER, class_id=made)
    lot = await facts.item(connection, f"{GTIN}/10/L1", 0, class_id=made, lot_no="L1")
    serial = await facts.item(connection, f"{GTIN}/21/S1", 1, class_id=made, serial_no="S1")
    return made, lot, serial


async def test_an_item_is_found_by_id_key_lot_and_serial(database):
    async with database.transaction() as connection:
        _, lot, serial = await seeded(connection)
        found = await items.find(
            connection,
            [
                Wanted(id=lot),
                Wanted(keys=(f"{GTIN}/21/S1",)),
                Wanted(class_keys=(GTIN,), lot="L1"),
                Wanted(class_keys=("09521568251204",), serial="S1"),
                Wanted(class_keys=(OTHER,), serial="S1"),
                Wanted(class_keys=(GTIN,), lot="nothing"),
            ],
        )
    assert found == [(lot,), (serial,), (lot,), (serial,), (serial,), ()]


async def test_a_suppliers_lot_number_is_not_a_lot_number(database):
    async with database.transaction() as connection:
        made, _, _ = await seeded(connection)
        await facts.item(
            connection, f"{GTIN}/10/L2", 0, class_id=made, lot_no="L2", supplier_lot_no="SUP"
        )
        assert await items.find(connection, [Wanted(class_keys=(GTIN,), lot="SUP")]) == [()]


async def test_columns_come_in_the_asked_order(database):
    async with database.transaction() as connection:
        made, lot, serial = await seeded(connection)
        read = await items.columns(connection, [serial, lot, serial])
    assert read.id == [serial, lot, serial]
    assert read.serial_no == ["S1", None, "S1"]
    assert read.class_id == [made] * 3
    assert read.udi == ["(01)09521568251204(21)S1", None, "(01)09521568251204(21)S1"]


async def test_no_ids_give_no_columns(database):
    async with database.reading() as connection:
        assert (await items.columns(connection, [])).key == []


async def test_ten_thousand_items_are_read_as_columns_at_once(database):
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "insert into item (key, kind, serial_no, org_id, site_id) "
                "select '/01/09521568251204/21/' || n, 1, n, 'o', 's' "
                "from generate_series(1, 20000) n"
            )
        )
        await connection.execute(text("analyze item"))
        ids = list(range(20000, 10000, -1))
        times = []
        for _ in range(5):
            start = time.perf_counter()
            read = await items.columns(connection, ids)
            times.append(time.perf_counter() - start)
    assert read.id == ids
    assert min(times) < 0.2, f"{min(times) * 1000:.0f} ms"
    print(f"{min(times) * 1000:.0f} ms")
