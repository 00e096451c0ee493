"""The typed event: one EPCIS 2.0 event as Lotkin understands it, whatever its spelling was.

`domain.epcis` makes these from documents; `domain.facts` reads genealogy out of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from lotkin.domain.genealogy import ActivityKind, TimeQuality
from lotkin.domain.identity import Identity
from lotkin.errors import Problem


class EventType(StrEnum):
    """The five event types of EPCIS 2.0."""

    OBJECT = "ObjectEvent"
    AGGREGATION = "AggregationEvent"
    TRANSACTION = "TransactionEvent"
    TRANSFORMATION = "TransformationEvent"
    ASSOCIATION = "AssociationEvent"


class Action(StrEnum):
    """What an event does to the life or the relation of its objects."""

    ADD = "ADD"
    OBSERVE = "OBSERVE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Stated:
    """A stated time: microseconds since 1970 UTC, its quality, its clock uncertainty in us."""

    at: int
    quality: TimeQuality
    uncertainty: int


@dataclass(frozen=True, slots=True)
class ClassQuantity:
    """A quantity of a class-level object. value None = not told; unit None = pieces."""

    identity: Identity
    value: Decimal | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Objects:
    """What-dimension of one role: instances and class-level quantities."""

    epcs: tuple[Identity, ...] = ()
    quantities: tuple[ClassQuantity, ...] = ()


@dataclass(frozen=True, slots=True)
class TypedId:
    """A typed business document, source or destination: short CBV word (or URI) and identity.

    `raw` is the id as sent; `identity` its canonical reading.
    """

    type: str
    raw: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class ErrorDeclaration:
    """That an event already told was wrong; `at` (us) is the declared time, shown only."""

    at: int
    reason: str | None
    corrective_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One valid EPCIS event. bizStep, disposition and types are bare CBV words or other URIs."""

    index: int  # place in its document
    event_id: str  # the sender's, opaque; else urn:lotkin:event:sha-256:<hex of digest>
    digest: bytes  # SHA-256 of the normalised content (ruling 18), 32 bytes
    type: EventType
    action: Action | None  # None for transformations
    time: Stated
    zone: str  # as told, e.g. +08:00
    document: Mapping[str, Any]  # the event verbatim, with the document's @context under it
    biz_step: str | None = None
    disposition: str | None = None
    persistent_set: tuple[str, ...] = ()
    persistent_unset: tuple[str, ...] = ()
    read_point: Identity | None = None
    biz_location: Identity | None = None
    parent: Identity | None = None
    objects: Objects = Objects()  # epcList/childEPCs and their quantity lists
    inputs: Objects = Objects()
    outputs: Objects = Objects()
    transformation_id: str | None = None
    transactions: tuple[TypedId, ...] = ()
    sources: tuple[TypedId, ...] = ()
    destinations: tuple[TypedId, ...] = ()
    lot_number: str | None = None  # ILMD lotNumber (cbvmda)
    supplier_lot: str | None = None  # lotkin:supplierLot, in the ILMD or beside it
    expires: str | None = None  # ILMD itemExpirationDate, ISO date
    error: ErrorDeclaration | None = None
    source: str | None = None  # lotkin:source
    activity_kind: ActivityKind | None = None  # as told or by bizStep; transformations only
    operation: str | None = None
    equipment: tuple[str, ...] = ()
    operator: str | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    remarks: tuple[Problem, ...] = ()  # what is odd but recorded (ruling 15)


@dataclass(frozen=True, slots=True)
class ClassMaster:
    """What a document's master data says of an item class; None = not told."""

    identity: Identity
    name: str | None = None
    implantable: bool | None = None
    tracked: bool | None = None
    balance_tolerance: Decimal | None = None  # share of what was drawn, 0.02 = 2 %
    alternate_of: Identity | None = None
    other_keys: tuple[str, ...] = ()  # canonical keys of further device identifiers


@dataclass(frozen=True, slots=True)
class PlaceMaster:
    """Name of a party or a location."""

    identity: Identity
    name: str | None = None
    party: Identity | None = None  # who holds what lies at this location


@dataclass(frozen=True, slots=True)
class MasterData:
    """Vocabulary elements of an EPCIS header that Lotkin reads."""

    classes: tuple[ClassMaster, ...] = ()
    parties: tuple[PlaceMaster, ...] = ()
    locations: tuple[PlaceMaster, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A whole document: its good events, the refused ones by index, its master data."""

    events: tuple[Event, ...]
    refused: Mapping[int, Problem]
    count: int
    master: MasterData = field(default_factory=MasterData)
    event_ids: Mapping[int, str] = field(default_factory=dict)  # told ids, refused events too
