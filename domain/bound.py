"""At most how many units a suspect quantity can be in: a figure beside the list, never a filter.

Quantities are exact: decimals in one unit per item class, as the caller's records hold them.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor

from lotkin.domain.genealogy import UNKNOWN, ItemKind, Subgraph


def at_most(
    graph: Subgraph,
    suspects: Collection[int],
    drawn: Mapping[int, Decimal],
    *,
    carrying: Collection[int] | None = None,
) -> dict[int, int]:
    """Return by output item class at most how many units hold material of `suspects`.

    drawn: draw id -> quantity, of all draws of the activities that drew a suspect, in one unit per
    input class. carrying: ids of the draws that count as suspect; absent, every draw of a suspect.
    An activity's usage per unit is what it drew of the class over the pieces it made; the bound is
    the floor of suspect quantity over usage. An activity's bounds by several suspect classes add
    up, at most to the pieces it made. A class is left out where a quantity or a count is unknown.
    """
    makers: dict[int, dict[int, int | None]] = _made(graph)
    supply: dict[int, dict[int, Fraction | None]] = defaultdict(dict)
    suspect: dict[int, dict[int, Fraction]] = defaultdict(dict)
    kinds = dict(zip(graph.items.id.tolist(), graph.items.item_class.tolist(), strict=True))
    draws = graph.draws
    for draw, item, activity in zip(
        draws.id.tolist(), draws.item.tolist(), draws.activity.tolist(), strict=True
    ):
        key = kinds[item] if kinds[item] != UNKNOWN else -2 - item
        told = drawn.get(draw)
        before = supply[activity].get(key, Fraction(0))
        supply[activity][key] = None if told is None or before is None else before + Fraction(told)
        if item in suspects and (carrying is None or draw in carrying):
            so_far = suspect[activity].get(key, Fraction(0))
            suspect[activity][key] = so_far + Fraction(told or 0)
    bounds: dict[int, int | None] = {}
    for activity, shares in suspect.items():
        for output, pieces in makers.get(activity, {}).items():
            units = _units(shares, supply[activity], makers[activity], pieces)
            before_units = bounds.get(output, 0)
            known = units is not None and before_units is not None
            bounds[output] = (before_units or 0) + (units or 0) if known else None
    return {output: units for output, units in bounds.items() if units is not None}


def _made(graph: Subgraph) -> dict[int, dict[int, int | None]]:
    """Return pieces by activity and output class; None where a count is not known."""
    kinds = dict(zip(graph.items.id.tolist(), graph.items.kind.tolist(), strict=True))
    classes = dict(zip(graph.items.id.tolist(), graph.items.item_class.tolist(), strict=True))
    made: dict[int, dict[int, int | None]] = defaultdict(dict)
    rows = graph.productions
    for item, activity, told in zip(
        rows.item.tolist(), rows.activity.tolist(), rows.pieces.tolist(), strict=True
    ):
        pieces = 1 if kinds[item] == int(ItemKind.SERIAL) else told
        so_far = made[activity].get(classes[item], 0)
        known = pieces != UNKNOWN and so_far is not None
        made[activity][classes[item]] = (so_far or 0) + pieces if known else None
    return made


def _units(
    shares: Mapping[int, Fraction],
    supply: Mapping[int, Fraction | None],
    made: Mapping[int, int | None],
    pieces: int | None,
) -> int | None:
    """Return how many of `pieces` units the suspect shares of each class suffice for."""
    counts = list(made.values())
    if pieces is None or any(count is None for count in counts):
        return None
    every = sum(count for count in counts if count is not None)
    units = 0
    for key, share in shares.items():
        total = supply[key]
        if not total or not every:
            return None
        units += floor(share / (total / every))
    return min(units, pieces)
