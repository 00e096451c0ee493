"""The demo's documents: one maker's year in ordinary EPCIS, the same bytes for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lotkin.demo import service
from lotkin.demo.company import GRANULATE, SENSOR
from lotkin.demo.logistics import STORY_STAYS, Carton, Fate, deliver
from lotkin.demo.material import Store, deliveries, sensor_lot, supplier_lot
from lotkin.demo.plan import SERIALS_MIN, SUSPECT_RESIN, SUSPECT_SENSOR, Plan
from lotkin.demo.production import RENUMBERED, Made, produce
from lotkin.demo.writing import Event, document

DOCUMENT_EVENTS = 500  # one request: a fraction of a second of the service's time


@dataclass(frozen=True, slots=True)
class Cast:
    """The items that the story speaks of, as EPCs."""

    resin: str  # the supplier's suspect lot
    sensor: str  # the suspect component lot
    device: str  # a sterile set whose way is told
    excluded: str  # a set made in the same run, before the suspect lot was added
    unpacked: str  # a set taken out of its carton before that left
    pump: str  # its module was replaced, measured
    pump_by_hand: str  # its module was replaced, as somebody wrote down
    returned: str  # came back and went to another hospital
    renumbered: tuple[str, str]  # old and new number


@dataclass(slots=True)
class _Year:
    """What one pass over the plan has left behind."""

    plan: Plan
    store: Store = field(default_factory=Store)
    story: tuple[Made, list[Carton]] | None = None
    changeover: Made | None = None
    spares: list[str] = field(default_factory=list)

    def events(self) -> Iterator[tuple[str, Event]]:
        """Yield (chapter, event)."""
        yield from (("suppliers", each) for each in deliveries(self.plan, self.store))
        for number in range(self.plan.blocks):
            yield from (("production", each) for each in self._block(number))
        assert self.story is not None
        out = service.Field(*self.story, self.spares[-2:])
        yield from (
            ("service", each) for each in service.after_delivery(self.plan, out, self.store)
        )

    def _block(self, number: int) -> Iterator[Event]:
        made = yield from produce(self.plan, self.plan.block(number), self.store)
        cartons = yield from deliver(self.plan, made)
        if number == self.plan.middle:
            self.story = made, cartons
        elif number == self.plan.changeover(SUSPECT_RESIN):
            self.changeover = made
        if not made.spare_scrapped:
            self.spares.append(made.spare)


def documents(serials: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file name, EPCIS document) in the order in which they would arrive.

    serials: how many pieces with a serial number are made, at least SERIALS_MIN. Memory does not
    grow with their number. Raises: ValueError below SERIALS_MIN.
    """
    year, chapter, waiting, count = _Year(_plan(serials, seed)), "", list[Event](), 0
    for name, each in year.events():
        if waiting and (name != chapter or len(waiting) == DOCUMENT_EVENTS):
            yield _named(count, chapter, waiting)
            waiting, count = [], count + 1
        chapter = name
        waiting.append(each)
    yield _named(count, chapter, waiting)


def cast(serials: int, seed: int) -> Cast:
    """Return whom the story is about, without writing a document."""
    year = _Year(_plan(serials, seed))
    for _ in year.events():
        if year.story is not None:
            break
    assert year.story is not None
    assert year.changeover is not None
    made, cartons = year.story
    waiting = cartons[STORY_STAYS]
    assert waiting.fate is Fate.DISTRIBUTOR
    assert made.renumbered is not None
    return Cast(
        resin=GRANULATE.lot(supplier_lot(SUSPECT_RESIN)),
        sensor=SENSOR.lot(sensor_lot(SUSPECT_SENSOR)),
        device=waiting.contents[0],
        excluded=year.changeover.sets[0][0],
        unpacked=cartons[0].contents[-1],
        pump=made.pumps[service.REPLACED],
        pump_by_hand=made.pumps[service.BY_HAND],
        returned=made.pumps[service.RETURNED],
        renumbered=(made.renumbered, made.pumps[RENUMBERED]),
    )


def _plan(serials: int, seed: int) -> Plan:
    if serials < SERIALS_MIN:
        raise ValueError(f"at least {SERIALS_MIN} serials make a story")
    return Plan(serials, seed)


def _named(number: int, chapter: str, events: list[Event]) -> tuple[str, dict[str, Any]]:
    told = document(events, with_master_data=number == 0)
    return f"{number:04d}-{chapter}.json", told
