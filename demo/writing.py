"""Short ways to write EPCIS events, and documents around them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, TypeVar
from uuid import UUID

from lotkin.demo.company import MAKER, Product, master_data

Event = dict[str, Any]
T = TypeVar("T")

CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"lotkin": "urn:lotkin:epcis:", "cbvmda": "urn:epcglobal:cbv:mda:"},
]


def document(events: Sequence[Event], *, with_master_data: bool) -> dict[str, Any]:
    """Return an EPCIS document; its date is that of its latest event."""
    header = {"epcisHeader": {"epcisMasterData": {"vocabularyList": master_data()}}}
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": max(each["eventTime"] for each in events),
        **(header if with_master_data else {}),
        "epcisBody": {"eventList": list(events)},
    }


def event(kind: str, at: datetime, place: str, source: str | None = None, **told: Any) -> Event:
    """Return an event at a place of ours or of others.

    source: the system whose clock told the time; without one the time is DECLARED.
    told: `operation`, `operator`, `equipment`, `activityKind` … are Lotkin's, the rest EPCIS's.
    """
    written: Event = {
        "type": kind,
        "eventTime": stamp(at),
        "eventTimeZoneOffset": "+01:00",
        "readPoint": {"id": place},
        **{_OWN.get(name, name): value for name, value in told.items()},
    }
    if source is not None:
        written["lotkin:source"] = source
    # An id from the content: the same event is the same whoever writes it, and however often.
    return {**written, "eventID": f"urn:uuid:{_uuid(written)}"}


_OWN = {
    name: f"lotkin:{name}"
    for name in (
        "activityKind", "equipment", "operation", "operator", "parameters", "supplierLot",
        "timeQuality",
    )
}  # fmt: skip


def make(
    at: datetime,
    place: str,
    source: str | None,
    inputs: Sequence[str | Event],
    outputs: Sequence[str | Event],
    **told: Any,
) -> Event:
    """Return a transformation; texts are pieces, the rest is by `amount`."""
    sides: Event = {}
    for side, values in (("input", inputs), ("output", outputs)):
        pieces = [each for each in values if isinstance(each, str)]
        amounts = [each for each in values if not isinstance(each, str)]
        sides |= {f"{side}EPCList": pieces} if pieces else {}
        sides |= {f"{side}QuantityList": amounts} if amounts else {}
    return event("TransformationEvent", at, place, source, **sides, **told)


def see(at: datetime, place: str, source: str | None, step: str, *epcs: str, **told: Any) -> Event:
    """Return an observation at a business step, staying at the place."""
    return event(
        "ObjectEvent",
        at,
        place,
        source,
        action="OBSERVE",
        bizStep=step,
        epcList=list(epcs),
        **({"bizLocation": {"id": place}} if step != "shipping" else {}),
        **told,
    )


def pack(
    at: datetime,
    place: str,
    source: str | None,
    parent: str,
    children: Iterable[str],
    *,
    out: bool = False,
) -> Event:
    """Return a packing, or an unpacking; no children: everything comes out."""
    listed = list(children)
    return event(
        "AggregationEvent",
        at,
        place,
        source,
        action="DELETE" if out else "ADD",
        bizStep="unpacking" if out else "packing",
        parentID=parent,
        childEPCs=listed,
        bizLocation={"id": place},
    )


def fit(
    at: datetime, place: str, source: str | None, device: str, part: str, *, out: bool = False
) -> Event:
    """Return that a removable part is fitted into a device, or taken out."""
    return event(
        "AssociationEvent",
        at,
        place,
        source,
        action="DELETE" if out else "ADD",
        bizStep="removing" if out else "installing",
        parentID=device,
        childEPCs=[part],
    )


def between(sender: str, receiver: str) -> Event:
    """Return the source and destination of a shipment or receipt."""
    return {
        "sourceList": [{"type": "possessing_party", "source": sender}],
        "destinationList": [{"type": "possessing_party", "destination": receiver}],
    }


def amount(product: Product, lot: str, value: int) -> Event:
    """Return a quantity of a lot; value: pieces, or thousandths of the product's unit."""
    told = value if product.unit == "H87" else value / 1000
    return {"epcClass": product.lot(lot), "quantity": told, "uom": product.unit}


def carton(number: int, kind: int) -> str:
    """Return the SSCC of a carton (0), pallet (1) or later repack (2)."""
    return f"urn:epc:id:sscc:{MAKER}.{kind}{number:09d}"


def order(kind: str, number: str) -> str:
    """Return the id of a production order, for events that speak of one activity."""
    return f"urn:epc:id:gdti:{MAKER}.00001.{kind}{number}"


def paper(kind: str, number: str) -> Event:
    """Return the business transaction that goes with a shipment (desadv) or a return (rma)."""
    told = {"type": kind, "bizTransaction": f"urn:epc:id:gdti:{MAKER}.00002.{number}"}
    return {"bizTransactionList": [told]}


def stamp(at: datetime) -> str:
    """Return a time as EPCIS writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the values in runs of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _uuid(content: Mapping[str, Any]) -> UUID:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=5)
