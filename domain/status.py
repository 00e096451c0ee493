"""What an item's condition is and what holds it, by what events told (domain model 5.6).

Table-driven over the words of the Core Business Vocabulary. Pure; the record brings the tellings,
custody and consumption.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from lotkin.domain.custody import CustodyState
from lotkin.domain.facts import SHIP_STEPS, VOID_STEP


class ItemStatus(StrEnum):
    """May it be used? The states of domain model 5.6."""

    RECEIVED = "RECEIVED"
    CREATED = "CREATED"
    QUARANTINE = "QUARANTINE"
    UNDER_INSPECTION = "UNDER_INSPECTION"
    RELEASED = "RELEASED"
    REJECTED = "REJECTED"
    ON_HOLD = "ON_HOLD"
    REWORK = "REWORK"
    SHIPPED = "SHIPPED"
    RETURNED = "RETURNED"
    RECALLED = "RECALLED"
    CORRECTED = "CORRECTED"
    DESTROYED = "DESTROYED"
    CONSUMED = "CONSUMED"
    SCRAPPED = "SCRAPPED"
    EXPIRED = "EXPIRED"


class Telling(NamedTuple):
    """What one event told of an item's condition; `at` in microseconds."""

    at: int
    event_id: str
    action: str | None
    biz_step: str | None
    disposition: str | None
    persistent_set: Sequence[str] = ()
    persistent_unset: Sequence[str] = ()


class Hold(NamedTuple):
    """Why an item may not be used: `holding`, or the disposition that was set to last.

    Exactly one of event_id, record is set: an event told it, or the record (row id) has it.
    """

    reason: str
    since: int
    event_id: str | None
    record: int | None = None


class Moved(NamedTuple):
    """The last movement of an item: what it left it in, when, and whether it was a return."""

    state: CustodyState
    at: int
    is_return: bool


_BY_DISPOSITION = {
    "conformant": ItemStatus.RELEASED,
    "available": ItemStatus.RELEASED,
    "sellable_accessible": ItemStatus.RELEASED,
    "sellable_not_accessible": ItemStatus.RELEASED,
    "non_conformant": ItemStatus.REJECTED,
    "damaged": ItemStatus.REJECTED,
    "needs_replacement": ItemStatus.REWORK,
    "unavailable": ItemStatus.QUARANTINE,
    "non_sellable_other": ItemStatus.QUARANTINE,
    "in_transit": ItemStatus.SHIPPED,
    "retail_sold": ItemStatus.SHIPPED,
    "dispensed": ItemStatus.SHIPPED,
    "returned": ItemStatus.RETURNED,
    "recalled": ItemStatus.RECALLED,
    "destroyed": ItemStatus.DESTROYED,
    "disposed": ItemStatus.SCRAPPED,
    "expired": ItemStatus.EXPIRED,
}
_BY_STEP = {
    "commissioning": ItemStatus.CREATED,
    "creating_class_instance": ItemStatus.CREATED,
    "receiving": ItemStatus.RECEIVED,
    "accepting": ItemStatus.RECEIVED,
    "inspecting": ItemStatus.UNDER_INSPECTION,
    "repairing": ItemStatus.REWORK,
    "destroying": ItemStatus.DESTROYED,
    "decommissioning": ItemStatus.SCRAPPED,
}
# Past these nothing told later changes what became of it.
_TERMINAL = frozenset({ItemStatus.DESTROYED, ItemStatus.SCRAPPED, ItemStatus.EXPIRED})
# A disposition set to last holds an item until it is unset.
_HOLDING = frozenset({"non_conformant", "unavailable", "recalled", "damaged", "expired"})
HOLDING_STEP = "holding"


def holds(told: Iterable[Telling]) -> list[Hold]:
    """Return the holds still open after `told` (oldest first), oldest first.

    A hold by step ends with the next event that tells the item released; one by persistent
    disposition only when that is unset.
    """
    open_holds: dict[str, Hold] = {}
    for telling in told:
        for reason in telling.persistent_unset:
            open_holds.pop(reason, None)
        for reason in telling.persistent_set:
            if reason in _HOLDING:
                open_holds.setdefault(reason, Hold(reason, telling.at, telling.event_id))
        if telling.biz_step == HOLDING_STEP:
            hold = Hold(HOLDING_STEP, telling.at, telling.event_id)
            open_holds.setdefault(HOLDING_STEP, hold)
        elif _BY_DISPOSITION.get(telling.disposition or "") is ItemStatus.RELEASED:
            open_holds.pop(HOLDING_STEP, None)
    return list(open_holds.values())


def status(
    told: Sequence[Telling], moved: Moved | None, *, is_consumed: bool, is_scrapped: bool
) -> ItemStatus:
    """Return the status after `told` (oldest first).

    moved: the last movement that counts, its own or a container's; None = never moved.
    What is out of our hands is SHIPPED whatever its new holder tells, except what forbids use.
    """
    last = _last_told(told, moved)
    if last in _TERMINAL:
        return last
    if is_consumed:
        return ItemStatus.SCRAPPED if is_scrapped else ItemStatus.CONSUMED
    reasons = {hold.reason for hold in holds(told)}
    if "recalled" in reasons:
        return ItemStatus.RECALLED
    if "expired" in reasons:
        return ItemStatus.EXPIRED
    if last is ItemStatus.RECALLED:
        return last
    if reasons:
        return ItemStatus.ON_HOLD
    if moved is not None and moved.state is not CustodyState.HELD:
        return ItemStatus.SHIPPED
    return last


def _last_told(told: Sequence[Telling], moved: Moved | None) -> ItemStatus:
    """The last status told; a return counts as told when it came in."""
    last = ItemStatus.CREATED
    returned_at = moved.at if moved is not None and moved.is_return else None
    for telling in told:
        if returned_at is not None and telling.at >= returned_at:
            last, returned_at = ItemStatus.RETURNED, None
        here = _told(telling)
        if here is not None and last not in _TERMINAL:
            # The receipt that returns an item does not make it newly received.
            is_return = last is ItemStatus.RETURNED and here is ItemStatus.RECEIVED
            last = last if is_return else here
    return last if returned_at is None else ItemStatus.RETURNED


def _told(telling: Telling) -> ItemStatus | None:
    if telling.biz_step == VOID_STEP or telling.biz_step in SHIP_STEPS:
        return None  # custody knows whether that shipment still counts
    by_step = _BY_STEP.get(telling.biz_step or "")
    if by_step in _TERMINAL:
        return by_step
    if "recalled" in telling.persistent_unset:
        return ItemStatus.CORRECTED
    return _BY_DISPOSITION.get(telling.disposition or "", by_step)
