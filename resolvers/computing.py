"""Where the arithmetic of a walk runs: at once where it is short, beside the loop where not."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from lotkin.domain.genealogy import Subgraph

T = TypeVar("T")

ROWS_MAX = 50_000  # some 50 ms of arithmetic; longer ones would hold up every other request


async def computed(graph: Subgraph, work: Callable[[], T]) -> T:
    """Return what `work` makes of `graph`; a large graph is worked on in a thread."""
    rows = len(graph.items.id) + len(graph.draws.id) + len(graph.productions.id)
    return work() if rows <= ROWS_MAX else await asyncio.to_thread(work)
