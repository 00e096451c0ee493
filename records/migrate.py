"""Brings a database to this version's schema: Alembic over plain SQL files, one at a time.

A revision is `migrations/versions/rev_NNNN_name.py`; it names the SQL file beside it. There is no
way down: a released schema only moves forward, and a backup is the way back.
"""

from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from lotkin.errors import Refusal, RefusalCode
from lotkin.records.session import async_url

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x6C6F746B696E  # "lotkin": one migration at a time in one database


def head() -> str:
    """Return the newest revision this version knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def current(url: str) -> str | None:
    """Return the revision of the database at `url`, None when it is empty."""
    engine = create_engine(async_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: str) -> str:
    """Bring the database at `url` to `head()` in one transaction and return the revision.

    Concurrent callers wait for each other; the later ones find nothing to do.
    Raises: Refusal BAD_INPUT when the database is newer than this version.
    """
    engine = create_engine(async_url(url), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in _scripts()}
        if found is not None and found not in known:
            raise Refusal(
                RefusalCode.BAD_INPUT,
                reason=f"The database is at revision {found}, newer than this version ({head()})",
            )
        command.upgrade(_config(connection), "head")
    return head()


def run_sql(name: str) -> None:
    """Run every statement of `migrations/versions/<name>`; for revisions only."""
    statements = (_FOLDER / "versions" / name).read_text(encoding="utf-8")
    # Straight to the driver: SQLAlchemy would read colons and percent signs as parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statements)


def _scripts() -> list[Script]:
    return list(ScriptDirectory.from_config(_config()).walk_revisions())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
