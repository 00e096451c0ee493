"""One content, one digest: the event without its spelling (ruling 18).

Two events are equal when they differ only in prefixes, key order, the spelling of CBV words, the
order inside set-like lists, the writing of equal numbers or of the same instant, or in recordTime,
eventID, errorDeclaration and @context, which tell of the message and not of what happened.
"""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeAlias

import rfc8785

from lotkin.domain import cbv
from lotkin.domain.epcis_context import ROOT, Context
from lotkin.domain.epcis_syntax import Flaw, instant, is_number
from lotkin.errors import ProblemCode

DEPTH_MAX = 64  # D9: far beyond any real extension, far below the interpreter's own limit
_SAFE_INT = 2**53 - 1  # RFC 8785: larger integers are not the same in every JSON reader

Plain: TypeAlias = Callable[[Any, Context], Any]


def digest(event: dict[str, Any], kind: str, context: Context) -> bytes:
    """Return the SHA-256 of the RFC 8785 form of an event that passed `check_event`.

    Raises: Flaw for what cannot be stored or read back (D9) and for a field told twice (D10).
    """
    return sha256(rfc8785.dumps(normalised(event, kind, context))).digest()


def normalised(event: dict[str, Any], kind: str, context: Context) -> dict[str, Any]:
    """Return the event in its one spelling; `kind` is its type. Raises: Flaw."""
    for name in _MESSAGE:
        if name in event:
            _placed(_extension, event[name], context, name)  # only checked
    content = {name: value for name, value in event.items() if name not in _MESSAGE}
    return {**_object(_EVENT)(content, context), "type": kind}


def check_storable(value: Any) -> None:
    """Refuse JSON that a database or another reader could not hold (D9). Raises: Flaw."""
    _extension(value, ROOT)


# ---------------------------------------------------------------- values
def _extension(value: Any, context: Context, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if depth > DEPTH_MAX:
        raise Flaw("too deep", ProblemCode.DOCUMENT_TOO_DEEP, limit=DEPTH_MAX)
    if isinstance(value, list):
        return [_extension(entry, context, depth + 1) for entry in value]
    if isinstance(value, dict):
        if "@context" in value:
            _extension(value["@context"], context, depth + 1)
            context = context.extended(value["@context"])
        out: dict[str, Any] = {}
        for name, entry in value.items():
            if name != "@context":
                key = context.extension_key(_text(name))
                _put(out, key)
                out[key] = _extension(entry, context, depth + 1)
        return out
    return _number(value)


def _text(value: str) -> str:
    if "\0" in value:
        raise Flaw("a text holds the character U+0000")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Flaw("a text holds half a surrogate pair") from None
    return value


def _number(value: Any) -> Any:
    """Return a number so that equal values, and only they, become equal JSON."""
    if not is_number(value):
        raise Flaw("a value is neither JSON nor a finite number")
    if isinstance(value, int) and -_SAFE_INT <= value <= _SAFE_INT:
        return value
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) <= _SAFE_INT
        return int(value) if whole else value
    exact = Decimal(value)
    if exact == exact.to_integral_value() and abs(exact) <= _SAFE_INT:
        return int(exact)
    nearest = float(exact)
    if Decimal(repr(nearest)) == exact:
        return nearest
    return {"@type": "xsd:decimal", "@value": _exactly(exact)}


def _exactly(value: Decimal) -> str:
    # normalize() would round to the precision of the thread's decimal context.
    sign, digits, exponent = value.as_tuple()
    told = "".join(map(str, digits))
    kept = told.rstrip("0")
    return f"{'-' * sign}{kept}E{int(exponent) + len(told) - len(kept)}"


def _iri(value: Any, context: Context) -> Any:
    return context.expand(value)


def _same(value: Any, _: Context) -> Any:
    return value


def _plain(value: Any, context: Context) -> Any:
    return _extension(value, context)


def _instant(value: Any, _: Context) -> Any:
    at = instant(value)
    return f"{at.seconds}.{at.fraction}"


def _word(family: cbv.Family) -> Plain:
    def normalise(value: Any, context: Context) -> Any:
        return bare(value, family, context)

    return normalise


def bare(value: str, family: cbv.Family, context: Context) -> str:
    """Return a CBV word bare, whatever its spelling; another URI in full."""
    if value in family.words:
        return value
    iri = context.expand(value)
    return family.bare(iri) or iri


# ---------------------------------------------------------------- structure
def _placed(normalise: Plain, value: Any, context: Context, name: str | int) -> Any:
    try:
        return normalise(value, context)
    except Flaw as flaw:
        raise flaw.at(name) from None


def _put(out: dict[str, Any], name: str) -> None:
    if name in out:
        raise Flaw(f"the field {name[:80]} stands twice, under two spellings").at(name)


def _object(known: dict[str, Plain]) -> Plain:
    def normalise(value: dict[str, Any], context: Context) -> Any:
        out: dict[str, Any] = {}
        for name, entry in value.items():
            how = known.get(name)
            if how is None:
                key = context.key(_text(name))
                _put(out, key)
                out[key] = _placed(_extension, entry, context, name)
            else:
                out[name] = _placed(how, entry, context, name)
        return out

    return normalise


def _set(how: Plain) -> Plain:
    def normalise(value: list[Any], context: Context) -> Any:
        return _sorted([_placed(how, entry, context, at) for at, entry in enumerate(value)])

    return normalise


def _sorted(entries: list[Any]) -> list[Any]:
    if len(entries) < 2:
        return entries
    if all(isinstance(entry, str) for entry in entries):
        return sorted(entries)
    return sorted(entries, key=_order)


def _order(entry: Any) -> str:
    return json.dumps(entry, sort_keys=True)


def _one_or_set(value: Any, context: Context) -> Any:
    return _IRIS(value if isinstance(value, list) else [value], context)


def _all(names: Iterable[str], how: Plain) -> dict[str, Plain]:
    return dict.fromkeys(names, how)


_MESSAGE = ("@context", "recordTime", "eventID", "errorDeclaration")
_IRIS = _set(_iri)
_PLACE = _object({"id": _iri})
_QUANTITIES = _set(_object({"epcClass": _iri, "uom": _same}))
_SENSED = _all(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), _iri)
_METADATA = _object({**_SENSED, **_all(("time", "startTime", "endTime"), _instant)})
_REPORT = _object(
    {
        **_SENSED,
        "type": _word(cbv.MEASUREMENT),
        "exception": _word(cbv.ALERT),
        "component": _word(cbv.COMPONENT),
        "time": _instant,
        **_all(
            ("microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue"), _iri
        ),
    }
)
_DISPOSITIONS = _set(_word(cbv.DISPOSITION))
_EVENT: dict[str, Plain] = {
    "eventTime": _instant,
    "eventTimeZoneOffset": _same,
    "type": _same,
    "action": _same,
    "bizStep": _word(cbv.BIZ_STEP),
    "disposition": _word(cbv.DISPOSITION),
    "persistentDisposition": _object({"set": _DISPOSITIONS, "unset": _DISPOSITIONS}),
    "certificationInfo": _one_or_set,
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": _set(_object({"type": _word(cbv.TRANSACTION), "bizTransaction": _iri})),
    "sourceList": _set(_object({"type": _word(cbv.PARTY_ROLE), "source": _iri})),
    "destinationList": _set(_object({"type": _word(cbv.PARTY_ROLE), "destination": _iri})),
    "sensorElementList": _set(
        _object({"sensorMetadata": _METADATA, "sensorReport": _set(_REPORT)})
    ),
    "ilmd": _plain,
    **_all(("parentID", "transformationID"), _iri),
    **_all(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), _IRIS),
    **_all(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"),
        _QUANTITIES,
    ),
}
