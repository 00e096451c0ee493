"""Attributes of many items at once, as columns; single items are loaded by `loaders`."""

from collections.abc import Sequence

from lotkin.auth.permissions import Permission
from lotkin.records import items as records
from lotkin.records.items import ItemColumns
from lotkin.resolvers.context import Context
from lotkin.resolvers.usecase import usecase


@usecase(Permission.ITEM_READ)
async def attributes(context: Context, ids: Sequence[int]) -> ItemColumns:
    """Return the attributes of items in their order; every id must exist."""
    async with context.database.reading() as connection:
        return await records.columns(connection, ids)
