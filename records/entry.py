"""One captured event on its way into the record, and what the journal will tell of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from lotkin.domain.containment import Conflict, Mismatch
from lotkin.domain.event import Event
from lotkin.domain.facts import Facts


@dataclass(slots=True)
class Entry:
    """One event to write, and after writing what the journal tells the graph about it."""

    event: Event
    facts: Facts
    intent_id: UUID
    row: int = 0
    graph: dict[str, Any] = field(default_factory=dict)
    conflicts: list[tuple[int, Conflict]] = field(default_factory=list)
    mismatches: list[tuple[int, Mismatch]] = field(default_factory=list)

    def tell(self, kind: str, row: Sequence[Any]) -> None:
        """Add one graph row to the entry."""
        self.graph.setdefault(kind, []).append(list(row))

    def tell_ended(self, kind: str, row: Sequence[Any]) -> None:
        """Add one ended fact to the entry."""
        self.graph.setdefault("ended", {}).setdefault(kind, []).append(list(row))


@dataclass(frozen=True, slots=True)
class Teller:
    """Whose rows these are. parties: keys of our own parties, known before anybody names them."""

    actor: str
    org: str
    site: str
    parties: frozenset[str] = frozenset()
