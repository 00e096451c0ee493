"""A site's own PostgreSQL: a log-in without special rights migrates, serves and stays walled in."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from lotkin.records import migrate
from lotkin.records.session import REGULATOR, SUPPLIER, Database
from tests.access.world import SUPPLIER_ACTORS, ask, world
from tests.flows.events import lot
from tests.flows.pump import RESIN

ROLES = "lotkin_owner, lotkin_app, lotkin_seq, lotkin_proj, lotkin_supplier, lotkin_regulator"


@pytest.fixture
def site_url(postgres_url: str) -> Iterator[str]:
    """A database owned by a plain log-in, made as docs/operations.md says."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create role site login nosuperuser")
        connection.execute(f"grant {ROLES} to site")
        connection.execute("create database site owner site")
        host = conninfo_to_dict(postgres_url)["host"]
        yield f"postgresql://site@/site?host={host}"
        connection.execute("drop database site with (force)")
        connection.execute("drop role site")


async def test_a_plain_login_migrates_and_serves(site_url: str) -> None:
    migrate.upgrade(site_url)
    database = Database(site_url)
    query = "query ($key: String!) { item(by: {key: $key}) { key } }"
    async with world(database) as made:
        for n, found in ((1, True), (2, False)):
            told = await ask(made, SUPPLIER_ACTORS[0], query, key=lot(RESIN, n))
            assert (told["item"] is not None) is found
        for role in (SUPPLIER, REGULATOR):
            async with database.as_role(role).reading() as connection:
                count = await connection.execute(text("select count(*) from item"))
                assert count.scalar_one() == 0
    await database.close()
