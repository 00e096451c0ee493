"""This service as a subgraph of Apollo Federation v2: what may be referred to, and by what.

Item classes, lots, serials and parties are entities with two keys each: the opaque `id`, and the
canonical `key` (a GS1 Digital Link path or a URN), which other services know without asking us.
"""

# `field` returns what Strawberry's own decorator returns, which is Any.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry.federation.schema import FederationAny
from strawberry.printer import print_schema

from lotkin.errors import Refusal, RefusalCode
from lotkin.resolvers import entities, viewer
from lotkin.resolvers.entities import ENTITIES_MAX, Reference
from lotkin.schema.field import field
from lotkin.schema.item import Lot, Serial
from lotkin.schema.problem import INTROSPECT
from lotkin.schema.scan import object_of
from lotkin.schema.things import Info, ItemClass, Party

Entity = Annotated[
    ItemClass | Lot | Party | Serial,
    strawberry.union("_Entity", description="What other services may refer to."),
]

FEDERATION_VERSION = "2.11"
ANY = strawberry.scalar(
    name="_Any",
    description="A reference to an entity: `__typename` and the fields of one of its keys.",
    serialize=lambda value: value,
    parse_value=lambda value: value,
)


def reference(told: object) -> Reference:
    """Return a representation as a reference. Raises: Refusal BAD_INPUT where it is none."""
    if isinstance(told, Mapping):
        name, id, key = (told.get(each) for each in ("__typename", "id", "key"))
        if isinstance(name, str) and isinstance(id, str | None) and isinstance(key, str | None):
            return Reference(name, id, key)
    raise Refusal(RefusalCode.BAD_INPUT, reason="A representation has __typename and id or key")


@strawberry.type(name="_Service", description="This service as a subgraph.")
class Service:
    """The subgraph."""

    sdl: str = strawberry.field(description="The schema with the directives of Federation.")


@strawberry.type
class Subgraph:
    """What a router asks beside the schema; `Query` inherits it."""

    @field(
        entities.entities,
        root="Query",
        name="_entities",
        description=f"Up to {ENTITIES_MAX} entities by reference; null for what names nothing.",
    )
    async def _entities(
        self,
        info: Info,
        representations: Annotated[
            list[FederationAny], strawberry.argument(description="The references.")
        ],
    ) -> list[Entity | None]:
        """Return the entities in the order of their references."""
        if len(representations) > ENTITIES_MAX:
            raise Refusal(RefusalCode.BAD_INPUT, reason=f"At most {ENTITIES_MAX} references")
        asked = [reference(each) for each in representations]
        found = await entities.entities(info.context, asked)
        made: list[Any] = [None if each is None else object_of(*each) for each in found]
        return made

    @field(
        viewer.viewer,
        root="Query",
        name="_service",
        description="The schema as a subgraph; needs the scope `dev:introspect`.",
    )
    async def _service(self, info: Info) -> Service:
        """Return the subgraph's schema."""
        actor = await viewer.viewer(info.context)
        if INTROSPECT not in actor.scopes:
            raise Refusal(RefusalCode.FORBIDDEN, permission=INTROSPECT)
        return Service(sdl=print_schema(info.schema))
