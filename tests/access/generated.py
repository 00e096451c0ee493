"""Generated operations: valid documents over the whole schema, with look-ups that may hit anything.

Seeded, so that a failure is found again. Half of the documents stay within what a partner may
select; the others take any field.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from lotkin.auth.permissions import Role
from lotkin.auth.visibility import is_shown

DEPTH = 6


class Operations:
    """Writes operations for one role; `targets` are keys and ids, own and foreign and made up."""

    def __init__(
        self,
        schema: GraphQLSchema,
        role: Role,
        targets: Sequence[tuple[str, str]],
        seed: int,
        *,
        roots: Sequence[str] = (),
    ) -> None:
        """targets: (kind, value) with kind `key` or `id`. roots: of Query; none = all."""
        self._schema = schema
        self._role = role
        self._targets = targets
        self._chance = random.Random(seed)
        self._strict = True
        query = schema.query_type
        assert query is not None
        self._query = query
        self._roots = list(roots) or list(query.fields)

    def next(self) -> str:
        """Return one document."""
        self._strict = self._chance.random() < 0.85
        root = self._chance.choice(self._roots)
        return "{ " + self._field(self._query, root, DEPTH) + " }"

    def _field(self, parent: Any, name: str, depth: int) -> str:
        field = parent.fields[name]
        below = get_named_type(field.type)
        arguments = self._arguments(parent.name, name, field.args)
        if is_leaf_type(below):
            return name + arguments
        return f"{name}{arguments} {self._selection(below, depth - 1)}"

    def _selection(self, type_: Any, depth: int) -> str:
        if isinstance(type_, GraphQLUnionType):
            return "{ __typename " + self._fragments(list(type_.types), depth) + " }"
        parts = ["__typename"]
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        parts += [self._field(type_, name, depth) for name in self._picked(type_, depth)]
        if isinstance(type_, GraphQLInterfaceType) and depth > 0:
            possible = self._schema.get_possible_types(type_)
            parts.append(self._fragments(self._some(possible, 1), depth, type_))
        return "{ " + " ".join(parts) + " }"

    def _fragments(self, types: Sequence[Any], depth: int, around: Any = None) -> str:
        return " ".join(f"... on {each.name} {self._own(each, depth, around)}" for each in types)

    def _own(self, type_: Any, depth: int, around: Any) -> str:
        taken = set() if around is None else set(around.fields)
        names = [name for name in self._picked(type_, depth) if name not in taken]
        # An alias each: fields of one name and two shapes must not meet.
        parts = [f"{type_.name}_{n}: {self._field(type_, n, depth)}" for n in names]
        return "{ " + " ".join(["__typename", *parts]) + " }"

    def _picked(self, type_: Any, depth: int) -> list[str]:
        names = []
        for name, field in type_.fields.items():
            is_leaf = is_leaf_type(get_named_type(field.type))
            if (depth > 0 or is_leaf) and (
                not self._strict or is_shown(self._role, type_.name, name)
            ):
                names.append(name)
        return self._some(names, 3)

    def _some(self, values: Sequence[Any], most: int) -> list[Any]:
        return self._chance.sample(list(values), min(len(values), self._chance.randint(1, most)))

    def _arguments(self, type_: str, field: str, arguments: Any) -> str:
        told = []
        for name, argument in arguments.items():
            is_needed = isinstance(argument.type, GraphQLNonNull) and not _has_default(argument)
            is_open = not self._strict or is_shown(self._role, type_, field, name)
            if is_needed or (is_open and self._chance.random() < 0.3):
                told.append(f"{name}: {self._value(argument.type, name)}")
        return f"({', '.join(told)})" if told else ""

    def _value(self, type_: Any, name: str) -> str:
        if isinstance(type_, GraphQLNonNull):
            return self._value(type_.of_type, name)
        if isinstance(type_, GraphQLList):
            count = 1 if name in {"from", "suspects"} else self._chance.randint(1, 2)
            return "[" + ", ".join(self._value(type_.of_type, name) for _ in range(count)) + "]"
        if isinstance(type_, GraphQLEnumType):
            return self._chance.choice(list(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            return self._input(type_)
        return self._leaf(type_.name, name)

    def _input(self, type_: GraphQLInputObjectType) -> str:
        if type_.name == "ItemLookup":
            kind, value = self._chance.choice(self._targets)
            kind = self._chance.choice([kind, kind, "scan"]) if kind == "key" else kind
            return f'{{{kind}: "{value}"}}'
        fields = type_.fields
        if type_.name == "SignatureProof":  # exactly one, which the type alone does not say
            return "{webauthn: {}}"
        told = [
            f"{name}: {self._value(each.type, name)}"
            for name, each in fields.items()
            if (isinstance(each.type, GraphQLNonNull) and not _has_default(each))
            or (type_.name != "AsOfInput" and self._chance.random() < 0.2)
            or (type_.name == "AsOfInput" and name == "eventTime")
        ]
        return "{" + ", ".join(told) + "}"

    def _leaf(self, scalar: str, name: str) -> str:
        made: dict[str, Callable[[], str]] = {
            "Int": lambda: str(self._chance.choice([0, 1, 5, 100])),
            "Boolean": lambda: self._chance.choice(["true", "false"]),
            "DateTime": lambda: self._chance.choice(
                ['"2026-03-02T08:15:00Z"', '"2026-03-02T09:30:00Z"', '"2027-01-01T00:00:00Z"']
            ),
            "BigInt": lambda: f'"{self._chance.randint(0, 20)}"',
            "ID": self._id,
            "_Any": lambda: f'{{__typename: "Lot", id: {self._id()}}}',
            "JSON": lambda: "{}",
        }
        text = made.get(scalar, self._text)()
        return '"x"' if name == "after" else text

    def _id(self) -> str:
        ids = [value for kind, value in self._targets if kind == "id"]
        return f'"{self._chance.choice(ids)}"'

    def _text(self) -> str:
        return f'"{self._chance.choice(self._targets)[1]}"'


def _has_default(argument: Any) -> bool:
    from graphql import Undefined

    default = getattr(argument, "default_value", Undefined)
    return default is not Undefined and default is not None
