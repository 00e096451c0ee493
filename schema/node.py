"""The Node interface, and how an opaque id is made."""

import strawberry
from strawberry.federation.schema_directives import Key
from strawberry.federation.types import FieldSet

from lotkin.domain.nodeid import node_id


@strawberry.interface(description="Anything that can be fetched again by its id.")
class Node:
    """Relay node."""

    id: strawberry.ID = strawberry.field(description="Opaque and stable; give it to `node`.")


def entity_keys() -> list[object]:
    """Return the keys by which services of a federated graph refer to an object."""
    return [Key(fields=FieldSet("id")), Key(fields=FieldSet("key"))]


def global_id(tag: str, row: int) -> strawberry.ID:
    """Return the opaque id of a row."""
    return strawberry.ID(node_id(tag, row))


def described(enum: type, meanings: dict[str, str]) -> None:
    """Give every value of a GraphQL enum its description."""
    values = enum.__strawberry_definition__.values  # type: ignore[attr-defined]
    assert {value.name for value in values} == meanings.keys(), enum
    for value in values:
        value.description = meanings[value.name]
