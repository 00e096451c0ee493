"""Who answers: Neo4j once it has what the request needs, PostgreSQL otherwise, at full currency."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from neo4j import AsyncDriver
from sqlalchemy import event as listen

from lotkin import clock
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph.migrate import migrate
from lotkin.graph.neo4j import Neo4jReader, open_driver
from lotkin.graph.project import Projector
from lotkin.resolvers import worker
from lotkin.resolvers.context import Context
from lotkin.settings import Settings
from tests.flows import pump
from tests.flows.events import commission, lot, serial
from tests.flows.pump import PUMP, RESIN, ask, key, refused, told

SUSPECT = {"suspects": [{"item": key(lot(RESIN, 1))}]}
IMPACT = """query ($suspects: [SuspectInput!]!, $engine: GraphEngine, $atLeast: BigInt,
    $asOf: AsOfInput) {
  impact: recallImpact(suspects: $suspects, engine: $engine, atLeast: $atLeast, asOf: $asOf) {
    completeness { engine visited journalPosition graphPosition }
    counts { lots serials containers shipped inStock consumed consignees byClass { class count } }
    items { edges { node { class rule exposedAt item { key } holder { key } } } }
    consignees { party { key } items } gaps { reason } } }"""
COUNTS = """query ($suspects: [SuspectInput!]!) { recallImpact(suspects: $suspects) {
  counts { lots serials } items(first: 10000) { edges { node { class item { id key } } } } } }"""


def with_graph(context: Context, driver: AsyncDriver, **settings: object) -> Context:
    """The same service with a graph engine."""
    told_ = Settings(own_parties=context.settings.own_parties, **settings)
    services = replace(context.services, neo4j=Neo4jReader(driver), settings=told_)
    return Context(context.actor, services)


@pytest.fixture
async def graph(context: Context, neo4j_driver: AsyncDriver) -> tuple[Context, Projector]:
    """The week in both engines."""
    await migrate(neo4j_driver)
    await told(context, *pump.story())
    projector = Projector(neo4j_driver)
    while await worker.project_once(context.database, projector):
        pass
    return with_graph(context, neo4j_driver, position_wait_s=0.1), projector


def said(data: dict) -> dict:
    impact = dict(data["impact"])
    impact.pop("completeness")
    return impact


async def test_both_engines_say_the_same(graph):
    context, _ = graph
    by_neo4j = await ask(context, IMPACT, **SUSPECT)
    by_record = await ask(context, IMPACT, **SUSPECT, engine="POSTGRESQL")
    assert by_neo4j["impact"]["completeness"]["engine"] == "NEO4J"
    assert by_record["impact"]["completeness"]["engine"] == "POSTGRESQL"
    assert said(by_neo4j) == said(by_record)
    for answer in (by_neo4j, by_record):
        stand = answer["impact"]["completeness"]
        assert stand["journalPosition"] == stand["graphPosition"] == 12


async def test_a_graph_behind_leaves_the_answer_to_the_record(graph):
    context, projector = graph
    position = await told(context, commission(90, serial(PUMP, 7)))
    stand = (await ask(context, IMPACT, **SUSPECT))["impact"]["completeness"]
    assert stand["engine"] == "POSTGRESQL"
    assert (stand["journalPosition"], stand["graphPosition"]) == (position, position - 1)
    facts = await refused(context, IMPACT, **SUSPECT, engine="NEO4J")
    assert facts["code"] == "PROJECTION_LAG"
    assert (facts["wanted"], facts["reached"]) == (position, position - 1)
    await worker.project_once(context.database, projector)
    stand = (await ask(context, IMPACT, **SUSPECT, atLeast=position))["impact"]["completeness"]
    assert (stand["engine"], stand["journalPosition"]) == ("NEO4J", position)


async def test_past_knowledge_is_asked_of_the_record(graph):
    context, _ = graph
    for past in ({"position": 2}, {"recordTime": "2030-01-01T00:00:00Z"}):
        stand = (await ask(context, IMPACT, **SUSPECT, asOf=past))["impact"]["completeness"]
        assert stand["engine"] == "POSTGRESQL"
    assert (await refused(context, IMPACT, **SUSPECT, engine="NEO4J", asOf={"position": 2}))[
        "code"
    ] == ("BAD_INPUT")


async def test_a_dead_graph_costs_a_glance_once(context):
    await told(context, *pump.story())
    async with open_driver("bolt://127.0.0.1:9", "neo4j", "secret") as driver:
        dead = with_graph(context, driver)
        first = (await ask(dead, IMPACT, **SUSPECT))["impact"]["completeness"]
        assert (first["engine"], first["graphPosition"]) == ("POSTGRESQL", 0)
        begin = clock.elapsed()
        await ask(dead, IMPACT, **SUSPECT)
        assert clock.elapsed() - begin < 0.5
        assert (await refused(dead, IMPACT, **SUSPECT, engine="NEO4J"))[
            "code"
        ] == "GRAPH_UNAVAILABLE"


class Failing(Neo4jReader):
    """A graph that tells its position and dies in the walk."""

    async def lineage(self, *_: object, **__: object) -> None:
        raise Refusal(RefusalCode.GRAPH_UNAVAILABLE)


async def test_a_graph_that_dies_in_the_walk_is_replaced(graph, neo4j_driver):
    context, _ = graph
    services = replace(context.services, neo4j=Failing(neo4j_driver))
    stand = (await ask(Context(context.actor, services), IMPACT, **SUSPECT))["impact"][
        "completeness"
    ]
    assert stand["engine"] == "POSTGRESQL"


@contextmanager
def counted(context: Context) -> Iterator[list[str]]:
    """The SQL statements of a block, without those of the walk, which go to the driver itself."""
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    engine = context.database.engine.sync_engine
    listen.listen(engine, "before_cursor_execute", note)
    yield statements
    listen.remove(engine, "before_cursor_execute", note)


async def test_an_impact_takes_a_fixed_number_of_statements(graph):
    context, _ = graph
    for epc in (lot(RESIN, 1), serial(PUMP, 6)):
        with counted(context) as statements:
            await ask(context, COUNTS, suspects=[{"item": key(epc)}])
        assert len(statements) == 5, statements
