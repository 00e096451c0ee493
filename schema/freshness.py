"""What one operation has loaded is not shown to the next one on the same socket."""

from collections.abc import Iterator

from strawberry.extensions import SchemaExtension
from strawberry.types import StreamExecutionResult

from lotkin.resolvers.context import Context


class FreshLookups(SchemaExtension):
    """Empties the request's look-ups before an operation and after each event of a subscription.

    A socket has one Context for as long as it is open; over HTTP there is nothing to empty.
    """

    def on_operation(self) -> Iterator[None]:
        """Begin with no look-ups."""
        self._empty()
        yield

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:  # noqa: ARG002
        """Let the next event read again."""
        self._empty()
        yield

    def _empty(self) -> None:
        context = self.execution_context.context
        if isinstance(context, Context):
            context.batches.clear()
