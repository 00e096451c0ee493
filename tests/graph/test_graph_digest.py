"""Equal sides have equal digests; any difference shows and can be located."""

import random

import orjson
import pytest
import rfc8785

from lotkin.graph import digest as digests
from lotkin.graph.digest import difference, neo4j_digest, relational_digest
from lotkin.tests.graph.engines import Engines, random_telling
from lotkin.tests.graph.load import Telling


async def test_both_sides_of_random_genealogies_are_equal(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, page in ((1, 5000), (2, 7), (3, 1)):
        monkeypatch.setattr(digests, "NODES_MAX", page)
        telling = random_telling(random.Random(seed))
        await engines.tell(telling)

        one = await relational_digest(engines.database.engine)
        two = await neo4j_digest(engines.driver)

        assert one == two
        assert one.position == len(telling.bodies)
        assert one.nodes == one.parts["items"].lines + one.parts["activities"].lines
        assert one.edges > 20
        assert await difference(engines.database.engine, engines.driver) == []


async def test_the_size_of_a_page_changes_no_digest(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engines.tell(random_telling(random.Random(4)))
    whole = await neo4j_digest(engines.driver)
    monkeypatch.setattr(digests, "NODES_MAX", 3)

    assert await neo4j_digest(engines.driver) == whole


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("MATCH ()-[r:CONSUMED]->() WITH r LIMIT 1 DELETE r", "draws"),
        ("MATCH ()-[r:PRODUCED]->() WITH r LIMIT 1 SET r.at = r.at + 1", "productions"),
        ("MATCH ()-[r:HAS_MEMBER]->() SET r.fid = 999", "memberships"),
        ("MATCH ()-[r:INSTALLED_IN]->() SET r.until = 5", "installations"),
        ("MATCH ()-[r:IN]->() SET r.since_q = 2", "stays"),
        ("MATCH ()-[r:MOVED]->() SET r.receiver = 9", "movements"),
        ("MATCH (i:Item {id: 1}) SET i.key = 'other'", "items"),
        ("MATCH (a:Transformation) SET a.kind = 9", "activities"),
        ("MATCH (i:Item {id: 1}) SET i.id = 999", "items"),
    ],
)
async def test_a_damaged_graph_is_found_and_the_place_named(
    engines: Engines, damage: str, kind: str
) -> None:
    telling = Telling()
    lot, serial, device, carton = (telling.item() for _ in range(4))
    telling.activity([lot], [serial])
    telling.member(lot, serial)
    telling.install(serial, device)
    telling.pack(serial, carton)
    telling.move(carton, 0, 1, 2)
    await engines.tell(telling)
    await engines.driver.execute_query(damage)

    one = await relational_digest(engines.database.engine)
    two = await neo4j_digest(engines.driver)
    found = await difference(engines.database.engine, engines.driver)

    assert one.sha256 != two.sha256
    assert one.parts[kind] != two.parts[kind]
    assert kind in {entry.kind for entry in found}
    assert {entry.only_in for entry in found} <= {"PostgreSQL", "Neo4j"}
    await engines.driver.execute_query("MATCH (n:Item {id: 999}) DETACH DELETE n")


def test_lines_are_canonical_json() -> None:
    row = (2**63 - 1, 'https://id.gs1.org/01/0/21/é\u2028"\\\n\x1f😀', -1)
    (line,) = digests._lines("items", [row], 0, 0)

    assert line == rfc8785.dumps(["items", *map(str, row)]) + b"\n"
    assert orjson.loads(line)[1] == "9223372036854775807"
