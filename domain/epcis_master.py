"""Master data of an EPCIS header: names, and the few attributes that Lotkin reads.

A vocabulary is known by the last part of its type. An attribute is known by its full IRI: names in
the CBV master data or GS1 vocabularies, the rest under `urn:lotkin:mda:`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from lotkin.domain import cbv
from lotkin.domain.epcis_context import Context
from lotkin.domain.epcis_fields import plain
from lotkin.domain.epcis_syntax import Flaw, is_number
from lotkin.domain.event import ClassMaster, MasterData, PlaceMaster
from lotkin.domain.identity import Identity, Thing, class_key, parse_epc
from lotkin.errors import Problem

T = TypeVar("T")

NAMESPACE = "urn:lotkin:mda:"
# The first that is told gives the name.
_NAMES = (
    "descriptionShort",
    "tradeItemDescription",
    "name",
    "organizationName",
    "physicalLocationName",
    "functionalName",
    "regulatedProductName",
    "productName",
)
_CLASSES = "EPCClass"
_PLACES: Mapping[str, Thing] = {
    "BusinessLocation": Thing.LOCATION,
    "ReadPoint": Thing.LOCATION,
    "Location": Thing.LOCATION,
    "SourceDest": Thing.LOCATION,
    "Party": Thing.PARTY,
}


@dataclass(slots=True)
class _Attributes:
    """Attributes of one element by local name: those of ours, and the possible names."""

    own: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def name(self) -> str | None:
        return next((self.names[each] for each in _NAMES if each in self.names), None)


def read_master(vocabularies: Iterable[Mapping[str, Any]], context: Context) -> MasterData:
    """Return what checked vocabularies say of classes, parties and locations.

    An element told in two vocabularies gives one row each. Raises: Flaw, path from the list of
    vocabularies on, if an attribute of ours cannot be read.
    """
    classes: list[ClassMaster] = []
    places: list[PlaceMaster] = []
    for at, vocabulary in enumerate(vocabularies):
        kind = _last(context.expand(vocabulary["type"]))
        for row, element in enumerate(vocabulary.get("vocabularyElementList", ())):
            try:
                if kind == _CLASSES:
                    classes.append(_class(element, context))
                elif kind in _PLACES:
                    places.append(_place(element, context, _PLACES[kind]))
            except Flaw as flaw:
                raise flaw.at(at, "vocabularyElementList", row) from None
    return MasterData(
        tuple(classes),
        tuple(each for each in places if each.identity.thing is Thing.PARTY),
        tuple(each for each in places if each.identity.thing is not Thing.PARTY),
    )


def _last(iri: str) -> str:
    return iri.replace("#", ":").replace("/", ":").rpartition(":")[2]


def _class(element: Mapping[str, Any], context: Context) -> ClassMaster:
    told = _attributes(element, context)
    alternate = _one(told, "alternateOf", lambda value: _class_identity(value, context))
    others = _many(told, "otherIdentifier", lambda value: class_key(_text(value)))
    return ClassMaster(
        identity=_placed(lambda value: _class_identity(value, context), element["id"], "id"),
        name=told.name(),
        implantable=_one(told, "implantable", _boolean),
        tracked=_one(told, "tracked", _boolean),
        balance_tolerance=_one(told, "balanceTolerance", _share),
        alternate_of=alternate,
        other_keys=others,
    )


def _place(element: Mapping[str, Any], context: Context, thing: Thing) -> PlaceMaster:
    told = _attributes(element, context)
    return PlaceMaster(
        identity=_placed(lambda value: _identity(value, context, thing), element["id"], "id"),
        name=told.name(),
        party=_one(told, "party", lambda value: _identity(value, context, Thing.PARTY)),
    )


def _attributes(element: Mapping[str, Any], context: Context) -> _Attributes:
    found = _Attributes()
    for at, each in enumerate(element.get("attributes", ())):
        iri, value = context.expand(each["id"]), each.get("attribute")
        if iri.startswith(NAMESPACE):
            found.own.setdefault(iri.removeprefix(NAMESPACE), []).append((at, value))
            continue
        local, text = cbv.attribute(iri), plain(value)
        if local is not None and isinstance(text, str) and text.strip():
            found.names.setdefault(local, text.strip())
    return found


# ---------------------------------------------------------------- values of ours
def _placed(read: Callable[[Any], T], value: Any, *path: str | int) -> T:
    try:
        return read(value)
    except Flaw as flaw:
        raise flaw.at(*path) from None
    except Problem as problem:
        raise Flaw.of(problem).at(*path) from None


def _many(told: _Attributes, name: str, read: Callable[[Any], T]) -> tuple[T, ...]:
    """Return every value of an attribute, told several times or as a list."""
    found = [
        _placed(read, plain(each), "attributes", at, "attribute")
        for at, value in told.own.get(name, ())
        for each in (value if isinstance(value, list) else (value,))
    ]
    return tuple(dict.fromkeys(found))


def _one(told: _Attributes, name: str, read: Callable[[Any], T]) -> T | None:
    values = _many(told, name, read)
    if len(values) > 1:
        raise Flaw(f"{name} is told twice, differently").at("attributes")
    return values[0] if values else None


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower())
    if not isinstance(value, bool):
        raise Flaw("true or false is needed")
    return value


def _share(value: Any) -> Decimal:
    """Return a share from 0 to 1, told as a number or as text."""
    try:
        share = Decimal(str(value)) if is_number(value) or isinstance(value, str) else None
    except InvalidOperation:
        share = None
    if share is None or not share.is_finite() or not 0 <= share <= 1:
        raise Flaw("a share from 0 to 1 is needed, 0.02 for 2 %")
    return share


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Flaw("an identifier is text")
    return value


def _identity(value: Any, context: Context, thing: Thing) -> Identity:
    return parse_epc(context.expand(_text(value)), default_thing=thing)


def _class_identity(value: Any, context: Context) -> Identity:
    """Return a class; an item or lot stands for its class."""
    told = _identity(value, context, Thing.ITEM_CLASS)
    if told.thing is Thing.ITEM and told.item_class is not None:
        return Identity(told.item_class, Thing.ITEM_CLASS, told.scheme, None, told.item_class)
    return told
