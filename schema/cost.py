"""What an operation costs, from its text and variables alone, before anything is read.

A field that leads to an object costs 1, a leaf nothing; a list multiplies what stands under it
by its page. Lists that are completed by columns count one hundredth, and walks of the genealogy
have a price of their own. The limits checked before (`schema.limits`) bound this pass too.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from lotkin.schema.selection import operation_of

OBJECT = 1  # the unit: one object that is resolved
WALK = 10  # a walk of the genealogy, whatever is listed of it
EDGES = 100  # all edges of a walk at once, by columns
LIST_ENTRIES = 10  # lists without pages: holds, containers of an item, problems
INTROSPECTION = 50  # the schema is one constant answer
COLUMNAR_SHARE = 100  # so many rows made of columns cost as much as one object that is resolved
PAGE = 100  # of a connection asked without `first`
COST_CEILING = 10**9  # above it the figure means nothing more

_PRICES = {
    "traceForward": WALK,
    "traceBackward": WALK,
    "recallImpact": WALK,
    "trace": WALK,
    "witness": WALK,
    "bounds": WALK,
    "totalCount": OBJECT,
    "verifyJournal": 10 * WALK,
    "__schema": INTROSPECTION,
    "__type": INTROSPECTION,
}
_COLUMNAR = frozenset({"TraceItemConnection", "ImpactItemConnection"})
_ENTRIES = {("Trace", "edges"): EDGES}  # counted in rows of columns
_SIZED_BY = {"nodes": "ids", "_entities": "representations"}


def cost_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any] | None,
) -> int:
    """Return the cost of one operation of a validated document, at least 1."""
    operation = operation_of(document, operation_name)
    root = None if operation is None else schema.get_root_type(operation.operation)
    if operation is None or root is None:
        return OBJECT
    pricing = _Pricing(schema, document, operation, variables or {})
    return max(OBJECT, min(pricing.of(operation.selection_set, root, None), COST_CEILING))


class _Pricing:
    """The prices of one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._defaults = {
            each.variable.name.value: each.default_value
            for each in operation.variable_definitions or ()
        }
        self._variables = variables

    def of(
        self, selections: SelectionSetNode, parent: GraphQLNamedType, entries: int | None
    ) -> int:
        """Return the cost of a selection set; entries: of the page whose connection it is of."""
        total = 0
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent, entries)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments[selection.name.value]
                on = self._schema.type_map[fragment.type_condition.name.value]
                total += self.of(fragment.selection_set, on, entries)
            else:
                assert isinstance(selection, InlineFragmentNode)
                condition = selection.type_condition
                on = parent if condition is None else self._schema.type_map[condition.name.value]
                total += self.of(selection.selection_set, on, entries)
        return min(total, COST_CEILING)

    def _field(self, node: FieldNode, parent: GraphQLNamedType, entries: int | None) -> int:
        name = node.name.value
        price = _PRICES.get(name, OBJECT if node.selection_set else 0)
        fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})
        field = fields.get(name)
        if field is None or node.selection_set is None:  # introspection, or a leaf
            return price
        named = get_named_type(field.type)
        if not is_composite_type(named):
            return price
        is_connection = named.name.endswith("Connection")
        page = self._page(node, named.name) if is_connection else None
        inner = self.of(node.selection_set, named, page)
        # The object itself is made once an entry, its price is paid once an entry.
        return price + self._multiple(node, field, parent, entries) * (inner + 1) - 1

    def _multiple(
        self, node: FieldNode, field: GraphQLField, parent: GraphQLNamedType, entries: int | None
    ) -> int:
        name = node.name.value
        if not is_list_type(get_nullable_type(field.type)):
            return 1
        if name == "edges" and entries is not None:
            return entries
        if (parent.name, name) in _ENTRIES:
            return _ENTRIES[parent.name, name]
        if name in _SIZED_BY:
            return self._length(self._argument(node, _SIZED_BY[name]))
        return LIST_ENTRIES

    def _page(self, node: FieldNode, connection: str) -> int:
        """Return how many entries a page is priced as."""
        value = self._argument(node, "first")
        if isinstance(value, IntValueNode):
            value = int(value.value[:9])
        size = value if isinstance(value, int) and not isinstance(value, bool) else PAGE
        size = max(0, size)
        return -(-size // COLUMNAR_SHARE) if connection in _COLUMNAR else size

    def _argument(self, node: FieldNode, name: str) -> Any:
        """Return an argument as a variable's value, or as the node of the document."""
        found: ValueNode | None = next(
            (each.value for each in node.arguments or () if each.name.value == name), None
        )
        if isinstance(found, VariableNode):
            variable = found.name.value
            return self._variables.get(variable, self._defaults.get(variable))
        return None if isinstance(found, NullValueNode) else found

    def _length(self, value: Any) -> int:
        if isinstance(value, ListValueNode):
            return len(value.values)
        return len(value) if isinstance(value, list) else 1
