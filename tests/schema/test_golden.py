"""The contract in golden files: they change only in a commit that means to change them.

`LOTKIN_WRITE_GOLDEN=1 pytest tests/schema/test_golden.py` writes them anew.
"""

import os
from pathlib import Path

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLSchema, build_schema

from lotkin import schema
from lotkin.schema.field import ROOT_FIELDS, operations

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMA = schema.build()


@pytest.mark.parametrize(
    ("name", "text"),
    [("schema.graphql", SCHEMA.as_str() + "\n"), ("operations.txt", operations())],
)
def test_the_golden_file_is_what_is_served(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("LOTKIN_WRITE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text, f"{name} differs; see this file's docstring"


def test_every_root_field_runs_a_use_case_and_shows_its_permission() -> None:
    served = SCHEMA._schema
    every = (served.query_type, served.mutation_type, served.subscription_type)
    roots = [root for root in every if root]
    fields = {f"{root.name}.{name}": field for root in roots for name, field in root.fields.items()}
    assert fields.keys() == ROOT_FIELDS.keys()
    for name, field in fields.items():
        assert f"`{ROOT_FIELDS[name].value}`" in (field.description or "")


def test_every_type_field_argument_and_value_has_a_description() -> None:
    bare: list[str] = []
    for name, type_ in SCHEMA._schema.type_map.items():
        if name.startswith("__"):
            continue
        parts = {name: type_}
        for field, told in getattr(type_, "fields", {}).items():
            parts[f"{name}.{field}"] = told
            parts |= {f"{name}.{field}({a})": arg for a, arg in getattr(told, "args", {}).items()}
        if isinstance(type_, GraphQLEnumType):
            parts |= {f"{name}.{value}": told for value, told in type_.values.items()}
        bare += [part for part, told in parts.items() if not told.description]
    assert bare == []


def test_node_types_have_an_id_and_connections_are_relays() -> None:
    served = SCHEMA._schema
    node = served.get_type("Node")
    types = served.type_map
    for name, type_ in types.items():
        if name.endswith("Connection"):
            assert {"edges", "pageInfo", "totalCount"} <= type_.fields.keys()
        fields = getattr(type_, "fields", {})
        is_input = isinstance(type_, GraphQLInputObjectType)
        if "id" in fields and not is_input and name != "Node":
            assert node in type_.interfaces, name


def test_the_sdl_can_be_read_again() -> None:
    assert isinstance(build_schema(SCHEMA.as_str()), GraphQLSchema)
