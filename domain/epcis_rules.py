"""The shape of EPCIS 2.0 documents and events, field by field.

The same as GS1's JSON schema with formats on, except for the deviations that `docs/epcis.md`
publishes; each is marked here by its number there (D1, D2, …). A test compares the two.
"""

from collections.abc import Callable, Mapping
from reprlib import repr as brief
from typing import Any

from lotkin.domain import cbv
from lotkin.domain.epcis_context import Context
from lotkin.domain.epcis_syntax import (
    Check,
    Flaw,
    boolean,
    closed,
    either,
    extension,
    fields,
    is_deeper,
    is_number,
    items,
    number,
    one_of,
    pattern,
    text,
    time,
    uri,
    word,
)
from lotkin.errors import ProblemCode

CONTEXT_DEPTH_MAX = 16  # D9: GS1's own context needs 7
QUANTITY_MAX = 10**18  # D6: beyond it a quantity is a slip of a sender, and sums stay exact
_UOM = pattern(r"[A-Z0-9]{2,3}", "a unit code of UN/CEFACT Recommendation 20")


def _context(value: Any, context: Context) -> None:
    if is_deeper(value, CONTEXT_DEPTH_MAX):
        raise Flaw("the context nests too deep")
    entries = value if isinstance(value, list) else [value]
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            uri(entry, context)
        if entry in entries[:index]:
            raise Flaw("a context stands twice")


def _quantity(value: Any, _: Context) -> None:
    if not is_number(value):
        raise Flaw("it is no number", ProblemCode.BAD_QUANTITY, value=brief(value))
    if value < 0:
        raise Flaw("it is negative", ProblemCode.BAD_QUANTITY, value=brief(value))  # D6
    if value > QUANTITY_MAX:
        raise Flaw("it is too large", ProblemCode.BAD_QUANTITY, value=brief(value))  # D6


def _uom(value: Any, context: Context) -> None:
    try:
        _UOM(value, context)
    except Flaw:
        reason = "the unit is no code of UN/CEFACT Recommendation 20"
        raise Flaw(reason, ProblemCode.BAD_QUANTITY, value=brief(value)) from None


def _sensor_type(value: Any, context: Context) -> None:
    text(value, context)  # D2: any word; one outside the list is remarked by the reader


_HEX = pattern(r"[A-Fa-f0-9]+", "hexadecimal text")
_DECLARATION = fields(
    {
        "declarationTime": time,
        "reason": word(cbv.ERROR_REASON),
        "correctiveEventIDs": items(uri),
    },
    required=("declarationTime",),
    others=extension,
)
_QUANTITIES = items(
    fields(
        {"epcClass": uri, "quantity": _quantity, "uom": _uom}, required=("epcClass",), others=closed
    )
)
_PLACE = fields({"id": uri}, required=("id",))
_DISPOSITIONS = items(word(cbv.DISPOSITION), least=1, unique=True)
_PERSISTENT = fields({"set": _DISPOSITIONS, "unset": _DISPOSITIONS}, others=closed)
_TRANSACTION = fields(
    {"type": word(cbv.TRANSACTION), "bizTransaction": uri},
    required=("bizTransaction",),
    others=closed,
)
_URIS = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
_METADATA = fields(
    {"time": time, "startTime": time, "endTime": time, **dict.fromkeys(_URIS, uri)},
    others=extension,
)
_NUMBERS = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
_REPORT = fields(
    {
        "type": _sensor_type,
        "exception": word(cbv.ALERT),
        "time": time,
        "microorganism": uri,
        "chemicalSubstance": uri,
        "coordinateReferenceSystem": uri,
        "component": word(cbv.COMPONENT),
        "stringValue": text,
        "booleanValue": boolean,
        "hexBinaryValue": _HEX,
        "uriValue": uri,
        "uom": text,
        **dict.fromkeys(_NUMBERS, number),
        **dict.fromkeys(_URIS, uri),
    },
    others=extension,
)


def _report(value: Any, context: Context) -> None:
    _REPORT(value, context)
    if "type" not in value and "exception" not in value:  # D2
        raise Flaw("type is missing").at("type")


def _persistent(value: Any, context: Context) -> None:
    _PERSISTENT(value, context)
    if not value:
        raise Flaw("set or unset is needed")


def _party(role: str) -> Check:
    known = {"type": word(cbv.PARTY_ROLE), role: uri}
    return items(fields(known, required=("type", role), others=closed))


_SENSORS = items(
    fields(
        {"sensorMetadata": _METADATA, "sensorReport": items(_report, least=1)},
        required=("sensorReport",),
        others=extension,
    )
)
_COMMON: dict[str, Check] = {
    "@context": _context,
    "type": text,
    "eventTime": time,
    "recordTime": time,
    "eventTimeZoneOffset": pattern(
        r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)", "an offset such as +01:00"
    ),
    "eventID": uri,
    "certificationInfo": either(items(uri), uri),
    "errorDeclaration": _DECLARATION,
    "bizStep": word(cbv.BIZ_STEP),
    "disposition": word(cbv.DISPOSITION),
    "persistentDisposition": _persistent,  # D1: on every type of event
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": items(_TRANSACTION),
    "sourceList": _party("source"),
    "destinationList": _party("destination"),
    "sensorElementList": _SENSORS,
}
_ACTION: dict[str, Check] = {"action": one_of("ADD", "OBSERVE", "DELETE")}
_ILMD: dict[str, Check] = {"ilmd": fields({}, others=extension)}
_CHILDREN: dict[str, Check] = {
    "parentID": uri,
    "childEPCs": items(uri),
    "childQuantityList": _QUANTITIES,
}
_SET_OF_URIS = items(uri, unique=True)
_TIMES = ("eventTime", "eventTimeZoneOffset")


def _event(known: Mapping[str, Check], *required: str) -> Check:
    return fields({**_COMMON, **known}, required=(*_TIMES, *required), others=extension)


def _any(event: Mapping[str, Any], *names: str) -> bool:
    return any(event.get(name) for name in names)


def _object(event: Mapping[str, Any]) -> None:
    if "ilmd" in event and event["action"] != "ADD":
        raise Flaw("ilmd is only for action ADD").at("ilmd")
    sensed = _any(event, "sensorElementList") and "readPoint" in event
    if "epcList" not in event and not _any(event, "quantityList") and not sensed:
        raise Flaw("epcList, quantityList or sensor data with a readPoint is needed")


def _children(event: Mapping[str, Any]) -> None:
    if event["action"] != "DELETE" and not _any(event, "childEPCs", "childQuantityList"):
        raise Flaw("childEPCs or childQuantityList is needed unless the action is DELETE")


def _transaction(event: Mapping[str, Any]) -> None:
    told = "epcList" in event or _any(event, "quantityList")
    if not told and event["action"] != "DELETE":
        raise Flaw("epcList or quantityList is needed unless the action is DELETE")


def _transformation(event: Mapping[str, Any]) -> None:
    inputs = _any(event, "inputEPCList", "inputQuantityList")
    outputs = _any(event, "outputEPCList", "outputQuantityList")
    if not (inputs and outputs) and not ("transformationID" in event and (inputs or outputs)):
        raise Flaw("inputs and outputs are needed, or one of them with a transformationID")


_EVENTS: dict[str, tuple[Check, Callable[[Mapping[str, Any]], None]]] = {
    "ObjectEvent": (
        _event(
            {**_ACTION, **_ILMD, "epcList": _SET_OF_URIS, "quantityList": _QUANTITIES}, "action"
        ),
        _object,
    ),
    "AggregationEvent": (_event({**_ACTION, **_CHILDREN}, "action"), _children),
    "AssociationEvent": (_event({**_ACTION, **_CHILDREN}, "action", "parentID"), _children),
    "TransactionEvent": (
        _event(
            {
                **_ACTION,
                "parentID": uri,
                "epcList": items(uri),
                "quantityList": _QUANTITIES,
                "bizTransactionList": items(_TRANSACTION, least=1),
            },
            "bizTransactionList",
            "action",
        ),
        _transaction,
    ),
    "TransformationEvent": (
        _event(
            {
                **_ILMD,
                "transformationID": uri,
                "inputEPCList": _SET_OF_URIS,
                "outputEPCList": _SET_OF_URIS,
                "inputQuantityList": _QUANTITIES,
                "outputQuantityList": _QUANTITIES,
            }
        ),
        _transformation,
    ),
}


def event_type(event: object, context: Context) -> str:
    """Return which of the five types an event says it is.

    Raises: Flaw; a type of the sender's own too (D4).
    """
    if not isinstance(event, dict):
        raise Flaw("an event is an object")
    told = event.get("type")
    if not isinstance(told, str):
        raise Flaw("type is missing").at("type")
    name = told if told in _EVENTS else cbv.EVENT_TYPE.bare(context.expand(told))
    if name is None:
        raise Flaw(f"the type must be one of {', '.join(_EVENTS)}").at("type")
    return name


def check_event(event: dict[str, Any], kind: str, context: Context) -> None:
    """Refuse an event that breaks EPCIS 2.0; `kind` is its type. Raises: Flaw."""
    shape, content = _EVENTS[kind]
    shape(event, context)
    content(event)


# ---------------------------------------------------------------- documents


def _attribute(value: Any, _: Context) -> None:
    if value is None:  # D11: true, false and lists are values too
        raise Flaw("a value is needed")


_VOCABULARIES = items(
    fields(
        {
            "type": uri,
            "vocabularyElementList": items(
                fields(
                    {
                        "id": uri,
                        "attributes": items(
                            fields({"id": uri, "attribute": _attribute}, required=("id",))
                        ),
                        "children": items(uri),
                    },
                    required=("id",),
                )
            ),
        },
        required=("type",),
    )
)


def _event_list(value: Any, _: Context) -> None:
    if not isinstance(value, list):
        raise Flaw("a list of events is needed")


_HEADER = fields({"epcisMasterData": fields({"vocabularyList": _VOCABULARIES})}, others=extension)
_DOCUMENT = fields(
    {
        "@context": _context,
        "id": uri,
        "type": text,
        "schemaVersion": pattern(r"[0-9]+(?:\.[0-9]+)*", "a version such as 2.0"),
        "creationDate": time,
        "instanceIdentifier": text,
        "sender": text,
        "receiver": text,
        "epcisHeader": _HEADER,
        "epcisBody": fields({"eventList": _event_list}, required=("eventList",)),
    },
    required=("@context", "type", "schemaVersion", "creationDate", "epcisBody"),
    others=extension,
)
_RESULTS = fields(
    {"eventList": _event_list, "vocabularyList": _VOCABULARIES},
    required=("eventList",),
    others=extension,
)
_QUERY_RESULTS = fields(
    {"queryName": text, "subscriptionID": text, "resultsBody": _RESULTS},
    required=("queryName", "resultsBody"),
    others=extension,
)
_QUERY_DOCUMENT = fields(
    {
        "@context": _context,
        "id": uri,
        "type": text,
        "schemaVersion": pattern(r"[0-9]+(?:\.[0-9]+)*", "a version such as 2.0"),
        "creationDate": time,
        "epcisBody": fields(
            {"queryResults": _QUERY_RESULTS}, required=("queryResults",), others=extension
        ),
    },
    required=("@context", "type", "epcisBody"),
    others=extension,
)
ENVELOPES: dict[str, Check] = {
    "EPCISDocument": _DOCUMENT,
    "EPCISQueryDocument": _QUERY_DOCUMENT,
}
