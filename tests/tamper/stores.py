"""Journals of their own for programs: an embedded server, a key, a witness, made-up events."""

import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.graph.relational import RelationalReader
from lotkin.journal import note
from lotkin.journal.note import SignerKey
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import Database
from lotkin.resolvers.context import Context, Services
from lotkin.settings import Settings
from tests.emptying import EMPTY
from tests.flows.events import commission, declared_wrong, lot, make, quantity, serial
from tests.flows.pump import story
from tests.trust.journals import Log

WITNESS = SignerKey.make("witness.example/w1", note.COSIGNATURE, bytes(range(32)))


@asynccontextmanager
async def own_log(url: str, folder: Path, *, is_empty: bool = True) -> AsyncIterator[Log]:
    """Give a journal in the migrated database at `url`, emptied first; its key lies in `folder`."""
    if is_empty:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(EMPTY)
    database = Database(url)
    settings = Settings().model_copy(
        update={
            "position_wait_s": 0.0,
            "state_dir": folder,
            "witness_keys": frozenset({str(WITNESS.verifier)}),
        }
    )
    services = Services(settings, database, RelationalReader(database.engine), None)
    roles = frozenset({Role.OPERATOR, Role.QUALITY_ENGINEER})
    yield Log(Context(Actor("op-1", "Op", None, roles), services))
    await database.close()


@asynccontextmanager
async def own_server() -> AsyncIterator[tuple[str, Path]]:
    """Give a migrated database of its own and a folder, both gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-tamper-") as folder,
        embedded_postgres(Path(folder) / "postgres", THROWAWAY) as url,
    ):
        migrate.upgrade(url)
        yield url, Path(folder)


def tale(dice: random.Random) -> list[dict[str, Any]]:
    """Return a pump maker's week and some more, some of it retracted; never twice the same."""
    events = story()
    for number in range(dice.randint(3, 12)):
        made = [serial(90, dice.randint(1, 10**6)) for _ in range(dice.randint(1, 3))]
        drawn = [quantity(lot(80, f"L{number}"), dice.randint(1, 9), "KGM")]
        events.append(make(100 + number, drawn, made, transformationID=f"urn:t:{number}"))
    odd = {**commission(200, serial(91, 1)), "eventID": "urn:uuid:odd"}
    return [*events, odd, declared_wrong(odd)]
