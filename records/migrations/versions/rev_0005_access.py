"""Access grants, database roles and row-level security."""

from lotkin.records.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply the statements that stand beside this file."""
    run_sql("0005_access.sql")
