"""Lotkin's own fields of an event, namespace `urn:lotkin:epcis:` (domain 5.5, `docs/epcis.md`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from reprlib import repr as brief
from typing import Any

from lotkin.domain import cbv
from lotkin.domain.epcis_context import Context
from lotkin.domain.epcis_syntax import Flaw, is_number
from lotkin.domain.genealogy import ActivityKind, TimeQuality
from lotkin.errors import ProblemCode

NAMESPACE = cbv.PREFIXES["lotkin"]
UNCERTAINTY_MAX_S = 10**9  # some 30 years: no clock, but sums of times stay far inside 64 bits


@dataclass(slots=True)
class Own:
    """What the event says in fields of ours; None or empty where it does not."""

    quality: TimeQuality | None = None
    uncertainty_s: Decimal | None = None
    source: str | None = None
    source_name: str = "lotkin:source"  # the field as the sender spells it
    activity: ActivityKind | None = None
    operation: str | None = None
    equipment: tuple[str, ...] = ()
    operator: str | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    supplier_lot: str | None = None


def own_fields(event: Mapping[str, Any], context: Context) -> Own:
    """Return Lotkin's fields of an event. Raises: Flaw if one cannot be read (D8)."""
    own = Own()
    for name, value in event.items():
        if ":" not in name:
            continue
        iri = context.key(name)
        read = _READERS.get(iri.removeprefix(NAMESPACE)) if iri.startswith(NAMESPACE) else None
        if read is None:
            continue
        try:
            read(own, value, context)
        except Flaw as flaw:
            raise flaw.at(name) from None
        if read is _source:
            own.source_name = name
    return own


def plain(value: Any) -> Any:
    """Return the value of a JSON-LD value object or the IRI of a node; others as they are."""
    if isinstance(value, dict):
        for name in ("@value", "@id", "id"):
            if name in value:
                return value[name]
    return value


def label(value: Any) -> str:
    """Return a text that names something; a whole number is taken as its digits. Raises: Flaw."""
    told = plain(value)
    if isinstance(told, int) and not isinstance(told, bool):
        told = str(told)
    if not isinstance(told, str) or not told.strip():
        raise Flaw("a text is needed that is not empty")
    return told


def _labels(value: Any) -> tuple[str, ...]:
    return tuple(label(each) for each in (value if isinstance(value, list) else [value]))


def _quality(own: Own, value: Any, _: Context) -> None:
    told = plain(value)
    if not isinstance(told, str) or told not in TimeQuality.__members__:
        raise Flaw("not a quality", ProblemCode.BAD_TIME_QUALITY, value=brief(told))
    own.quality = TimeQuality[told]


def _uncertainty(own: Own, value: Any, _: Context) -> None:
    told = plain(value)
    if not is_number(told) or not 0 <= told <= UNCERTAINTY_MAX_S:
        raise Flaw(f"seconds are needed, from 0 to {UNCERTAINTY_MAX_S}")
    own.uncertainty_s = Decimal(repr(told)) if isinstance(told, float) else Decimal(told)


def _activity(own: Own, value: Any, _: Context) -> None:
    told = plain(value)
    name = told.upper() if isinstance(told, str) else ""
    if name not in ActivityKind.__members__:
        allowed = ", ".join(ActivityKind.__members__)
        raise Flaw("not a kind", ProblemCode.BAD_ACTIVITY_KIND, value=brief(told), allowed=allowed)
    own.activity = ActivityKind[name]


def _source(own: Own, value: Any, context: Context) -> None:
    own.source = context.expand(label(value))


def _operation(own: Own, value: Any, _: Context) -> None:
    own.operation = label(value)


def _equipment(own: Own, value: Any, _: Context) -> None:
    own.equipment = _labels(value)


def _operator(own: Own, value: Any, _: Context) -> None:
    own.operator = label(value)


def _supplier_lot(own: Own, value: Any, _: Context) -> None:
    own.supplier_lot = label(value)


def _parameters(own: Own, value: Any, context: Context) -> None:
    rows = value if isinstance(value, list) else [value]
    found = []
    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Flaw("an object with name and value is needed").at(at)
        read = {context.key(name).removeprefix(NAMESPACE): plain(row[name]) for name in row}
        if not isinstance(read.get("name"), str) or not read["name"]:
            raise Flaw("name is missing").at(at, "name")
        found.append(read)
    own.parameters = tuple(found)


_READERS: dict[str, Callable[[Own, Any, Context], None]] = {
    "timeQuality": _quality,
    "clockUncertaintySeconds": _uncertainty,
    "source": _source,
    "activityKind": _activity,
    "operation": _operation,
    "equipment": _equipment,
    "operator": _operator,
    "parameters": _parameters,
    "supplierLot": _supplier_lot,
}
