"""Traces: what items became, what they came from, by which edges, as of when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lotkin.auth.permissions import Permission
from lotkin.domain import lineage
from lotkin.domain.genealogy import Direction, Ints, ItemKind, Subgraph
from lotkin.domain.lineage import Edges, Policy, Reach
from lotkin.errors import RefusalCode
from lotkin.records import trace as records
from lotkin.records.partner import Stub
from lotkin.records.trace import Amount
from lotkin.resolvers import asof, engines, partner, starts
from lotkin.resolvers.asof import Asked, Stand
from lotkin.resolvers.computing import computed
from lotkin.resolvers.context import Context
from lotkin.resolvers.engines import View
from lotkin.resolvers.lookup import Lookup, wanted_of
from lotkin.resolvers.pages import Page, ranked_page
from lotkin.resolvers.starts import Start
from lotkin.resolvers.usecase import usecase


@dataclass(frozen=True, slots=True)
class Walk:
    """One answered trace: the graph as it stood, and what the starts reach in it."""

    stand: Stand
    direction: Direction
    policy: Policy
    graph: Subgraph
    starts: Sequence[int]
    reached: Reach
    beyond: Sequence[Stub] = ()  # where a partner's scope ends

    @property
    def visited(self) -> int:
        """How many items the walk visited, starts included."""
        return len(self.reached.items) + len(self.starts)

    def kinds(self) -> Ints:
        """Return the kind of each reached item."""
        return kinds_of(self.graph, self.reached.items)


@usecase(Permission.TRACE_READ)
async def trace(
    context: Context,
    lookups: Sequence[Lookup],
    direction: Direction,
    policy: Policy = Policy.UNTIMED,
    asked: Asked | None = None,
) -> Walk:
    """Return what the items became (FORWARD) or came from (BACKWARD).

    Raises: Refusal NOT_FOUND, AMBIGUOUS_ITEM, BAD_INPUT, and what `engines.answer` raises.
    """
    asked = asof.pinned(asked or Asked())
    instant = asof.instant(asked)
    wanted = [wanted_of(context, lookup) for lookup in lookups]

    async def read(view: View) -> tuple[list[int], Subgraph]:
        async with context.database.reading() as connection:
            ids = await starts.resolve(connection, wanted, ambiguous=RefusalCode.AMBIGUOUS_ITEM)
            named = [Start(item) for item in dict.fromkeys(ids)]
            opened = await starts.unpacked(connection, named, known=view.known, until=instant)
        begin = list(dict.fromkeys(start.item for start in opened))
        graph = await view.reader.lineage(begin, direction, known=view.known, bounds=view.bounds)
        return begin, graph

    (begin, graph), stand = await engines.answer(context, asked, read)
    graph = lineage.as_of(graph, instant)
    reached = await computed(graph, lambda: lineage.reach(graph, begin, direction, policy))
    beyond: Sequence[Stub] = ()
    if direction is Direction.FORWARD:
        beyond = await partner.beyond(context, [*begin, *reached.items.tolist()], instant)
    return Walk(stand, direction, policy, graph, begin, reached, beyond)


@usecase(Permission.TRACE_READ)
async def trace_page(
    context: Context,
    walk: Walk,
    kind: ItemKind | None,
    *,
    after: tuple[int, str] | None,
    first: int,
) -> Page:
    """Return a page of the reached items by depth, then key; `place` points into `walk.reached`.

    Raises: Refusal BAD_INPUT for a page above `trace_page_max`.
    """
    chosen = chosen_of(walk, kind)
    order = np.argsort(walk.reached.items[chosen], kind="stable")
    chosen = chosen[order]
    async with context.database.reading() as connection:
        page = await ranked_page(
            connection,
            walk.reached.items[chosen],
            walk.reached.depth[chosen],
            after=after,
            first=first,
        )
    return page._replace(place=chosen[page.place])


@usecase(Permission.TRACE_READ)
async def trace_edges(context: Context, walk: Walk) -> Edges:
    """Return the edges among starts and reached items, as the material flowed.

    Raises: Refusal WALK_TOO_LARGE above `trace_edges_max`.
    """
    return await computed(
        walk.graph,
        lambda: lineage.edges(
            walk.graph,
            walk.starts,
            walk.reached,
            walk.direction,
            walk.policy,
            rows_max=context.settings.trace_edges_max,
        ),
    )


@usecase(Permission.TRACE_READ)
async def drawn_amounts(context: Context, draws: Ints) -> Mapping[int, Amount]:
    """Return the amounts of draws by fact id, as told."""
    async with context.database.reading() as connection:
        return await records.draw_amounts(connection, np.unique(draws))


def chosen_of(walk: Walk, kind: ItemKind | None) -> Ints:
    """Return the places in `walk.reached` of items of a kind, or of all."""
    if kind is None:
        return np.arange(len(walk.reached.items))
    return np.flatnonzero(walk.kinds() == int(kind))


def kinds_of(graph: Subgraph, items: Ints) -> Ints:
    """Return the kind of each item, all of which the graph names."""
    kinds: Ints = graph.items.kind[np.searchsorted(graph.items.id, items)]
    return kinds
