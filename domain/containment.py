"""Derives stays (who was in what, from when to when) from what was told of containment.

Pure and order-free: the same statements give the same stays in whatever order they came. One
open parent per serial and container; a lot may lie in several parents, each with a quantity that
closes at zero (rulings 14, 16). At one instant DELETE counts before ADD (ruling 4).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from lotkin.domain.facts import PackingOp
from lotkin.domain.genealogy import OPEN, ItemKind, TimeQuality


@dataclass(frozen=True, slots=True)
class Told:
    """One statement about `child` (for DELETE_ALL: about all of `parent`), by row ids."""

    id: int
    event: int
    parent: int
    is_installation: bool
    op: PackingOp
    at: int
    quality: int
    uncertainty: int
    qty: Decimal | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """A half-open stay [since, until) of the child in `parent`."""

    parent: int
    is_installation: bool
    since: int
    since_quality: int
    since_uncertainty: int
    until: int = OPEN
    until_quality: int = int(TimeQuality.MEASURED)
    until_uncertainty: int = 0
    qty: Decimal | None = None
    unit: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the child is still inside."""
        return self.until == OPEN


@dataclass(frozen=True, slots=True)
class Conflict:
    """The child was put into `parent` while still in `older`; the older stay was closed."""

    event: int
    older: int
    parent: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A statement that the stays before it contradict; `reason` is shown to people."""

    event: int
    parent: int
    reason: str


@dataclass(frozen=True, slots=True)
class Containment:
    """All stays of one child, and what was odd about the statements."""

    stays: tuple[Stay, ...]
    conflicts: tuple[Conflict, ...]
    mismatches: tuple[Mismatch, ...]


def containment(kind: ItemKind, told: Iterable[Told]) -> Containment:
    """Return the stays of one child from all current statements about it.

    told: every ADD, DELETE and OBSERVE of the child and every DELETE_ALL of its parents.
    """
    ordered = sorted(told, key=_order)
    state: _Lot | _Single = _Lot() if kind is ItemKind.LOT else _Single()
    for each in ordered:
        state.apply(each)
    return state.result()


def _order(told: Told) -> tuple[int, int, int, int]:
    rank = {PackingOp.DELETE: 0, PackingOp.DELETE_ALL: 0, PackingOp.ADD: 1, PackingOp.OBSERVE: 2}
    return told.at, rank[told.op], told.event, told.id


def _closed(stay: Stay, told: Told) -> Stay:
    return replace(
        stay, until=told.at, until_quality=told.quality, until_uncertainty=told.uncertainty
    )


def _opened(told: Told, qty: Decimal | None = None) -> Stay:
    return Stay(
        told.parent,
        told.is_installation,
        told.at,
        told.quality,
        told.uncertainty,
        qty=qty,
        unit=told.unit,
    )


class _Single:
    """A serial or container: one open aggregation parent and one open device at a time."""

    def __init__(self) -> None:
        self.stays: list[Stay] = []
        self.open: dict[bool, Stay] = {}
        self.conflicts: list[Conflict] = []
        self.mismatches: list[Mismatch] = []

    def apply(self, told: Told) -> None:
        current = self.open.get(told.is_installation)
        if told.op is PackingOp.ADD:
            self._add(told, current)
        elif told.op is PackingOp.OBSERVE:
            if current is None or current.parent != told.parent:
                self.mismatches.append(Mismatch(told.event, told.parent, "seen in it, not packed"))
        elif current is not None and current.parent == told.parent:
            self.stays.append(_closed(current, told))
            del self.open[told.is_installation]
        elif told.op is PackingOp.DELETE:
            self.mismatches.append(Mismatch(told.event, told.parent, "taken out, was not in it"))

    def _add(self, told: Told, current: Stay | None) -> None:
        if current is not None and current.parent == told.parent:
            return  # told twice
        if current is not None:
            self.stays.append(_closed(current, told))
            self.conflicts.append(Conflict(told.event, current.parent, told.parent))
        self.open[told.is_installation] = _opened(told)

    def result(self) -> Containment:
        stays = (*self.stays, *self.open.values())
        return Containment(stays, tuple(self.conflicts), tuple(self.mismatches))


class _Lot:
    """A lot: any number of parents, a quantity in each; an unknown quantity stays until all go."""

    def __init__(self) -> None:
        self.stays: list[Stay] = []
        self.open: dict[tuple[int, bool], Stay] = {}
        self.mismatches: list[Mismatch] = []

    def apply(self, told: Told) -> None:
        key = told.parent, told.is_installation
        current = self.open.get(key)
        if told.op is PackingOp.ADD:
            self.open[key] = self._added(told, current)
        elif told.op is PackingOp.OBSERVE:
            if current is None or (told.qty is not None and told.qty != current.qty):
                self.mismatches.append(Mismatch(told.event, told.parent, "other quantity seen"))
        elif current is not None:
            self._take(told, key, current)
        elif told.op is PackingOp.DELETE:
            self.mismatches.append(Mismatch(told.event, told.parent, "taken out, was not in it"))

    def _added(self, told: Told, current: Stay | None) -> Stay:
        if current is None:
            return _opened(told, told.qty)
        if current.qty is None or told.qty is None or current.unit != told.unit:
            return replace(current, qty=None)
        return replace(current, qty=current.qty + told.qty)

    def _take(self, told: Told, key: tuple[int, bool], current: Stay) -> None:
        left = None
        if told.qty is not None and current.qty is not None and told.unit == current.unit:
            left = current.qty - told.qty
            if left < 0:
                self.mismatches.append(
                    Mismatch(told.event, told.parent, "more taken out than was in it")
                )
        is_all = told.op is PackingOp.DELETE_ALL or told.qty is None
        if is_all or (left is not None and left <= 0):
            self.stays.append(_closed(current, told))
            del self.open[key]
        elif left is not None:
            self.open[key] = replace(current, qty=left)

    def result(self) -> Containment:
        return Containment((*self.stays, *self.open.values()), (), tuple(self.mismatches))


class Cycle(NamedTuple):
    """The ADD, by its place in the statements, by which something would contain itself."""

    place: int
    child: str
    parent: str


def cycle(statements: Sequence[tuple[int, PackingOp, str, str | None]]) -> Cycle | None:
    """Return the first ADD by which something would contain itself, else None.

    statements: (at, op, parent, child) of one document; contradictions between documents are
    recorded, not refused (ruling 15).
    """
    inside: dict[str, str] = {}
    rank = {PackingOp.DELETE: 0, PackingOp.DELETE_ALL: 0, PackingOp.ADD: 1, PackingOp.OBSERVE: 2}
    ordered = sorted(enumerate(statements), key=lambda row: (row[1][0], rank[row[1][1]]))
    for index, (_, op, parent, child) in ordered:
        if op is PackingOp.DELETE_ALL:
            inside = {each: held for each, held in inside.items() if held != parent}
        elif child is None:
            continue
        elif op is PackingOp.DELETE:
            inside.pop(child, None)
        elif op is PackingOp.ADD:
            if parent == child or child in _above(inside, parent):
                return Cycle(index, child, parent)
            inside[child] = parent
    return None


def _above(inside: dict[str, str], item: str) -> set[str]:
    found: set[str] = set()
    while item in inside and item not in found:
        found.add(item)
        item = inside[item]
    return found | {item}
