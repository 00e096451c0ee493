"""What is asked on behalf of partners alone: where their scope ends, and the journal of reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from lotkin import clock
from lotkin.errors import Refusal, RefusalCode
from lotkin.journal import intent as journal_intent
from lotkin.records import partner as records
from lotkin.records.partner import Stub
from lotkin.resolvers.context import Context
from lotkin.resolvers.engines import PARTNER_BOUNDS
from lotkin.resolvers.journaling import acting

READ = "partner.read"  # `ev` of the entries
OWN_LOTS = "own lots, one step forward"  # why a supplier reads; a regulator's grants say why


async def beyond(context: Context, items: Sequence[int], at: int) -> list[Stub]:
    """Return where the scope ends forward of `items` up to `at`; nothing for people inside.

    The same thing beyond has the same name in all of a request, and another one in the next.
    Raises: Refusal WALK_TOO_LARGE.
    """
    scoped = context.partner
    if scoped is None or not items:
        return []
    secret: str = context.batches.setdefault(beyond, clock.token(32))
    limit = PARTNER_BOUNDS.visited_max
    async with scoped.reading() as connection:
        found = await records.boundary(connection, items, at=at, secret=secret, limit=limit)
    if len(found) > limit:
        raise Refusal(RefusalCode.WALK_TOO_LARGE, limit=limit, what="edges")
    return found


async def journal_read(
    context: Context, operation: Mapping[str, Any], *, count: int, refused: Sequence[str]
) -> None:
    """Journal what a partner was answered, before it is: purpose, number of objects, refusals.

    operation: what was asked, without values. On the application's own connection, committed
    when this returns; the partner's role cannot write.
    Raises: Refusal UNAVAILABLE; the answer must not leave then.
    """
    actor, scoped = context.actor, context.partner
    scope = None if scoped is None else scoped.scope
    entry = journal_intent.intent(
        id=clock.new_id(),
        at=clock.now(),
        event=READ,
        actor=acting(context),
        entity={"type": "partner", "id": actor.organisation or actor.subject, "ver": 0},
        body={
            **operation,
            "role": None if actor.partner is None else actor.partner.value,
            "purpose": list(scope.purposes) if scope and scope.grants else [OWN_LOTS],
            "grants": list(scope.grants) if scope else [],
            "count": count,
            "refused": list(refused),
        },
    )
    async with context.services.database.transaction() as connection:
        await journal_intent.append(connection, [entry])
