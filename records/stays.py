"""Keeps the derived stays in step with what was told of containment."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from lotkin.domain.containment import Conflict, Mismatch, Stay, Told, containment
from lotkin.domain.facts import PackingOp
from lotkin.domain.genealogy import ItemKind
from lotkin.records import bulk
from lotkin.records.session import Connection


class Changed(NamedTuple):
    """What a recomputation changed: rows as the graph wants them, by the event that caused it."""

    opened: list[tuple[int, bool, tuple[int, ...]]]  # (event row, is_installation, row)
    ended: list[tuple[int, bool, tuple[int, ...]]]
    conflicts: list[tuple[int, Conflict]]  # (child, conflict)
    mismatches: list[tuple[int, Mismatch]]


async def children_of(connection: Connection, parents: Iterable[int]) -> set[int]:
    """Return every child that was ever told to be in one of `parents`."""
    found = await connection.execute(
        text(
            "select distinct child_id from packing where parent_id = any(:ids) "
            "and child_id is not null"
        ),
        {"ids": list(parents)},
    )
    return set(found.scalars())


async def packed_in(connection: Connection, events: Iterable[int]) -> set[str]:
    """Return the keys of all parents and children that these events' packings name."""
    found = await connection.execute(
        text(
            "select item.key from packing join item on item.id in (parent_id, child_id) "
            "where packing.event_id = any(:ids) and packing.rec_to is null"
        ),
        {"ids": list(events)},
    )
    return set(found.scalars())


async def key_by_id(connection: Connection, items: Iterable[int]) -> dict[int, str]:
    """Return the key of each item id."""
    found = await connection.execute(
        text("select id, key from item where id = any(:ids)"), {"ids": list(items)}
    )
    return dict(found.all())


async def recompute(connection: Connection, children: Mapping[int, int], at: datetime) -> Changed:
    """Derive the stays of `children` anew and write the difference; the caller holds their locks.

    children: child item -> the event row that caused the recomputation (its provenance).
    """
    changed = Changed([], [], [], [])
    if not children:
        return changed
    kinds = await _kinds(connection, children)
    told = await _told(connection, children)
    current = await _current(connection, children)
    rows: list[dict[str, Any]] = []
    gone: list[tuple[int, int]] = []
    for child, cause in children.items():
        derived = containment(ItemKind(kinds[child]), told[child])
        changed.conflicts.extend((child, each) for each in derived.conflicts)
        changed.mismatches.extend((child, each) for each in derived.mismatches)
        wanted = list(derived.stays)
        for id, stay in current[child]:
            if stay in wanted:
                wanted.remove(stay)
            else:
                gone.append((id, cause))
                changed.ended.append((cause, stay.is_installation, _row(id, child, stay)))
        rows.extend(_record(child, stay, cause, at) for stay in wanted)
    await _end(connection, gone, at)
    for row, id in zip(rows, await bulk.new_ids(connection, "stay", len(rows)), strict=True):
        row["id"] = id
        graph_row = tuple(int(row[name]) for name in _GRAPH)
        changed.opened.append((row["event_id"], row["is_installation"], graph_row))
    await bulk.insert(connection, "stay", rows)
    return changed


_GRAPH = (
    "id", "child_id", "parent_id", "since", "since_quality", "since_uncertainty",
    "until", "until_quality", "until_uncertainty",
)  # fmt: skip


def _record(child: int, stay: Stay, cause: int, at: datetime) -> dict[str, Any]:
    return {
        "id": 0,
        "child_id": child,
        "parent_id": stay.parent,
        "is_installation": stay.is_installation,
        "since": stay.since,
        "since_quality": stay.since_quality,
        "since_uncertainty": stay.since_uncertainty,
        "until": stay.until,
        "until_quality": stay.until_quality,
        "until_uncertainty": stay.until_uncertainty,
        "qty": stay.qty,
        "unit": stay.unit,
        "event_id": cause,
        "rec_from": at,
    }


def _row(id: int, child: int, stay: Stay) -> tuple[int, ...]:
    return (
        id, child, stay.parent, stay.since, stay.since_quality, stay.since_uncertainty,
        stay.until, stay.until_quality, stay.until_uncertainty,
    )  # fmt: skip


async def _kinds(connection: Connection, children: Iterable[int]) -> dict[int, int]:
    found = await connection.execute(
        text("select id, kind from item where id = any(:ids)"), {"ids": list(children)}
    )
    return dict(found.all())


async def _told(connection: Connection, children: Iterable[int]) -> Mapping[int, list[Told]]:
    # A DELETE of all children of a parent speaks about every child ever told to be in it.
    found = await connection.execute(
        text(
            "select child_id, id, event_id, parent_id, is_installation, op, at, quality, "
            "uncertainty, qty, unit from packing where child_id = any(:ids) and rec_to is null "
            "union all select named.child_id, p.id, p.event_id, p.parent_id, p.is_installation, "
            "p.op, p.at, p.quality, p.uncertainty, null, null from packing p join (select distinct "
            "child_id, parent_id, is_installation from packing where child_id = any(:ids) "
            "and rec_to is null) named on named.parent_id = p.parent_id "
            "and named.is_installation = p.is_installation "
            "where p.child_id is null and p.rec_to is null"
        ),
        {"ids": list(children)},
    )
    told: dict[int, list[Told]] = defaultdict(list)
    for child, id, event, parent, is_installation, op, *rest in found:
        told[child].append(Told(id, event, parent, is_installation, PackingOp(op), *rest))
    return told


async def _current(
    connection: Connection, children: Iterable[int]
) -> Mapping[int, list[tuple[int, Stay]]]:
    found = await connection.execute(
        text(
            "select child_id, id, parent_id, is_installation, since, since_quality, "
            "since_uncertainty, until, until_quality, until_uncertainty, qty, unit from stay "
            "where child_id = any(:ids) and rec_to is null"
        ),
        {"ids": list(children)},
    )
    stays: dict[int, list[tuple[int, Stay]]] = defaultdict(list)
    for child, id, *rest in found:
        stays[child].append((id, Stay(*rest)))
    return stays


async def _end(connection: Connection, gone: Sequence[tuple[int, int]], at: datetime) -> None:
    if gone:
        await connection.execute(
            text(
                "update stay set rec_to = :at, ended_by = told.cause from "
                "unnest(cast(:ids as bigint[]), cast(:causes as bigint[])) as told (id, cause) "
                "where stay.id = told.id"
            ),
            {"ids": [id for id, _ in gone], "causes": [cause for _, cause in gone], "at": at},
        )


async def keys_inside(connection: Connection, parents: Iterable[str]) -> set[str]:
    """Return the keys of everything ever told to be in one of `parents` (keys)."""
    found = await connection.execute(
        text(
            "select distinct child.key from packing join item parent on parent.id = parent_id "
            "join item child on child.id = child_id where parent.key = any(:keys)"
        ),
        {"keys": list(parents)},
    )
    return set(found.scalars())
