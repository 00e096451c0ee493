"""What a partner's operation passes: only fields it may see, and every answer journaled first."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)
from strawberry.extensions import SchemaExtension

from lotkin.auth.permissions import Role
from lotkin.auth.visibility import ROOTS, is_shown
from lotkin.errors import LotkinError, RefusalCode
from lotkin.resolvers.context import Context
from lotkin.resolvers.partner import journal_read


class PartnerSight(SchemaExtension):
    """Refuses operations that ask for what a partner may not see; journals all the others.

    Not shown is refused like not there: what exists is not told apart from what is hidden.
    """

    _roots: frozenset[str] | set[str] = frozenset()

    async def on_operation(self) -> AsyncIterator[None]:
        """Journal the answer before it leaves; without that entry it does not."""
        yield
        context = self.execution_context.context
        if isinstance(context, Context) and context.actor.partner is not None:
            await self._journal(context)

    def on_validate(self) -> Iterator[None]:
        """Compare the fields of a valid document with what the role may see."""
        execution = self.execution_context
        context, document = execution.context, execution.graphql_document
        role = context.actor.partner if isinstance(context, Context) else None
        if role is not None and document is not None and not execution.pre_execution_errors:
            info = TypeInfo(execution.schema._schema)
            asked = _Fields(info, role)
            visit(document, TypeInfoVisitor(info, asked))
            self._roots = asked.roots
            if asked.hidden:
                message = f"{asked.hidden[0]} is not shown"
                execution.pre_execution_errors = [GraphQLError(message)]
        yield

    async def _journal(self, context: Context) -> None:
        execution = self.execution_context
        result: Any = execution.result
        errors = [*(getattr(result, "errors", None) or execution.pre_execution_errors or ())]
        codes = sorted({_code(error) for error in errors})
        if RefusalCode.RATE_LIMITED.value in codes:
            return  # nothing was read, and an entry each would cost more than an answer
        digest = hashlib.sha256((execution.query or "").encode("utf-8", "replace")).hexdigest()
        count = _count(getattr(result, "data", None))
        await journal_read(
            context,
            {"fields": sorted(self._roots), "document": digest},
            count=count,
            refused=codes,
        )


class _Fields(Visitor):
    """Collects the root fields of an operation, and the coordinates that a role may not see."""

    def __init__(self, info: TypeInfo, role: Role) -> None:
        super().__init__()
        self.roots: set[str] = set()
        self.hidden: list[str] = []
        self._info = info
        self._role = role

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self._info.get_parent_type()
        name = "" if parent is None else get_named_type(parent).name
        field = node.name.value
        if name in ROOTS:
            self.roots.add(field)
        if not is_shown(self._role, name, field):
            self.hidden.append(f"{name}.{field}")
        for given in node.arguments or ():
            if not is_shown(self._role, name, field, given.name.value):
                self.hidden.append(f"{name}.{field}({given.name.value})")


def _count(data: Any) -> int:
    """Return how many objects an answer tells of: those under its roots, and entries of lists."""
    if not isinstance(data, dict):
        return 0
    return sum(isinstance(value, dict) for value in data.values()) + _entries(data)


def _entries(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_entries(each) for each in value.values())
    if isinstance(value, list):
        return sum(isinstance(each, dict) + _entries(each) for each in value)
    return 0


def _code(error: GraphQLError) -> str:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        if (told := (cause.extensions or {}).get("code")) is not None:
            return str(told)
        cause = cause.original_error
    if isinstance(cause, LotkinError):
        return cause.code.value
    return (RefusalCode.BAD_INPUT if cause is None else RefusalCode.INTERNAL).value
