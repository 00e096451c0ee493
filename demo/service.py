"""After delivery: modules replaced, a return and resale, a late event, suppliers' notices."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lotkin.demo.company import (
    FINISHED,
    GRANULATE,
    LINE_2,
    MAKER_PARTY,
    PACKING,
    REPAIR,
    SENSOR,
    WARDS,
    Site,
)
from lotkin.demo.logistics import Carton, receive, ship
from lotkin.demo.material import TOP_UP_G, Store, sensor_lot, supplier_lot
from lotkin.demo.plan import NOTICE, SUSPECT_RESIN, SUSPECT_SENSOR, Block, Plan
from lotkin.demo.production import Made
from lotkin.demo.writing import Event, between, carton, event, fit, make, order, pack, paper, see

SERVICE = datetime(2026, 9, 15, 8, tzinfo=UTC)
REPLACED, BY_HAND, RETURNED = 0, 1, -1  # places of the pumps of the story's block


@dataclass(frozen=True, slots=True)
class Field:
    """The story's block out in the field, and unused modules of the last blocks."""

    made: Made
    cartons: list[Carton]
    spares: list[str]

    def ward(self, pump: str) -> Site:
        """Return the hospital a pump was delivered to."""
        return next(each.ward for each in self.cartons if pump in each.contents)


def after_delivery(plan: Plan, field: Field, store: Store) -> Iterator[Event]:
    """Yield the events from delivery to the suppliers' notices, and one told late."""
    yield from _replacement(field, REPLACED, "service-app", SERVICE)
    # The service sheet was filled in by hand: its time proves nothing.
    yield from _replacement(field, BY_HAND, None, SERVICE + timedelta(days=1))
    yield from _return(field, SERVICE + timedelta(days=3))
    yield _told_late(plan, store)
    yield from _notices()


def _replacement(field: Field, pump: int, source: str | None, at: datetime) -> Iterator[Event]:
    device, old = field.made.pumps[pump], field.made.modules[pump]
    new, ward = field.spares[pump], field.ward(field.made.pumps[pump])
    yield ship(at - timedelta(days=4), FINISHED, "wms", MAKER_PARTY, ward.party, new)
    yield receive(at - timedelta(days=2), MAKER_PARTY, ward, new)
    yield fit(at, ward.place, source, device, old, out=True)
    yield fit(at + timedelta(minutes=20), ward.place, source, device, new)
    yield from _sent_back(ward, old, at + timedelta(days=1))
    yield see(at + timedelta(days=6), REPAIR, "wms", "inspecting", old)


def _sent_back(ward: Site, goods: str, at: datetime) -> Iterator[Event]:
    rma = paper("rma", f"R{goods.rpartition('.')[2]}")
    sent = between(ward.party, MAKER_PARTY) | rma
    yield see(at, ward.place, None, "shipping", goods, disposition="in_transit", **sent)
    yield see(
        at + timedelta(days=2), REPAIR, "wms", "receiving", goods, disposition="returned", **sent
    )


def _return(field: Field, at: datetime) -> Iterator[Event]:
    pump = field.made.pumps[RETURNED]
    ward = field.ward(pump)
    yield from _sent_back(ward, pump, at)
    yield see(at + timedelta(days=4), REPAIR, "wms", "inspecting", pump, disposition="conformant")
    box, other = carton(0, kind=2), WARDS[(WARDS.index(ward) + 3) % len(WARDS)]
    yield pack(at + timedelta(days=5), PACKING, "wms", box, [pump])
    yield ship(at + timedelta(days=6), FINISHED, "wms", MAKER_PARTY, other.party, box)
    yield receive(at + timedelta(days=8), MAKER_PARTY, other, box)


def late_block(plan: Plan) -> Block:
    """Return the block whose housing run got a top-up that was told late."""
    return plan.block(plan.changeover(SUSPECT_RESIN + 1) + 1)


def _told_late(plan: Plan, store: Store) -> Event:
    block = late_block(plan)
    return make(
        block.start + timedelta(hours=2),
        LINE_2,
        None,
        store.blends[SUSPECT_RESIN].draw(TOP_UP_G),
        [],
        transformationID=order("HOU", f"{block.number:04d}"),
        operation="Top-up from an opened drum",
        operator="OP-114",
    )


def _notices() -> Iterator[Event]:
    for product, lot, days in (
        (GRANULATE, supplier_lot(SUSPECT_RESIN), 0),
        (SENSOR, sensor_lot(SUSPECT_SENSOR), 4),
    ):
        yield event(
            "ObjectEvent",
            NOTICE + timedelta(days=days),
            FINISHED,
            "wms",
            action="OBSERVE",
            bizStep="holding",
            disposition="recalled",
            quantityList=[{"epcClass": product.lot(lot)}],
            operation="Supplier's notice",
        )
