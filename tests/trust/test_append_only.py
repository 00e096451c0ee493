"""No role of the service can change or drop what was written, nor switch off what keeps it."""

import psycopg
import pytest

from lotkin.records.session import APP, PROJECTOR, REGULATOR, SEQUENCER, SUPPLIER, Database

STATEMENTS = (
    "update {table} set {column} = {column}",
    "delete from {table}",
    "truncate {table}",
    "drop table {table}",
    "alter table {table} disable trigger all",
    "set session_replication_role = replica",
)
KEPT = (
    ("journal", "leaf"),
    ("journal_intent", "body"),
    ("journal_checkpoint", "note"),
    ("journal_cosignature", "line"),
    ("journal_key", "vkey"),
    ("signature", "meaning"),
    ("event_item", "role"),
)


@pytest.mark.parametrize("role", [APP, SEQUENCER, PROJECTOR, SUPPLIER, REGULATOR])
def test_every_statement_that_could_change_the_past_is_refused(
    database: Database, role: str
) -> None:
    allowed = []
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"set role {role}")
        connection.execute("set search_path = public")
        for table, column in KEPT:
            for statement in STATEMENTS:
                told = statement.format(table=table, column=column)
                try:
                    connection.execute(told)
                except psycopg.errors.InsufficientPrivilege:
                    continue
                allowed.append(told)
    assert allowed == []
