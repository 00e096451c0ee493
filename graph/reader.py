"""What a graph engine offers: reachable rows as columns, never an answer (decision 3)."""

from collections.abc import Sequence
from typing import Protocol

from lotkin.domain.genealogy import Bounds, Custody, Direction, Engine, Known, Subgraph


class Reader(Protocol):
    """One engine's view of the genealogy."""

    engine: Engine

    async def position(self) -> int:
        """Return the journal position this engine's answers stand at.

        Raises: Refusal GRAPH_UNAVAILABLE when the engine does not answer.
        """
        ...

    async def lineage(
        self, starts: Sequence[int], direction: Direction, *, known: Known, bounds: Bounds
    ) -> Subgraph:
        """Return every lineage row reachable from `starts`, starts included, as columns.

        Times are not filtered: what a stated time proves is decided in `domain.exposure`.
        Raises: Refusal WALK_TOO_LARGE above `bounds.visited_max` items, WALK_TIMEOUT,
        GRAPH_UNAVAILABLE; never a cut answer.
        """
        ...

    async def custody(self, items: Sequence[int], *, known: Known, bounds: Bounds) -> Custody:
        """Return the aggregation stays of `items` and of their containers, transitively upward,
        and the movements of all of them.

        Raises: as `lineage`.
        """
        ...
