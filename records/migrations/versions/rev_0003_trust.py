"""Checkpoints, cosignatures and what keeps the journal append-only."""

from lotkin.records.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply the statements that stand beside this file."""
    run_sql("0003_trust.sql")
