"""Turns look-ups into the items a walk starts from: exactly one item each, or a refusal that
offers candidates. A container stands for what was inside it (ruling 8).
"""

from collections.abc import Sequence
from typing import NamedTuple

from lotkin.domain.genealogy import NEVER, OPEN, ItemKind, Known
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.errors import Refusal, RefusalCode
from lotkin.records import items as item_records
from lotkin.records import trace as records
from lotkin.records.items import Wanted
from lotkin.records.session import Connection
from lotkin.records.trace import Candidate

STARTS_MAX = 1_000  # one request; a larger scope is asked by its lots or containers
CANDIDATES_MAX = 100  # what a person can choose from


class Start(NamedTuple):
    """An item to start from, and the window in which it is suspect."""

    item: int
    since: int = NEVER
    until: int = OPEN


async def resolve(
    connection: Connection, wanted: Sequence[Wanted], *, ambiguous: RefusalCode
) -> list[int]:
    """Return the one item that each look-up names.

    Bounds: 1 to STARTS_MAX look-ups.
    Raises: Refusal NOT_FOUND or `ambiguous` with the index of the look-up, BAD_INPUT.
    """
    if not 0 < len(wanted) <= STARTS_MAX:
        raise Refusal(RefusalCode.BAD_INPUT, reason=f"Name 1 to {STARTS_MAX} items")
    found = await item_records.find(connection, wanted)
    for index, items in enumerate(found):
        if len(items) != 1:
            await _refuse(connection, wanted[index], items, index, ambiguous)
    return [items[0] for items in found]


async def unpacked(
    connection: Connection, starts: Sequence[Start], *, known: Known, until: int
) -> list[Start]:
    """Return the starts with each container replaced by all that lay in it in its window.

    until: the asked instant; what was packed later does not count.
    """
    held = await records.containers_among(connection, [start.item for start in starts])
    boxes = [start for start in starts if start.item in held]
    if not boxes:
        return list(starts)
    inside = await records.contents(
        connection,
        [box.item for box in boxes],
        [(box.since, box.until) for box in boxes],
        known=known,
        until=until,
    )
    plain = [start for start in starts if start.item not in held]
    return plain + [boxes[box]._replace(item=item) for box, item in inside]


async def _refuse(
    connection: Connection,
    wanted: Wanted,
    items: Sequence[int],
    index: int,
    ambiguous: RefusalCode,
) -> None:
    candidates = await _candidates(connection, wanted, items)
    if not candidates:
        raise Refusal(RefusalCode.NOT_FOUND, index=index)
    offered = [
        {"id": node_id(NodeType.ITEM, each.id), "key": each.key, "kind": ItemKind(each.kind).name}
        for each in candidates
    ]
    raise Refusal(ambiguous, index=index, candidates=offered)


async def _candidates(
    connection: Connection, wanted: Wanted, items: Sequence[int]
) -> list[Candidate]:
    if items:
        told = await item_records.columns(connection, items[:CANDIDATES_MAX])
        return [Candidate(*row) for row in zip(told.id, told.key, told.kind, strict=True)]
    if wanted.serial is not None:
        return []
    keys = [*wanted.keys, *wanted.class_keys]
    return await records.candidates(connection, keys, wanted.lot, limit=CANDIDATES_MAX)
