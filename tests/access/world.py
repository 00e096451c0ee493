"""A world of two suppliers and two regulators around one maker, for tests of who sees what.

Supplier one sent resin lot 1 and a carton with valve 7, supplier two sent resin lot 2. Resin
becomes housings, housings become pumps, pumps go to a clinic and a ward. Regulator one has a
dossier of pump 1, regulator two of housing lot 2 and the pumps made of it. Every name of the
maker's and of everybody else carries the canary word, told to nobody outside.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from lotkin import clock, schema
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.graph.relational import RelationalReader
from lotkin.records import access as grants
from lotkin.records import migrate
from lotkin.records.access import NewGrant
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import Database
from lotkin.resolvers import worker
from lotkin.resolvers.context import Context, Services
from lotkin.settings import RoleLimits, Settings
from tests.flows.events import carton, lot, make, observe, pack, quantity, serial
from tests.flows.pump import CLINIC, OWN, PUMP, PUMPS, RESIN, WARD, come_back, ship, told

SCHEMA = schema.build()
CANARY = "canary"
HOUSING = 2
SUPPLIERS = ("urn:epc:id:pgln:4055555.00001", "urn:epc:id:pgln:4055555.00002")
AUTHORITIES = ("urn:epc:id:pgln:4066666.00001", "urn:epc:id:pgln:4066666.00002")
VALVE = serial(7, 7)
PLANT = "urn:epc:id:sgln:4012345.00001.0"
EVERYTHING = 2**62

OPERATOR = Actor("op-1", "Op Erator", None, frozenset({Role.OPERATOR}))
SUPPLIER_ACTORS = tuple(
    Actor(f"supplier-{n}", f"Supplier {n}", key, frozenset({Role.SUPPLIER}))
    for n, key in enumerate(SUPPLIERS, 1)
)
REGULATOR_ACTORS = tuple(
    Actor(f"regulator-{n}", f"Regulator {n}", key, frozenset({Role.REGULATOR}))
    for n, key in enumerate(AUTHORITIES, 1)
)
PARTNERS = SUPPLIER_ACTORS + REGULATOR_ACTORS


class World(NamedTuple):
    """The services, and the ids of items by key."""

    services: Services
    items: dict[str, int]

    def context(self, actor: Actor) -> Context:
        """A request of `actor`."""
        return Context(actor, self.services)


def arrive(minute: int, of: str, *epcs: str, **told_: Any) -> dict[str, Any]:
    """Goods of a supplier come in."""
    return observe(
        minute,
        "receiving",
        *epcs,
        bizLocation={"id": PLANT},
        sourceList=[{"type": "possessing_party", "source": of}],
        destinationList=[{"type": "possessing_party", "destination": OWN}],
        **told_,
    )


def story() -> list[dict[str, Any]]:
    """Everything that happened."""
    inside = {"lotkin:operator": f"{CANARY}-hand", "lotkin:operation": f"{CANARY}-op"}
    inside |= {"lotkin:equipment": [f"{CANARY}-press"], "bizLocation": {"id": PLANT}}
    return [
        arrive(1, SUPPLIERS[0], quantityList=[quantity(lot(RESIN, 1), 10, "KGM")]),
        arrive(2, SUPPLIERS[1], quantityList=[quantity(lot(RESIN, 2), 10, "KGM")]),
        pack(3, carton(9), VALVE),
        arrive(4, SUPPLIERS[0], carton(9)),
        pack(5, carton(9), VALVE, action="DELETE"),
        make(
            10,
            [quantity(lot(RESIN, 1), 4, "KGM")],
            [quantity(lot(HOUSING, 1), 40)],
            transformationID="urn:moulding:1",
            **inside,
        ),
        make(
            11,
            [quantity(lot(RESIN, 2), 2, "KGM")],
            [quantity(lot(HOUSING, 2), 20)],
            transformationID="urn:moulding:2",
            **inside,
        ),
        *(
            make(
                20 + n,
                [quantity(lot(HOUSING, 1 if n < 4 else 2), 1), *([VALVE] if n == 0 else [])],
                [pump],
                **inside,
            )
            for n, pump in enumerate(PUMPS)
        ),
        pack(40, carton(1), PUMPS[0], PUMPS[1]),
        ship(50, CLINIC, carton(1)),
        ship(51, WARD, PUMPS[2]),
        come_back(60, WARD, PUMPS[2]),
    ]


@asynccontextmanager
async def world(database: Database) -> AsyncIterator[World]:
    """The world, told to an empty database; the sequencer runs while it lasts."""
    unhurried = RoleLimits(operations_per_minute=2 * 10**9, cost_per_minute=2 * 10**9)
    settings = Settings(
        own_parties=frozenset({"/417/4012345000009"}),
        role_limits=dict.fromkeys(("supplier", "regulator"), unhurried),
    )
    services = Services(settings, database, RelationalReader(database.engine), None)
    task = asyncio.create_task(worker.sequencer(database))
    try:
        await told(Context(OPERATOR, services), *story())
        items = await _named(database.url)
        await _granted(database, items)
        yield World(services, items)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def alone() -> AsyncIterator[World]:
    """The world on a server of its own, for the programs beside the tests."""
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-access-") as folder,
        embedded_postgres(Path(folder, "postgres"), THROWAWAY) as url,
    ):
        migrate.upgrade(url)
        database = Database(url)
        try:
            async with world(database) as made:
                yield made
        finally:
            await database.close()


async def _named(url: str) -> dict[str, int]:
    """Give everybody and everything foreign a name with the canary word; return the items."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for table in ("party", "location"):
            await connection.execute(f"update {table} set name = '{CANARY}-' || id")
        found = await connection.execute("select key, id from item")
        return dict(await found.fetchall())


async def _granted(database: Database, items: dict[str, int]) -> None:
    async with database.reading() as connection:
        classes = await _classes(connection)
    now = clock.now()
    wanted = (
        (AUTHORITIES[0], [items[key_of(PUMPS[0])]], []),
        (AUTHORITIES[1], [items[key_of(lot(HOUSING, 2))]], [classes[key_of_class(PUMP)]]),
    )
    for organisation, named, products in wanted:
        new = NewGrant(
            organisation=key_of(organisation),
            subject=None,
            products=products,
            markets=["DE"],
            items=named,
            case_reference="CASE-1",
            since=0,
            until=EVERYTHING,
            purpose=f"inspection of {organisation[-1]}",
            expires_at=now + timedelta(days=30),
        )
        async with database.transaction() as connection:
            id = await grants.request(connection, new, "admin-1")
            assert await grants.approve(connection, id, "admin-2")


async def _classes(connection: Any) -> dict[str, int]:
    found = await connection.exec_driver_sql("select key, id from item_class")
    return {row[0]: row[1] for row in found}


def key_of(epc: str) -> str:
    """The canonical key of an EPC."""
    from lotkin.domain.identity import parse_epc

    return parse_epc(epc).key


def key_of_class(product: int) -> str:
    """The canonical key of an item class."""
    return key_of(serial(product, 1)).partition("/21/")[0]


async def run(world_: World, actor: Actor, query: str, **variables: Any) -> Any:
    """Execute an operation as a request of its own."""
    return await SCHEMA.execute(query, variables, world_.context(actor))


async def ask(world_: World, actor: Actor, query: str, **variables: Any) -> dict[str, Any]:
    """Return the data of an operation that must not fail."""
    result = await run(world_, actor, query, **variables)
    assert not result.errors, result.errors
    assert result.data is not None
    return dict(result.data)
