"""Lot disposition: states, what blocks a release, which signature comes next. Pure."""

from collections.abc import Collection, Iterable
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from lotkin.domain.signature import Action, Meaning
from lotkin.domain.status import ItemStatus
from lotkin.errors import Language

SIGNATURES_NEEDED = 2  # one reviews, another releases


class LotState(StrEnum):
    """States of a lot's disposition; READY is PENDING with nothing in its way."""

    PENDING = "PENDING"
    READY = "READY"
    REVIEWED = "REVIEWED"
    RELEASED = "RELEASED"
    REJECTED = "REJECTED"
    REVOKED = "REVOKED"


class HoldKind(StrEnum):
    """What a hold stands for."""

    HOLD = "HOLD"
    OPEN_RECORD = "OPEN_RECORD"


# (action, state) -> (meaning of the signature, state after it)
TRANSITIONS: dict[tuple[Action, LotState], tuple[Meaning, LotState]] = {
    (Action.RELEASE_LOT, LotState.PENDING): (Meaning.REVIEWED, LotState.REVIEWED),
    (Action.RELEASE_LOT, LotState.REVOKED): (Meaning.REVIEWED, LotState.REVIEWED),
    (Action.RELEASE_LOT, LotState.REVIEWED): (Meaning.RELEASED, LotState.RELEASED),
    (Action.REJECT_LOT, LotState.PENDING): (Meaning.REJECTED, LotState.REJECTED),
    (Action.REJECT_LOT, LotState.REVIEWED): (Meaning.REJECTED, LotState.REJECTED),
    (Action.REJECT_LOT, LotState.REVOKED): (Meaning.REJECTED, LotState.REJECTED),
    (Action.REVOKE_RELEASE, LotState.RELEASED): (Meaning.REJECTED, LotState.REVOKED),
}
# How many of the last versions carry the signatures that count now.
_SIGNED_VERSIONS = {LotState.REVIEWED: 1, LotState.RELEASED: 2}


class Held(NamedTuple):
    """An open hold on the lot or upstream; `hold` is None where an event told it."""

    item: int
    kind: HoldKind
    reason: str
    hold: int | None = None


class Inspected(NamedTuple):
    """Inspections accepted since one failed, how many are needed, whether the last failed."""

    accepted: int
    required: int
    has_failed: bool


class Blocker(NamedTuple):
    """What is in the way of a release; item, hold: rows it is about."""

    code: str
    facts: dict[str, Any]
    item: int | None = None
    hold: int | None = None

    def message(self, language: Language = "en") -> str:
        """Return the text for people."""
        return _TEXTS[self.code][0 if language == "en" else 1].format_map(self.facts)


def blockers(
    lot: int,
    state: LotState,
    *,
    held: Iterable[Held],
    rejected: Collection[int],
    inspected: Inspected,
    expires: date | None,
    today: date,
) -> list[Blocker]:
    """Return all that is in the way of releasing `lot`, worst first; none when it is ready.

    held, rejected: of the lot and everything upstream of it.
    """
    found: list[Blocker] = []
    if state in {LotState.REJECTED, LotState.RELEASED}:
        found.append(Blocker("DECIDED", {"state": state.value}, lot))
    found += [_held(lot, each) for each in held]
    found += [Blocker("UPSTREAM_REJECTED", {}, item) for item in sorted(rejected) if item != lot]
    if inspected.has_failed:
        found.append(Blocker("INSPECTION_FAILED", {}, lot))
    if inspected.accepted < inspected.required:
        facts = {"accepted": inspected.accepted, "required": inspected.required}
        found.append(Blocker("INSPECTION_MISSING", facts, lot))
    if expires is not None and expires < today:
        found.append(Blocker("EXPIRED", {"date": expires.isoformat()}, lot))
    return found


def _held(lot: int, held: Held) -> Blocker:
    code = held.kind.value if held.item == lot else f"UPSTREAM_{held.kind.value}"
    return Blocker(code, {"reason": held.reason}, held.item, held.hold)


def signed_versions(state: LotState, version: int) -> range:
    """Return the versions whose release signatures count at `version`."""
    return range(version - _SIGNED_VERSIONS.get(state, 0), version)


_TEXTS = {
    "DECIDED": ("The lot is {state} already.", "该批次已处于 {state} 状态。"),
    "HOLD": ("The lot is held: {reason}.", "该批次被暂停:{reason}。"),
    "UPSTREAM_HOLD": (
        "Something it was made of is held: {reason}.",
        "其所用物料被暂停:{reason}。",
    ),
    "OPEN_RECORD": ("A quality record is open: {reason}.", "存在未关闭的质量记录:{reason}。"),
    "UPSTREAM_OPEN_RECORD": (
        "A quality record of something it was made of is open: {reason}.",
        "其所用物料存在未关闭的质量记录:{reason}。",
    ),
    "UPSTREAM_REJECTED": (
        "Something it was made of is rejected, or its release was revoked.",
        "其所用物料已被拒收或其放行已被撤销。",
    ),
    "INSPECTION_FAILED": (
        "The last inspection found it not to conform.",
        "最近一次检验结果为不合格。",
    ),
    "INSPECTION_MISSING": (
        "{accepted} of {required} inspections are accepted.",
        "应有 {required} 次合格检验,现有 {accepted} 次。",
    ),
    "EXPIRED": ("It expired on {date}.", "已于 {date} 过期。"),
}


class Quality(NamedTuple):
    """What the quality record says of an item, its lot's included: disposition and open holds."""

    state: LotState | None
    is_held: bool


_STATUS = {
    LotState.RELEASED: ItemStatus.RELEASED,
    LotState.REJECTED: ItemStatus.REJECTED,
    LotState.REVOKED: ItemStatus.QUARANTINE,
    LotState.REVIEWED: ItemStatus.UNDER_INSPECTION,
}
# What became of an item outweighs what was once decided of its use.
_PAST_USE = frozenset(
    {
        ItemStatus.CONSUMED,
        ItemStatus.SCRAPPED,
        ItemStatus.DESTROYED,
        ItemStatus.EXPIRED,
        ItemStatus.RECALLED,
    }
)
_KEPT = _PAST_USE | {
    ItemStatus.SHIPPED,
    ItemStatus.RETURNED,
    ItemStatus.ON_HOLD,
    ItemStatus.REWORK,
    ItemStatus.CORRECTED,
}


def status_by_quality(told: ItemStatus, quality: Quality) -> ItemStatus:
    """Return the status of an item, told by events, once the quality record is looked at too."""
    if quality.is_held and told not in _PAST_USE:
        return ItemStatus.ON_HOLD
    decided = None if quality.state is None else _STATUS.get(quality.state)
    if decided is None or told in _KEPT:
        return told
    return decided
