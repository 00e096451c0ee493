"""What every operation passes before it is executed, whatever it came by: HTTP, socket, stream.

In this order: the caller's rate; trusted documents for those who may send no others; parsing
within bounds; one pass over the shape of the document; validation; cost.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document
from strawberry.types.graphql import OperationType

from lotkin.auth.actor import Actor
from lotkin.auth.issuers import trusts_demo
from lotkin.errors import Refusal, RefusalCode
from lotkin.resolvers.context import Context
from lotkin.resolvers.metering import Standing, limits_of, principal
from lotkin.schema import limits, trusted
from lotkin.schema.cost import OBJECT, cost_of
from lotkin.schema.problem import INTROSPECT
from lotkin.settings import Settings

DOCUMENTS_KEPT = 128  # parsed and validated documents of people who write their own


def sees_schema(actor: Actor) -> bool:
    """Tell whether a caller may read the schema, and the names in what is wrong with a document."""
    return INTROSPECT in actor.scopes


def needs_trusted(settings: Settings, actor: Actor) -> bool:
    """Tell whether a caller may send listed documents only."""
    wanted = settings.trusted_documents
    if wanted == "off" or (wanted == "auto" and trusts_demo(settings)):
        return False
    return actor.partner is not None or not actor.roles


class Gate(SchemaExtension):
    """The gate of one operation.

    Refusals are noted rather than raised: on a socket nobody would catch them.
    """

    cost: int | None = None

    def on_operation(self) -> Iterator[None]:
        """Take one operation of the caller's rate."""
        context = self._context
        self._limits = limits_of(context.settings, context.actor)
        self._principal = principal(context.actor, context.address)
        try:
            context.services.meter.operation(self._principal, self._limits)
            self._check_trusted(context)
        except Refusal as refusal:
            self._refuse(refusal)
        yield

    def on_parse(self) -> Iterator[None]:
        """Parse within bounds; listed documents once, for good."""
        if not self._refused:
            try:
                self.execution_context.graphql_document = _parsed(self.execution_context.query)
            except (GraphQLError, Refusal) as error:
                self._refuse(error)
            except RecursionError:
                what = "levels of braces"
                self._refuse(
                    Refusal(RefusalCode.DOCUMENT_LIMIT, what=what, limit=limits.NESTING_MAX)
                )
        yield

    def on_validate(self) -> Iterator[None]:
        """Check the shape, then validate, then price what is valid."""
        if not self._refused:
            try:
                self.execution_context.pre_execution_errors = self._checked()
            except (GraphQLError, Refusal) as error:
                self._refuse(error)
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """End an operation that takes too long; what writes ends by the database's own time."""
        if self.execution_context.operation_type is not OperationType.QUERY:
            yield
            return
        seconds = self._limits.operation_s
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise Refusal(RefusalCode.TIMEOUT, seconds=seconds) from error

    def get_results(self) -> dict[str, Any]:
        """Tell what the operation cost, where it cost more than the least."""
        if self.cost is None or self.cost <= OBJECT:
            return {}
        standing = self._standing()
        return {
            "cost": {
                "requested": self.cost,
                "limit": self._limits.cost_max,
                "remaining": standing.cost_remaining,
            }
        }

    def _standing(self) -> Standing:
        return self._context.services.meter.standing(self._principal, self._limits)

    @property
    def _context(self) -> Context:
        context: Context = self.execution_context.context
        return context

    @property
    def _refused(self) -> bool:
        return bool(self.execution_context.pre_execution_errors)

    def _refuse(self, error: GraphQLError | Refusal) -> None:
        """Answer `error` instead of executing; what was sent is not looked at any more."""
        execution = self.execution_context
        execution.graphql_document = _NOTHING
        execution._provided_operation_name = None
        if isinstance(error, Refusal):
            error = GraphQLError(error.code.value, original_error=error)
        execution.pre_execution_errors = [error]

    def _checked(self) -> list[GraphQLError]:
        execution, context = self.execution_context, self._context
        document = execution.graphql_document
        assert document is not None
        limits.check(document, self._limits.depth_max)
        if limits.uses_introspection(document) and not sees_schema(context.actor):
            raise GraphQLError("The schema is not shown")
        schema: GraphQLSchema = execution.schema._schema
        errors = _validated(schema, document, execution.validation_rules)
        if not errors:
            self.cost = cost_of(schema, document, execution.operation_name, execution.variables)
            if self.cost > self._limits.cost_max:
                raise Refusal(RefusalCode.COST_LIMIT, cost=self.cost, limit=self._limits.cost_max)
            context.services.meter.cost(self._principal, self._limits, self.cost)
        return list(errors)

    def _check_trusted(self, context: Context) -> None:
        if not needs_trusted(context.settings, context.actor):
            return
        if trusted.digest(self.execution_context.query or "") not in trusted.documents():
            raise Refusal(RefusalCode.UNTRUSTED_DOCUMENT)


def _parsed(query: str | None) -> DocumentNode | None:
    if not query:  # said by Strawberry: there is no operation
        return None
    if len(query) > limits.DOCUMENT_CHARS_MAX:
        raise Refusal(
            RefusalCode.DOCUMENT_LIMIT, what="characters", limit=limits.DOCUMENT_CHARS_MAX
        )
    if trusted.digest(query) in trusted.documents():
        return _parsed_listed(query)
    return _parsed_other(query)


def _parse(query: str) -> DocumentNode:
    return parse(
        query,
        max_lexical_tokens=limits.TOKENS_MAX,
        max_comments=limits.COMMENTS_MAX,
        max_source_length=limits.DOCUMENT_CHARS_MAX,
    )


# The first holds as many documents as are listed; the second cannot push them out.
_parsed_listed = lru_cache(maxsize=None)(_parse)
_parsed_other = lru_cache(maxsize=DOCUMENTS_KEPT)(_parse)
_validated = lru_cache(maxsize=2 * DOCUMENTS_KEPT)(validate_document)
_NOTHING = _parse("{ __typename }")
