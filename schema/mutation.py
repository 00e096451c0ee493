"""Root mutations."""

# `field` returns what Strawberry's own decorator returns, which is Any.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from lotkin.resolvers.capture import OnError, capture
from lotkin.resolvers.context import Context
from lotkin.schema.access import AccessMutation
from lotkin.schema.capture import CaptureEventsInput, CaptureEventsPayload
from lotkin.schema.field import field
from lotkin.schema.paging import given
from lotkin.schema.signing import SigningMutation


@strawberry.type(description="What changes the record.")
class Mutation(AccessMutation, SigningMutation):
    """Root mutations; each takes one `input` and answers with a payload."""

    @field(
        capture,
        root="Mutation",
        name="captureEvents",
        description="Capture EPCIS events. The answer comes after they are recorded; reads after "
        "it include them.",
    )
    async def capture_events(
        self,
        info: strawberry.Info[Context, None],
        input: Annotated[CaptureEventsInput, strawberry.argument(description="What to capture.")],
    ) -> CaptureEventsPayload:
        """Capture a document."""
        on_error, key = input.on_error or OnError.ROLLBACK, given(input.idempotency_key)
        outcome = await capture(info.context, input.document, on_error, key)
        return CaptureEventsPayload.of(outcome, info.context.language)
