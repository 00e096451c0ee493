"""Root fields: each runs a use case, shows its permission, is listed for the golden file."""

from collections.abc import Callable
from typing import Any

import strawberry

from lotkin.auth.permissions import ROLE_PERMISSIONS, Permission, Role
from lotkin.resolvers.usecase import USE_CASES

# Permission of every root field by `Query.item`, filled while the schema's modules are imported.
ROOT_FIELDS: dict[str, Permission] = {}


def field(
    use_case: Callable[..., Any], *, root: str, name: str, description: str, **options: Any
) -> Any:
    """Return a decorator that makes a resolver the root field `root.name` of `use_case`.

    The permission is printed into the description, where clients read it. It is checked by the
    use case alone, so that no second list can disagree.
    """
    permission = USE_CASES[use_case.__name__]
    assert f"{root}.{name}" not in ROOT_FIELDS, name
    ROOT_FIELDS[f"{root}.{name}"] = permission
    told = f"{description}\n\nPermission: `{permission.value}`."
    return strawberry.field(name=name, description=told, **options)


def operations() -> str:
    """Return every root field with `allow` or `deny` for each role, one line a field and role."""
    lines = [
        f"{root} {role.value} {'allow' if permission in ROLE_PERMISSIONS[role] else 'deny'}"
        for root, permission in sorted(ROOT_FIELDS.items())
        for role in Role
    ]
    return "\n".join(lines) + "\n"
