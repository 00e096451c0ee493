"""What an engine leaves out never matters: exposure is the same as over the whole genealogy."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotkin.domain.exposure import Exposure, Suspect, expose
from lotkin.domain.genealogy import UNKNOWN, Bounds, Direction, Known, Subgraph
from lotkin.domain.lineage import Policy
from lotkin.tests.domain.genealogies import Facts, genealogies, suspicions, to_subgraph
from lotkin.tests.graph.engines import Engines
from lotkin.tests.graph.load import Body, append, empty

SPACING = 1000  # ids of one genealogy; the next one starts behind

CASES = genealogies().flatmap(lambda facts: st.tuples(st.just(facts), suspicions(facts)))


class Chronicle:
    """Appends genealogies to both engines, each under ids of its own."""

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self._entries = count(1)

    async def tell(self, facts: Facts) -> int:
        """Record and project `facts`; return how far its ids were shifted."""
        seq = next(self._entries)
        shift = seq * SPACING
        entries = await append(self.engines.database.engine, [(seq, body_of(facts, shift))])
        assert await self.engines.projector.apply(entries) == seq
        return shift


@pytest.fixture
async def chronicle(engines: Engines) -> Chronicle:
    """Both engines, empty, ready for any number of genealogies."""
    await engines.projector.clear()
    await empty(engines.database.engine)
    return Chronicle(engines)


def body_of(facts: Facts, shift: int) -> Body:
    """Return the journal body that tells `facts` with ids and classes shifted."""
    activities = {row.activity for row in [*facts.draws, *facts.productions]}

    def flow(row: Any) -> list[int]:
        return [row.id + shift, row.item + shift, row.activity + shift, *row.at, row.pieces]

    return {
        "items": [
            [item + shift, f"item-{item + shift}", int(kind), shifted_class(item_class, shift)]
            for item, (kind, item_class) in facts.items.items()
        ],
        "activities": [[activity + shift, 0] for activity in activities],
        "draws": [flow(row) for row in facts.draws],
        "productions": [flow(row) for row in facts.productions],
        "installations": [
            [row.id + shift, row.part + shift, row.device + shift, *row.since, *row.until]
            for row in facts.installations
        ],
        "memberships": [
            [number + shift, row.lot + shift, row.serial + shift]
            for number, row in enumerate(facts.memberships)
        ],
    }


def shifted_class(item_class: int, shift: int) -> int:
    return UNKNOWN if item_class == UNKNOWN else item_class + shift


def told(exposure: Exposure, shift: int) -> dict[int, Any]:
    """Return all that an exposure says, ids shifted back."""
    return {
        item - shift: (
            exposed_class,
            rule,
            at,
            [tuple(value for value in step) for step in exposure.witness(item)],
        )
        for item, exposed_class, rule, at in zip(
            exposure.items.tolist(),
            exposure.classes.tolist(),
            exposure.rules.tolist(),
            exposure.exposed_at.tolist(),
            strict=True,
        )
    }


@given(case=CASES)
async def test_exposure_over_a_walk_is_exposure_over_the_whole(
    chronicle: Chronicle, case: tuple[Facts, list[Suspect]]
) -> None:
    facts, suspects = case
    shift = await chronicle.tell(facts)
    starts = [suspect.item + shift for suspect in suspects]
    moved = [Suspect(suspect.item + shift, *suspect[1:]) for suspect in suspects]
    whole = shifted(to_subgraph(facts), shift)

    for reader in (chronicle.engines.relational, chronicle.engines.neo4j):
        walk = await reader.lineage(starts, Direction.FORWARD, known=Known(), bounds=Bounds())
        for policy in Policy:
            assert told(expose(walk, moved, policy), shift) == told(
                expose(whole, moved, policy), shift
            )


def shifted(graph: Subgraph, shift: int) -> Subgraph:
    """Return the columns with every id and class moved up."""
    items, classes = graph.items, graph.items.item_class
    return Subgraph(
        items._replace(id=items.id + shift, item_class=classes + shift * (classes != UNKNOWN)),
        graph.activities._replace(id=graph.activities.id + shift),
        *(
            flows._replace(
                id=flows.id + shift, item=flows.item + shift, activity=flows.activity + shift
            )
            for flows in (graph.draws, graph.productions)
        ),
        graph.installations._replace(
            id=graph.installations.id + shift,
            child=graph.installations.child + shift,
            parent=graph.installations.parent + shift,
        ),
        type(graph.memberships)(graph.memberships.lot + shift, graph.memberships.serial + shift),
    )


@given(facts=genealogies())
async def test_what_is_reached_forward_reaches_back(chronicle: Chronicle, facts: Facts) -> None:
    shift = await chronicle.tell(facts)
    for reader in (chronicle.engines.relational, chronicle.engines.neo4j):
        pairs = {}
        for direction in Direction:
            pairs[direction] = {
                (item, other)
                for item in facts.items
                for other in reached(
                    await reader.lineage([item + shift], direction, known=Known(), bounds=Bounds()),
                    item + shift,
                    direction,
                    shift,
                )
            }
        back = {(other, item) for item, other in pairs[Direction.BACKWARD]}
        assert pairs[Direction.FORWARD] == back


def reached(graph: Subgraph, start: int, direction: Direction, shift: int) -> set[int]:
    """Return the items that `graph` itself connects with `start`."""
    steps: list[tuple[Any, Any]] = [
        *zip(graph.draws.item.tolist(), (-graph.draws.activity).tolist(), strict=True),
        *zip((-graph.productions.activity).tolist(), graph.productions.item.tolist(), strict=True),
        *zip(graph.installations.child.tolist(), graph.installations.parent.tolist(), strict=True),
        *zip(graph.memberships.lot.tolist(), graph.memberships.serial.tolist(), strict=True),
    ]
    if direction is Direction.BACKWARD:
        steps = [(target, source) for source, target in steps]
    found, size = {start}, 0
    while len(found) > size:
        size = len(found)
        found |= {target for source, target in steps if source in found}
    return {node - shift for node in found if node > 0}
