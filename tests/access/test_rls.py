"""The database's own wall: whatever the service asks for, a partner's role gets its scope."""

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from lotkin.records.session import REGULATOR, SUPPLIER
from tests.access.checkouts import checkouts
from tests.access.world import PARTNERS, SUPPLIER_ACTORS

TABLES = (
    "item", "item_class", "item_class_alias", "activity", "draw", "production", "membership",
    "stay", "movement", "event_item", "event",
)  # fmt: skip
COLUMN = {
    "item": "id",
    "draw": "item_id",
    "production": "item_id",
    "membership": "serial_id",
    "stay": "child_id",
    "movement": "item_id",
    "event_item": "item_id",
}


def ids(listed: str) -> set[int]:
    return {int(each) for each in listed.strip("{}").split(",") if each}


@pytest.mark.parametrize("actor", PARTNERS, ids=lambda actor: actor.subject)
async def test_without_any_predicate_of_the_service_no_foreign_row_comes(told_world, actor):
    scoped = told_world.context(actor).partner
    async with scoped.reading() as connection:
        own = ids(scoped.scope.items)
        assert own
        for table, column in COLUMN.items():
            found = await connection.execute(text(f"select {column} from {table}"))
            assert {row[0] for row in found} <= own, table
        found = await connection.execute(text("select id from activity"))
        assert {row[0] for row in found} <= ids(scoped.scope.activities)
        for table in ("party", "location", "alert", "journal", "journal_intent", "access_grant"):
            found = await connection.execute(text(f"select count(*) from {table}"))
            assert found.scalar_one() == 0, table


@pytest.mark.parametrize("role", [SUPPLIER, REGULATOR])
async def test_without_a_scope_there_is_nothing(told_world, role):
    async with told_world.services.database.as_role(role).reading() as connection:
        for table in TABLES:
            found = await connection.execute(text(f"select count(*) from {table}"))
            assert found.scalar_one() == 0, table


@pytest.mark.parametrize("role", [SUPPLIER, REGULATOR])
async def test_the_tables_behind_the_views_hide_the_same(told_world, role):
    async with told_world.services.database.as_role(role).reading() as connection:
        for table, column in COLUMN.items():
            if role == SUPPLIER and table in {"movement", "event_item"}:
                continue  # not even granted
            found = await connection.execute(text(f"select count({column}) from public.{table}"))
            assert found.scalar_one() == 0, table


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("activity", "operator"),
        ("activity", "equipment"),
        ("event", "document"),
        ("event", "actor"),
        ("party", "name"),
        ("location", "name"),
        ("access_grant", "purpose"),
        ("journal_intent", "body"),
    ],
)
@pytest.mark.parametrize("role", [SUPPLIER, REGULATOR])
def test_hidden_columns_are_not_granted(postgres_url, role, table, column):
    statement = sql.SQL("select {} from public.{}").format(
        sql.Identifier(column), sql.Identifier(table)
    )
    with (
        psycopg.connect(postgres_url, options=f"-c role={role}") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_every_table_a_partner_may_name_is_behind_forced_row_security(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        open_tables = connection.execute(
            "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace "
            "and c.relkind = 'r' and (has_any_column_privilege('lotkin_supplier', c.oid, 'select') "
            "or has_any_column_privilege('lotkin_regulator', c.oid, 'select')) "
            "and not (c.relrowsecurity and c.relforcerowsecurity)"
        ).fetchall()
        assert open_tables == []
        unowned = connection.execute(
            "select tablename from pg_tables where schemaname = 'public' "
            "and tableowner <> 'lotkin_owner'"
        ).fetchall()
        assert unowned == []


def test_no_role_of_ours_passes_by_row_security_or_logs_in(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(
            "select rolname from pg_roles where rolname like 'lotkin\\_%' "
            "and (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb)"
        ).fetchall()
    assert found == []


async def test_a_scope_ends_with_its_transaction_on_a_pooled_connection(told_world):
    assert await checkouts(told_world, 500) == 0


async def test_two_partners_never_share_a_scope(told_world):
    one, two = (told_world.context(actor).partner for actor in SUPPLIER_ACTORS)
    async with one.reading() as first, two.reading() as second:
        mine = {row[0] for row in await first.execute(text("select id from item"))}
        other = {row[0] for row in await second.execute(text("select id from item"))}
    assert mine
    assert other
    assert not mine & other


async def test_the_scope_functions_are_each_for_their_role(told_world):
    pool = told_world.services.database
    calls = {
        SUPPLIER: "select * from partner.regulator_scope('a', 'b')",
        REGULATOR: "select * from partner.supplier_scope('a')",
        "lotkin_app": "select * from partner.supplier_scope('a')",
    }
    for role, call in calls.items():
        with (
            psycopg.connect(pool.url, options=f"-c role={role}") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(call)


async def test_the_boundary_of_foreign_items_is_not_told(told_world):
    scoped = told_world.context(SUPPLIER_ACTORS[0]).partner
    async with scoped.reading() as connection:
        own = ids(scoped.scope.items)
        foreign = [id for id in told_world.items.values() if id not in own]
        found = await connection.execute(
            text("select * from partner.boundary(cast(:ids as bigint[]), 9e18::bigint, 's', 99)"),
            {"ids": foreign},
        )
        assert found.all() == []
