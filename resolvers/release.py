"""Lot disposition: is it ready, review and release by two people, reject, revoke, hold, lift."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain import lineage
from lotkin.domain import release as rules
from lotkin.domain import status as told_rules
from lotkin.domain.genealogy import Direction, Known
from lotkin.domain.lineage import Policy
from lotkin.domain.nodeid import NodeType
from lotkin.domain.release import Blocker, Held, HoldKind, Inspected, LotState
from lotkin.domain.signature import Action, Meaning, Subject
from lotkin.errors import Refusal, RefusalCode
from lotkin.records import release as records
from lotkin.records import signatures as signature_records
from lotkin.records import timeline
from lotkin.records.release import HoldRow, LotFacts
from lotkin.records.session import Connection
from lotkin.records.signatures import SignatureRow
from lotkin.resolvers import engines
from lotkin.resolvers.context import Context
from lotkin.resolvers.lookup import Lookup, find_items
from lotkin.resolvers.proofs import Proof
from lotkin.resolvers.signed import SIGNABLE, Applied, Signable, Signed, SignOutcome, sign
from lotkin.resolvers.usecase import usecase


@dataclass(frozen=True, slots=True)
class Upstream:
    """Everything a lot was made of, itself included, as the genealogy told it a moment ago."""

    items: Sequence[int]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a lot can be signed next; signatures: those that count now."""

    lot: int
    state: LotState
    version: int
    blockers: tuple[Blocker, ...]
    signatures: tuple[SignatureRow, ...]

    @property
    def next_meaning(self) -> Meaning | None:
        """What the next signature of a release means; None where nothing is to be signed."""
        step = rules.TRANSITIONS.get((Action.RELEASE_LOT, _stored(self.state)))
        return None if step is None else step[0]


@usecase(Permission.RELEASE_READ)
async def release_readiness(context: Context, lot: Lookup) -> Readiness:
    """Return what is in the way of releasing a lot, now.

    Raises: Refusal NOT_FOUND, AMBIGUOUS_ITEM, BAD_INPUT for what is no lot, and what a walk raises.
    """
    ids = (await find_items(context, [lot]))[0]
    if not ids:
        raise Refusal(RefusalCode.NOT_FOUND, index=0)
    if len(ids) > 1:
        raise Refusal(RefusalCode.AMBIGUOUS_ITEM)
    upstream = await _upstream(context, ids[0])
    async with context.database.reading() as connection:
        found = await _look(context, connection, ids[0], upstream)
    if found is None:
        raise Refusal(RefusalCode.BAD_INPUT, reason="Only a lot is released")
    return found.readiness


@usecase(Permission.LOT_RELEASE, writes=True, subject=lambda challenge, _: ("challenge", challenge))
async def release_lot(context: Context, challenge: str, proof: Proof) -> SignOutcome:
    """Sign a lot as reviewed, or as released by another person."""
    return await sign(context, frozenset({Action.RELEASE_LOT}), challenge, proof)


@usecase(Permission.LOT_RELEASE, writes=True, subject=lambda challenge, _: ("challenge", challenge))
async def reject_lot(context: Context, challenge: str, proof: Proof) -> SignOutcome:
    """Reject a lot."""
    return await sign(context, frozenset({Action.REJECT_LOT}), challenge, proof)


@usecase(Permission.LOT_RELEASE, writes=True, subject=lambda challenge, _: ("challenge", challenge))
async def revoke_release(context: Context, challenge: str, proof: Proof) -> SignOutcome:
    """Take a release back."""
    return await sign(context, frozenset({Action.REVOKE_RELEASE}), challenge, proof)


# --- the lot as a subject ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    facts: LotFacts
    readiness: Readiness
    record: dict[str, Any]


async def _upstream(context: Context, lot: int) -> Upstream:
    # PostgreSQL, current: what was acknowledged is in it, whatever the graph has reached.
    graph = await context.services.relational.lineage(
        [lot], Direction.BACKWARD, known=Known(), bounds=engines.bounds(context)
    )
    reached = lineage.reach(graph, [lot], Direction.BACKWARD, Policy.UNTIMED)
    return Upstream([lot, *(int(item) for item in reached.items)])


async def _look(
    context: Context, connection: Connection, lot: int, upstream: Upstream, *, lock: bool = False
) -> _Look | None:
    facts = await records.lot_facts(connection, lot)
    if facts is None:
        return None
    now = await records.disposition(connection, lot, lock=lock)
    state = LotState(now.state)
    found = rules.blockers(
        lot,
        state,
        held=await _held(context, connection, upstream.items),
        rejected=await records.rejected_among(connection, upstream.items),
        inspected=Inspected(facts.accepted, facts.required, facts.has_failed),
        expires=_date(facts.expires),
        today=clock.now().date(),
    )
    shown = LotState.READY if state is LotState.PENDING and not found else state
    signed = await signature_records.of_entity(connection, "lot", lot)
    counting = rules.signed_versions(state, now.version)
    signatures = tuple(each for each in signed if each.entity_ver in counting)
    readiness = Readiness(lot, shown, now.version, tuple(found), signatures)
    return _Look(facts, readiness, _record(facts, state, now.version, len(upstream.items) - 1))


async def _held(context: Context, connection: Connection, items: Sequence[int]) -> list[Held]:
    held = [
        Held(row.item_id, HoldKind(row.kind), _reason(row), row.id)
        for row in await records.open_holds(connection, items)
    ]
    for source in BLOCKING_SOURCES:
        held += await source(context, connection, items)
    return held


async def _told_holds(
    context: Context,  # noqa: ARG001
    connection: Connection,
    items: Sequence[int],
) -> list[Held]:
    """Holds that captured events told."""
    suspects = await records.told_to_hold(connection, items)
    told = await timeline.tellings(connection, suspects, clock.now_us()) if suspects else {}
    return [
        Held(item, HoldKind.HOLD, hold.reason)
        for item, tellings in sorted(told.items())
        for hold in told_rules.holds(tellings)
    ]


# Whatever else keeps a lot from being released while it is open, on it or upstream: each source
# gets context, connection and items, and returns what it holds. Records register theirs here.
BLOCKING_SOURCES = [_told_holds]


def _record(facts: LotFacts, state: LotState, version: int, upstream: int) -> dict[str, Any]:
    """Return the lot as displayed to who signs; any later event about it changes this."""
    return {
        "lot": facts.key,
        "lotNo": facts.lot_no,
        "supplierLotNo": facts.supplier_lot_no,
        "itemClass": facts.class_key,
        "name": facts.class_name,
        "state": state.value,
        "version": version,
        "expires": facts.expires,
        "inspections": {"accepted": facts.accepted, "required": facts.required},
        "madeOf": upstream,
        "events": facts.events,
        "lastEvent": facts.last_event,
    }


async def _load_lot(
    context: Context,
    connection: Connection,
    lot: int,
    prepared: Upstream,
    lock: bool,
    action: Action,
) -> Subject | None:
    if lock:
        await records.lock_holds(connection, is_shared=True)
    found = await _look(context, connection, lot, prepared, lock=lock)
    if found is None:
        return None
    step = rules.TRANSITIONS.get((action, _stored(found.readiness.state)))
    is_release = action is Action.RELEASE_LOT
    codes = dict.fromkeys(each.code for each in found.readiness.blockers)
    signatures = found.readiness.signatures
    return Subject(
        type="lot",
        row=lot,
        key=found.facts.key,
        version=found.readiness.version,
        record=found.record,
        meanings=frozenset() if step is None else frozenset({step[0]}),
        performers=await records.performers(connection, prepared.items),
        signed=frozenset(each.signer for each in signatures),
        prior=tuple(each.id for each in signatures),
        missing=tuple(codes) if is_release else (),
        needs_reason=not is_release,
    )


_EVENTS = {
    LotState.REVIEWED: "lot.reviewed",
    LotState.RELEASED: "lot.released",
    LotState.REJECTED: "lot.rejected",
    LotState.REVOKED: "lot.release_revoked",
}


async def _decide(context: Context, connection: Connection, signed: Signed) -> Applied:  # noqa: ARG001
    subject = signed.subject
    _, state = rules.TRANSITIONS[signed.action, LotState(subject.record["state"])]
    await records.decide(
        connection, subject.row, state.value, by=signed.signer, intent=signed.intent
    )
    version = subject.version + 1
    after = {**subject.record, "state": state.value, "version": version}
    return Applied(_EVENTS[state], version, after)


def _stored(state: LotState) -> LotState:
    return LotState.PENDING if state is LotState.READY else state


def _reason(row: HoldRow) -> str:
    return row.reason if row.reference is None else f"{row.reference}: {row.reason}"


def _date(text: str | None) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat((text or "")[:10])
    return None


for _action in (Action.RELEASE_LOT, Action.REJECT_LOT, Action.REVOKE_RELEASE):
    SIGNABLE[_action] = Signable(
        Permission.LOT_RELEASE, NodeType.ITEM, _upstream, _load_lot, _decide
    )
