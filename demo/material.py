"""Raw material of the demo: what suppliers deliver, how it is divided, mixed and drawn."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lotkin.demo import company
from lotkin.demo.company import (
    BLEND,
    BOARD,
    GRANULATE,
    MAKER_PARTY,
    MASTERBATCH,
    POUCH,
    RESIN,
    SENSOR,
    STORE,
    TUBE,
    Product,
)
from lotkin.demo.plan import RESIN_LOTS, SENSOR_LOTS, Block, Plan
from lotkin.demo.writing import Event, amount, between, event, make, order, paper, stamp

CASSETTE_G = 25  # shot weight; 22 g stay in the part, the rest is sprue
CASSETTE_NET_G = 22
HOUSING_G = 190
HOUSING_NET_G = 180
TOP_UP_G = 400  # the draw that is told late
DRUM_G = 25_000
DRUMS = 4  # per resin lot: three for cassettes, one blended grey for housings
MISWEIGHED = 1  # the resin lot whose division was first told wrong
OTHER_LOTS = 4  # of tubes, chassis, pouches each


@dataclass(slots=True)
class Stock:
    """Lots of one product, used up in order; amounts as in `writing.amount`."""

    product: Product
    left: list[tuple[str, int]] = field(default_factory=list)

    def draw(self, value: int) -> list[Event]:
        """Take an amount, from as many lots as it needs; return it as quantities."""
        drawn = []
        while value:
            lot, rest = self.left[0]
            taken = min(rest, value)
            drawn.append(amount(self.product, lot, taken))
            value -= taken
            self.left[0] = (lot, rest - taken)
            if rest == taken:
                del self.left[0]
        return drawn


@dataclass(slots=True)
class Store:
    """All stocks by resin lot or product."""

    drums: dict[int, Stock] = field(default_factory=dict)
    blends: dict[int, Stock] = field(default_factory=dict)
    sensors: dict[int, Stock] = field(default_factory=dict)
    tubes: Stock = field(default_factory=lambda: Stock(TUBE))
    boards: Stock = field(default_factory=lambda: Stock(BOARD))
    pouches: Stock = field(default_factory=lambda: Stock(POUCH))


def halves(block: Block) -> tuple[int, int]:
    """Return how many sets are made of the first and of the second half of the cassette run."""
    return block.sets // 2, block.sets - block.sets // 2


def supplier_lot(resin: int) -> str:
    """Return the polymer supplier's lot number."""
    return f"PC{26 * 1000 + 741 + 37 * resin}"


def drum(resin: int, number: int) -> str:
    """Return our lot number of one drum."""
    return f"RM26-{resin + 1:02d}-{number + 1}"


def sensor_lot(number: int) -> str:
    """Return the sensor supplier's lot number."""
    return f"PS3-{2601 + number}"


def deliveries(plan: Plan, store: Store) -> Iterator[Event]:
    """Yield what suppliers make, ship and we receive and prepare; fills the store."""
    needs = _needs(plan)
    for resin in range(RESIN_LOTS):
        first = plan.block(plan.changeover(resin)).start - timedelta(days=9)
        yield from _resin(store, resin, needs[resin], first)
    for number in range(SENSOR_LOTS):
        pieces = needs["sensors"] // SENSOR_LOTS + 40
        at = plan.block(number * plan.blocks // SENSOR_LOTS).start - timedelta(days=14)
        yield from _bought(SENSOR, sensor_lot(number), pieces, at)
        store.sensors[number] = Stock(SENSOR, [(sensor_lot(number), pieces)])
    for stock in (store.tubes, store.boards, store.pouches):
        size = needs[stock.product.name] // OTHER_LOTS + 60
        size = -(-size // 1000) * 1000 if stock.product is TUBE else size
        for number in range(OTHER_LOTS):
            at = plan.block(0).start - timedelta(days=20 - number)
            lot = f"{stock.product.reference[1]}L{number + 1:02d}26"
            yield from _bought(stock.product, lot, size, at)
            stock.left.append((lot, size))


def _needs(plan: Plan) -> dict[Any, Any]:
    """Grams of cassette and housing resin by lot, and pieces of the rest, with reserves."""
    cassettes, housings = [0] * RESIN_LOTS, [0] * RESIN_LOTS
    sets = modules = pumps = 0
    for number in range(plan.blocks):
        block = plan.block(number)
        for resin, count in zip(block.resin, halves(block), strict=True):
            cassettes[resin] += (count + 2) * CASSETTE_G
            housings[resin] += (block.modules + 1) * HOUSING_G
        sets, modules, pumps = sets + block.sets, modules + block.modules, pumps + block.pumps
    needed: dict[Any, Any] = {
        resin: (_drums(cassettes[resin] / (DRUMS - 1)), _drums(housings[resin] + TOP_UP_G))
        for resin in range(RESIN_LOTS)
    }
    # A third more sensors than modules in all: uneven blocks, and what rework takes.
    sensors = SENSOR_LOTS * -(-plan.blocks // SENSOR_LOTS) * (modules // plan.blocks + 4)
    others = {TUBE.name: sets * 1800, BOARD.name: pumps, POUCH.name: sets}
    return needed | others | {"sensors": sensors}


def _drums(grams: float) -> int:
    return DRUM_G * max(1, -(-int(grams * 1.1) // DRUM_G))


def _resin(store: Store, resin: int, size: tuple[int, int], at: datetime) -> Iterator[Event]:
    lot = supplier_lot(resin)
    drums = [size[0]] * (DRUMS - 1) + [size[1]]
    yield from _bought(GRANULATE, lot, sum(drums), at, supplierLot=lot)
    names = [drum(resin, number) for number in range(DRUMS)]
    yield from _divided(resin, lot, names, drums, at + timedelta(days=3, hours=2))
    pairs = list(zip(names, drums, strict=True))
    store.drums[resin] = Stock(RESIN, pairs[:-1])
    grey, masterbatch = f"BG26-{resin + 1:02d}", f"MB26-{resin + 1:02d}"
    pigment = size[1] // 50
    yield from _bought(MASTERBATCH, masterbatch, pigment, at)
    yield make(
        at + timedelta(days=4),
        STORE,
        None,
        [amount(RESIN, names[-1], size[1]), amount(MASTERBATCH, masterbatch, pigment)],
        [amount(BLEND, grey, size[1] + pigment)],
        activityKind="MERGE",
        operation="Blending",
        equipment=["Tumble mixer 1"],
    )
    store.blends[resin] = Stock(BLEND, [(grey, size[1] + pigment)])


def _divided(
    resin: int, lot: str, names: list[str], sizes: list[int], at: datetime
) -> Iterator[Event]:
    def told(weights: list[int]) -> Event:
        outputs = [amount(RESIN, *each) for each in zip(names, weights, strict=True)]
        return make(
            at,
            STORE,
            "wms",
            [amount(GRANULATE, lot, sum(sizes))],
            outputs,
            transformationID=order("DIV", f"{resin + 1:02d}"),
            activityKind="SPLIT",
            operation="Filling into drums",
            supplierLot=lot,
        )

    right = told(sizes)
    if resin == MISWEIGHED:
        # One drum keyed in 3 kg too light: noticed, declared wrong, and told again.
        wrong = told([sizes[0], sizes[1] - 3000, *sizes[2:]])
        declared = {
            "declarationTime": stamp(at + timedelta(hours=5)),
            "reason": "incorrect_data",
            "correctiveEventIDs": [right["eventID"]],
        }
        yield wrong
        yield {**wrong, "errorDeclaration": declared}
    yield right


def _bought(product: Product, lot: str, size: int, at: datetime, **told: Any) -> Iterator[Event]:
    seller = company.supplier(product.prefix)
    goods = [amount(product, lot, size)]
    made: Event = {"ilmd": {"cbvmda:lotNumber": lot}, "action": "ADD", "bizStep": "commissioning"}
    yield event("ObjectEvent", at, seller.place, None, quantityList=goods, **made, **told)
    sent = between(seller.party, MAKER_PARTY) | paper("desadv", f"{product.reference}{lot}")
    moved: Event = {"action": "OBSERVE", "quantityList": goods, **sent}
    yield event(
        "ObjectEvent", at + timedelta(days=1), seller.place, None, bizStep="shipping", **moved
    )
    yield event(
        "ObjectEvent",
        at + timedelta(days=2, hours=3),
        STORE,
        "wms",
        bizStep="receiving",
        bizLocation={"id": STORE},
        **moved,
    )
