"""What a verification finds wrong: which table, which row, which journal entry, and how."""

from dataclasses import dataclass
from enum import StrEnum


class Flaw(StrEnum):
    """Kinds of what is wrong, stable for programs."""

    ENTRY_CHANGED = "ENTRY_CHANGED"  # an entry's bytes are not those of its leaf
    BODY_CHANGED = "BODY_CHANGED"  # a body does not fit the digest in its entry
    ENTRY_MISSING = "ENTRY_MISSING"  # a position or its intent is not there
    ORDER_CHANGED = "ORDER_CHANGED"  # an entry stands at another place than in the tree
    COLUMN_CHANGED = "COLUMN_CHANGED"  # a search column does not say what the entry says
    HEAD_CHANGED = "HEAD_CHANGED"  # the head does not fit the entries
    TILE_CHANGED = "TILE_CHANGED"  # a stored part of the tree does not fit the entries
    CHECKPOINT_BROKEN = "CHECKPOINT_BROKEN"  # a checkpoint does not fit the entries
    SIGNATURE_WRONG = "SIGNATURE_WRONG"  # a checkpoint or cosignature is not what its key signed
    KEY_UNKNOWN = "KEY_UNKNOWN"  # a key is not of the key history, or not endorsed
    WITNESS_DISAGREES = "WITNESS_DISAGREES"  # the journal is not the one the witness has seen
    RECORD_CHANGED = "RECORD_CHANGED"  # a row does not say what its journal entry says
    RECORD_MISSING = "RECORD_MISSING"  # an entry's row is not there
    RECORD_UNJOURNALED = "RECORD_UNJOURNALED"  # a row without an entry
    GRAPH_DIFFERS = "GRAPH_DIFFERS"  # Neo4j does not hold what the record says


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. position: of the journal, where one is concerned."""

    flaw: Flaw
    table: str
    row: str
    detail: str
    position: int | None = None

    def __str__(self) -> str:
        """Return one line for people."""
        place = f" entry {self.position}," if self.position is not None else ""
        return f"{self.flaw.value}:{place} {self.table} {self.row}: {self.detail}"
