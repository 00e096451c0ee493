"""Long lists of items as columns: read once, no object a row (decision 6)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from lotkin.domain.genealogy import ActivityKind, ItemKind
from lotkin.domain.nodeid import NodeType, node_ids
from lotkin.records.items import ActivityRow, ClassRow, NamedRow
from lotkin.resolvers import loaders
from lotkin.resolvers.attributes import attributes
from lotkin.resolvers.context import Context
from lotkin.schema.columnar import Column, Pick, Table
from lotkin.schema.scalars import date_time
from lotkin.schema.selection import Tree

TYPES = {ItemKind.LOT: "Lot", ItemKind.SERIAL: "Serial", ItemKind.CONTAINER: "Container"}
_KIND_NAMES = [kind.name for kind in ItemKind]
_TYPE_NAMES = [TYPES[kind] for kind in ItemKind]
_ATTRIBUTES = {"lotNo", "serialNo", "supplierLotNo", "udi", "itemClass"}


async def item_table(
    context: Context,
    ids: Sequence[int],
    keys: Sequence[str],
    kinds: Sequence[int],
    wanted: Tree,
) -> Table:
    """Return items as a column of objects; `wanted` are the fields selected on them.

    Fields that are no plain attributes have no column: the list then falls back on objects.
    """
    columns: dict[str, Column] = {"key": keys, "kind": [_KIND_NAMES[kind] for kind in kinds]}
    if "id" in wanted:
        columns["id"] = node_ids(NodeType.ITEM, ids)
    if wanted.keys() & _ATTRIBUTES:
        read = await attributes(context, ids)
        columns["lotNo"] = [lot or key for lot, key in zip(read.lot_no, keys, strict=True)]
        columns["serialNo"] = [each or key for each, key in zip(read.serial_no, keys, strict=True)]
        columns["supplierLotNo"] = read.supplier_lot_no
        columns["udi"] = read.udi
        if "itemClass" in wanted:
            columns["itemClass"] = await _pick(context, loaders.item_class, read.class_id, _classes)
    return Table(len(ids), columns, types=[_TYPE_NAMES[kind] for kind in kinds])


async def party_column(context: Context, rows: Sequence[int | None]) -> Pick:
    """Return parties as a column of objects."""
    return await _pick(context, loaders.party, rows, _parties)


async def activity_column(context: Context, rows: Sequence[int | None]) -> Pick:
    """Return activities as a column of objects."""
    return await _pick(context, loaders.activity, rows, _activities)


async def _pick(context: Context, load: Any, rows: Sequence[int | None], table: Any) -> Pick:
    """Load each distinct row once and point every place at it."""
    distinct = list({row for row in rows if row is not None})
    found = await asyncio.gather(*(load(context, row) for row in distinct))
    place = {row: n for n, row in enumerate(distinct)}
    return Pick(table(found), [-1 if row is None else place[row] for row in rows])


def _classes(rows: Sequence[ClassRow]) -> Table:
    return Table(
        len(rows),
        {
            "id": node_ids(NodeType.ITEM_CLASS, [row.id for row in rows]),
            "key": [row.key for row in rows],
            "name": [row.name for row in rows],
            "udiDi": [row.udi_di for row in rows],
            "implantable": [row.implantable for row in rows],
            "tracked": [row.tracked for row in rows],
        },
    )


def _parties(rows: Sequence[NamedRow]) -> Table:
    return Table(
        len(rows),
        {
            "id": node_ids(NodeType.PARTY, [row.id for row in rows]),
            "key": [row.key for row in rows],
            "name": [row.name for row in rows],
        },
    )


def _activities(rows: Sequence[ActivityRow]) -> Table:
    columns: Mapping[str, Column] = {
        "id": node_ids(NodeType.ACTIVITY, [row.id for row in rows]),
        "key": [row.key for row in rows],
        "kind": [ActivityKind(row.kind).name for row in rows],
        "startedAt": [
            None if row.started_at is None else date_time(row.started_at) for row in rows
        ],
        "endedAt": [None if row.ended_at is None else date_time(row.ended_at) for row in rows],
        "operation": [row.operation for row in rows],
        "equipment": [row.equipment for row in rows],
        "operator": [row.operator for row in rows],
    }
    return Table(len(rows), columns)
