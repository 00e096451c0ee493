"""Both engines over one telling, compared at every question."""

import random
from collections.abc import Sequence
from typing import Any

from neo4j import AsyncDriver

from lotkin.domain.genealogy import Bounds, Custody, Direction, Known, Subgraph
from lotkin.graph.neo4j import Neo4jReader
from lotkin.graph.project import Projector
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.tests.graph.load import Telling, load


class Engines:
    """Both readers over one telling."""

    def __init__(self, database: Database, driver: AsyncDriver) -> None:
        self.database = database
        self.driver = driver
        self.projector = Projector(driver)
        self.relational = RelationalReader(database.engine)
        self.neo4j = Neo4jReader(driver)

    async def tell(self, telling: Telling) -> None:
        """Load the telling into both."""
        entries = await self.record(telling)
        for begin in range(0, len(entries), 500):
            await self.projector.apply(entries[begin : begin + 500])

    async def record(self, telling: Telling) -> list[tuple[int, Any]]:
        """Load the telling into PostgreSQL only, empty the graph; return the entries to apply."""
        await self.projector.clear()
        return await load(self.database.engine, telling.bodies)

    async def lineage(self, starts: Sequence[int], direction: Direction) -> Subgraph:
        """Return the one answer of both."""
        one, two = [
            await reader.lineage(starts, direction, known=Known(), bounds=Bounds())
            for reader in (self.relational, self.neo4j)
        ]
        assert rows(one) == rows(two)
        return one

    async def custody(self, items: Sequence[int]) -> Custody:
        """Return the one answer of both."""
        one, two = [
            await reader.custody(items, known=Known(), bounds=Bounds())
            for reader in (self.relational, self.neo4j)
        ]
        assert rows(one) == rows(two)
        return one


def rows(answer: Subgraph | Custody) -> dict[str, list[tuple[int, ...]]]:
    """Return an answer's tables as rows."""
    tables = {name: getattr(answer, name) for name in answer.__slots__}
    return {
        name: list(zip(*(column.tolist() for column in table), strict=True))
        for name, table in tables.items()
    }


def random_telling(choose: random.Random) -> Telling:
    """Thirty items and every kind of fact among them, some ended again."""
    telling = Telling()
    items = [telling.item(choose.randint(0, 2), choose.randint(-1, 3)) for _ in range(30)]
    told: list[tuple[str, list[Any]]] = []
    for hour in range(60):
        telling.entry()
        one, two = choose.sample(items, 2)
        some = choose.sample(items, choose.randint(0, 3))
        match choose.randint(0, 6):
            case 0 | 1:
                telling.activity(some, choose.sample(items, choose.randint(0, 3)), hour=hour)
            case 2:
                told.append(("memberships", telling.member(one, two)))
            case 3:
                told.append(("installations", telling.install(one, two, hour, hour + 9)))
            case 4:
                told.append(("stays", telling.pack(one, two, hour)))
            case 5:
                told.append(("movements", telling.move(one, hour % 4, 1, choose.choice((-1, 2)))))
            case _ if told:
                telling.end(*told.pop(choose.randrange(len(told))))
    return telling
