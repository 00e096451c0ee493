"""What the demo makes and when: sizes, times, choices. Everything follows from serials and seed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

SERIALS_MIN = 200  # ten production blocks of twenty pieces
SERIALS_DEFAULT = 600
RESIN_LOTS = 5
SUSPECT_RESIN = 2  # the third lot: some work before it, some after it
SENSOR_LOTS = 8
SUSPECT_SENSOR = 3
FIRST_DAY = datetime(2026, 1, 12, 5, tzinfo=UTC)
DAYS = 222  # production ends in August, so that deliveries and service fit before the notice
NOTICE = datetime(2026, 10, 12, 9, tzinfo=UTC)
_FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Block:
    """One week's work: a cassette run, a housing run, and the devices made of them."""

    number: int
    start: datetime
    pumps: int
    modules: int
    sets: int
    resin: tuple[int, int]  # resin lot in use before and after mid-run
    sensor: int
    new_sensor: bool  # the first block of its sensor lot uses up two pieces of the one before


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of the demo and its seed."""

    serials: int
    seed: int

    @property
    def blocks(self) -> int:
        """How many blocks of about 60 serials, at least 10."""
        return max(10, self.serials // 60)

    @property
    def middle(self) -> int:
        """The block made of the suspect resin lot alone, where the story takes place."""
        return (self.changeover(SUSPECT_RESIN) + self.changeover(SUSPECT_RESIN + 1)) // 2

    def changeover(self, resin: int) -> int:
        """Return the block in whose cassette run the resin lot is first used."""
        return resin * self.blocks // RESIN_LOTS

    def block(self, number: int) -> Block:
        """Return one block; the last one makes up the asked number of serials."""
        size = self.serials // self.blocks
        pumps, modules = size // 4, size // 4 + 1
        sets = size - pumps - modules
        if number == self.blocks - 1:
            # One less: a pump that gets a new number in the story counts twice.
            sets += self.serials - size * self.blocks - 1
        after = max(lot for lot in range(RESIN_LOTS) if self.changeover(lot) <= number)
        changes = after > 0 and self.changeover(after) == number
        sensor = number * SENSOR_LOTS // self.blocks
        before = (number - 1) * SENSOR_LOTS // self.blocks
        return Block(
            number,
            self._start(number),
            pumps,
            modules,
            sets,
            (after - changes, after),
            sensor,
            number > 0 and before != sensor,
        )

    def pick(self, label: str, count: int) -> int:
        """Return a choice from 0 to count - 1 that depends on the seed and this label alone."""
        digest = blake2b(f"{self.seed}/{label}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % count

    def _start(self, number: int) -> datetime:
        start = FIRST_DAY + timedelta(minutes=DAYS * 24 * 60 * number // self.blocks)
        start = start.replace(hour=5, minute=self.pick(f"start {number}", 30))
        weekend = max(0, start.weekday() - _FRIDAY)
        return start + timedelta(days=3 - weekend if weekend else 0)
