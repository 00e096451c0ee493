"""From a checked EPCIS event to the typed event: what Lotkin understands of it.

Fields of Lotkin and of the ILMD are found by their full IRI, so a sender may name the prefix as he
likes. Every reader raises `Flaw` with the place in the event.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Any, TypeVar

from lotkin.domain import cbv
from lotkin.domain.epcis_context import Context
from lotkin.domain.epcis_digest import bare
from lotkin.domain.epcis_fields import NAMESPACE, Own, label, own_fields, plain
from lotkin.domain.epcis_syntax import Flaw, instant, is_uri
from lotkin.domain.event import (
    Action,
    ClassQuantity,
    ErrorDeclaration,
    Event,
    EventType,
    Objects,
    Stated,
    TypedId,
)
from lotkin.domain.genealogy import ActivityKind, ItemKind, TimeQuality
from lotkin.domain.identity import Identity, Thing, parse_epc
from lotkin.errors import Problem, ProblemCode
from lotkin.settings import SourceSystem

T = TypeVar("T")

UNCERTAINTY_S = 300  # domain 5.5: a measured time whose clock nobody vouches for
SUPPLIER_LOT = NAMESPACE + "supplierLot"
_LOT_NAMES = frozenset({"lotNumber", "hasBatchLotNumber"})
_EXPIRY_NAMES = frozenset({"itemExpirationDate", "expirationDate"})

# Ruling 20: what a transformation does, by its business step; any other step manufactures.
_KINDS = {
    "assembling": ActivityKind.ASSEMBLE,
    "installing": ActivityKind.ASSEMBLE,
    "repackaging": ActivityKind.REPACK,
    "packing": ActivityKind.REPACK,
    "unpacking": ActivityKind.REPACK,
    "disassembling": ActivityKind.DISASSEMBLE,
    "removing": ActivityKind.DISASSEMBLE,
    "sampling": ActivityKind.SAMPLE,
    "repairing": ActivityKind.REWORK,
    "replacing": ActivityKind.REWORK,
    "reworking": ActivityKind.REWORK,
    "destroying": ActivityKind.SCRAP,
    "scrapping": ActivityKind.SCRAP,
    "sterilizing": ActivityKind.STERILIZE,
    "sterilising": ActivityKind.STERILIZE,
    "sterilization": ActivityKind.STERILIZE,
    "sterilisation": ActivityKind.STERILIZE,
    "splitting": ActivityKind.SPLIT,
    "merging": ActivityKind.MERGE,
    "mixing": ActivityKind.MERGE,
    "renumbering": ActivityKind.RENUMBER,
}
_LAST_PART = re.compile(r"[^/:#=-]+\Z")


def read(
    index: int,
    event: Mapping[str, Any],
    kind: EventType,
    context: Context,
    digest: bytes,
    *,
    sources: Mapping[str, SourceSystem],
    now_us: int,
) -> Event:
    """Return the typed event of a checked one. `document` is the event itself. Raises: Flaw."""
    own = own_fields(event, context)
    step = _word(event, "bizStep", cbv.BIZ_STEP, context)
    stated, remarks = _stated(event, own, sources, now_us)
    lot, expires, supplier_lot = _ilmd(event.get("ilmd", {}), context)
    persistent = event.get("persistentDisposition", {})
    return Event(
        index=index,
        event_id=event.get("eventID") or f"urn:lotkin:event:sha-256:{digest.hex()}",
        digest=digest,
        type=kind,
        action=Action(event["action"]) if kind is not EventType.TRANSFORMATION else None,
        time=stated,
        zone=event["eventTimeZoneOffset"],
        document=event,
        biz_step=step,
        disposition=_word(event, "disposition", cbv.DISPOSITION, context),
        persistent_set=_words(persistent.get("set", ()), cbv.DISPOSITION, context),
        persistent_unset=_words(persistent.get("unset", ()), cbv.DISPOSITION, context),
        read_point=_place(event, "readPoint", context),
        biz_location=_place(event, "bizLocation", context),
        parent=_parent(event, kind, context),
        objects=_objects(event, _OBJECTS.get(kind, ("", "")), context),
        inputs=_objects(event, _INPUTS.get(kind, ("", "")), context),
        outputs=_objects(event, _OUTPUTS.get(kind, ("", "")), context),
        transformation_id=_expanded(event.get("transformationID"), context),
        transactions=_typed(event, "bizTransactionList", "bizTransaction", context),
        sources=_typed(event, "sourceList", "source", context),
        destinations=_typed(event, "destinationList", "destination", context),
        lot_number=lot,
        supplier_lot=supplier_lot or own.supplier_lot,
        expires=expires,
        error=_error(event, context),
        source=own.source,
        activity_kind=_activity(own, step) if kind is EventType.TRANSFORMATION else None,
        operation=own.operation,
        equipment=own.equipment,
        operator=own.operator,
        parameters=own.parameters,
        remarks=(*remarks, *_sensor_remarks(event)),
    )


_OBJECTS = {
    EventType.OBJECT: ("epcList", "quantityList"),
    EventType.TRANSACTION: ("epcList", "quantityList"),
    EventType.AGGREGATION: ("childEPCs", "childQuantityList"),
    EventType.ASSOCIATION: ("childEPCs", "childQuantityList"),
}
_INPUTS = {EventType.TRANSFORMATION: ("inputEPCList", "inputQuantityList")}
_OUTPUTS = {EventType.TRANSFORMATION: ("outputEPCList", "outputQuantityList")}


# ---------------------------------------------------------------- what, where, why
def _at(read_one: Callable[[], T], *path: str | int) -> T:
    try:
        return read_one()
    except Problem as problem:
        raise Flaw.of(problem).at(*path) from None


def _expanded(value: str | None, context: Context) -> str | None:
    return None if value is None else context.expand(value)


def _word(event: Mapping[str, Any], name: str, family: cbv.Family, context: Context) -> str | None:
    value = event.get(name)
    return None if value is None else bare(value, family, context)


def _words(values: Any, family: cbv.Family, context: Context) -> tuple[str, ...]:
    return tuple(bare(value, family, context) for value in values)


def _place(event: Mapping[str, Any], name: str, context: Context) -> Identity | None:
    told = event.get(name)
    if told is None:
        return None
    text = context.expand(told["id"])
    return _at(lambda: parse_epc(text, default_thing=Thing.LOCATION), name, "id")


def _parent(event: Mapping[str, Any], kind: EventType, context: Context) -> Identity | None:
    told = event.get("parentID")
    if told is None:
        return None
    text = context.expand(told)
    # What carries others is packing, unless parts are fitted into it.
    default = ItemKind.SERIAL if kind is EventType.ASSOCIATION else ItemKind.CONTAINER
    return _at(lambda: parse_epc(text, default_kind=default), "parentID")


def _objects(event: Mapping[str, Any], names: tuple[str, str], context: Context) -> Objects:
    epcs: dict[str, Identity] = {}  # one thing told twice, in two spellings perhaps, is one thing
    for at, text in enumerate(event.get(names[0], ())):
        try:
            identity = parse_epc(context.expand(text))
        except Problem as problem:
            raise Flaw.of(problem).at(names[0], at) from None
        epcs.setdefault(identity.key, identity)
    told = enumerate(event.get(names[1], ()))
    quantities = tuple(_quantity(names[1], at, each, context) for at, each in told)
    return Objects(tuple(epcs.values()), quantities) if epcs or quantities else _NOTHING


_NOTHING = Objects()


def _quantity(name: str, at: int, told: Mapping[str, Any], context: Context) -> ClassQuantity:
    text = context.expand(told["epcClass"])
    identity = _at(lambda: parse_epc(text, default_kind=ItemKind.LOT), name, at, "epcClass")
    value = told.get("quantity")
    return ClassQuantity(identity, None if value is None else exact(value), told.get("uom"))


def exact(value: Any) -> Decimal:
    """Return a JSON number as the decimal number that was written: 0.1 is 0.1, never 0.1000…0055.

    Finite numbers only.
    """
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


_THINGS = {"location": Thing.LOCATION, "owning_party": Thing.PARTY, "possessing_party": Thing.PARTY}


def _typed(event: Mapping[str, Any], name: str, key: str, context: Context) -> tuple[TypedId, ...]:
    document = key == "bizTransaction"
    found = []
    for at, told in enumerate(event.get(name, ())):
        family = cbv.TRANSACTION if document else cbv.PARTY_ROLE
        role = bare(told["type"], family, context) if "type" in told else ""
        thing = Thing.DOCUMENT if document else _THINGS.get(role, Thing.PARTY)
        try:
            identity = parse_epc(context.expand(told[key]), default_thing=thing)
        except Problem as problem:
            raise Flaw.of(problem).at(name, at, key) from None
        found.append(TypedId(role, told[key], identity))
    return tuple(found)


def _error(event: Mapping[str, Any], context: Context) -> ErrorDeclaration | None:
    told = event.get("errorDeclaration")
    if told is None:
        return None
    return ErrorDeclaration(
        at=instant(told["declarationTime"]).us,
        reason=_word(told, "reason", cbv.ERROR_REASON, context),
        corrective_ids=tuple(context.expand(each) for each in told.get("correctiveEventIDs", ())),
    )


# ---------------------------------------------------------------- ILMD
def _ilmd(ilmd: Mapping[str, Any], context: Context) -> tuple[str | None, str | None, str | None]:
    """Return lot number, expiry date and supplier lot."""
    lot = expires = supplier = None
    for name, value in ilmd.items():
        iri = context.key(name)
        local = cbv.attribute(iri)
        try:
            if local in _LOT_NAMES:
                lot = label(value)
            elif local in _EXPIRY_NAMES:
                expires = _day(value)
            elif iri == SUPPLIER_LOT:
                supplier = label(value)
        except Flaw as flaw:
            raise flaw.at("ilmd", name) from None
    return lot, expires, supplier


def _day(value: Any) -> str:
    text = plain(value)
    day = text[:10] if isinstance(text, str) else ""
    try:
        if len(text) > 10:
            instant(text)
        return date.fromisoformat(day).isoformat()
    except (ValueError, TypeError, Flaw):
        reason = "an ISO 8601 date is needed, such as 2029-06-30"
        raise Flaw(reason, ProblemCode.BAD_DATE, value=repr(day)) from None


# ---------------------------------------------------------------- time, kind, remarks
def _stated(
    event: Mapping[str, Any], own: Own, sources: Mapping[str, SourceSystem], now_us: int
) -> tuple[Stated, list[Problem]]:
    """Return the event time with its quality: told, else the source's, else DECLARED."""
    at = instant(event["eventTime"]).us
    remarks = []
    if at > now_us:
        facts = {"at": event["eventTime"]}
        remarks.append(Problem(ProblemCode.FUTURE_EVENT, path=("eventTime",), **facts))
    source = sources.get(own.source) if own.source is not None else None
    if own.source is not None and source is None:
        facts = {"source": own.source}
        remarks.append(Problem(ProblemCode.UNREGISTERED_SOURCE, path=(own.source_name,), **facts))
    quality = own.quality
    if quality is None:
        quality = TimeQuality[source.time_quality] if source else TimeQuality.DECLARED
    if quality is not TimeQuality.MEASURED:
        return Stated(at, quality, 0), remarks
    seconds = own.uncertainty_s
    if seconds is None:
        seconds = exact(source.clock_uncertainty_seconds if source else UNCERTAINTY_S)
    return Stated(at, quality, _ceiling_us(seconds)), remarks


def _ceiling_us(seconds: Decimal) -> int:
    # Rounded up: a clock is never called better than its owner says.
    return ceil(seconds * 1_000_000)


def _activity(own: Own, step: str | None) -> ActivityKind:
    if own.activity is not None:
        return own.activity
    last = _LAST_PART.search(step or "")
    return _KINDS.get(last[0].lower() if last else "", ActivityKind.MANUFACTURE)


def _sensor_remarks(event: Mapping[str, Any]) -> list[Problem]:
    """Return a remark for each sensor type that is neither a CBV word nor a URI (D2)."""
    remarks = []
    for at, element in enumerate(event.get("sensorElementList", ())):
        for row, report in enumerate(element["sensorReport"]):
            value = report.get("type")
            if value is None or value in cbv.MEASUREMENT.words or is_uri(value):
                continue
            path = ("sensorElementList", at, "sensorReport", row, "type")
            remarks.append(Problem(ProblemCode.UNKNOWN_SENSOR_TYPE, path=path, value=value[:80]))
    return remarks
