"""Who may not write cannot: by permission, and by the database itself."""

import psycopg
import pytest

from lotkin import schema
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.schema.field import ROOT_FIELDS
from tests.access.generated import Operations
from tests.access.world import REGULATOR_ACTORS, SCHEMA, SUPPLIER_ACTORS

READERS = {
    Role.VIEWER: Actor("v", "V", None, frozenset({Role.VIEWER})),
    Role.AUDITOR: Actor("a", "A", None, frozenset({Role.AUDITOR})),
    Role.SUPPLIER: SUPPLIER_ACTORS[0],
    Role.REGULATOR: REGULATOR_ACTORS[0],
}
MUTATIONS = sorted(name.partition(".")[2] for name in ROOT_FIELDS if name.startswith("Mutation."))
READ_ONLY, APPEND_ONLY = ("lotkin_supplier", "lotkin_regulator"), ("lotkin_app", "lotkin_seq")
KEPT = ("journal", "journal_intent", "event_item", "signature", "signature_void", "untracked_flow")
FACTS = ("draw", "production", "membership", "packing", "stay", "movement", "event")


def documents(name: str) -> str:
    """A valid document that runs one mutation."""
    served = schema.build()._schema
    made = Operations(served, Role.OPERATOR, [("id", "eA"), ("key", "x")], seed=1)
    field = served.mutation_type.fields[name]
    arguments = made._arguments("Mutation", name, field.args)
    return f"mutation {{ {name}{arguments} {{ __typename }} }}"


@pytest.mark.parametrize("role", READERS)
@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_mutation_is_refused_to_who_only_reads(told_world, role, name):
    result = await SCHEMA.execute(documents(name), None, told_world.context(READERS[role]))
    assert result.data is None
    (error,) = result.errors
    assert error.extensions["code"] == "FORBIDDEN"


def refused(url: str, role: str, statement: str) -> str | None:
    """The SQLSTATE by which the database refuses a statement; None where it runs."""
    with psycopg.connect(url, autocommit=True, options=f"-c role={role}") as connection:
        if role in READ_ONLY:
            connection.execute("set default_transaction_read_only = off")  # they may try
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            return error.sqlstate
    return None


def test_a_partners_role_writes_no_table_and_no_view(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute(
            "select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c "
            "join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname in ('public', 'partner', 'supplier') and c.relkind in ('r', 'v')"
        ).fetchall()
    assert len(tables) > 60
    for role in READ_ONLY:
        with psycopg.connect(postgres_url) as connection:
            for (table,) in tables:
                for right in ("insert", "update", "delete", "truncate", "references", "trigger"):
                    asked = "select has_table_privilege(%s, %s, %s)"
                    (may,) = connection.execute(asked, [role, table, right]).fetchone()
                    assert not may, (role, table, right)


@pytest.mark.parametrize("role", READ_ONLY)
@pytest.mark.parametrize(
    "statement",
    [
        "insert into public.item (key, kind, org_id, site_id) values ('x', 0, 'x', 'x')",
        "insert into partner.item (key, kind) values ('x', 0)",
        "update public.item set key = 'x'",
        "delete from public.item",
        "truncate public.item",
        "create table public.mine (n int)",
        "alter table public.item disable row level security",
        "drop policy scope on public.item",
        "set session_replication_role = replica",
        "copy public.item to '/tmp/x'",
        "select pg_read_file('/etc/hostname')",
        "insert into public.journal_intent (id, entry, body, salt) values "
        "(gen_random_uuid(), '', '', '')",
    ],
)
def test_the_database_refuses_what_a_partners_role_must_not_do(postgres_url, role, statement):
    assert refused(postgres_url, role, statement) in {"42501", "25006"}


@pytest.mark.parametrize("role", READ_ONLY)
def test_a_partners_pool_begins_read_only(session_database, role):
    with (
        psycopg.connect(
            session_database.url, options=f"-c role={role} -c default_transaction_read_only=on"
        ) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("create temp table mine (n int)")


@pytest.mark.parametrize("role", [*APPEND_ONLY, *READ_ONLY])
@pytest.mark.parametrize("table", [*KEPT, *FACTS])
@pytest.mark.parametrize(
    "statement",
    [
        "delete from public.{}",
        "truncate public.{} cascade",
        "drop table public.{} cascade",
        "alter table public.{} disable trigger all",
        "alter table public.{} add column mine int",
    ],
)
def test_no_role_takes_back_what_was_written(postgres_url, role, table, statement):
    assert refused(postgres_url, role, statement.format(table)) == "42501"


@pytest.mark.parametrize("role", [*APPEND_ONLY, *READ_ONLY])
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("journal", "leaf"),
        ("journal_intent", "entry"),
        ("event_item", "qty"),
        ("event", "document"),
        ("draw", "at"),
        ("movement", "receiver_id"),
        ("stay", "until"),
        ("signature", "payload"),
    ],
)
def test_no_role_changes_what_was_written(postgres_url, role, table, column):
    statement = f"update public.{table} set {column} = null"
    assert refused(postgres_url, role, statement) == "42501"


@pytest.mark.parametrize("role", [*APPEND_ONLY, *READ_ONLY, "lotkin_proj"])
@pytest.mark.parametrize(
    "statement",
    ["set session_replication_role = replica", "alter system set fsync = off", "create role mine"],
)
def test_no_role_switches_a_safeguard_off(postgres_url, role, statement):
    assert refused(postgres_url, role, statement) == "42501"
