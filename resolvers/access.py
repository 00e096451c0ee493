"""Access grants: two administrators open a dossier to a regulator, for a purpose and a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain import identity
from lotkin.domain.nodeid import parse_row
from lotkin.domain.signature import Rule, clean_text
from lotkin.errors import Problem, ProblemCode, Refusal, RefusalCode
from lotkin.journal import intent as journal_intent
from lotkin.records import access as records
from lotkin.records.access import GrantRow, NewGrant
from lotkin.records.session import Connection
from lotkin.resolvers import starts
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import acting
from lotkin.resolvers.lookup import Lookup, wanted_of
from lotkin.resolvers.own import partner_key
from lotkin.resolvers.usecase import usecase

TAG = "AccessGrant"  # of opaque ids
DAYS_MAX = 90  # a longer inspection is granted again
PRODUCTS_MAX = 100
MARKETS_MAX = 250
_DAY_US = 86_400_000_000
_MARKET = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class GrantAsked:
    """A grant as an administrator asks for it; times in microseconds.

    organisation or subject: of whom the token tells it; both: that person of that organisation.
    items: none = all items of the products in [since, until).
    """

    organisation: str | None
    subject: str | None
    products: Sequence[str]
    markets: Sequence[str]
    items: Sequence[Lookup]
    case_reference: str | None
    since: int
    until: int
    purpose: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class GrantOutcome:
    """The grant as it stands now, or why nothing changed."""

    grant: GrantRow | None
    problems: Sequence[Problem] = ()


@usecase(Permission.ACCESS_GRANT, writes=True)
async def create_access_grant(context: Context, asked: GrantAsked) -> GrantOutcome:
    """Ask for a grant; it opens nothing until another administrator approves it.

    Raises: Refusal BAD_INPUT, NOT_FOUND with the index of a lot or serial, AMBIGUOUS_ITEM.
    """
    _check(asked)

    async def work(connection: Connection) -> GrantOutcome:
        new = await _new(context, connection, asked)
        id = await records.request(connection, new, context.actor.subject)
        return await _journaled(context, connection, id, "access.requested", 1)

    return await context.database.run(work)


@usecase(Permission.ACCESS_GRANT, writes=True, subject=lambda grant: ("access_grant", grant))
async def approve_access_grant(context: Context, grant: str) -> GrantOutcome:
    """Put a requested grant in force, by another administrator than who asked for it.

    grant: its opaque id.
    Raises: Refusal NOT_FOUND for a grant that does not wait for approval.
    """
    row = _row(grant)

    async def work(connection: Connection) -> GrantOutcome:
        by = context.actor.subject
        if await records.approve(connection, row, by):
            return await _journaled(context, connection, row, "access.granted", 2)
        found = (await records.grants(connection, [row])).get(row)
        if found is None or found.state != "REQUESTED":
            raise Refusal(RefusalCode.NOT_FOUND, index=0)
        rule = Rule.TWO_ADMINISTRATORS.value
        return GrantOutcome(None, [Problem(ProblemCode.SIG_SOD_CONFLICT, rule=rule)])

    return await context.database.run(work)


@usecase(Permission.ACCESS_GRANT, writes=True, subject=lambda grant: ("access_grant", grant))
async def revoke_access_grant(context: Context, grant: str) -> GrantOutcome:
    """End a grant at once; one administrator is enough to close what two opened.

    grant: its opaque id.
    Raises: Refusal NOT_FOUND for a grant that has ended.
    """
    row = _row(grant)

    async def work(connection: Connection) -> GrantOutcome:
        if not await records.revoke(connection, row, context.actor.subject):
            raise Refusal(RefusalCode.NOT_FOUND, index=0)
        return await _journaled(context, connection, row, "access.revoked", 3)

    return await context.database.run(work)


@usecase(Permission.ACCESS_READ)
async def access_grants(
    context: Context, *, state: str | None, below: int | None, first: int
) -> list[GrantRow]:
    """Return up to `first` grants, newest first, older than the id `below`."""
    async with context.database.reading() as connection:
        return await records.listed(connection, state, below=below, limit=first)


@usecase(Permission.ACCESS_READ)
async def access_grant_count(context: Context, *, state: str | None) -> int:
    """Return how many grants there are in a state, or in all."""
    async with context.database.reading() as connection:
        return await records.count(connection, state)


@usecase(Permission.ACCESS_READ)
async def access_grant(context: Context, row: int) -> GrantRow | None:
    """Return a grant by its row id; None for an unknown one."""
    async with context.database.reading() as connection:
        return (await records.grants(connection, [row])).get(row)


def _row(grant: str) -> int:
    row = parse_row(grant, TAG)
    if row is None:
        raise Refusal(RefusalCode.NOT_FOUND, index=0)
    return row


def _check(asked: GrantAsked) -> None:
    now = clock.now_us()
    reasons = {
        "Name an organisation or a subject": not (asked.organisation or asked.subject),
        "Name products, or lots and serials": not (asked.products or asked.items),
        f"At most {PRODUCTS_MAX} products": len(asked.products) > PRODUCTS_MAX,
        f"At most {starts.STARTS_MAX} items": len(asked.items) > starts.STARTS_MAX,
        "A market is a country code of two capital letters": len(asked.markets) > MARKETS_MAX
        or not all(_MARKET.fullmatch(each) for each in asked.markets),
        "until lies behind since": asked.until <= asked.since,
        f"A grant ends within {DAYS_MAX} days": not (
            now < asked.expires_at <= now + DAYS_MAX * _DAY_US - _DAY_US // 1440
        ),
    }
    for reason, is_wrong in reasons.items():
        if is_wrong:
            raise Refusal(RefusalCode.BAD_INPUT, reason=reason)


async def _new(context: Context, connection: Connection, asked: GrantAsked) -> NewGrant:
    organisation = None
    if asked.organisation:
        organisation = partner_key(context.settings, asked.organisation)
        if not organisation:
            reason = "A grant is for others: the organisation is our own"
            raise Refusal(RefusalCode.BAD_INPUT, reason=reason)
    keys = [tuple(dict.fromkeys((each, identity.class_key(each)))) for each in asked.products]
    products = await records.classes(connection, keys) if keys else []
    for key, product in zip(asked.products, products, strict=True):
        if product is None:
            raise Refusal(RefusalCode.BAD_INPUT, reason=f"{key} names no item class")
    items: list[int] = []
    if asked.items:
        wanted = [wanted_of(context, each) for each in asked.items]
        items = await starts.resolve(connection, wanted, ambiguous=RefusalCode.AMBIGUOUS_ITEM)
    purpose = clean_text(asked.purpose, "purpose")
    if purpose is None:
        raise Refusal(RefusalCode.BAD_INPUT, reason="State a purpose")
    return NewGrant(
        organisation=organisation,
        subject=clean_text(asked.subject, "subject"),
        products=[each for each in products if each is not None],
        markets=list(asked.markets),
        items=items,
        case_reference=clean_text(asked.case_reference, "caseReference"),
        since=asked.since,
        until=asked.until,
        purpose=purpose,
        expires_at=clock.from_us(asked.expires_at),
    )


async def _journaled(
    context: Context, connection: Connection, id: int, event: str, version: int
) -> GrantOutcome:
    grant = (await records.grants(connection, [id]))[id]
    entry = journal_intent.intent(
        id=clock.new_id(),
        at=clock.now(),
        event=event,
        actor=acting(context),
        entity={"type": "access_grant", "id": str(id), "ver": version},
        body={name: _plain(value) for name, value in grant._asdict().items()},
    )
    await journal_intent.append(connection, [entry])
    return GrantOutcome(grant)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
