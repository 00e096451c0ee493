"""What was made of a lot, what was drawn, what must be left. Decimal and units, never float."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from lotkin.domain import units


class Amount(NamedTuple):
    """A quantity as told: value None = not told; unit = Rec 20 code, None = pieces."""

    value: Decimal | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class LotAmounts:
    """Everything told of one lot's quantity, summed by unit.

    drawn_since_count: the part of `drawn` after the last stock count.
    """

    produced: Sequence[Amount] = ()
    added: Sequence[Amount] = ()
    received: Sequence[Amount] = ()
    drawn: Sequence[Amount] = ()
    counted: Amount | None = None
    drawn_since_count: Sequence[Amount] = ()


@dataclass(frozen=True, slots=True)
class MassBalance:
    """None = not told, or told in units that cannot be added."""

    produced: Amount | None
    drawn: Amount | None
    on_hand: Amount | None
    discrepancy: Amount | None
    is_within_tolerance: bool


def total(amounts: Iterable[Amount]) -> Amount | None:
    """Return the sum in the unit told, in base units if several were; None where none is known.

    One amount that was not told, or a unit that cannot be added, makes the sum unknown.
    """
    told = list(amounts)
    if not told:
        return None
    if len({amount.unit for amount in told}) > 1:
        told = [_in_base(amount) for amount in told]
    values = [amount.value for amount in told]
    if None in values or len({amount.unit for amount in told}) > 1:
        return None
    return Amount(sum((value for value in values if value is not None), Decimal()), told[0].unit)


def made(amounts: LotAmounts) -> Amount | None:
    """Return what was made: produced, else told when it was created, else first received."""
    source = amounts.produced or amounts.added or amounts.received
    return total(source)


def mass_balance(amounts: LotAmounts, tolerance: Decimal) -> MassBalance:
    """Return the balance of a lot; discrepancy = produced - drawn - on hand.

    on hand: what the last count left after later draws, else what should be left, never below
    zero. tolerance: share of what was drawn. What is unknown is no violation.
    """
    produced = made(amounts)
    drawn = total(amounts.drawn) if amounts.drawn else _nothing_like(produced)
    left = minus(produced, drawn)
    on_hand = _counted(amounts) or _floored(left)
    discrepancy = minus(left, on_hand)
    is_within = True
    if discrepancy is not None and discrepancy.value is not None:
        allowed = _as(drawn, discrepancy.unit)
        is_within = abs(discrepancy.value) <= tolerance * (allowed or Decimal())
    return MassBalance(produced, drawn, on_hand, discrepancy, is_within)


def minus(one: Amount | None, other: Amount | None) -> Amount | None:
    """Return `one` less `other`, in the unit of `one` where both have it, else in base units."""
    if one is None or other is None or other.value is None:
        return None
    return total([one, Amount(-other.value, other.unit)])


def _counted(amounts: LotAmounts) -> Amount | None:
    if amounts.counted is None or amounts.counted.value is None:
        return None
    if not amounts.drawn_since_count:
        return amounts.counted
    return minus(amounts.counted, total(amounts.drawn_since_count))


def _floored(amount: Amount | None) -> Amount | None:
    if amount is None or amount.value is None:
        return None
    return amount._replace(value=max(amount.value, Decimal()))


def _nothing_like(amount: Amount | None) -> Amount | None:
    return None if amount is None else Amount(Decimal(), amount.unit)


def _as(amount: Amount | None, unit: str | None) -> Decimal | None:
    if amount is None or amount.unit == unit:
        return None if amount is None else amount.value
    return _in_base(amount).value


def _in_base(amount: Amount) -> Amount:
    known = None if amount.value is None else units.base(amount.value, amount.unit)
    return amount if known is None else Amount(*known)
