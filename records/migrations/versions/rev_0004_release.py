"""Lot disposition, changes, challenges, signatures and signing factors."""

from lotkin.records.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply the statements that stand beside this file."""
    run_sql("0004_release.sql")
