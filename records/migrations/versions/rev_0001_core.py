"""The genealogy, its events and the journal."""

from lotkin.records.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the statements that stand beside this file."""
    run_sql("0001_core.sql")
