"""Root subscriptions, over graphql-transport-ws and server-sent events alike."""

# `field` returns what Strawberry's own decorator returns, which is Any.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry
from strawberry import UNSET

from lotkin.resolvers import watching
from lotkin.schema.alert import Alert
from lotkin.schema.field import field
from lotkin.schema.paging import given
from lotkin.schema.scalars import BigInt
from lotkin.schema.things import Info
from lotkin.schema.timeline import TimelineEvent


@strawberry.type(description="An event that was captured just now.")
class CapturedEvent:
    """A captured event."""

    position: BigInt = strawberry.field(
        description="Its place in the journal; give it to `atLeast` to read what follows from it."
    )
    event: TimelineEvent = strawberry.field(description="The event.")


@strawberry.type(description="What can be watched.")
class Subscription:
    """Root subscriptions; each runs one use case and ends with the caller's token."""

    @field(
        watching.captured_events,
        root="Subscription",
        name="eventCaptured",
        description="Events as they are captured, in the journal's order, each once.",
        is_subscription=True,
    )
    async def event_captured(
        self,
        info: Info,
        item_class: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only events about items of this class, by its id."),
        ] = UNSET,
    ) -> AsyncGenerator[CapturedEvent, None]:
        """Tell each captured event."""
        found = await watching.captured_events(info.context, given(item_class))
        async for position, row in found:
            yield CapturedEvent(position=BigInt(position), event=TimelineEvent.of(row))

    @field(
        watching.raised_alerts,
        root="Subscription",
        name="alerts",
        description="Alerts as they are raised.",
        is_subscription=True,
    )
    async def alerts(self, info: Info) -> AsyncGenerator[Alert, None]:
        """Tell each alert."""
        async for row in await watching.raised_alerts(info.context):
            yield Alert.of(row)
