"""A small service whose journal is placed and signed by hand, so that every moment is known."""

from pathlib import Path

import pytest

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.resolvers.context import Context, Services
from lotkin.settings import Settings
from tests.trust.journals import Log


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Log:
    """An empty journal with a key of its own."""
    settings = Settings().model_copy(update={"position_wait_s": 0.0, "state_dir": tmp_path})
    services = Services(settings, database, RelationalReader(database.engine), None)
    actor = Actor("op-1", "Op", None, frozenset({Role.OPERATOR, Role.QUALITY_ENGINEER}))
    return Log(Context(actor, services))
