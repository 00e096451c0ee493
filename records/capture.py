"""Writes captured events and their genealogy facts, and says what the journal must tell.

One call writes a whole document in the caller's transaction with one statement a table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from lotkin.domain.event import Event, EventType, MasterData
from lotkin.domain.genealogy import UNKNOWN
from lotkin.domain.identity import Identity, Thing
from lotkin.records import bulk, events, identities, stays
from lotkin.records.entry import Entry, Teller
from lotkin.records.session import Connection

GRAPH_TABLES = {"draw": "draws", "production": "productions", "membership": "memberships"}
GRAPH_TABLES |= {"movement": "movements"}


@dataclass(slots=True)
class _Ids:
    """Keys of one document made into ids."""

    items: Mapping[str, tuple[int, str, int, int | None]]
    classes: Mapping[str, tuple[int, str]]
    locations: Mapping[str, int]
    parties: Mapping[str, int]
    activities: Mapping[str, int]


async def write(
    connection: Connection,
    entries: Sequence[Entry],
    master: MasterData,
    retracted: Sequence[events.Retraction],
    *,
    teller: Teller,
    at: datetime,
) -> None:
    """Write events, facts and retractions; fill each entry's row, graph and containment remarks.

    retracted: pairs of event rows; a negative number -1-i means entries[i] of this call.
    The caller holds the locks of `records.events.lock` and commits.
    """
    await identities.master_data(connection, master)
    ids = await _resolve(connection, entries, teller)
    rows = await bulk.new_ids(connection, "event", len(entries))
    for entry, row in zip(entries, rows, strict=True):
        entry.row = row
    await bulk.insert(connection, "event", [_event(entry, ids, teller, at) for entry in entries])
    await _activities(connection, entries, ids)
    for entry in entries:
        _tell_nodes(entry, ids)
    await bulk.insert(connection, "event_item", list(_about(entries, ids)))
    await _flows(connection, entries, ids, at)
    await _memberships(connection, entries, ids, at)
    await _movements(connection, entries, ids, at)
    touched = await _packings(connection, entries, ids, at)
    pairs = [
        events.Retraction(_row(entries, pair.original), _row(entries, pair.declaration))
        for pair in retracted
    ]
    if pairs:
        touched |= await _retract(connection, entries, pairs, at)
    await _stays(connection, entries, touched, at)


def _row(entries: Sequence[Entry], row: int) -> int:
    return entries[-1 - row].row if row < 0 else row


async def _resolve(connection: Connection, entries: Sequence[Entry], teller: Teller) -> _Ids:
    facts = [entry.facts for entry in entries]
    seen = [item for each in facts for item in each.items.values()]
    class_keys = {item.class_key for item in seen if item.class_key}
    class_keys |= {flow.class_key for each in facts for flow in each.class_flows}
    classes = await identities.classes(connection, class_keys)
    places = [place for entry in entries for place in _places(entry.event)]
    parties = [each for fact in facts for each in (fact.sender, fact.receiver) if each]
    activities = [each.activity for each in facts if each.activity]
    return _Ids(
        items=await identities.items(connection, seen, classes, org=teller.org, site=teller.site),
        classes=classes,
        locations=await identities.locations(connection, (place.key for place in places)),
        parties=await identities.party_of(connection, parties, also=teller.parties),
        activities=await identities.activities(connection, activities),
    )


def _places(event: Event) -> Iterable[Identity]:
    if event.read_point is not None:
        yield event.read_point
    if event.biz_location is not None:
        yield event.biz_location
    elif _associated_place(event) is not None:
        yield event.parent  # type: ignore[misc]  # the line above says it is there


def _associated_place(event: Event) -> str | None:
    """An association with a place says where its children are."""
    if event.type is EventType.ASSOCIATION and event.parent is not None:
        return event.parent.key if event.parent.thing is Thing.LOCATION else None
    return None


def _event(entry: Entry, ids: _Ids, teller: Teller, at: datetime) -> dict[str, Any]:
    event = entry.event
    place = event.biz_location.key if event.biz_location else _associated_place(event)
    activity = entry.facts.activity
    return {
        "id": entry.row,
        "event_id": event.event_id,
        "is_declaration": event.error is not None,
        "digest": event.digest,
        "type": event.type.value,
        "action": event.action.value if event.action else None,
        "biz_step": event.biz_step,
        "disposition": event.disposition,
        "persistent_set": bulk.array_literal(event.persistent_set),
        "persistent_unset": bulk.array_literal(event.persistent_unset),
        "at": event.time.at,
        "quality": int(event.time.quality),
        "uncertainty": event.time.uncertainty,
        "zone": event.zone,
        "record_time": at,
        "read_point_id": ids.locations[event.read_point.key] if event.read_point else None,
        "biz_location_id": ids.locations[place] if place else None,
        "activity_id": ids.activities[activity.key] if activity else None,
        "transactions": orjson.dumps(
            [{"type": each.type, "id": each.raw} for each in event.transactions]
        ).decode(),
        "source": event.source,
        "org_id": teller.org,
        "site_id": teller.site,
        "actor": teller.actor,
        "document": orjson.dumps(event.document).decode(),
        "intent_id": entry.intent_id,
    }


async def _activities(connection: Connection, entries: Sequence[Entry], ids: _Ids) -> None:
    telling = []
    for entry in entries:
        event, activity = entry.event, entry.facts.activity
        if activity and (event.operation or event.operator or event.equipment or event.parameters):
            telling.append(
                {
                    "id": ids.activities[activity.key],
                    "operation": event.operation,
                    "operator": event.operator,
                    "equipment": list(event.equipment),
                    "parameters": orjson.dumps(
                        [dict(each) for each in event.parameters], default=str
                    ).decode(),
                }
            )
    await events.describe_activities(connection, telling)


def _tell_nodes(entry: Entry, ids: _Ids) -> None:
    for key in entry.facts.items:
        id, principal, kind, class_id = ids.items[key]
        entry.tell("items", (id, principal, kind, UNKNOWN if class_id is None else class_id))
    if entry.facts.activity:
        activity = entry.facts.activity
        entry.tell("activities", (ids.activities[activity.key], int(activity.kind)))


def _about(entries: Sequence[Entry], ids: _Ids) -> Iterable[dict[str, Any]]:
    for entry in entries:
        rows: dict[tuple[int, int], dict[str, Any]] = {}
        for about in entry.facts.about:
            item = ids.items[about.item][0]
            row = rows.setdefault(
                (item, int(about.role)),
                {
                    "item_id": item,
                    "event_id": entry.row,
                    "role": int(about.role),
                    "qty": None,
                    "unit": about.unit,
                },
            )
            if about.qty is not None and row["unit"] == about.unit:
                row["qty"] = (row["qty"] or 0) + about.qty
        yield from rows.values()


def _fact(entry: Entry, at: datetime) -> dict[str, Any]:
    return {"event_id": entry.row, "rec_from": at}


def _time(entry: Entry) -> dict[str, int]:
    time = entry.event.time
    return {"at": time.at, "quality": int(time.quality), "uncertainty": time.uncertainty}


async def _insert_told(
    connection: Connection,
    table: str,
    told: Sequence[tuple[Entry, dict[str, Any]]],
    columns: Sequence[str],
) -> None:
    """Insert fact rows with fresh ids and tell each to its entry as a graph row of `columns`."""
    fresh = await bulk.new_ids(connection, table, len(told))
    for (entry, row), id in zip(told, fresh, strict=True):
        row["id"] = id
        values = (UNKNOWN if row[name] is None else row[name] for name in columns)
        entry.tell(GRAPH_TABLES[table], list(values))
    await bulk.insert(connection, table, [row for _, row in told])


_FLOW_COLUMNS = ("id", "item_id", "activity_id", "at", "quality", "uncertainty", "pieces")
_MOVEMENT_COLUMNS = (
    "id", "item_id", "kind", "at", "quality", "uncertainty", "sender_id", "receiver_id", "event_id",
)  # fmt: skip


async def _flows(connection: Connection, entries: Sequence[Entry], ids: _Ids, at: datetime) -> None:
    told: dict[str, list[tuple[Entry, dict[str, Any]]]] = {"draw": [], "production": []}
    untracked: list[dict[str, Any]] = []
    for entry in entries:
        if entry.facts.activity is None:
            continue
        activity = ids.activities[entry.facts.activity.key]
        for flow in entry.facts.flows:
            row = {
                "id": 0,
                "item_id": ids.items[flow.item][0],
                "activity_id": activity,
                **_time(entry),
                "pieces": flow.pieces,
                "qty": flow.qty,
                "unit": flow.unit,
                **_fact(entry, at),
            }
            told["draw" if flow.is_draw else "production"].append((entry, row))
        untracked.extend(
            {
                "event_id": entry.row,
                "activity_id": activity,
                "class_id": ids.classes[each.class_key][0],
                "is_draw": each.is_draw,
                "qty": each.qty,
                "unit": each.unit,
            }
            for each in entry.facts.class_flows
        )
    for table, rows in told.items():
        await _insert_told(connection, table, rows, _FLOW_COLUMNS)
    await bulk.insert(connection, "untracked_flow", untracked)


async def _memberships(
    connection: Connection, entries: Sequence[Entry], ids: _Ids, at: datetime
) -> None:
    told = [
        (
            entry,
            {
                "id": 0,
                "lot_id": ids.items[lot][0],
                "serial_id": ids.items[serial][0],
                **_fact(entry, at),
            },
        )
        for entry in entries
        for lot, serial in entry.facts.memberships
    ]
    await _insert_told(connection, "membership", told, ("id", "lot_id", "serial_id"))


async def _movements(
    connection: Connection, entries: Sequence[Entry], ids: _Ids, at: datetime
) -> None:
    told = []
    for entry in entries:
        facts = entry.facts
        for movement in facts.movements:
            row = {
                "id": 0,
                "item_id": ids.items[movement.item][0],
                "kind": int(movement.kind),
                **_time(entry),
                "sender_id": ids.parties[facts.sender.key] if facts.sender else None,
                "receiver_id": ids.parties[facts.receiver.key] if facts.receiver else None,
                "qty": movement.qty,
                "unit": movement.unit,
                **_fact(entry, at),
            }
            told.append((entry, row))
    await _insert_told(connection, "movement", told, _MOVEMENT_COLUMNS)


async def _packings(
    connection: Connection, entries: Sequence[Entry], ids: _Ids, at: datetime
) -> dict[int, int]:
    """Insert packings; return {child: event row} of the children whose stays they change."""
    rows = []
    touched: dict[int, int] = {}
    emptied: dict[int, int] = {}
    for entry in entries:
        for each in entry.facts.packings:
            parent = ids.items[each.parent][0]
            child = ids.items[each.child][0] if each.child else None
            rows.append(
                {
                    "id": 0,
                    "parent_id": parent,
                    "child_id": child,
                    "is_installation": each.is_installation,
                    "op": int(each.op),
                    **_time(entry),
                    "qty": each.qty,
                    "unit": each.unit,
                    **_fact(entry, at),
                }
            )
            if child is None:
                emptied[parent] = entry.row
            else:
                touched[child] = entry.row
    for row, id in zip(rows, await bulk.new_ids(connection, "packing", len(rows)), strict=True):
        row["id"] = id
    await bulk.insert(connection, "packing", rows)
    for parent, cause in emptied.items():
        for child in await stays.children_of(connection, [parent]):
            touched[child] = max(touched.get(child, 0), cause)
    return touched


async def _retract(
    connection: Connection,
    entries: Sequence[Entry],
    pairs: Sequence[events.Retraction],
    at: datetime,
) -> dict[int, int]:
    """End the originals' facts; return {child: event row} of the children that were packed."""
    # The entry that completes the pair tells it: the declaration, or an original that comes late.
    tellers: dict[int, Entry] = {}
    by_row = {entry.row: entry for entry in entries}
    for pair in pairs:
        tellers[pair.declaration] = by_row.get(pair.declaration) or by_row[pair.original]
    ended = await events.retract(connection, pairs, at)
    for table, kind in GRAPH_TABLES.items():
        for declaration, row in ended[table]:
            tellers[declaration].tell_ended(kind, row)
    touched: dict[int, int] = {}
    for declaration, (_, parent, child, _) in ended["packing"]:
        children = [child] if child else await stays.children_of(connection, [parent])
        touched |= dict.fromkeys(children, tellers[declaration].row)
    return touched


async def _stays(
    connection: Connection, entries: Sequence[Entry], touched: Mapping[int, int], at: datetime
) -> None:
    changed = await stays.recompute(connection, touched, at)
    by_row = {entry.row: entry for entry in entries}
    for cause, is_installation, row in changed.opened:
        by_row[cause].tell("installations" if is_installation else "stays", row)
    for cause, is_installation, row in changed.ended:
        by_row[cause].tell_ended("installations" if is_installation else "stays", row)
    for child, conflict in changed.conflicts:
        if conflict.event in by_row:
            by_row[conflict.event].conflicts.append((child, conflict))
    for child, mismatch in changed.mismatches:
        if mismatch.event in by_row:
            by_row[mismatch.event].mismatches.append((child, mismatch))
