"""Who is asking, as GraphQL."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import strawberry

from lotkin.auth.actor import Actor


@strawberry.type(description="The caller, as the service sees them.")
class Viewer:
    """The caller."""

    subject: str = strawberry.field(description="Who, as the identity provider names them.")
    name: str = strawberry.field(description="Printed name.")
    organisation: str | None = strawberry.field(description="The organisation acted for.")
    roles: list[str] = strawberry.field(description="Roles held, by name.")
    permissions: list[str] = strawberry.field(
        description="What these roles allow, as `resource:action`."
    )

    @classmethod
    def of(cls, actor: Actor) -> "Viewer":
        """Return the caller of an actor."""
        return cls(
            subject=actor.subject,
            name=actor.name,
            organisation=actor.organisation,
            roles=sorted(role.value for role in actor.roles),
            permissions=sorted(each.value for each in actor.permissions),
        )
