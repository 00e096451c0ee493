"""Packing and delivery of a block: cartons, a pallet, the distributor, hospitals."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from lotkin.demo.company import FINISHED, MAKER_PARTY, MEDILANE, PACKING, WARDS, Site
from lotkin.demo.plan import Block, Plan
from lotkin.demo.production import Made
from lotkin.demo.writing import Event, between, carton, chunks, pack, paper, see

CARTONS_OF_SETS = 3
CARTONS_OF_PUMPS = 4
STORY_STAYS = 1  # the carton of the story's block that waits on its pallet at the distributor
DIRECT_EVERY = 5  # blocks: one goes to the hospitals without the distributor


class Fate(Enum):
    """How far a carton has come."""

    STOCK = auto()
    DISTRIBUTOR = auto()
    TRANSIT = auto()
    HOSPITAL = auto()


@dataclass(frozen=True, slots=True)
class Carton:
    """A carton with what was packed into it, how far it came, and for whom it is."""

    sscc: str
    contents: tuple[str, ...]
    fate: Fate
    ward: Site


def deliver(plan: Plan, made: Made) -> Generator[Event, None, list[Carton]]:
    """Yield the packing and delivery of what a block made; return the cartons."""
    cartons = _cartons(plan, made)
    for number, each in enumerate(cartons):
        at = made.ready + timedelta(minutes=10 * number)
        yield pack(at, PACKING, "wms", each.sscc, each.contents)
    if made.block.number == plan.middle:
        # Looked at again by quality; the carton leaves without it.
        last = cartons[0].contents[-1]
        yield pack(
            made.ready + timedelta(hours=4), PACKING, "wms", cartons[0].sscc, [last], out=True
        )
        yield see(made.ready + timedelta(hours=5), FINISHED, "wms", "inspecting", last)
    stocked = [each.sscc for each in cartons]
    yield see(made.ready + timedelta(hours=6), FINISHED, "wms", "storing", *stocked)
    sent = [each for each in cartons if each.fate is not Fate.STOCK]
    if made.block.number % DIRECT_EVERY == 1 and made.block.number != plan.middle:
        yield from _to_wards(plan, sent, made.ready + timedelta(days=1), FINISHED, MAKER_PARTY)
    elif sent:
        yield from _to_distributor(made.block, sent, made.ready)
        yield from _from_distributor(plan, made.block, sent, made.ready + timedelta(days=3))
    return cartons


def ship(
    at: datetime, place: str, source: str | None, sender: str, receiver: str, *goods: str
) -> Event:
    """Return a shipment under its despatch advice."""
    number = goods[0].rpartition(".")[2]
    papers = between(sender, receiver) | paper("desadv", f"D{at:%y%m%d}{number}")
    return see(at, place, source, "shipping", *goods, disposition="in_transit", **papers)


def receive(at: datetime, sender: str, by: Site, *goods: str) -> Event:
    """Return a receipt outside: nobody told us of their clocks."""
    return see(at, by.place, None, "receiving", *goods, **between(sender, by.party))


def pallet(block: Block) -> str:
    """Return the SSCC of a block's pallet."""
    return carton(block.number, kind=1)


def _cartons(plan: Plan, made: Made) -> list[Carton]:
    sets = [*made.sets[0], *made.sets[1]]
    groups = [*chunks(sets, -(-len(sets) // CARTONS_OF_SETS))]
    groups += chunks(made.pumps, -(-len(made.pumps) // CARTONS_OF_PUMPS))
    block = made.block.number
    first = plan.pick(f"ward {block}", len(WARDS))
    return [
        Carton(
            carton(block * 100 + number, kind=0),
            tuple(group),
            _fate(plan, block, number),
            WARDS[(first + number // 2) % len(WARDS)],
        )
        for number, group in enumerate(groups)
    ]


def _fate(plan: Plan, block: int, number: int) -> Fate:
    if block == plan.middle:
        return Fate.DISTRIBUTOR if number == STORY_STAYS else Fate.HOSPITAL
    if block == plan.blocks - 1:
        return Fate.STOCK
    roll = plan.pick(f"fate {block} {number}", 100)
    # In percent: what a maker of pumps sees when it looks three months back.
    return (
        Fate.STOCK if roll < 12
        else Fate.DISTRIBUTOR if roll < 22
        else Fate.TRANSIT if roll < 28
        else Fate.HOSPITAL
    )  # fmt: skip


def _to_distributor(block: Block, sent: list[Carton], at: datetime) -> Iterator[Event]:
    whole = pallet(block)
    yield pack(at + timedelta(hours=8), FINISHED, "wms", whole, [each.sscc for each in sent])
    yield ship(at + timedelta(days=1), FINISHED, "wms", MAKER_PARTY, MEDILANE.party, whole)
    yield receive(at + timedelta(days=3), MAKER_PARTY, MEDILANE, whole)


def _from_distributor(
    plan: Plan, block: Block, sent: list[Carton], at: datetime
) -> Iterator[Event]:
    onward = [each for each in sent if each.fate is not Fate.DISTRIBUTOR]
    if not onward:
        return
    goods = [each.sscc for each in onward]
    yield pack(at + timedelta(hours=2), MEDILANE.place, None, pallet(block), goods, out=True)
    yield from _to_wards(plan, onward, at + timedelta(days=1), MEDILANE.place, MEDILANE.party)


def _to_wards(
    plan: Plan, cartons: list[Carton], at: datetime, place: str, sender: str
) -> Iterator[Event]:
    source = "wms" if sender == MAKER_PARTY else None
    for ward in dict.fromkeys(each.ward for each in cartons):
        parts = [each for each in cartons if each.ward == ward]
        goods = [each.sscc for each in parts]
        yield ship(at, place, source, sender, ward.party, *goods)
        came = [each for each in parts if each.fate is not Fate.TRANSIT]
        if came:
            yield receive(at + timedelta(days=2), sender, ward, *(each.sscc for each in came))
        for each in came:
            # Pumps are unpacked at once; of the sets, every other carton.
            if ".060010." in each.contents[0] or plan.pick(f"open {each.sscc}", 2):
                yield pack(at + timedelta(days=3), ward.place, None, each.sscc, [], out=True)
