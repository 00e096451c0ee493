"""Journal bodies as rows for the graph: checked, joined, each fact with its journal position.

Pure. A body's `graph` part lists rows (arrays) of items, activities and facts, and under `ended`
the full rows of facts that no longer hold; every key may be absent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from lotkin.domain.genealogy import ActivityKind, ItemKind

Row: TypeAlias = list[Any]
Entry: TypeAlias = tuple[int, Mapping[str, Any]]

# Length of a fact row. The order is that in which they are added.
LINEAGE = {"draws": 7, "productions": 7, "memberships": 3, "installations": 9}
CUSTODY = {"stays": 9, "movements": 9}
FACTS = LINEAGE | CUSTODY
RECEIVER = 7  # of a movement row

_INT64_MAX = 2**63 - 1


class PoisonEntry(Exception):  # noqa: N818  (named as the operators' alarm calls it)
    """An entry that can never be applied: the line stops before it until someone decides.

    In a batch of several, `seq` may only be the first entry of the batch: apply one by one.
    """

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"journal entry {seq}: {reason}")
        self.seq = seq
        self.reason = reason


class Ended(NamedTuple):
    """The last position of a batch that ended facts of lineage or of custody, if any."""

    lineage: int | None
    custody: int | None


@dataclass(slots=True)
class Batch:
    """The rows of consecutive entries; a fact row's last element is its entry's position."""

    first: int
    last: int
    items: dict[int, Row] = field(default_factory=dict)
    activities: dict[int, Row] = field(default_factory=dict)
    added: dict[str, list[Row]] = field(default_factory=lambda: {kind: [] for kind in FACTS})
    ended: dict[str, list[Row]] = field(default_factory=lambda: {kind: [] for kind in FACTS})

    def receivers(self) -> list[Row]:
        """Return every receiving party once, as a row."""
        return [[party] for party in sorted({row[RECEIVER] for row in self.added["movements"]})]

    def last_ended(self) -> Ended:
        """Return where facts ended last."""
        return Ended(self._last_ended(LINEAGE), self._last_ended(CUSTODY))

    def _last_ended(self, kinds: Mapping[str, int]) -> int | None:
        return max((row[-1] for kind in kinds for row in self.ended[kind]), default=None)


def batch_of(entries: Sequence[Entry]) -> Batch:
    """Return the rows of `entries`, which must be consecutive and at least one.

    Raises: PoisonEntry for a body that breaks the contract, ValueError for a gap.
    """
    batch = Batch(entries[0][0], entries[-1][0])
    for seq, (position, body) in enumerate(entries, batch.first):
        if position != seq:
            raise ValueError(f"entry {seq} was expected, not {position}")
        _add(batch, seq, _part(seq, body, "graph", {"items", "activities", "ended", *FACTS}))
    return batch


def _add(batch: Batch, seq: int, graph: Mapping[str, Any]) -> None:
    for row in graph.get("items", ()):
        _check_item(seq, row)
        batch.items[row[0]] = row
    for row in graph.get("activities", ()):
        _check_ints(seq, "activities", row, 2)
        _check_kind(seq, row[1], len(ActivityKind))
        batch.activities[row[0]] = row
    ended = _part(seq, graph, "ended", set(FACTS))
    for told, into in ((graph, batch.added), (ended, batch.ended)):
        for kind, length in FACTS.items():
            for row in told.get(kind, ()):
                _check_ints(seq, kind, row, length)
                into[kind].append([*row, seq])


def _part(seq: int, body: object, name: str, keys: set[str]) -> Mapping[str, Any]:
    part = body.get(name, {}) if isinstance(body, Mapping) else None
    if not isinstance(part, Mapping):
        raise PoisonEntry(seq, f"{name} is not an object")
    if unknown := set(part) - keys:
        raise PoisonEntry(seq, f"{name} holds unknown {sorted(map(str, unknown))}")
    for key, rows in part.items():
        if key != "ended" and not isinstance(rows, list | tuple):
            raise PoisonEntry(seq, f"{key} is not a list")
    return part


def _check_item(seq: int, row: object) -> None:
    if not isinstance(row, list | tuple) or len(row) != 4 or not isinstance(row[1], str):
        raise PoisonEntry(seq, f"items holds {row!r:.200}")
    _check_ints(seq, "items", [row[0], row[2], row[3]], 3)
    _check_kind(seq, row[2], len(ItemKind))


def _check_ints(seq: int, kind: str, row: object, length: int) -> None:
    # `type is int` and not isinstance: True is no number here.
    fits = (
        isinstance(row, list | tuple)
        and len(row) == length
        and all(type(value) is int and -_INT64_MAX <= value + 1 <= _INT64_MAX + 1 for value in row)
    )
    if not fits:
        raise PoisonEntry(seq, f"{kind} holds {row!r:.200}")


def _check_kind(seq: int, kind: int, kinds: int) -> None:
    if not 0 <= kind < kinds:
        raise PoisonEntry(seq, f"{kind} is no kind")
