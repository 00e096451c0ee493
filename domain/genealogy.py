"""Genealogy as columns: what a graph engine returns and the exposure calculus reads.

Ids are the bigint ids of PostgreSQL, times integer microseconds since 1970 UTC, kinds and
qualities small integers (`ItemKind`, `ActivityKind`, `TimeQuality`). No meaning lives here.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

OPEN = int(np.iinfo(np.int64).max)  # the end of an interval that has not ended
NEVER = int(np.iinfo(np.int64).min)  # the start of a window that has no start
UNKNOWN = -1  # no item class; a number of pieces that is not known


class ItemKind(IntEnum):
    """What an identified thing is."""

    LOT = 0
    SERIAL = 1
    CONTAINER = 2


class ActivityKind(IntEnum):
    """What an activity did to its inputs; order of `api.graphql`."""

    MANUFACTURE = 0
    ASSEMBLE = 1
    STERILIZE = 2
    SPLIT = 3
    MERGE = 4
    REPACK = 5
    REWORK = 6
    RENUMBER = 7
    DISASSEMBLE = 8
    SAMPLE = 9
    SCRAP = 10


class TimeQuality(IntEnum):
    """How a stated time came to be; only MEASURED times can exclude (domain 5.5)."""

    MEASURED = 0
    DECLARED = 1
    BACKFLUSHED = 2


class MovementKind(IntEnum):
    """What a movement fact says happened to the items it names."""

    SHIP = 0
    RECEIVE = 1
    RETURN = 2
    VOID = 3


class Direction(StrEnum):
    """Which way a walk follows the material."""

    FORWARD = "FORWARD"
    BACKWARD = "BACKWARD"


class Engine(StrEnum):
    """Who answered a walk."""

    NEO4J = "NEO4J"
    POSTGRESQL = "POSTGRESQL"


class Flows(NamedTuple):
    """Draws (item into activity) or productions (activity into item), one row a fact.

    `pieces` is the whole number of pieces that flowed, UNKNOWN if the amount is no count.
    """

    id: Ints
    item: Ints
    activity: Ints
    at: Ints
    quality: Ints
    uncertainty: Ints
    pieces: Ints


class Intervals(NamedTuple):
    """Half-open stays [since, until) of a child in a parent; until = OPEN while it lasts.

    A part installed in a device (lineage), or an item packed in a container (whereabouts).
    """

    id: Ints
    child: Ints
    parent: Ints
    since: Ints
    since_quality: Ints
    since_uncertainty: Ints
    until: Ints
    until_quality: Ints
    until_uncertainty: Ints


class Memberships(NamedTuple):
    """Serials commissioned as one of a lot."""

    lot: Ints
    serial: Ints


class Items(NamedTuple):
    """Every item that any row names: kind, and item class or UNKNOWN."""

    id: Ints
    kind: Ints
    item_class: Ints


class Activities(NamedTuple):
    """Every activity that any row names."""

    id: Ints
    kind: Ints


@dataclass(frozen=True, slots=True)
class Subgraph:
    """All lineage rows that a walk reached, as columns.

    Forward walks also carry every draw of a reached activity and every production of a reached
    item, reached or not: the calculus needs the clean supply beside the suspect one.
    """

    items: Items
    activities: Activities
    draws: Flows
    productions: Flows
    installations: Intervals
    memberships: Memberships


class Movements(NamedTuple):
    """Shipments, receipts, returns and voided shipments, one row an item and fact.

    Parties are party ids or UNKNOWN; `event` orders facts of one instant.
    """

    id: Ints
    item: Ints
    kind: Ints
    at: Ints
    quality: Ints
    uncertainty: Ints
    sender: Ints
    receiver: Ints
    event: Ints


@dataclass(frozen=True, slots=True)
class Custody:
    """Where asked items went: their containers, the containers' containers, and all movements."""

    stays: Intervals
    movements: Movements


class Known(NamedTuple):
    """Which facts a question may use: all current ones, or those known at a record time/position.

    Both None: current knowledge. At most one is set; either sends the question to PostgreSQL.
    """

    record_time: int | None = None
    position: int | None = None

    @property
    def is_current(self) -> bool:
        """Whether current knowledge is asked, which both engines hold."""
        return self.record_time is None and self.position is None


class Bounds(NamedTuple):
    """How far a walk may go before it is refused, never cut (ruling 24)."""

    visited_max: int = 5_000_000
    timeout_s: float = 30.0


NO_INTS: Ints = np.empty(0, dtype=np.int64)


def ints(values: object) -> Ints:
    """Return a sequence as an int64 column."""
    return np.asarray(values, dtype=np.int64)
