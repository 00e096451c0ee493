"""`captureEvents`: its input, and what became of each event."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

from typing import cast

import strawberry
from strawberry import UNSET

from lotkin.domain import admission
from lotkin.domain.admission import Outcome
from lotkin.errors import Language
from lotkin.resolvers import capture
from lotkin.resolvers.capture import OnError
from lotkin.schema.columnar import Table
from lotkin.schema.node import described
from lotkin.schema.problem import Problem, to_graphql
from lotkin.schema.scalars import JSON, BigInt

CaptureErrorBehaviour = strawberry.enum(
    OnError,
    name="CaptureErrorBehaviour",
    description="What a refused event means for the other events of its document.",
)
CaptureOutcome = strawberry.enum(
    Outcome, name="CaptureOutcome", description="What became of one event."
)
described(
    OnError, {"ROLLBACK": "Nothing of the document is kept.", "PROCEED": "The good ones are kept."}
)
described(
    Outcome,
    {
        "CAPTURED": "It is recorded now.",
        "DUPLICATE": "It was recorded before with the same content; nothing changed.",
        "REFUSED": "It is not recorded; `problem` says why.",
    },
)


@strawberry.input(description="An EPCIS 2.0 document to capture.")
class CaptureEventsInput:
    """Input of `captureEvents`."""

    document: JSON = strawberry.field(
        description="An EPCIS 2.0 document, a query document, a bare event, or a list of events; "
        "JSON or JSON-LD."
    )
    on_error: CaptureErrorBehaviour | None = strawberry.field(  # type: ignore[valid-type]
        default=OnError.ROLLBACK, description="What to do with the good events beside a bad one."
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="A key of the caller's choice: the same document under the same key gets the "
        "same answer again, another document is refused.",
    )


@strawberry.type(description="What became of one event of the document.")
class CaptureResult:
    """One event's result."""

    index: int = strawberry.field(description="Place of the event in the document, from 0.")
    event_id: str = strawberry.field(
        description="The sender's eventID, or the digest of the content where none was told."
    )
    outcome: CaptureOutcome = strawberry.field(  # type: ignore[valid-type]
        description="Captured, repeated or refused."
    )
    problem: Problem | None = strawberry.field(description="Why it was refused.")
    remarks: list[Problem] = strawberry.field(
        description="What is odd about a captured event; it is recorded all the same."
    )


@strawberry.type(description="What became of the document.")
class CaptureEventsPayload:
    """Payload of `captureEvents`."""

    captured: int = strawberry.field(description="How many events are recorded now.")
    position: BigInt | None = strawberry.field(
        description="Journal position that includes the capture; null while the journal has not "
        "placed it. Give it as `atLeast` to read your own writes."
    )
    problems: list[Problem] = strawberry.field(
        description="What is wrong with the document; the event at fault first."
    )
    outcome: strawberry.Private[capture.CaptureOutcome]
    language: strawberry.Private[Language]

    @strawberry.field(description="One result an event, in the order of the document.")
    def results(self) -> list[CaptureResult]:
        """Return the results as columns where no event has a problem or a remark."""
        results, language = self.outcome.results, self.language
        columns: dict[str, list[object] | None] = {
            "index": [each.index for each in results],
            "eventId": [each.event_id for each in results],
            "outcome": [each.outcome.name for each in results],
        }
        if not any(each.problem for each in results):
            columns["problem"] = None
        return cast(
            "list[CaptureResult]",
            Table(len(results), columns, lambda: [_result(each, language) for each in results]),
        )

    @classmethod
    def of(cls, outcome: capture.CaptureOutcome, language: Language) -> "CaptureEventsPayload":
        """Return the payload that tells `outcome`."""
        return cls(
            captured=outcome.captured,
            position=None if outcome.position is None else BigInt(outcome.position),
            problems=[
                to_graphql(each, language, under=("input", "document")) for each in outcome.problems
            ],
            outcome=outcome,
            language=language,
        )


def _result(result: admission.CaptureResult, language: Language) -> CaptureResult:
    return CaptureResult(
        index=result.index,
        event_id=result.event_id,
        outcome=result.outcome,
        problem=None if result.problem is None else to_graphql(result.problem, language),
        remarks=[to_graphql(each, language) for each in result.remarks],
    )
