"""What happened to an item, as a Relay connection."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Mapping
from functools import partial
from typing import Any

import strawberry

from lotkin.domain import event, genealogy
from lotkin.domain.nodeid import NodeType
from lotkin.records.timeline import TimelineRow
from lotkin.resolvers import items
from lotkin.schema.node import Node, described, global_id
from lotkin.schema.paging import Connection, cursor, page, page_size, read_cursor
from lotkin.schema.scalars import JSON, DateTime
from lotkin.schema.things import Activity, Info, Location, activity, location

TIMELINE = "timeline"  # names the cursors of that list

EventType = strawberry.enum(
    event.EventType, name="EventType", description="The five event types of EPCIS 2.0."
)
EventAction = strawberry.enum(
    event.Action, name="EventAction", description="What an event does to its objects."
)
TimeQuality = strawberry.enum(
    genealogy.TimeQuality, name="TimeQuality", description="How a stated time came to be."
)
_MEANINGS: Mapping[type, dict[str, str]] = {
    event.EventType: {
        "OBJECT": "Something happened to objects.",
        "AGGREGATION": "Objects were packed, unpacked or seen packed.",
        "TRANSACTION": "Objects were linked to business documents.",
        "TRANSFORMATION": "Inputs were used up and outputs made.",
        "ASSOCIATION": "Parts were fitted, taken out or seen fitted.",
    },
    event.Action: {
        "ADD": "Begins their life or their relation.",
        "OBSERVE": "Only saw them.",
        "DELETE": "Ends their life or their relation.",
    },
    genealogy.TimeQuality: {
        "MEASURED": "Read from a clock when it happened; only such times exclude.",
        "DECLARED": "Stated by somebody; the default.",
        "BACKFLUSHED": "Booked afterwards, at the end of a shift for example.",
    },
}
for _enum, _meanings in _MEANINGS.items():
    described(_enum, _meanings)


@strawberry.type(description="One event about an item.")
class TimelineEvent(Node):
    """An event of a timeline."""

    row: strawberry.Private[TimelineRow]
    event_id: str = strawberry.field(description="The sender's eventID, else our digest of it.")
    type: EventType = strawberry.field(description="Its type.")  # type: ignore[valid-type]
    action: EventAction | None = strawberry.field(  # type: ignore[valid-type]
        description="What it does; null for transformations."
    )
    biz_step: str | None = strawberry.field(description="Business step: a CBV word or a URI.")
    disposition: str | None = strawberry.field(description="Disposition: a CBV word or a URI.")
    event_time: DateTime = strawberry.field(description="When it happened.")
    record_time: DateTime = strawberry.field(description="When we came to know of it.")
    time_quality: TimeQuality = strawberry.field(  # type: ignore[valid-type]
        description="How its time came to be."
    )
    zone: str = strawberry.field(description="The time zone told with it.")
    retracted_at: DateTime | None = strawberry.field(
        description="When we came to know that it was told in error; null while it stands."
    )

    @strawberry.field(description="Where it was read.")
    async def read_point(self, info: Info) -> Location | None:
        """Return the read point."""
        return await location(info, self.row.read_point)

    @strawberry.field(description="Where the objects were afterwards.")
    async def biz_location(self, info: Info) -> Location | None:
        """Return the business location."""
        return await location(info, self.row.biz_location)

    @strawberry.field(name="activity", description="The activity that it tells of.")
    async def of_activity(self, info: Info) -> Activity | None:
        """Return the activity."""
        return await activity(info, self.row.activity)

    @strawberry.field(description="The event as it was told.")
    async def document(self, info: Info) -> JSON:
        """Return the event's own JSON."""
        return JSON(await items.event_document(info.context, self.row.id))

    @classmethod
    def of(cls, row: TimelineRow) -> "TimelineEvent":
        """Return the event of a row."""
        return cls(
            id=global_id(NodeType.EVENT, row.id),
            row=row,
            event_id=row.event_id,
            type=event.EventType(row.type),
            action=event.Action(row.action) if row.action else None,
            biz_step=row.biz_step,
            disposition=row.disposition,
            event_time=DateTime(row.at),
            record_time=DateTime(row.record_time),
            time_quality=genealogy.TimeQuality(row.quality),
            zone=row.zone,
            retracted_at=_moment(row.retracted_at),
        )


@strawberry.type(description="One page of what happened to an item, by event time.")
class TimelineConnection(Connection[TimelineEvent]):
    """A page of a timeline."""


async def timeline_page(
    info: Info, item: int, first: int | None, after: str | None
) -> TimelineConnection:
    """Return one page of an item's timeline. Raises: Refusal BAD_INPUT."""
    size, place = page_size(info.context, first), read_cursor(TIMELINE, after, int, int)
    slice_ = items.Slice(size, None if place is None else (place[0], place[1]))
    rows = await items.timeline(info.context, item, slice_)
    edges, page_info = page(
        rows,
        size,
        after=place,
        node=TimelineEvent.of,
        at=lambda row: cursor(TIMELINE, row.at, row.id),
    )
    return TimelineConnection(
        edges=edges,
        page_info=page_info,
        counting=partial(items.timeline_count, info.context, item),
    )


def _moment(us: int | None) -> Any:
    return None if us is None else DateTime(us)
