"""Pages of long item lists: a stable order, cut before anything is loaded."""

from typing import NamedTuple

import numpy as np

from lotkin.domain.genealogy import Ints
from lotkin.errors import Refusal, RefusalCode
from lotkin.records import trace as records
from lotkin.records.session import Connection
from lotkin.resolvers.context import Context


class Page(NamedTuple):
    """One page, as columns by rank and key; `place` points into the listed columns."""

    item: list[int]
    key: list[str]
    rank: list[int]
    place: Ints
    has_next: bool
    has_previous: bool


EMPTY = Page([], [], [], np.empty(0, dtype=np.int64), has_next=False, has_previous=False)


async def ranked_page(
    connection: Connection, ids: Ints, ranks: Ints, *, after: tuple[int, str] | None, first: int
) -> Page:
    """Return the first `first` of `ids` (ascending) behind `after`, by rank, then key."""
    if not len(ids) or first == 0:
        return EMPTY._replace(has_next=bool(len(ids)) and first == 0)
    wanted = np.ones(len(ids), dtype=bool) if after is None else ranks >= after[0]
    counts = np.bincount(ranks[wanted]) if wanted.any() else np.zeros(1, dtype=np.int64)
    if after is not None and after[0] < len(counts):
        counts[after[0]] = 0  # how much of it lies behind the cursor, only the keys tell
    enough = np.flatnonzero(np.cumsum(counts) > first)
    if len(enough):
        wanted &= ranks <= enough[0]
    item, key, rank = await records.ranked(
        connection, ids[wanted], ranks[wanted], after=after, limit=first + 1
    )
    has_next = len(item) > first
    item, key, rank = item[:first], key[:first], rank[:first]
    place = np.searchsorted(ids, np.asarray(item, dtype=np.int64))
    return Page(item, key, rank, place, has_next, has_previous=after is not None)


def size(context: Context, first: int | None) -> int:
    """Return how many entries a page of a trace or an impact has; 100 where none is asked.

    Raises: Refusal BAD_INPUT outside 0 to `trace_page_max`.
    """
    limit = context.settings.trace_page_max
    asked = context.settings.page_max if first is None else first
    if not 0 <= asked <= limit:
        raise Refusal(RefusalCode.BAD_INPUT, reason=f"first is between 0 and {limit}")
    return asked
