"""What an operation selects below a field, so that nothing else is read."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import strawberry
from graphql import DocumentNode, OperationDefinitionNode
from strawberry.types.nodes import FragmentSpread, InlineFragment, SelectedField, Selection

Tree: TypeAlias = dict[str, "Tree"]

_SKIPPED = {"skip": True, "include": False}


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the operation of that name, or the only one; None where that is not decided."""
    found = [
        each
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
        and (name is None or (each.name is not None and each.name.value == name))
    ]
    return found[0] if len(found) == 1 else None


def selected(info: strawberry.Info[Any, Any]) -> Tree:
    """Return the fields selected below the field that is being resolved, by name, deep.

    Fragments are looked into whatever their type; aliases of one field are put together.
    """
    tree: Tree = {}
    for field in info.selected_fields:
        _add(tree, field.selections)
    return tree


def arguments(info: strawberry.Info[Any, Any], name: str) -> list[dict[str, Any]]:
    """Return the arguments of each direct selection of the field `name`, variables filled in."""
    found: list[dict[str, Any]] = []
    waiting: list[Selection] = [each for field in info.selected_fields for each in field.selections]
    while waiting:
        each = waiting.pop()
        if isinstance(each, SelectedField):
            if each.name == name:
                found.append(each.arguments)
        elif isinstance(each, FragmentSpread | InlineFragment):
            waiting.extend(each.selections)
    return found


def _add(tree: Tree, selections: Iterable[Selection]) -> None:
    for each in selections:
        if any(each.directives.get(name, {}).get("if") is off for name, off in _SKIPPED.items()):
            continue
        if isinstance(each, SelectedField):
            _add(tree.setdefault(each.name, {}), each.selections)
        else:
            _add(tree, each.selections)
