"""Recall impact: what suspects reach, how surely, where it is now, and what is not recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Flag, auto
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain import balance as balances
from lotkin.domain import custody as custody_rules
from lotkin.domain import lineage
from lotkin.domain import standing as standings
from lotkin.domain.custody import ConsignmentColumns
from lotkin.domain.exposure import Exposure, ExposureClass, expose
from lotkin.domain.genealogy import (
    NEVER,
    OPEN,
    Custody,
    Direction,
    Ints,
    Known,
    Subgraph,
)
from lotkin.domain.lineage import Policy
from lotkin.domain.standing import Standing
from lotkin.domain.taint import Suspect
from lotkin.errors import RefusalCode
from lotkin.records import amounts as amount_records
from lotkin.records import trace as records
from lotkin.records.session import Connection
from lotkin.records.trace import GapRow
from lotkin.resolvers import asof, engines, loaders, partner, starts
from lotkin.resolvers.asof import Asked, Stand
from lotkin.resolvers.computing import computed
from lotkin.resolvers.context import Context
from lotkin.resolvers.engines import View
from lotkin.resolvers.lookup import Lookup, wanted_of
from lotkin.resolvers.starts import Start
from lotkin.resolvers.trace import kinds_of
from lotkin.resolvers.usecase import usecase


class Part(Flag):
    """Parts of an impact that cost reads of their own."""

    NONE = 0
    CUSTODY = auto()  # who holds what, who was sent what, what is used up
    GAPS = auto()


@dataclass(frozen=True, slots=True)
class SuspectAsked:
    """A suspect as asked: its outgoing facts in [since, until) count; microseconds."""

    lookup: Lookup
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True)
class Impact:
    """One answered impact; what is derived from it is computed once, when it is asked for."""

    stand: Stand
    policy: Policy
    elapsed_ms: float
    found: "_Found" = field(repr=False)
    beyond: int = 0  # edges out of a partner's scope

    @property
    def graph(self) -> Subgraph:
        """The genealogy as it stood."""
        return self.found.graph

    @property
    def exposure(self) -> Exposure:
        """Class, rule and taint of every item in reach."""
        return self.found.exposure

    @property
    def suspects(self) -> Sequence[Start]:
        """The suspects, containers replaced by their contents."""
        return self.found.suspects

    @property
    def gaps(self) -> Sequence[GapRow]:
        """What the record does not tell; only where Part.GAPS was asked for."""
        assert self.found.gaps is not None, "gaps were not asked for"
        return self.found.gaps

    @cached_property
    def kinds(self) -> Ints:
        """Kind of each item of the exposure."""
        return kinds_of(self.graph, self.exposure.items)

    @cached_property
    def is_listed(self) -> NDArray[np.bool_]:
        """Which items of the exposure are not EXCLUDED."""
        listed: NDArray[np.bool_] = self.exposure.classes != int(ExposureClass.EXCLUDED)
        return listed

    @cached_property
    def standing(self) -> Standing:
        """Where each item of the exposure stands; only where Part.CUSTODY was asked for."""
        return standings.standing(
            self.graph,
            self.custody,
            self.exposure.items,
            self.stand.event_time,
            own=self.found.own,
            spent=self.found.spent,
        )

    @cached_property
    def custody(self) -> Custody:
        """Stays and movements of the items, told of new labels counted for the old ones."""
        assert self.found.custody is not None, "custody was not asked for"
        return custody_rules.followed(self.found.custody, standings.succession(self.graph))

    @cached_property
    def consignments(self) -> ConsignmentColumns:
        """Who was sent which exposed item once it was exposed (domain 5.5, Reach)."""
        items = self.exposure.items[self.is_listed]
        since = self.exposure.otherwise_at[self.is_listed]
        if self.policy is Policy.UNTIMED:
            since = np.full_like(since, NEVER)
        windows = zip(*(column.tolist() for column in self.exposure.windows), strict=True)
        at, own = self.stand.event_time, self.found.own
        return custody_rules.consignments(self.custody, items, since, at, own, windows)

    @cached_property
    def containers(self) -> Ints:
        """Containers that hold an exposed item at the asked instant."""
        here = self.is_listed & ~self.standing.is_consumed
        return standings.all_containers(
            self.custody, self.standing.subject[here], self.stand.event_time
        )

    @property
    def own_holder(self) -> int | None:
        """The party that holds what never moved: ourselves."""
        return min(self.found.own, default=None)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one engine's rows say, before anybody asks for details."""

    suspects: Sequence[Start]
    graph: Subgraph
    exposure: Exposure
    custody: Custody | None
    own: frozenset[int]
    spent: frozenset[int]
    gaps: Sequence[GapRow] | None


@usecase(Permission.RECALL_RUN)
async def recall_impact(
    context: Context,
    suspects: Sequence[SuspectAsked],
    policy: Policy = Policy.TIMED,
    asked: Asked | None = None,
    parts: Part = Part.CUSTODY | Part.GAPS,
) -> Impact:
    """Return everything that the suspects reach, classified, as of an instant and a knowledge.

    parts: what shall be answerable from the impact; the rest is not read.
    Raises: Refusal NOT_FOUND, AMBIGUOUS_SUSPECT, BAD_INPUT, and what `engines.answer` raises.
    """
    started = clock.elapsed()
    asked = asof.pinned(asked or Asked())
    question = _Question(context, suspects, policy, asof.instant(asked), parts)
    found, stand = await engines.answer(context, asked, question.read)
    beyond = await partner.beyond(context, found.exposure.items.tolist(), stand.event_time)
    elapsed_ms = (clock.elapsed() - started) * 1000
    return Impact(stand, policy, elapsed_ms, found, len(beyond))


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, without by whom it is answered."""

    context: Context
    suspects: Sequence[SuspectAsked]
    policy: Policy
    at: int
    parts: Part

    async def read(self, view: View) -> _Found:
        async with self.context.database.reading() as connection:
            begin = await self._starts(connection, view.known)
            alternates = await records.alternates(connection)
        ids = list(dict.fromkeys(start.item for start in begin))
        walked = await view.reader.lineage(
            ids, Direction.FORWARD, known=view.known, bounds=view.bounds
        )
        graph = lineage.as_of(walked, self.at)
        named = [Suspect(*start) for start in begin]
        exposure = await computed(
            graph, lambda: expose(graph, named, self.policy, alternates=alternates)
        )
        custody, own, spent = None, frozenset[int](), frozenset[int]()
        if Part.CUSTODY in self.parts:
            items = exposure.items.tolist()
            custody = await view.reader.custody(items, known=view.known, bounds=view.bounds)
            own = await loaders.own_parties(self.context, None)
            lots = standings.drawn_lots(graph, exposure.items)
            spent = await self._spent(lots, view.known)
        gaps = await self._gaps(graph, exposure, view.known) if Part.GAPS in self.parts else None
        return _Found(begin, graph, exposure, custody, own, spent, gaps)

    async def _starts(self, connection: Connection, known: Known) -> list[Start]:
        wanted = [wanted_of(self.context, suspect.lookup) for suspect in self.suspects]
        ids = await starts.resolve(connection, wanted, ambiguous=RefusalCode.AMBIGUOUS_SUSPECT)
        begin = [
            Start(
                item,
                NEVER if suspect.since is None else suspect.since,
                OPEN if suspect.until is None else suspect.until,
            )
            for item, suspect in zip(ids, self.suspects, strict=True)
        ]
        return await starts.unpacked(connection, begin, known=known, until=self.at)

    async def _spent(self, lots: Ints, known: Known) -> frozenset[int]:
        """Return those of the drawn lots of which nothing is left."""
        if not len(lots):
            return frozenset()
        async with self.context.database.reading() as connection:
            told = await amount_records.of_lots(connection, lots.tolist(), self.at, known=known)
        return frozenset(lot for lot, amounts in told.items() if _is_spent(amounts))

    async def _gaps(self, graph: Subgraph, exposure: Exposure, known: Known) -> list[GapRow]:
        listed = exposure.items[exposure.classes != int(ExposureClass.EXCLUDED)]
        touched = np.union1d(
            graph.draws.activity[np.isin(graph.draws.item, listed)],
            graph.productions.activity[np.isin(graph.productions.item, listed)],
        )
        async with self.context.database.reading() as connection:
            told = await records.gaps(connection, listed, touched, known=known, until=self.at)
            return told + await self._fallen(connection, graph, listed, known)

    async def _fallen(
        self, connection: Connection, graph: Subgraph, listed: Ints, known: Known
    ) -> list[GapRow]:
        """Return lots of which a count found less than draws and shipments explain."""
        lots = listed[kinds_of(graph, listed) == 0].tolist()
        told = {}
        if lots:
            told = await amount_records.of_lots(connection, lots, self.at, known=known)
        counted = [lot for lot in lots if told[lot].counted is not None]
        if not counted:
            return []
        shipped = await records.shipped_amounts(connection, counted, known=known, until=self.at)
        return [
            GapRow("QUANTITY_FELL", lot, None, None)
            for lot in counted
            if _is_short(told[lot], [balances.Amount(*each) for of, each in shipped if of == lot])
        ]


def _is_spent(told: balances.LotAmounts) -> bool:
    left = balances.mass_balance(told, Decimal()).on_hand
    return left is not None and left.value is not None and left.value <= 0


def _is_short(told: balances.LotAmounts, shipped: Sequence[balances.Amount]) -> bool:
    missing = balances.mass_balance(told, Decimal()).discrepancy
    if missing is not None and shipped:
        missing = balances.minus(missing, balances.total(shipped))
    return missing is not None and missing.value is not None and missing.value > 0


def class_counts(impact: Impact) -> Mapping[ExposureClass, int]:
    """Return how many items each class has, EXCLUDED too."""
    counts = np.bincount(impact.exposure.classes, minlength=len(ExposureClass))
    return {each: int(counts[int(each)]) for each in ExposureClass}
