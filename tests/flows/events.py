"""Short ways to write EPCIS events in tests."""

from typing import Any

CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"lotkin": "urn:lotkin:epcis:", "cbvmda": "urn:epcglobal:cbv:mda:"},
]
GTIN = "4012345.0{}"


def serial(product: int, number: int | str) -> str:
    """An SGTIN."""
    return f"urn:epc:id:sgtin:4012345.0{product:05d}.{number}"


def lot(product: int, number: int | str) -> str:
    """An LGTIN."""
    return f"urn:epc:class:lgtin:4012345.0{product:05d}.{number}"


def carton(number: int) -> str:
    """An SSCC."""
    return f"urn:epc:id:sscc:4012345.{number:010d}"


def at(minute: int) -> str:
    """A minute of a working day."""
    return f"2026-03-02T{8 + minute // 60:02d}:{minute % 60:02d}:00.000Z"


def document(*events: dict[str, Any]) -> dict[str, Any]:
    """An EPCIS document with these events."""
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-02T18:00:00.000Z",
        "epcisBody": {"eventList": list(events)},
    }


def _event(kind: str, minute: int, **told: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "eventTime": at(minute),
        "eventTimeZoneOffset": "+00:00",
        "lotkin:timeQuality": "MEASURED",
        "lotkin:clockUncertaintySeconds": 0,
        **told,
    }


def commission(minute: int, *epcs: str, **told: Any) -> dict[str, Any]:
    """Serials come to be."""
    return _event(
        "ObjectEvent", minute, action="ADD", bizStep="commissioning", epcList=list(epcs), **told
    )


def observe(minute: int, step: str, *epcs: str, **told: Any) -> dict[str, Any]:
    """Something is seen at a step."""
    return _event("ObjectEvent", minute, action="OBSERVE", bizStep=step, epcList=list(epcs), **told)


def pack(minute: int, parent: str, *children: str, action: str = "ADD") -> dict[str, Any]:
    """Children go into a container, or out of it."""
    return _event(
        "AggregationEvent",
        minute,
        action=action,
        bizStep="packing" if action == "ADD" else "unpacking",
        parentID=parent,
        childEPCs=list(children),
    )


def quantity(epc_class: str, value: float, unit: str | None = None) -> dict[str, Any]:
    """A class-level quantity."""
    return {"epcClass": epc_class, "quantity": value, **({"uom": unit} if unit else {})}


def make(
    minute: int,
    inputs: list[str | dict[str, Any]],
    outputs: list[str | dict[str, Any]],
    **told: Any,
) -> dict[str, Any]:
    """A transformation; strings are instances, dicts class-level quantities."""
    fields: dict[str, Any] = {}
    for side, values in (("input", inputs), ("output", outputs)):
        epcs = [value for value in values if isinstance(value, str)]
        classes = [value for value in values if isinstance(value, dict)]
        fields |= {f"{side}EPCList": epcs} if epcs else {}
        fields |= {f"{side}QuantityList": classes} if classes else {}
    return _event("TransformationEvent", minute, **fields, **told)


def declared_wrong(event: dict[str, Any]) -> dict[str, Any]:
    """The error declaration of an event."""
    return {
        **event,
        "errorDeclaration": {
            "declarationTime": "2026-03-03T08:00:00.000Z",
            "reason": "incorrect_data",
        },
    }
