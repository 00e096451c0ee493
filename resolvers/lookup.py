"""What a caller names an item by, and which items that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from lotkin import clock
from lotkin.domain import identity
from lotkin.domain.genealogy import ItemKind
from lotkin.domain.identity import Identity, Reading
from lotkin.domain.nodeid import NodeType, parse_row
from lotkin.errors import Problem, Refusal, RefusalCode
from lotkin.records import items as records
from lotkin.records.items import Wanted
from lotkin.resolvers.context import Context


@dataclass(frozen=True, slots=True)
class Lookup:
    """Exactly one of: opaque id, key in any spelling, scanned label, (class, lot or serial)."""

    id: str | None = None
    key: str | None = None
    scan: str | None = None
    lot: tuple[str, str] | None = None
    serial: tuple[str, str] | None = None


async def find_items(context: Context, lookups: Sequence[Lookup]) -> list[tuple[int, ...]]:
    """Return the item ids that each look-up names: none, one, or several candidates.

    Raises: Refusal BAD_INPUT for a wrong check digit or an unreadable class.
    """
    wanted = [wanted_of(context, lookup) for lookup in lookups]
    async with context.database.reading() as connection:
        return await records.find(connection, wanted)


def wanted_of(context: Context, lookup: Lookup) -> Wanted:
    """Return how the record is asked for a look-up.

    Raises: Refusal BAD_INPUT with the text of what is wrong with the identifier.
    """
    try:
        return _wanted(lookup)
    except Problem as problem:
        reason = problem.message(context.language).rstrip(".。")
        code = problem.code.value  # for programs, beside the text: BAD_CHECK_DIGIT, BAD_DATE …
        raise Refusal(RefusalCode.BAD_INPUT, reason=reason, problem=code) from problem


def named_by(reading: Reading) -> list[Wanted]:
    """Return how the record is asked for each thing that a label may name."""
    return [_named(each) for each in (reading.identity, *reading.candidates) if each is not None]


def _wanted(lookup: Lookup) -> Wanted:
    if lookup.id is not None:
        return Wanted(id=parse_row(lookup.id, NodeType.ITEM))
    if lookup.key is not None:
        return _by_key(lookup.key)
    if lookup.scan is not None:
        return _by_scan(lookup.scan)
    if lookup.lot is not None:
        of_class, number = lookup.lot
        return Wanted(class_keys=_class_keys(of_class), lot=number)
    assert lookup.serial is not None, "@oneOf gives exactly one"
    of_class, number = lookup.serial
    return Wanted(class_keys=_class_keys(of_class), serial=number)


def _by_key(text: str) -> Wanted:
    key = identity.item_key(text)
    reading = identity.scan(key, today=clock.now().date())
    # Through the class too: a key under a further device identifier is the same item's.
    named = Wanted() if reading.identity is None else _named(reading.identity)
    return named._replace(keys=tuple(dict.fromkeys((text, key, *named.keys))))


def _by_scan(text: str) -> Wanted:
    reading = identity.scan(text, today=clock.now().date())
    if reading.identity is not None:
        return _named(reading.identity)
    if reading.candidates:
        named = [_named(each) for each in reading.candidates]
        return Wanted(keys=tuple(key for each in named for key in each.keys))
    if reading.problems:
        raise reading.problems[0]
    return Wanted()


def _named(named: Identity) -> Wanted:
    if named.item_class is None:
        return Wanted(keys=(named.key,))
    is_serial = named.kind is ItemKind.SERIAL
    return Wanted(
        keys=(named.key,),
        class_keys=(named.item_class,),
        lot=named.lot if named.kind is ItemKind.LOT else None,
        serial=named.serial if is_serial else None,
    )


def _class_keys(text: str) -> tuple[str, ...]:
    """The class as told (a URI, a device identifier) and its canonical key."""
    return tuple(dict.fromkeys((text, identity.class_key(text))))
