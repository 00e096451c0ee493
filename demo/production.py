"""One block of production: moulding, assembly, sterilisation, pumps with their modules."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lotkin.demo.company import (
    ASSEMBLY,
    BULK,
    CASSETTE,
    CLEANROOM,
    HOUSING,
    LINE_1,
    LINE_2,
    MODULE,
    PUMP,
    REGRIND,
    REPAIR,
    RETAINED,
    SET,
    STERILISER,
)
from lotkin.demo.material import (
    CASSETTE_G,
    CASSETTE_NET_G,
    HOUSING_G,
    HOUSING_NET_G,
    Store,
    halves,
)
from lotkin.demo.plan import Block, Plan
from lotkin.demo.writing import Event, amount, chunks, fit, make, order

TUBE_MM = 1800  # of tube in one set
TEAM = 5  # devices a batch of the assembly line
SHIFT_END_H = 16  # hours after the start of a day's work
LIFE_YEARS = 3
SCRAP_EVERY = 4  # blocks: one loses a module in a test


@dataclass(slots=True)
class Made:
    """What a block brings to the packing station."""

    block: Block
    ready: datetime
    sets: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    pumps: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    renumbered: str | None = None  # the old number of pumps[RENUMBERED]

    @property
    def spare(self) -> str:
        """The module that is fitted into no pump."""
        return self.modules[-1]

    @property
    def spare_scrapped(self) -> bool:
        """Whether that one failed its test."""
        return self.block.number % SCRAP_EVERY == 2


RENUMBERED = 2  # place of the pump of the story's block that gets a new number


def produce(plan: Plan, block: Block, store: Store) -> Generator[Event, None, Made]:
    """Yield the events of one block; return what it made. Draws from the store."""
    made = Made(block, block.start + timedelta(days=4))
    yield from _cassettes(block, store)
    yield from _housings(block, store)
    made.sets = yield from _sets(plan, block, store)
    made.modules = yield from _modules(block, store)
    made.pumps = yield from _pumps(block, store)
    for pump, module in zip(made.pumps, made.modules, strict=False):
        at = block.start + timedelta(days=2, hours=3, minutes=made.pumps.index(pump) * 4)
        yield fit(at, ASSEMBLY, "mes-assembly", pump, module)
    if block.number == plan.middle:
        yield from _renumbered(made)
    return made


def cassette_lot(block: int, half: str) -> str:
    """Return the number of a moulded cassette lot; halves are A and B."""
    return f"CB26-{block:04d}{half}"


def housing_lot(block: int) -> str:
    """Return the number of a moulded housing lot."""
    return f"DH26-{block:04d}"


def _cassettes(block: Block, store: Store) -> Iterator[Event]:
    run = {
        "transformationID": order("CAS", f"{block.number:04d}"),
        "operation": "Injection moulding, cassette body",
        "equipment": ["Press 1", "Mould C-12"],
    }
    for half, count, resin, hours in zip("AB", halves(block), block.resin, (0, 3), strict=True):
        at = block.start + timedelta(hours=hours)
        shots = count + 2
        drawn = store.drums[resin].draw(shots * CASSETTE_G)
        yield make(at, LINE_1, "mes-line-1", drawn, [], **run)
        scrap = amount(
            REGRIND, f"RG26-{block.number:04d}{half}", shots * (CASSETTE_G - CASSETTE_NET_G)
        )
        lot = cassette_lot(block.number, half)
        outputs = [amount(CASSETTE, lot, shots), scrap]
        yield make(at + timedelta(hours=2, minutes=40), LINE_1, "mes-line-1", [], outputs, **run)
    yield make(
        block.start + timedelta(hours=6),
        LINE_1,
        None,
        [amount(CASSETTE, cassette_lot(block.number, "A"), 1)],
        [amount(RETAINED, f"RS26-{block.number:04d}", 1)],
        activityKind="SAMPLE",
        operation="Retained sample",
    )


def _housings(block: Block, store: Store) -> Iterator[Event]:
    # Line 2 has no clock of its own: people write down when they did what.
    run = {
        "transformationID": order("HOU", f"{block.number:04d}"),
        "operation": "Injection moulding, drive housing",
        "equipment": ["Press 2", "Mould H-3"],
    }
    shots = block.modules + 1
    parts = [(block.resin[1], shots)]
    if block.resin[0] != block.resin[1]:
        parts = [(block.resin[0], shots // 2), (block.resin[1], shots - shots // 2)]
    for number, (resin, count) in enumerate(parts):
        drawn = store.blends[resin].draw(count * HOUSING_G)
        yield make(
            block.start + timedelta(minutes=30 + 200 * number), LINE_2, None, drawn, [], **run
        )
    outputs = [
        amount(HOUSING, housing_lot(block.number), shots),
        amount(REGRIND, f"RG26-{block.number:04d}H", shots * (HOUSING_G - HOUSING_NET_G)),
    ]
    yield make(block.start + timedelta(hours=7), LINE_2, None, [], outputs, **run)


def _sets(
    plan: Plan, block: Block, store: Store
) -> Generator[Event, None, tuple[list[str], list[str]]]:
    told = block.number in {plan.middle, plan.middle - 1}
    booked_late = block.number % 4 == 3 and not told
    bulk = []
    for half, count in zip("AB", halves(block), strict=True):
        at = block.start + timedelta(days=1, hours=1 + 3 * (half == "B"))
        if booked_late:
            at = block.start + timedelta(days=1, hours=SHIFT_END_H)
        inputs = [amount(CASSETTE, cassette_lot(block.number, half), count)]
        inputs += store.tubes.draw(count * TUBE_MM)
        bulk.append(amount(BULK, f"IS26-{block.number:04d}{half}", count))
        source = "erp-shift-end" if booked_late else "mes-assembly"
        yield make(
            at, CLEANROOM, source, inputs, bulk[-1:], bizStep="assembling", operation="Set assembly"
        )
    first, second = halves(block)
    numbers = [SET.serial(f"S{block.number:04d}{piece:03d}") for piece in range(block.sets)]
    if block.number % 3 == 0 and not told:
        yield from _load(block, "M", bulk, numbers, store)
    else:
        yield from _load(block, "A", bulk[:1], numbers[:first], store)
        yield from _load(block, "B", bulk[1:], numbers[first:], store)
    return numbers[:first], numbers[-second:]


def sterile_lot(block: int, load: str) -> str:
    """Return the lot number on the label of sterile sets."""
    return f"ST26{block:04d}{load}"


def _load(
    block: Block, load: str, bulk: list[Event], numbers: list[str], store: Store
) -> Iterator[Event]:
    at = block.start + timedelta(days=3, hours=4 * (load == "B"))
    lot = sterile_lot(block.number, load)
    run = {"transformationID": order("STE", lot), "activityKind": "STERILIZE"}
    yield make(
        at,
        STERILISER,
        "scada-steriliser",
        bulk,
        numbers,
        **run,
        operation="Ethylene oxide",
        equipment=["Steriliser 2"],
        parameters=[{"name": "EtO", "value": 620, "uom": "mg/L", "lo": 580, "hi": 680}],
        ilmd={
            "cbvmda:lotNumber": lot,
            "cbvmda:itemExpirationDate": f"{at.year + LIFE_YEARS}-{at:%m-%d}",
        },
    )
    # The ERP books packing material when the shift ends, by its bill of material.
    late = block.start + timedelta(days=3, hours=SHIFT_END_H)
    yield make(late, STERILISER, "erp-shift-end", store.pouches.draw(len(numbers)), [], **run)


def _modules(block: Block, store: Store) -> Generator[Event, None, list[str]]:
    numbers = [MODULE.serial(f"M{block.number:04d}{piece:02d}") for piece in range(block.modules)]
    sensors = store.sensors[block.sensor]
    for batch, serials in enumerate(chunks(numbers, TEAM)):
        # The first batch uses up what is left in the tray of the lot before.
        old = store.sensors[block.sensor - 1].draw(2) if block.new_sensor and batch == 0 else []
        yield make(
            block.start + timedelta(days=1, hours=1 + batch),
            ASSEMBLY,
            "mes-assembly",
            [
                amount(HOUSING, housing_lot(block.number), len(serials)),
                *old,
                *sensors.draw(len(serials) - 2 * bool(old)),
            ],
            list(serials),
            bizStep="assembling",
            operation="Module assembly",
            ilmd={"cbvmda:lotNumber": f"DM26{block.number:04d}"},
        )
    if block.number % 5 == 2:
        yield make(
            block.start + timedelta(days=1, hours=10),
            REPAIR,
            "mes-assembly",
            [numbers[1], *sensors.draw(1)],
            [numbers[1]],
            activityKind="REWORK",
            operation="New sensor after a failed leak test",
        )
    if block.number % SCRAP_EVERY == 2:
        yield make(
            block.start + timedelta(days=1, hours=11),
            REPAIR,
            "mes-assembly",
            [numbers[-1]],
            [],
            transformationID=order("SCR", numbers[-1].rpartition(".")[2]),
            activityKind="SCRAP",
            operation="Scrapped after a drop test",
        )
    return numbers


def _pumps(block: Block, store: Store) -> Generator[Event, None, list[str]]:
    numbers = [PUMP.serial(f"P{block.number:04d}{piece:02d}") for piece in range(block.pumps)]
    for batch, serials in enumerate(chunks(numbers, TEAM)):
        yield make(
            block.start + timedelta(days=2, hours=batch / 2),
            ASSEMBLY,
            "mes-assembly",
            store.boards.draw(len(serials)),
            list(serials),
            bizStep="assembling",
            operation="Pump assembly",
            ilmd={"cbvmda:lotNumber": f"TP26{block.number:04d}"},
        )
    return numbers


def _renumbered(made: Made) -> Iterator[Event]:
    old = made.pumps[RENUMBERED]
    new = f"{old}R"
    yield make(
        made.block.start + timedelta(days=2, hours=8),
        ASSEMBLY,
        "mes-assembly",
        [old],
        [new],
        activityKind="RENUMBER",
        operation="New label after a misprint",
        ilmd={"cbvmda:lotNumber": f"TP26{made.block.number:04d}"},
    )
    made.renumbered, made.pumps[RENUMBERED] = old, new
