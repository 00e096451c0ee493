"""How much of a document is accepted: one memoised pass over it, before it is validated.

Fragments are measured once and multiplied where they are spread, so that the pass is linear in
the text however large the document would be with every fragment written out. Counters saturate
just above their limit: no number grows with what a caller sends.
"""

from collections import Counter
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
)

from lotkin.errors import Refusal, RefusalCode

DOCUMENT_CHARS_MAX = 15_000  # the introspection query of the IDE has 2,000
TOKENS_MAX = 1_000  # parsing is linear in tokens: 2 ms
COMMENTS_MAX = 50  # comments are no tokens, but are read all the same
DEPTH_INTROSPECTION_MAX = 20  # the IDE's own query has 14 levels of `ofType`
ALIASES_MAX = 15  # guesses of a secret under many aliases in one operation
FIELDS_MAX = 500  # with every fragment written out
DIRECTIVES_MAX = 8  # each is looked at for each field it stands on
REPEATS_MAX = 20  # the same response name in one selection set: merged at quadratic cost
QUERY_ROOTS_MAX = 10  # use cases one operation may start
WRITE_ROOTS_MAX = 1  # one mutation, one subscription: nothing to guess with, nothing half done
DEFINITIONS_MAX = 100  # operations and fragments of one document
NESTING_MAX = 30  # braces in braces, inline fragments too: this pass and the executor recurse

_INTROSPECTION = frozenset({"__schema", "__type", "_service"})


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a selection set amounts to with its fragments written out."""

    depth: int = 0  # levels of fields
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    roots: int = 0  # fields of its own level
    schema_depth: int = 0  # levels below a field of introspection


_NOTHING = _Shape()


def check(document: DocumentNode, depth_max: int) -> None:
    """Do nothing where every operation of `document` is within the limits.

    Raises: Refusal DOCUMENT_LIMIT naming the limit, BAD_INPUT for a fragment within itself.
    """
    if len(document.definitions) > DEFINITIONS_MAX:
        raise _over("definitions", DEFINITIONS_MAX)
    measure = _Measure(document, depth_max)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            measure.operation(definition)
    for name in measure.fragments:
        measure.fragment(name)


def uses_introspection(document: DocumentNode) -> bool:
    """Tell whether any selection of `document` asks for the schema itself."""
    left: list[SelectionSetNode] = [
        definition.selection_set
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while left:
        for selection in left.pop().selections:
            if isinstance(selection, FieldNode) and selection.name.value in _INTROSPECTION:
                return True
            inner = getattr(selection, "selection_set", None)
            if inner is not None:
                left.append(inner)
    return False


def _over(what: str, limit: int) -> Refusal:
    return Refusal(RefusalCode.DOCUMENT_LIMIT, what=what, limit=limit)


class _Measure:
    """The pass over one document."""

    def __init__(self, document: DocumentNode, depth_max: int) -> None:
        self.fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._depth_max = depth_max
        self._known: dict[str, _Shape | None] = {}  # None: being measured

    def operation(self, operation: OperationDefinitionNode) -> None:
        shape = self._set(operation.selection_set)
        directives = len(operation.directives or ()) + sum(
            len(variable.directives or ()) for variable in operation.variable_definitions or ()
        )
        self._within(shape, extra_directives=directives)
        if shape.depth > self._depth_max:
            raise _over("levels", self._depth_max)
        roots_max = (
            QUERY_ROOTS_MAX if operation.operation is OperationType.QUERY else WRITE_ROOTS_MAX
        )
        if shape.roots > roots_max:
            raise _over(f"root fields of a {operation.operation.value}", roots_max)

    def fragment(self, name: str) -> _Shape:
        """Return the shape of a fragment; of an unknown one nothing, validation names it."""
        if name in self._known:
            shape = self._known[name]
            if shape is None:
                raise Refusal(RefusalCode.BAD_INPUT, reason="A fragment is spread within itself")
            return shape
        definition = self.fragments.get(name)
        if definition is None:
            return _NOTHING
        self._known[name] = None
        shape = self._set(definition.selection_set)
        self._within(shape, extra_directives=len(definition.directives or ()))
        self._known[name] = shape
        return shape

    def _set(self, selections: SelectionSetNode | None, nesting: int = 1) -> _Shape:
        if selections is None:
            return _NOTHING
        if nesting > NESTING_MAX:
            raise _over("levels of braces", NESTING_MAX)
        names = Counter(
            (selection.alias or selection.name).value
            for selection in selections.selections
            if isinstance(selection, FieldNode)
        )
        if max(names.values(), default=0) > REPEATS_MAX:
            raise _over("repetitions of one field", REPEATS_MAX)
        parts = [self._selection(selection, nesting) for selection in selections.selections]
        total = _Shape(
            depth=max((part.depth for part in parts), default=0),
            fields=sum(part.fields for part in parts),
            aliases=sum(part.aliases for part in parts),
            directives=sum(part.directives for part in parts),
            roots=sum(part.roots for part in parts),
            schema_depth=max((part.schema_depth for part in parts), default=0),
        )
        # At once, not at the end: what is over a limit already is not counted any further.
        self._within(total)
        return total

    def _selection(self, selection: SelectionNode, nesting: int) -> _Shape:
        directives = len(selection.directives or ())
        if isinstance(selection, FieldNode):
            inner = self._set(selection.selection_set, nesting + 1)
            is_schema = selection.name.value in _INTROSPECTION
            return _Shape(
                depth=1 if is_schema else inner.depth + 1,
                fields=inner.fields + 1,
                aliases=inner.aliases + (selection.alias is not None),
                directives=inner.directives + directives,
                roots=1,
                schema_depth=inner.depth + 1 if is_schema else inner.schema_depth,
            )
        if isinstance(selection, FragmentSpreadNode):
            inner = self.fragment(selection.name.value)
        else:
            assert isinstance(selection, InlineFragmentNode)
            inner = self._set(selection.selection_set, nesting + 1)
        return _Shape(
            depth=inner.depth,
            fields=inner.fields,
            aliases=inner.aliases,
            directives=inner.directives + directives,
            roots=inner.roots,
            schema_depth=inner.schema_depth,
        )

    def _within(self, shape: _Shape, *, extra_directives: int = 0) -> None:
        # Below `__schema` the depth is another: until the field above is known, allow the larger.
        depth_max = max(self._depth_max, DEPTH_INTROSPECTION_MAX)
        for count, limit, what in (
            (shape.depth, depth_max, "levels"),
            (shape.schema_depth, DEPTH_INTROSPECTION_MAX, "levels"),
            (shape.fields, FIELDS_MAX, "fields"),
            (shape.aliases, ALIASES_MAX, "aliases"),
            (shape.directives + extra_directives, DIRECTIVES_MAX, "directives"),
        ):
            if count > limit:
                raise _over(what, limit)
