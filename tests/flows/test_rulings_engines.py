"""Both engines, asked over HTTP, give one answer."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from neo4j import GraphDatabase

from lotkin.graph.migrate import migrate
from lotkin.graph.neo4j import open_driver
from lotkin.graph.server import Neo4jServer
from lotkin.settings import Settings
from tests.flows.conftest import SOURCES
from tests.flows.events import at, commission, declared_wrong, make, pack, quantity, serial
from tests.flows.outside import (
    OWN,
    OWN_KEY,
    TRACE,
    Outside,
    eventually,
    key,
    new_carton,
    new_lot,
    new_party,
    new_serial,
    number,
    own_database,
    quality,
    receive,
    serving,
    ship,
)


async def migrated(server: Neo4jServer) -> None:
    """Do what `lotkin migrate` does before a service starts."""
    async with open_driver(server.uri, server.user, server.password) as driver:
        await migrate(driver)


@pytest.fixture(scope="module")
def both(
    postgres_url: str, neo4j_server: Neo4jServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outside]:
    """A live service with a graph of its own."""
    login = (neo4j_server.user, neo4j_server.password)
    with GraphDatabase.driver(neo4j_server.uri, auth=login) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
    asyncio.run(migrated(neo4j_server))
    with own_database(postgres_url) as url:
        site = Settings(
            state_dir=tmp_path_factory.mktemp("both"),
            database_url=url,
            neo4j_uri=neo4j_server.uri,
            neo4j_user=neo4j_server.user,
            neo4j_password=neo4j_server.password,
            own_parties=frozenset({OWN_KEY}),
            sources=SOURCES,
            position_wait_s=10,
        )
        with serving(site) as service:
            yield service


def bare(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what may differ: engine, time of asking, work done."""
    left = {name: value for name, value in answer.items() if name not in {"completeness", "asOf"}}
    for name in ("edges",):
        if name in left:
            left[name] = sorted(left[name], key=str)
    return left


def agree(both: Outside, position: str, *suspects: str | dict[str, Any]) -> list[dict[str, Any]]:
    """Ask both engines everything of the suspects; return the answers of one."""
    answers = []
    for engine in ("NEO4J", "POSTGRESQL"):
        asked = {"engine": engine, "atLeast": position}
        told = [both.impact(*suspects, policy=p, **asked).raw for p in ("TIMED", "UNTIMED")]
        plain = [one for one in suspects if isinstance(one, str)]
        if plain:
            told += [
                both.trace(way, *plain, policy=policy, **asked)
                for way in ("Forward", "Backward")
                for policy in ("TIMED", "UNTIMED")
            ]
        assert {one["completeness"]["engine"] for one in told} == {engine}
        answers.append([bare(one) for one in told])
    assert answers[0] == answers[1]
    return answers[0]


def chain(both: Outside) -> tuple[list[str], str]:
    """A raw lot, a part fitted in a device, a loop, a carton sent away."""
    raw, part, ward, product = new_lot(), new_serial(), new_party(), number()
    units, box = [serial(product, n) for n in range(3)], new_carton()
    fit = {"type": "AssociationEvent", "bizStep": "assembling"}
    position = both.tell(
        make(10, [quantity(raw, 1)], [part]),
        make(12, [quantity(raw, 2)], units),
        pack(20, units[0], part) | fit,
        quality(make(25, [units[1]], [units[1]]), "DECLARED"),
        pack(30, box, units[0], units[1]),
        ship(40, ward, box),
        receive(50, ward, box),
        receive(60, OWN, units[1], by=ward, disposition="returned"),
        pack(70, units[0], part, action="DELETE") | fit,
    )["position"]
    return [raw, part, *units, box], position


def test_neo4j_answers_unless_told_otherwise(both: Outside) -> None:
    items, position = chain(both)

    def told() -> dict[str, Any]:
        # Until the projection is there, PostgreSQL answers: current before fast.
        answer = both.trace("Forward", items[0], atLeast=position)
        return dict(answer["completeness"])

    eventually(lambda: told()["engine"] == "NEO4J")
    assert int(told()["graphPosition"]) >= int(position)


def test_both_engines_tell_the_same_of_every_item(both: Outside) -> None:
    items, position = chain(both)
    for item in items:
        agree(both, position, item)


def test_both_engines_tell_the_same_of_windows(both: Outside) -> None:
    items, position = chain(both)
    for since, until in ((11, 15), (30, None), (None, 11)):
        window = {"from": since and at(since), "until": until and at(until)}
        for item in items[:3]:
            agree(both, position, {"item": {"key": item}, **window})


def test_both_engines_forget_what_was_declared_wrong(both: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = make(10, [quantity(raw, 1)], [quantity(made, 1)]) | {"eventID": f"urn:e:{number()}"}
    both.tell(event)
    position = both.tell(declared_wrong(event))["position"]
    answers = agree(both, position, raw)
    assert [edge["node"]["item"]["key"] for edge in answers[0]["items"]["edges"]] == [key(raw)]


def test_both_engines_follow_a_membership_told_late(both: Outside) -> None:
    product = number()
    lot, unit = f"urn:epc:class:lgtin:4012345.0{product:05d}.F1", serial(product, 1)
    raw = new_lot()
    both.tell(commission(20, unit, ilmd={"cbvmda:lotNumber": "F1"}))
    position = both.tell(make(10, [quantity(raw, 1)], [quantity(lot, 3)]))["position"]
    agree(both, position, raw)
    assert both.reached("Forward", raw, engine="NEO4J") == {key(lot), key(unit)}


def test_both_engines_list_two_thousand(both: Outside) -> None:
    raw, product = new_lot(), number()
    units = [serial(product, n) for n in range(2000)]
    position = both.tell(make(10, [quantity(raw, 2000)], units))["position"]
    answers = agree(both, position, raw)
    assert answers[0]["counts"]["serials"] == 2000


def test_both_engines_answer_a_lattice(both: Outside) -> None:
    layers = [[new_lot(), new_lot()] for _ in range(21)]
    position = both.tell(
        *(
            make(n, [quantity(one, 1) for one in above], [quantity(one, 1) for one in below])
            for n, (above, below) in enumerate(pairwise(layers), 1)
        )
    )["position"]
    answers = agree(both, position, layers[0][0])
    assert len(answers[0]["items"]["edges"]) == 41


def test_the_past_is_asked_of_postgresql(both: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = make(10, [quantity(raw, 1)], [quantity(made, 1)]) | {"eventID": f"urn:e:{number()}"}
    position = both.tell(event)["position"]
    both.tell(declared_wrong(event))
    told = both.trace("Forward", raw, asOf={"position": position})
    assert told["completeness"]["engine"] == "POSTGRESQL"
    assert len(told["items"]["edges"]) == 1


def test_neo4j_tells_the_instant_too(both: Outside) -> None:
    raw, first, second = new_lot(), new_lot(), new_lot()
    position = both.tell(
        make(10, [quantity(raw, 1)], [quantity(first, 1)]),
        make(30, [quantity(raw, 1)], [quantity(second, 1)]),
    )["position"]
    for engine in ("NEO4J", "POSTGRESQL"):
        asked = {"asOf": {"eventTime": at(20)}, "engine": engine, "atLeast": position}
        assert both.reached("Forward", raw, **asked) == {key(first)}


def test_a_start_nobody_knows_is_refused_by_both(both: Outside) -> None:
    for engine in ("NEO4J", "POSTGRESQL"):
        asked: dict[str, Any] = {"policy": "UNTIMED", "engine": engine}
        asked["from"] = [{"key": "urn:epc:id:sgtin:4012345.099999.NOBODY"}]
        assert both.refused(TRACE % "Forward", **asked)["code"] == "NOT_FOUND"
