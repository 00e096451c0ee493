"""Holds: anybody in quality may place one at once; lifting it takes a signature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain.nodeid import NodeType, node_id, parse_row
from lotkin.domain.release import HoldKind
from lotkin.domain.signature import Action, Meaning, Subject, clean_text
from lotkin.errors import Problem, Refusal, RefusalCode
from lotkin.journal import intent as journal_intent
from lotkin.records import release as records
from lotkin.records import signatures as signature_records
from lotkin.records.release import HoldRow
from lotkin.records.session import Connection
from lotkin.resolvers import loaders
from lotkin.resolvers.batching import batched
from lotkin.resolvers.capture import wait_for_position
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting
from lotkin.resolvers.lookup import Lookup, find_items
from lotkin.resolvers.proofs import Proof
from lotkin.resolvers.signed import SIGNABLE, Applied, Signable, Signed, SignOutcome, sign
from lotkin.resolvers.usecase import usecase

INSPECTIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class HoldOutcome:
    """A hold that was placed."""

    row: int | None = None
    is_pending: bool = False
    problems: tuple[Problem, ...] = ()


@usecase(Permission.HOLD_PLACE, writes=True)
async def place_hold(
    context: Context, item: Lookup, kind: HoldKind, reason: str, reference: str | None
) -> HoldOutcome:
    """Keep an item, and all that was or will be made of it, from being released.

    Raises: Refusal NOT_FOUND, AMBIGUOUS_ITEM, BAD_INPUT without a reason.
    """
    told, noted = clean_text(reason, "reason"), clean_text(reference, "reference")
    if told is None:
        raise Refusal(RefusalCode.BAD_INPUT, reason="A hold needs a reason")
    ids = (await find_items(context, [item]))[0]
    if len(ids) != 1:
        raise Refusal(RefusalCode.AMBIGUOUS_ITEM if ids else RefusalCode.NOT_FOUND, index=0)
    intent = clock.new_id()

    async def keep(connection: Connection) -> int:
        # Before the first write: releases under way end first, later ones see the hold.
        await records.lock_holds(connection, is_shared=False)
        at = await signature_records.now(connection)
        row = await records.place_hold(
            connection,
            {
                "item_id": ids[0],
                "kind": kind.value,
                "reason": told,
                "reference": noted,
                "placed_by": context.actor.subject,
                "placed_name": context.actor.name,
                "placed_at": at,
                "last_intent": intent,
            },
        )
        found = await records.hold(connection, row)
        assert found is not None
        entry = journal_intent.intent(
            id=intent,
            at=at,
            event="hold.placed",
            actor=acting(context),
            entity={"type": "hold", "id": node_id(NodeType.HOLD, row), "ver": 1},
            body={"before": None, "after": _record(found)},
        )
        await journal_intent.append(connection, [entry])
        return row

    row = await context.database.run(keep)
    return HoldOutcome(row, await wait_for_position(context, [intent]) is None)


@usecase(Permission.LOT_RELEASE, writes=True, subject=lambda challenge, _: ("challenge", challenge))
async def lift_hold(context: Context, challenge: str, proof: Proof) -> SignOutcome:
    """Lift a hold; another person than who placed it."""
    return await sign(context, frozenset({Action.LIFT_HOLD}), challenge, proof)


@dataclass(frozen=True, slots=True)
class RequirementOutcome:
    """A class whose number of inspections was set."""

    item_class: int
    accepted: int
    problems: tuple[Problem, ...] = ()


@usecase(Permission.CHANGE_APPROVE, writes=True)
async def require_inspections(
    context: Context, item_class: str, accepted: int
) -> RequirementOutcome:
    """Set how many accepted inspections a lot of a class needs before it can be released.

    Raises: Refusal NOT_FOUND, BAD_INPUT outside 0 to INSPECTIONS_MAX.
    """
    row = parse_row(item_class, NodeType.ITEM_CLASS)
    if not 0 <= accepted <= INSPECTIONS_MAX:
        raise Refusal(RefusalCode.BAD_INPUT, reason=f"accepted is between 0 and {INSPECTIONS_MAX}")
    if row is None or await loaders.item_class(context, row) is None:
        raise Refusal(RefusalCode.NOT_FOUND, index=0)
    intent = clock.new_id()
    async with context.database.transaction() as connection:
        at = await signature_records.now(connection)
        await records.require_inspections(connection, row, accepted, by=context.actor.subject)
        entry = journal_intent.intent(
            id=intent,
            at=at,
            event="inspections.required",
            actor=acting(context),
            entity={"type": "item_class", "id": item_class, "ver": 1},
            body={"after": {"accepted": accepted}},
        )
        await journal_intent.append(connection, [entry])
    await wait_for_position(context, [intent])
    return RequirementOutcome(row, accepted)


@batched
async def hold(context: Context, ids: tuple[int, ...]) -> Mapping[int, HoldRow | None]:
    """Load a hold of the record."""
    async with context.database.reading() as connection:
        found = await records.holds_by_ids(connection, ids)
    return {id: found.get(id) for id in ids}


def _record(row: HoldRow) -> dict[str, Any]:
    return {
        "item": node_id(NodeType.ITEM, row.item_id),
        "kind": row.kind,
        "reason": row.reason,
        "reference": row.reference,
        "state": row.state,
        "version": row.version,
        "placedBy": row.placed_by,
        "placedName": row.placed_name,
    }


async def _nothing(context: Context, row: int) -> None:  # noqa: ARG001
    return None


async def _load(
    context: Context,  # noqa: ARG001
    connection: Connection,
    row: int,
    prepared: Any,  # noqa: ARG001
    lock: bool,
    action: Action,  # noqa: ARG001
) -> Subject | None:
    found = await records.hold(connection, row, lock=lock)
    if found is None:
        return None
    is_open = found.state == "ACTIVE"
    return Subject(
        type="hold",
        row=row,
        key=node_id(NodeType.HOLD, row),
        version=found.version,
        record=_record(found),
        meanings=frozenset({Meaning.APPROVED}) if is_open else frozenset(),
        authors=frozenset({found.placed_by}),
        needs_reason=True,
    )


async def _lift(context: Context, connection: Connection, signed: Signed) -> Applied:  # noqa: ARG001
    subject = signed.subject
    await records.lift_hold(connection, subject.row, intent=signed.intent)
    version = subject.version + 1
    return Applied(
        "hold.lifted", version, {**subject.record, "state": "LIFTED", "version": version}
    )


SIGNABLE[Action.LIFT_HOLD] = Signable(Permission.LOT_RELEASE, NodeType.HOLD, _nothing, _load, _lift)
