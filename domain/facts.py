"""Reads genealogy out of a typed event (domain model 5.4): items, flows, packings, movements.

Irreversible use is a transformation, a removable part an association, transport packing an
aggregation. Nothing is looked up here; keys become ids in `records.capture`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum

from lotkin.domain import units
from lotkin.domain.event import Action, Event, EventType, Objects, TypedId
from lotkin.domain.genealogy import UNKNOWN, ActivityKind, ItemKind, MovementKind
from lotkin.domain.identity import Identity, Thing, lot_key

SHIP_STEPS = frozenset({"shipping", "departing", "consigning"})  # ruling 11
RECEIVE_STEPS = frozenset({"receiving", "accepting"})
VOID_STEP = "void_shipping"


class ItemRole(IntEnum):
    """Why an event is about an item; values of event_item.role."""

    NAMED = 0
    PARENT = 1
    CHILD = 2
    INPUT = 3
    OUTPUT = 4


class PackingOp(IntEnum):
    """What was told of containment; values of packing.op."""

    ADD = 0
    DELETE = 1
    DELETE_ALL = 2
    OBSERVE = 3


@dataclass(slots=True)
class ItemSeen:
    """An item that an event names, with what its label or the event tells of it."""

    key: str
    kind: ItemKind
    class_key: str | None
    lot_no: str | None = None
    serial_no: str | None = None
    supplier_lot_no: str | None = None


@dataclass(frozen=True, slots=True)
class About:
    """That the event is about an item, in a role, with the quantity told."""

    item: str
    role: ItemRole
    qty: Decimal | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """One draw or production; pieces = UNKNOWN when the amount is no count."""

    item: str
    is_draw: bool
    qty: Decimal | None
    unit: str | None
    pieces: int


@dataclass(frozen=True, slots=True)
class ClassFlow:
    """A flow told by class alone: no item, a gap."""

    class_key: str
    is_draw: bool
    qty: Decimal | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Packing:
    """One statement about containment; child None means all children."""

    parent: str
    child: str | None
    is_installation: bool
    op: PackingOp
    qty: Decimal | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """An item left, arrived, came back, or its shipment was voided."""

    item: str
    kind: MovementKind
    qty: Decimal | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class ActivitySeen:
    """The activity a transformation event speaks of."""

    key: str
    kind: ActivityKind


@dataclass(slots=True)
class Facts:
    """Everything one event adds to the genealogy, by key."""

    items: dict[str, ItemSeen] = field(default_factory=dict)
    about: list[About] = field(default_factory=list)
    activity: ActivitySeen | None = None
    flows: list[Flow] = field(default_factory=list)
    class_flows: list[ClassFlow] = field(default_factory=list)
    memberships: list[tuple[str, str]] = field(default_factory=list)
    packings: list[Packing] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    sender: Identity | None = None
    receiver: Identity | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """An item as one role of an event tells it."""

    item: ItemSeen
    role: ItemRole
    qty: Decimal | None
    unit: str | None


def owner_key(place: Identity) -> str:
    """Return the key of the party at a place: itself, or the party with the location's GLN.

    A location outside GS1 is its own party, until master data names one.
    """
    if place.thing is Thing.LOCATION and place.key.startswith("/414/"):
        return f"/417/{place.key.split('/')[2]}"
    return place.key


def facts_of(event: Event, own: frozenset[str]) -> Facts:
    """Return the genealogy facts that `event` states.

    own: canonical keys of our own parties and locations (a return is a receipt at home).
    An error declaration states none, it ends those of its original; what it names is an item all
    the same, for the original may never come.
    """
    facts = Facts()
    told = list(_told(event))
    for each in told:
        _remember(facts, each, event)
    if event.error is not None:
        return Facts(items=facts.items)
    if event.type is EventType.TRANSFORMATION:
        _transformation(facts, event, told)
    elif event.type in {EventType.AGGREGATION, EventType.ASSOCIATION}:
        _packing(facts, event, told)
    if event.type is not EventType.TRANSFORMATION:
        _movement(facts, event, told, own)
    return facts


def _told(event: Event) -> Iterator[_Told]:
    is_parented = event.type in {EventType.AGGREGATION, EventType.ASSOCIATION}
    if event.parent is not None and event.parent.thing is Thing.ITEM:
        yield _Told(_seen(event.parent, None), ItemRole.PARENT, None, None)
    role = ItemRole.CHILD if is_parented else ItemRole.NAMED
    yield from _objects(event.objects, role, event)
    yield from _objects(event.inputs, ItemRole.INPUT, event)
    yield from _objects(event.outputs, ItemRole.OUTPUT, event)


def _objects(objects: Objects, role: ItemRole, event: Event) -> Iterator[_Told]:
    is_made = role is ItemRole.OUTPUT or (
        role is ItemRole.NAMED and event.action is Action.ADD and event.type is EventType.OBJECT
    )
    lot = event.lot_number if is_made else None
    for identity in objects.epcs:
        if identity.thing in {Thing.ITEM, Thing.DOCUMENT}:
            yield _Told(_seen(identity, lot), role, None, None)
    for quantity in objects.quantities:
        seen = _seen_class(quantity.identity, lot)
        if seen is not None:
            yield _Told(seen, role, quantity.value, quantity.unit)


def _seen(identity: Identity, lot: str | None) -> ItemSeen:
    # A consignment or shipment number among objects is a grouping of goods (ruling 20).
    kind = ItemKind.CONTAINER if identity.thing is Thing.DOCUMENT else identity.kind
    assert kind is not None, identity
    return ItemSeen(identity.key, kind, identity.item_class, identity.lot or lot, identity.serial)


def _seen_class(identity: Identity, lot: str | None) -> ItemSeen | None:
    """A class made under an ILMD lot number is that lot; without one it is no item."""
    if identity.thing is Thing.ITEM:
        return _seen(identity, None)
    if lot is not None and identity.thing is Thing.ITEM_CLASS:
        return ItemSeen(lot_key(identity.key, lot), ItemKind.LOT, identity.key, lot)
    return None


def _remember(facts: Facts, told: _Told, event: Event) -> None:
    item = facts.items.setdefault(told.item.key, told.item)
    item.lot_no = item.lot_no or told.item.lot_no
    if told.role in {ItemRole.NAMED, ItemRole.OUTPUT}:
        item.supplier_lot_no = item.supplier_lot_no or event.supplier_lot
    facts.about.append(About(item.key, told.role, told.qty, told.unit))
    if item.kind is ItemKind.SERIAL and told.item.lot_no and item.class_key:
        lot = lot_key(item.class_key, told.item.lot_no)
        facts.items.setdefault(lot, ItemSeen(lot, ItemKind.LOT, item.class_key, told.item.lot_no))
        if (lot, item.key) not in facts.memberships:
            facts.memberships.append((lot, item.key))


def _transformation(facts: Facts, event: Event, told: Iterable[_Told]) -> None:
    facts.activity = ActivitySeen(
        event.transformation_id or event.event_id, event.activity_kind or ActivityKind.MANUFACTURE
    )
    for each in told:
        is_counted = each.item.kind is ItemKind.SERIAL
        pieces = 1 if is_counted else UNKNOWN
        if not is_counted and each.qty is not None:
            counted = units.pieces(each.qty, each.unit)
            pieces = UNKNOWN if counted is None else counted
        facts.flows.append(
            Flow(each.item.key, each.role is ItemRole.INPUT, each.qty, each.unit, pieces)
        )
    for objects, is_draw in ((event.inputs, True), (event.outputs, False)):
        lot = None if is_draw else event.lot_number
        for quantity in objects.quantities:
            if quantity.identity.thing is Thing.ITEM_CLASS and lot is None:
                facts.class_flows.append(
                    ClassFlow(quantity.identity.key, is_draw, quantity.value, quantity.unit)
                )


def _packing(facts: Facts, event: Event, told: list[_Told]) -> None:
    parent = next((each for each in told if each.role is ItemRole.PARENT), None)
    if parent is None:
        return  # an observation without a parent, or a place: the sighting says it all
    children = [each for each in told if each.role is ItemRole.CHILD]
    op = PackingOp[event.action.value] if event.action else PackingOp.OBSERVE
    if op is PackingOp.DELETE and not children:
        is_part = event.type is EventType.ASSOCIATION and parent.item.kind is not ItemKind.CONTAINER
        facts.packings.append(Packing(parent.item.key, None, is_part, PackingOp.DELETE_ALL))
    for child in children:
        facts.packings.append(
            Packing(
                parent.item.key,
                child.item.key,
                _is_installation(event, parent.item, child.item),
                op,
                child.qty,
                child.unit,
            )
        )


def _is_installation(event: Event, parent: ItemSeen, child: ItemSeen) -> bool:
    """A part in a device is lineage; a sensor on a tote or a tote in a rack is whereabouts."""
    return event.type is EventType.ASSOCIATION and ItemKind.CONTAINER not in {
        parent.kind,
        child.kind,
    }


def _movement(facts: Facts, event: Event, told: list[_Told], own: frozenset[str]) -> None:
    kind = _movement_kind(event, own)
    if kind is None:
        return
    facts.sender = _party(event.sources)
    facts.receiver = _party(event.destinations)
    if kind in {MovementKind.RECEIVE, MovementKind.RETURN} and facts.receiver is None:
        facts.receiver = event.biz_location
    seen: set[str] = set()
    for each in told:
        if each.item.key not in seen:
            seen.add(each.item.key)
            facts.movements.append(Movement(each.item.key, kind, each.qty, each.unit))


def _movement_kind(event: Event, own: frozenset[str]) -> MovementKind | None:
    if event.biz_step in SHIP_STEPS:
        return MovementKind.SHIP
    if event.biz_step == VOID_STEP:
        return MovementKind.VOID
    if event.biz_step not in RECEIVE_STEPS:
        return None
    is_return = event.disposition == "returned" or any(
        document.type == "rma" for document in event.transactions
    )
    return MovementKind.RETURN if is_return and _is_home(event, own) else MovementKind.RECEIVE


def _is_home(event: Event, own: frozenset[str]) -> bool:
    """Whether the receipt is at our own place; where no own place is configured, it is."""
    receiver = _party(event.destinations)
    told = [place for place in (receiver, event.biz_location) if place is not None]
    keys = {place.key for place in told} | {owner_key(place) for place in told}
    return not own or not keys or bool(keys & own)


def _party(told: tuple[TypedId, ...]) -> Identity | None:
    """The possessing party, else the owning party, else the location (its party is looked up)."""
    for wanted in ("possessing_party", "owning_party", "location"):
        for each in told:
            if each.type == wanted:
                return each.identity
    return None
