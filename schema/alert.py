"""Alerts as GraphQL."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

from enum import StrEnum

import strawberry

from lotkin import clock
from lotkin.errors import Problem, ProblemCode
from lotkin.records.alerts import AlertRow
from lotkin.resolvers import alerts
from lotkin.schema.item import Item, item_of
from lotkin.schema.node import Node, described, global_id
from lotkin.schema.paging import Connection, cursor, page, page_size, read_cursor
from lotkin.schema.scalars import DateTime
from lotkin.schema.things import Info

ALERTS = "alerts"  # names the cursors of that list
TAG = "Alert"  # of its opaque ids


@strawberry.enum(description="How far somebody has dealt with an alert.")
class AlertState(StrEnum):
    """States of an alert."""

    OPEN = "OPEN"
    ACK = "ACK"
    RESOLVED = "RESOLVED"


described(
    AlertState,
    {
        "OPEN": "Nobody has looked yet.",
        "ACK": "Somebody has taken it up.",
        "RESOLVED": "It is dealt with.",
    },
)


@strawberry.type(description="Something that capture or projection found odd.")
class Alert(Node):
    """An alert."""

    row: strawberry.Private[AlertRow]
    code: str = strawberry.field(description="Stable, for programs: a problem code.")
    state: AlertState = strawberry.field(description="How far it is dealt with.")
    raised_at: DateTime = strawberry.field(description="When it was raised.")
    event_id: str | None = strawberry.field(description="The event that raised it.")

    @strawberry.field(description="For people; says what to do.")
    def message(self, info: Info) -> str:
        """Return the text in the caller's language."""
        if self.row.code not in ProblemCode.__members__:
            return self.row.code
        return Problem(ProblemCode(self.row.code), **self.row.facts).message(info.context.language)

    @strawberry.field(description="The item it concerns.")
    async def item(self, info: Info) -> Item | None:
        """Return the item."""
        return await item_of(info, self.row.item_id)

    @classmethod
    def of(cls, row: AlertRow) -> "Alert":
        """Return the alert of a row."""
        return cls(
            id=global_id(TAG, row.id),
            row=row,
            code=row.code,
            state=AlertState(row.state),
            raised_at=DateTime(clock.to_us(row.raised_at)),
            event_id=row.event,
        )


async def alerts_page(
    info: Info, state: AlertState | None, first: int | None, after: str | None
) -> Connection[Alert]:
    """Return one page of alerts, newest first."""
    size, place = page_size(info.context, first), read_cursor(ALERTS, after, int)
    before = None if place is None else place[0]
    wanted = None if state is None else state.value
    rows = await alerts.alerts(info.context, state=wanted, before=before, first=size + 1)

    async def count() -> int:
        return await alerts.alert_count(info.context, state=wanted)

    edges, page_info = page(
        rows, size, after=after, node=Alert.of, at=lambda row: cursor(ALERTS, row.id)
    )
    return Connection(edges=edges, page_info=page_info, counting=count)


async def alert_node(info: Info, row: int) -> Alert | None:
    """Return the alert with a row id."""
    found = await alerts.alert(info.context, row)
    return None if found is None else Alert.of(found)
