"""One row at a time for resolvers, one statement a batch for the record (see `batching`).

Each batch takes a short session of its own. An unknown id loads as None.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lotkin.domain.balance import Amount, LotAmounts
from lotkin.records import amounts as amount_records
from lotkin.records import items as records
from lotkin.records import places as place_records
from lotkin.records import timeline as timeline_records
from lotkin.records.items import ActivityRow, ClassRow, ItemRow, NamedRow
from lotkin.records.places import Inside
from lotkin.records.timeline import Page, TimelineRow
from lotkin.resolvers.batching import batched
from lotkin.resolvers.context import Context
from lotkin.resolvers.own import own_keys


@batched
async def item(context: Context, ids: tuple[int, ...]) -> Mapping[int, ItemRow | None]:
    """Load an item."""
    async with context.database.reading() as connection:
        found = await records.rows(connection, ids)
    return {id: found.get(id) for id in ids}


@batched
async def item_class(context: Context, ids: tuple[int, ...]) -> Mapping[int, ClassRow | None]:
    """Load an item class."""
    async with context.database.reading() as connection:
        found = await records.classes(connection, ids)
    return {id: found.get(id) for id in ids}


@batched
async def party(context: Context, ids: tuple[int, ...]) -> Mapping[int, NamedRow | None]:
    """Load a party."""
    async with context.database.reading() as connection:
        found = await records.parties(connection, ids)
    return {id: found.get(id) for id in ids}


@batched
async def location(context: Context, ids: tuple[int, ...]) -> Mapping[int, NamedRow | None]:
    """Load a location."""
    async with context.database.reading() as connection:
        found = await records.locations(connection, ids)
    return {id: found.get(id) for id in ids}


@batched
async def activity(context: Context, ids: tuple[int, ...]) -> Mapping[int, ActivityRow | None]:
    """Load an activity."""
    async with context.database.reading() as connection:
        found = await records.activities(connection, ids)
    return {id: found.get(id) for id in ids}


@batched
async def event(context: Context, ids: tuple[int, ...]) -> Mapping[int, TimelineRow | None]:
    """Load an event, without its document."""
    async with context.database.reading() as connection:
        found = await timeline_records.events(connection, ids)
    return {id: found.get(id) for id in ids}


@batched
async def document(
    context: Context, ids: tuple[int, ...]
) -> Mapping[int, Mapping[str, Any] | None]:
    """Load an event as it was told."""
    async with context.database.reading() as connection:
        found = await timeline_records.documents(connection, ids)
    return {id: found.get(id) for id in ids}


@batched
async def lot_of(context: Context, serials: tuple[int, ...]) -> Mapping[int, int | None]:
    """Load the lot id of a serial."""
    async with context.database.reading() as connection:
        found = await records.lots_of(connection, serials)
    return {serial: found.get(serial) for serial in serials}


@batched
async def amounts(
    context: Context, asked: tuple[tuple[int, int], ...]
) -> Mapping[tuple[int, int], LotAmounts]:
    """Load what was told of the quantity of (lot, up to an instant)."""
    found: dict[tuple[int, int], LotAmounts] = {}
    async with context.database.reading() as connection:
        for at in {at for _, at in asked}:
            lots = [lot for lot, then in asked if then == at]
            for lot, told in (await amount_records.of_lots(connection, lots, at)).items():
                found[lot, at] = told
    return found


@batched
async def members(context: Context, lots: tuple[int, ...]) -> Mapping[int, Amount | None]:
    """Load how many serials were commissioned as one of a lot; None = none were."""
    async with context.database.reading() as connection:
        found = await amount_records.member_counts(connection, lots)
    return {lot: Amount(Decimal(found[lot]), None) if lot in found else None for lot in lots}


@batched
async def timeline(context: Context, asked: tuple[Page, ...]) -> Mapping[Page, list[TimelineRow]]:
    """Load a page of an item's timeline."""
    async with context.database.reading() as connection:
        found = await timeline_records.pages(connection, asked)
    return dict(zip(asked, found, strict=True))


@batched
async def timeline_count(context: Context, ids: tuple[int, ...]) -> Mapping[int, int]:
    """Load how many events are about an item."""
    async with context.database.reading() as connection:
        found = await timeline_records.counts(connection, ids)
    return {id: found.get(id, 0) for id in ids}


@batched
async def contents(context: Context, asked: tuple[Inside, ...]) -> Mapping[Inside, list[int]]:
    """Load a page of what is in a container."""
    async with context.database.reading() as connection:
        found = await place_records.contents(connection, asked)
    return dict(zip(asked, found, strict=True))


@batched
async def contents_count(context: Context, asked: tuple[Inside, ...]) -> Mapping[Inside, int]:
    """Load how many things are in a container."""
    async with context.database.reading() as connection:
        found = await place_records.contents_counts(connection, asked)
    return dict(zip(asked, found, strict=True))


@batched
async def own_parties(context: Context, asked: tuple[None, ...]) -> Mapping[None, frozenset[int]]:
    """Load the ids of our own parties; without configured ones, that of our organisation."""
    keys = own_keys(context.settings) or frozenset({context.settings.org})
    # Never a partner's: these ids decide what counts as with us, and are not shown.
    async with context.services.database.reading() as connection:
        own = await records.own_parties(connection, keys)
    return dict.fromkeys(asked, own)
