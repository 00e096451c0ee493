"""${message}."""

from lotkin.records.migrate import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Apply the statements that stand beside this file."""
    run_sql("${up_revision}_NAME.sql")
