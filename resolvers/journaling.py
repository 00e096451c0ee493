"""What use cases tell the journal: who acted, and what was refused to whom."""

from collections.abc import Sequence
from typing import Any

import structlog

from lotkin.auth.actor import ANONYMOUS
from lotkin.clock import new_id, now
from lotkin.errors import LotkinError, Refusal, RefusalCode
from lotkin.journal import intent as journal_intent
from lotkin.resolvers.context import Context

log = structlog.get_logger()

REFUSED = ".refused"  # end of the `ev` of entries that tell a refusal
PROBLEMS_MAX = 20  # told of one refusal; a document may have thousands

# A (type, id) that an entry is about: type in lower case, id the key or opaque id of the thing.
Subject = tuple[str, str]


def acting(context: Context) -> dict[str, Any]:
    """Return `act` of an entry: subject, client, roles and session of who asks."""
    actor = context.actor
    return {
        "sub": actor.subject,
        "client": actor.client,
        "roles": sorted(role.value for role in actor.roles),
        "sid": actor.session,
    }


async def refused(
    context: Context, use_case: str, errors: Sequence[LotkinError], subject: Subject | None
) -> None:
    """Journal `<use_case>.refused` with the reason codes, in a transaction of its own.

    A caller without a name is not journaled: there is nobody to hold to account, and anybody
    could fill the journal. Neither is a refusal because the record cannot be reached.
    """
    is_unreachable = any(error.code is RefusalCode.UNAVAILABLE for error in errors)
    if context.actor == ANONYMOUS or is_unreachable:
        return
    entry = journal_intent.intent(
        id=new_id(),
        at=now(),
        event=use_case + REFUSED,
        actor=acting(context),
        entity=_entity(use_case, subject),
        body={
            "reason": errors[0].code.value,
            "problems": [_told(error) for error in errors[:PROBLEMS_MAX]],
            "count": len(errors),
        },
    )
    try:
        async with context.services.database.transaction() as connection:
            await journal_intent.append(connection, [entry])
    except Refusal as lost:
        # The caller learns of the first refusal; this one is for who runs the service.
        log.warning("journal.refusal_lost", use_case=use_case, code=lost.code.value)


def _entity(use_case: str, subject: Subject | None) -> dict[str, Any]:
    kind, id = subject or ("use_case", use_case)
    return {"type": kind, "id": id, "ver": 0}


def _told(error: LotkinError) -> dict[str, Any]:
    # Codes and places only: what somebody was refused must not enter by the way of its message.
    return {"code": error.code.value, "path": [str(part) for part in getattr(error, "path", ())]}
