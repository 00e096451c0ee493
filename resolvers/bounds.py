"""At most how many units the suspect quantity can be in (domain 5.5, Bound)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from lotkin.auth.permissions import Permission
from lotkin.domain import units
from lotkin.domain.balance import Amount
from lotkin.domain.bound import at_most
from lotkin.domain.genealogy import UNKNOWN, Ints
from lotkin.domain.lineage import span
from lotkin.records import trace as records
from lotkin.resolvers.context import Context
from lotkin.resolvers.impact import Impact
from lotkin.resolvers.usecase import usecase


@dataclass(frozen=True, slots=True)
class QuantityBound:
    """Of an output class at most `at_most` units hold suspect material; drawn: how much of it
    was drawn into the activities that made the class, one amount a unit.
    """

    class_id: int
    at_most: int
    drawn: Sequence[Amount]


@usecase(Permission.RECALL_RUN)
async def impact_bounds(context: Context, impact: Impact) -> list[QuantityBound]:
    """Return the bound of each class that activities made of suspect quantities, where known."""
    draws = impact.graph.draws
    carrying = _carrying(impact)
    supply = np.isin(draws.activity, draws.activity[carrying])
    async with context.database.reading() as connection:
        told = await records.draw_amounts(connection, draws.id[supply])
    exact = _exact(told)
    suspects = {start.item for start in impact.suspects}
    rows = set(draws.id[carrying].tolist())
    found = at_most(impact.graph, suspects, exact, carrying=rows)
    return [
        QuantityBound(each, count, _drawn(impact, told, carrying, each))
        for each, count in sorted(found.items())
        if each != UNKNOWN
    ]


def _carrying(impact: Impact) -> Ints:
    """Return the rows of draws of suspects that may lie in their windows."""
    draws = impact.graph.draws
    possible = span(draws.at, draws.quality, draws.uncertainty)
    carries = np.zeros(len(draws.id), dtype=bool)
    for start in impact.suspects:
        in_window = (possible.upper >= start.since) & (possible.lower < start.until)
        carries |= (draws.item == start.item) & in_window
    return np.flatnonzero(carries)


def _exact(told: Mapping[int, records.Amount]) -> dict[int, Decimal]:
    """Return amounts in base units; those that were not told or cannot be added are left out."""
    exact: dict[int, Decimal] = {}
    for draw, (value, unit) in told.items():
        in_base = None if value is None else units.base(value, unit)
        if in_base is not None:
            exact[draw] = in_base[0]
    return exact


def _drawn(
    impact: Impact, told: Mapping[int, records.Amount], carrying: Ints, output: int
) -> list[Amount]:
    graph = impact.graph
    classes = graph.items.item_class[np.searchsorted(graph.items.id, graph.productions.item)]
    makers = graph.productions.activity[classes == output]
    rows = carrying[np.isin(graph.draws.activity[carrying], makers)]
    sums: dict[str, Decimal] = {}
    for draw in graph.draws.id[rows].tolist():
        value, unit = told.get(draw, (None, None))
        if value is not None:
            name = unit or units.COUNT
            sums[name] = sums.get(name, Decimal()) + value
    return [Amount(value, unit) for unit, value in sorted(sums.items())]
