"""What both engines do with columns: one order, one bound, one list of what was named."""

from typing import NamedTuple, TypeVar

import numpy as np

from lotkin.domain.genealogy import Bounds, Flows, Ints
from lotkin.errors import Refusal, RefusalCode

Columns = TypeVar("Columns", bound=NamedTuple)


class Reached(NamedTuple):
    """The nodes a walk visited, each once."""

    items: Ints
    activities: Ints


def nodes_max(bounds: Bounds) -> int:
    """Return how many nodes a walk may fetch before it stops: one more than could be allowed."""
    # Activities are bounded like items: each of a million samples of one lot costs as much.
    return 2 * bounds.visited_max + 1


def check_size(items: int, activities: int, bounds: Bounds) -> None:
    """Pass if so many visited nodes are within bounds.

    Raises: Refusal WALK_TOO_LARGE.
    """
    if max(items, activities) > bounds.visited_max:
        raise Refusal(RefusalCode.WALK_TOO_LARGE, limit=bounds.visited_max, what="items")


def named(reached: Reached, draws: Flows, productions: Flows) -> Reached:
    """Return the reached nodes and those that rows name beside them, ascending."""
    return Reached(
        np.union1d(reached.items, draws.item), np.union1d(reached.activities, productions.activity)
    )


def ordered(columns: Columns) -> Columns:
    """Return the rows by ascending first column, then second: the same order from every engine."""
    first, second = columns[0], columns[1]
    if np.all(first[1:] > first[:-1]):
        return columns
    order = np.lexsort((second, first))
    return type(columns)(*(column[order] for column in columns))


def distinct(columns: Columns) -> Columns:
    """Return one row for each value of the first column, ascending."""
    _, first_rows = np.unique(columns[0], return_index=True)
    return type(columns)(*(column[first_rows] for column in columns))
