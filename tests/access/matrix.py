"""Computes who may reach what of the schema: every field, argument and mutation, by role.

A role reaches a field when a root field it may use leads there through fields it may see. For
people inside, what lies below a root field follows from that field's permission.
"""

from collections.abc import Iterator

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from lotkin.auth.permissions import PARTNERS, ROLE_PERMISSIONS, Permission, Role
from lotkin.auth.visibility import INSIDE, ROOTS, is_shown
from lotkin.schema.field import ROOT_FIELDS

# Fields whose value needs more than the root field they stand under.
FURTHER = {
    "Scan.item": Permission.ITEM_READ,
    "Scan.candidates": Permission.ITEM_READ,
    "Item.trace": Permission.TRACE_READ,
}
# What `node` gives, by type, where it is not an item's.
NODES = {
    "AccessGrant": Permission.ACCESS_READ,
    "Alert": Permission.ALERT_READ,
    "Change": Permission.CHANGE_READ,
    "HoldRecord": Permission.RELEASE_READ,
    "JournalEntry": Permission.JOURNAL_READ,
    "Signature": Permission.SIGNATURE_READ,
}


def matrix(schema: GraphQLSchema) -> str:
    """Return one line a coordinate: the roles that reach it."""
    reached = {role: _reached(schema, role) for role in Role}
    lines = []
    for coordinate in sorted(_coordinates(schema)):
        roles = [role.value for role in Role if coordinate in reached[role]]
        lines.append(f"{coordinate}: {' '.join(roles) or '-'}")
    return "\n".join(lines) + "\n"


def fields(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Every (type, field) of the schema's output types."""
    for name, type_ in schema.type_map.items():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and name[:2] != "__":
            yield from ((name, field) for field in type_.fields)


def _coordinates(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in fields(schema):
        yield f"{name}.{field}"
        for argument in schema.type_map[name].fields[field].args:
            yield f"{name}.{field}({argument})"


def _reached(schema: GraphQLSchema, role: Role) -> set[str]:
    found: set[str] = set()
    waiting = [root for root in (schema.query_type, schema.mutation_type) if root]
    waiting += [schema.subscription_type] if schema.subscription_type else []
    seen = {each.name for each in waiting}
    while waiting:
        type_ = waiting.pop()
        for field, told in type_.fields.items():
            if not _may(role, type_.name, field):
                continue
            found.add(f"{type_.name}.{field}")
            for argument in told.args:
                if role not in PARTNERS or is_shown(role, type_.name, field, argument):
                    found.add(f"{type_.name}.{field}({argument})")
            for each in _possible(schema, get_named_type(told.type)):
                needed = NODES.get(each.name) if _is_node(told.type) else None
                allowed = needed is None or needed in ROLE_PERMISSIONS[role]
                if each.name not in seen and allowed:
                    seen.add(each.name)
                    waiting.append(each)
    return found


def _may(role: Role, type_name: str, field: str) -> bool:
    held = ROLE_PERMISSIONS[role]
    if type_name in ROOTS:
        if role in PARTNERS and not is_shown(role, type_name, field):
            return False
        return ROOT_FIELDS[f"{type_name}.{field}"] in held
    further = FURTHER.get(f"{type_name}.{field}")
    if further is not None and further not in held:
        return False
    return role not in PARTNERS or is_shown(role, type_name, field)


def _is_node(type_: object) -> bool:
    return get_named_type(type_).name == "Node"


def _possible(schema: GraphQLSchema, type_: object) -> list[GraphQLObjectType]:
    if isinstance(type_, GraphQLInterfaceType):
        return [type_, *schema.get_possible_types(type_)]
    if isinstance(type_, GraphQLUnionType):
        return list(type_.types)
    return [type_] if isinstance(type_, GraphQLObjectType) else []


def permission_table() -> str:
    """Return role x permission as a Markdown table."""
    heads = [role.value.replace("_", " ") for role in Role]
    lines = ["| permission | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for permission in Permission:
        cells = [_cell(role, permission) for role in Role]
        lines.append(f"| `{permission.value}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(role: Role, permission: Permission) -> str:
    if permission not in ROLE_PERMISSIONS[role]:
        return "-"
    if role in PARTNERS and permission not in {Permission.VIEWER_READ}:
        return "scope"
    return "2" if permission in {Permission.ACCESS_GRANT, Permission.FACTOR_RESET} else "yes"


def sight_table() -> str:
    """Return the fields that partners see as a Markdown table."""
    from lotkin.auth.visibility import SIGHT

    lines = ["| type | every partner | regulators too | hidden |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {' '.join(sight.shared.split()) or '-'} | "
        f"{' '.join(sight.regulator.split()) or '-'} | {' '.join(sight.inside.split()) or '-'} |"
        for name, sight in sorted(SIGHT.items())
    ]
    return "\n".join([*lines, f"| {', '.join(f'`{n}`' for n in sorted(INSIDE))} | - | - | all |"])
