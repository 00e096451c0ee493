"""Accounts, clients and tokens of the built-in authorization server."""

from lotkin.records.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply the statements that stand beside this file."""
    run_sql("0002_accounts.sql")
