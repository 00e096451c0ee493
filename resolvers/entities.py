"""Objects that another service of a federated graph refers to, by id or by natural key."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from lotkin.auth.permissions import Permission
from lotkin.domain.genealogy import ItemKind
from lotkin.domain.nodeid import NodeType, parse_row
from lotkin.errors import Refusal
from lotkin.records import entities as records
from lotkin.records.items import ClassRow, ItemRow, NamedRow
from lotkin.resolvers import loaders
from lotkin.resolvers.context import Context
from lotkin.resolvers.lookup import Lookup, find_items
from lotkin.resolvers.usecase import usecase

ENTITIES_MAX = 100  # references of one `_entities` call, as many as ids of one `nodes` call

Row = ItemRow | ClassRow | NamedRow
_TYPES = {
    "ItemClass": NodeType.ITEM_CLASS,
    "Lot": NodeType.ITEM,
    "Serial": NodeType.ITEM,
    "Party": NodeType.PARTY,
}
_KINDS = {"Lot": ItemKind.LOT, "Serial": ItemKind.SERIAL}


@dataclass(frozen=True, slots=True)
class Reference:
    """An object of a type, by its opaque id or its natural key."""

    type_name: str
    id: str | None
    key: str | None


@usecase(Permission.ITEM_READ)
async def entities(
    context: Context, asked: Sequence[Reference]
) -> list[tuple[NodeType, Row] | None]:
    """Return what each reference names; None for unknown, malformed and forbidden ones alike."""
    ids = await _ids(context, asked)
    loads = [_load(context, each, id) for each, id in zip(asked, ids, strict=True)]
    return list(await asyncio.gather(*loads))


async def _load(
    context: Context, reference: Reference, row: int | None
) -> tuple[NodeType, Row] | None:
    tag = _TYPES.get(reference.type_name)
    if tag is None or row is None:
        return None
    found: Row | None
    if tag is NodeType.ITEM:
        item = await loaders.item(context, row)
        is_right = item is not None and item.kind is _KINDS[reference.type_name]
        found = item if is_right else None
    elif tag is NodeType.ITEM_CLASS:
        found = await loaders.item_class(context, row)
    else:
        found = await loaders.party(context, row)
    return None if found is None else (tag, found)


async def _ids(context: Context, asked: Sequence[Reference]) -> list[int | None]:
    tags = [_TYPES.get(each.type_name) for each in asked]
    keys = {
        tag: [each.key for each, of in zip(asked, tags, strict=True) if of is tag and each.key]
        for tag in (NodeType.ITEM_CLASS, NodeType.PARTY)
    }
    classes: dict[str, int] = {}
    parties: dict[str, int] = {}
    if any(keys.values()):
        async with context.database.reading() as connection:
            classes = await records.class_ids(connection, keys[NodeType.ITEM_CLASS])
            parties = await records.party_ids(connection, keys[NodeType.PARTY])
    by_key: dict[NodeType, dict[str, int]] = {
        NodeType.ITEM_CLASS: classes,
        NodeType.PARTY: parties,
    }
    loads: list[Awaitable[int | None]] = [
        _id(context, each, tag, by_key) for each, tag in zip(asked, tags, strict=True)
    ]
    return list(await asyncio.gather(*loads))


async def _id(
    context: Context,
    reference: Reference,
    tag: NodeType | None,
    by_key: dict[NodeType, dict[str, int]],
) -> int | None:
    if tag is None:
        return None
    if reference.id is not None:
        return parse_row(reference.id, tag)
    if reference.key is None:
        return None
    if tag is not NodeType.ITEM:
        return by_key[tag].get(reference.key)
    try:
        (found,) = await find_items(context, [Lookup(key=reference.key)])
    except Refusal:  # no key of anything
        return None
    return found[0] if len(found) == 1 else None
