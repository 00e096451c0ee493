"""Says what is odd about captured events, to the sender and as alerts; nothing is refused here."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from lotkin.domain import units
from lotkin.domain.conservation import imbalance
from lotkin.domain.genealogy import ItemKind
from lotkin.errors import Problem, ProblemCode
from lotkin.records import alerts, stays
from lotkin.records import remarks as remark_records
from lotkin.records.entry import Entry
from lotkin.records.session import Connection

# By event index: what is odd, and the item it concerns most, None where it is no single item.
Remarks = dict[int, list[tuple[Problem, int | None]]]


async def remarks_of(
    connection: Connection, entries: Sequence[Entry]
) -> Mapping[int, Sequence[Problem]]:
    """Return {event index: remarks} of just written entries, and store each as an alert."""
    remarks: Remarks = defaultdict(list)
    for entry in entries:
        remarks[entry.event.index].extend((each, None) for each in entry.event.remarks)
    await _containment(connection, entries, remarks)
    await _balance(connection, entries, remarks)
    await _overdrawn(connection, entries, remarks)
    await _after_end(connection, entries, remarks)
    rows = {entry.event.index: entry.row for entry in entries}
    await alerts.store(
        connection,
        [
            {
                "code": problem.code.value,
                "facts": {name: str(value) for name, value in problem.facts.items()},
                "event_id": rows[index],
                "item_id": item,
            }
            for index, odd in remarks.items()
            for problem, item in odd
        ],
    )
    return {index: [problem for problem, _ in odd] for index, odd in remarks.items()}


async def _containment(connection: Connection, entries: Sequence[Entry], remarks: Remarks) -> None:
    ids: set[int] = set()
    for entry in entries:
        ids |= {item for child, each in entry.conflicts for item in (child, each.older)}
        ids |= {each.parent for _, each in entry.conflicts}
        ids |= {item for child, each in entry.mismatches for item in (child, each.parent)}
    if not ids:
        return
    keys = await stays.key_by_id(connection, ids)
    for entry in entries:
        for child, conflict in entry.conflicts:
            problem = Problem(
                ProblemCode.CONTAINMENT_CONFLICT,
                child=keys[child],
                older=keys[conflict.older],
                parent=keys[conflict.parent],
            )
            remarks[entry.event.index].append((problem, child))
        for child, mismatch in entry.mismatches:
            problem = Problem(
                ProblemCode.CONTENTS_MISMATCH,
                parent=keys[mismatch.parent],
                reason=f"{keys[child]}: {mismatch.reason}",
            )
            remarks[entry.event.index].append((problem, mismatch.parent))


def _activity(entry: Entry) -> int | None:
    rows = entry.graph.get("activities")
    return rows[0][0] if rows else None


async def _balance(connection: Connection, entries: Sequence[Entry], remarks: Remarks) -> None:
    told = {row: entry for entry in entries if (row := _activity(entry)) is not None}
    if not told:
        return
    for id, activity in (await remark_records.activity_amounts(connection, list(told))).items():
        found = imbalance(activity.kind, activity.amounts)
        if found is not None:
            problem = Problem(
                ProblemCode.MASS_BALANCE,
                activity=activity.key,
                drawn=f"{found.drawn:f}",
                produced=f"{found.produced:f}",
                unit=units.ucum(found.unit),
            )
            remarks[told[id].event.index].append((problem, None))


async def _overdrawn(connection: Connection, entries: Sequence[Entry], remarks: Remarks) -> None:
    drawn: dict[int, tuple[Entry, str]] = {}
    for entry in entries:
        lots = {row[0]: row[1] for row in entry.graph.get("items", ()) if row[2] == ItemKind.LOT}
        for row in entry.graph.get("draws", ()):
            if row[1] in lots:
                drawn[row[1]] = (entry, lots[row[1]])
    if not drawn:
        return
    for lot, amounts in (await remark_records.lot_amounts(connection, list(drawn))).items():
        supply = amounts.made or amounts.received
        made, used = _total(supply), _total(amounts.drawn)
        if supply and made is not None and used is not None and made[1] == used[1]:
            entry, key = drawn[lot]
            if used[0] > made[0]:
                remarks[entry.event.index].append((Problem(ProblemCode.OVERDRAWN, item=key), lot))


def _total(amounts: Sequence[tuple[Decimal, str | None]]) -> tuple[Decimal, str] | None:
    total, base_unit = Decimal(0), None
    for value, unit in amounts:
        base = units.base(value, unit)
        if base is None or base_unit not in {None, base[1]}:
            return None
        base_unit = base[1]
        total += base[0]
    return None if base_unit is None else (total, base_unit)


async def _after_end(connection: Connection, entries: Sequence[Entry], remarks: Remarks) -> None:
    by_row = {entry.row: entry for entry in entries}
    items = {row[0]: row[1] for entry in entries for row in entry.graph.get("items", ())}
    if not items:
        return
    for row, item in await remark_records.ended_before(connection, list(items), list(by_row)):
        entry = by_row[row]
        problem = Problem(ProblemCode.USED_AFTER_END, item=items[item])
        remarks[entry.event.index].append((problem, item))
