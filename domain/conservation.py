"""Checks that an activity gives out what it took in, as far as its quantities can tell."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from lotkin.domain import units
from lotkin.domain.genealogy import ActivityKind

# Kinds that only divide or join: they keep number, length and volume as well as mass.
KEEPING = frozenset({ActivityKind.SPLIT, ActivityKind.MERGE, ActivityKind.REPACK})


class Amount(NamedTuple):
    """One flow of an activity; value None = not told, unit None = pieces."""

    is_draw: bool
    value: Decimal | None
    unit: str | None
    tolerance: Decimal  # of its item class, as a share of what was drawn


class Imbalance(NamedTuple):
    """What was drawn and produced, in base units, outside the tolerance."""

    drawn: Decimal
    produced: Decimal
    unit: str


def imbalance(kind: ActivityKind, amounts: Sequence[Amount]) -> Imbalance | None:
    """Return the violation of one activity, or None where nothing can be or is wrong.

    Mass is conserved by every activity; pieces, length, area and volume only by those that split,
    merge or repack. Any amount not told, or two dimensions, prove nothing.
    """
    totals = {True: Decimal(0), False: Decimal(0)}
    sides: set[bool] = set()
    base_unit: str | None = None
    for amount in amounts:
        base = None if amount.value is None else units.base(amount.value, amount.unit)
        if base is None or base_unit not in {None, base[1]}:
            return None
        base_unit = base[1]
        totals[amount.is_draw] += base[0]
        sides.add(amount.is_draw)
    if len(sides) < 2 or base_unit is None:
        return None
    if base_unit != units.MASS and kind not in KEEPING:
        return None
    allowed = max(amount.tolerance for amount in amounts) * totals[True]
    if abs(totals[True] - totals[False]) <= allowed:
        return None
    return Imbalance(totals[True], totals[False], base_unit)
