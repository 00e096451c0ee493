"""Changes: raise, edit, submit; approved by signature, never by an author."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain import change as rules
from lotkin.domain.change import CONTENT_CHARS_MAX, ChangeKind, ChangeState, Risk
from lotkin.domain.nodeid import NodeType, node_id, parse_row
from lotkin.domain.signature import Action, Meaning, Subject, clean_text
from lotkin.errors import Problem, ProblemCode, Refusal, RefusalCode
from lotkin.journal import intent as journal_intent
from lotkin.records import changes as records
from lotkin.records import signatures as signature_records
from lotkin.records.changes import ChangeRow, Content
from lotkin.records.session import Connection
from lotkin.records.signatures import SignatureRow
from lotkin.resolvers.batching import batched
from lotkin.resolvers.capture import wait_for_position
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting
from lotkin.resolvers.proofs import Proof
from lotkin.resolvers.signed import SIGNABLE, Applied, Signable, Signed, SignOutcome, sign
from lotkin.resolvers.usecase import usecase


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants a change to say."""

    title: str
    kind: ChangeKind
    risk: Risk
    content: str


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """What became of a change."""

    row: int | None = None
    problems: tuple[Problem, ...] = ()


@usecase(Permission.CHANGE_RAISE, writes=True)
async def create_change(context: Context, draft: Draft) -> ChangeOutcome:
    """Keep a new change as a draft. Raises: Refusal BAD_INPUT for text that cannot be shown."""
    content, intent = _content(draft), clock.new_id()
    actor = context.actor

    async def keep(connection: Connection) -> int:
        row = await records.insert(
            connection, content, author=actor.subject, name=actor.name, intent=intent
        )
        await _tell(context, connection, row, "change.created", None, intent)
        return row

    return await _done(context, await context.database.run(keep), intent)


@usecase(Permission.CHANGE_RAISE, writes=True, subject=lambda change, *_: ("change", change))
async def edit_change(
    context: Context, id: str, expected_version: int, draft: Draft
) -> ChangeOutcome:
    """Give a change its next content; approvals of the one before are void.

    Raises: Refusal NOT_FOUND, BAD_INPUT.
    """
    content = _content(draft)

    async def edit(connection: Connection, row: ChangeRow, intent: UUID) -> None:
        state = rules.state_after_edit(ChangeState(row.state))
        await signature_records.void(
            connection, ("change", row.id), reason="content changed", intent=intent
        )
        await records.edit(
            connection, row, content, state=state.value, by=context.actor.subject, intent=intent
        )

    return await _move(context, id, expected_version, "change.edited", edit)


@usecase(Permission.CHANGE_RAISE, writes=True, subject=lambda change, *_: ("change", change))
async def submit_change(context: Context, id: str, expected_version: int) -> ChangeOutcome:
    """Ask for approval of a draft. Raises: Refusal NOT_FOUND."""

    async def submit(connection: Connection, row: ChangeRow, intent: UUID) -> None:
        if row.state != ChangeState.DRAFT.value:
            raise Problem(ProblemCode.SIG_PREREQUISITE, missing=[ChangeState.DRAFT.value])
        await records.move(connection, row.id, ChangeState.SUBMITTED.value, intent=intent)

    return await _move(context, id, expected_version, "change.submitted", submit)


@usecase(
    Permission.CHANGE_APPROVE, writes=True, subject=lambda challenge, _: ("challenge", challenge)
)
async def approve_change(context: Context, challenge: str, proof: Proof) -> SignOutcome:
    """Approve a change as one of as many people as its risk asks for."""
    return await sign(context, frozenset({Action.APPROVE_CHANGE}), challenge, proof)


@batched
async def change(context: Context, ids: tuple[int, ...]) -> Mapping[int, ChangeRow | None]:
    """Load a change."""
    async with context.database.reading() as connection:
        found = await records.by_ids(connection, ids)
    return {id: found.get(id) for id in ids}


@usecase(Permission.CHANGE_READ)
async def change_of(context: Context, id: str) -> ChangeRow | None:
    """Return a change by its opaque id; None for an unknown one."""
    row = parse_row(id, NodeType.CHANGE)
    return None if row is None else await change(context, row)


@batched
async def approvals(context: Context, ids: tuple[int, ...]) -> Mapping[int, list[SignatureRow]]:
    """Load the signatures of a change that count."""
    async with context.database.reading() as connection:
        return {id: await signature_records.of_entity(connection, "change", id) for id in ids}


async def _move(
    context: Context,
    id: str,
    expected_version: int,
    event: str,
    work: Callable[[Connection, ChangeRow, UUID], Awaitable[None]],
) -> ChangeOutcome:
    row, intent = parse_row(id, NodeType.CHANGE), clock.new_id()
    if row is None:
        raise Refusal(RefusalCode.NOT_FOUND, index=0)

    async def moved(connection: Connection) -> None:
        before = await records.by_id(connection, row, lock=True)
        if before is None:
            raise Refusal(RefusalCode.NOT_FOUND, index=0)
        if before.version != expected_version:
            raise Problem(ProblemCode.SIG_RECORD_CHANGED, currentVersion=before.version)
        await work(connection, before, intent)
        await _tell(context, connection, row, event, before, intent)

    try:
        await context.database.run(moved)
    except Problem as problem:
        return ChangeOutcome(row, (problem,))
    return await _done(context, row, intent)


async def _tell(
    context: Context,
    connection: Connection,
    row: int,
    event: str,
    before: ChangeRow | None,
    intent: UUID,
) -> None:
    after = await records.by_id(connection, row)
    assert after is not None
    entry = journal_intent.intent(
        id=intent,
        at=await signature_records.now(connection),
        event=event,
        actor=acting(context),
        entity={"type": "change", "id": node_id(NodeType.CHANGE, row), "ver": after.version},
        body={
            "before": None if before is None else _told(before),
            "after": _told(after),
        },
    )
    await journal_intent.append(connection, [entry])


async def _done(context: Context, row: int, intent: UUID) -> ChangeOutcome:
    await wait_for_position(context, [intent])
    return ChangeOutcome(row)


def _content(draft: Draft) -> Content:
    title = clean_text(draft.title, "title")
    if title is None or not draft.content.strip():
        raise Refusal(RefusalCode.BAD_INPUT, reason="A change needs a title and a content")
    if len(draft.content) > CONTENT_CHARS_MAX:
        raise Refusal(
            RefusalCode.BAD_INPUT, reason=f"content has more than {CONTENT_CHARS_MAX} characters"
        )
    for line in draft.content.splitlines():
        for start in range(0, len(line), 500):
            clean_text(line[start : start + 500], "content")
    return Content(title, draft.kind.value, draft.risk.value, draft.content)


def _record(row: ChangeRow) -> dict[str, Any]:
    """Return a change as displayed to who signs: its content, not how far it is."""
    return {
        "title": row.title,
        "kind": row.kind,
        "risk": row.risk,
        "content": row.content,
        "version": row.version,
        "author": row.author,
        "authorName": row.author_name,
    }


def _told(row: ChangeRow) -> dict[str, Any]:
    return {**_record(row), "state": row.state}


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
    found = await records.by_id(connection, row, lock=lock)
    if found is None:
        return None
    signed = await signature_records.of_entity(connection, "change", row)
    is_open = found.state == ChangeState.SUBMITTED.value
    return Subject(
        type="change",
        row=row,
        key=node_id(NodeType.CHANGE, row),
        version=found.version,
        record=_record(found),
        meanings=frozenset({Meaning.APPROVED}) if is_open else frozenset(),
        authors=await records.editors(connection, row),
        signed=frozenset(each.signer for each in signed),
        prior=tuple(each.id for each in signed),
    )


async def _approve(context: Context, connection: Connection, signed: Signed) -> Applied:  # noqa: ARG001
    subject = signed.subject
    risk = Risk(subject.record["risk"])
    state = rules.state_after_approval(risk, subject.signed | {signed.signer})
    await records.move(connection, subject.row, state.value, intent=signed.intent)
    is_approved = state is ChangeState.APPROVED
    return Applied(
        "change.approved" if is_approved else "change.approval_signed",
        subject.version,
        {**subject.record, "state": state.value},
    )


SIGNABLE[Action.APPROVE_CHANGE] = Signable(
    Permission.CHANGE_APPROVE, NodeType.CHANGE, _nothing, _load, _approve
)
