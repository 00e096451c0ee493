"""How much a principal may ask in a minute: token buckets, kept in this process.

A bucket fills steadily and holds one minute's worth, so that a page that opens with a burst is
served and a loop is not. Several processes each keep their own.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

from lotkin import clock
from lotkin.auth.actor import ANONYMOUS, Actor
from lotkin.errors import Refusal, RefusalCode
from lotkin.settings import RoleLimits, Settings

PRINCIPALS_MAX = 10_000  # remembered at once, 300 bytes each; who was quiet longest is forgotten
MINUTE_S = 60.0  # how long a bucket takes to fill
SOCKET_WAIT_S = 10.0  # before another socket is tried
EXCESS_MAX = 20  # sockets too many in that time, before an address is not heard at all


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left to a principal: operations and cost, and in how many seconds all is there."""

    limit: int
    remaining: int
    cost_limit: int
    cost_remaining: int
    reset_s: int


class _Bucket:
    __slots__ = ("at", "cost", "operations")

    def __init__(self, at: float, operations: float, cost: float) -> None:
        self.at, self.operations, self.cost = at, operations, cost


class Meter:
    """The buckets of one process."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def operation(self, principal: str, limits: RoleLimits) -> None:
        """Take one operation. Raises: Refusal RATE_LIMITED with the seconds to wait."""
        bucket = self._filled(principal, limits)
        if bucket.operations < 1:
            raise _limited((1 - bucket.operations) * MINUTE_S / limits.operations_per_minute)
        bucket.operations -= 1

    def cost(self, principal: str, limits: RoleLimits, cost: int) -> None:
        """Take the cost of an operation. Raises: Refusal RATE_LIMITED, and takes nothing."""
        bucket = self._filled(principal, limits)
        if bucket.cost < cost:
            raise _limited((cost - bucket.cost) * MINUTE_S / limits.cost_per_minute)
        bucket.cost -= cost

    def standing(self, principal: str, limits: RoleLimits) -> Standing:
        """Return what is left to a principal."""
        bucket = self._filled(principal, limits)
        missing = max(
            1 - bucket.operations / limits.operations_per_minute,
            1 - bucket.cost / limits.cost_per_minute,
        )
        return Standing(
            limit=limits.operations_per_minute,
            remaining=int(bucket.operations),
            cost_limit=limits.cost_per_minute,
            cost_remaining=int(bucket.cost),
            reset_s=ceil(max(0.0, missing) * MINUTE_S),
        )

    def _filled(self, principal: str, limits: RoleLimits) -> _Bucket:
        now = clock.elapsed()
        bucket = self._buckets.pop(principal, None)
        if bucket is None:
            bucket = _Bucket(now, limits.operations_per_minute, limits.cost_per_minute)
        share = (now - bucket.at) / MINUTE_S
        bucket.at = now
        bucket.operations = min(
            bucket.operations + share * limits.operations_per_minute, limits.operations_per_minute
        )
        bucket.cost = min(bucket.cost + share * limits.cost_per_minute, limits.cost_per_minute)
        self._buckets[principal] = bucket
        if len(self._buckets) > PRINCIPALS_MAX:
            self._buckets.popitem(last=False)
        return bucket


def _limited(seconds: float) -> Refusal:
    return Refusal(RefusalCode.RATE_LIMITED, seconds=max(1, ceil(seconds)))


def limits_of(settings: Settings, actor: Actor) -> RoleLimits:
    """Return what a caller may ask; of several roles the larger figure of each.

    Whoever is a partner beside something else has a partner's limits.
    """
    roles = actor.roles if actor.partner is None else {actor.partner}
    return settings.limits_of(role.value for role in roles)


def principal(actor: Actor, address: str = "") -> str:
    """Return whose bucket it is: a person's or machine's own, else that of an address."""
    return f"address {address}" if actor == ANONYMOUS else f"subject {actor.subject}"


class Sockets:
    """How many long-lived connections each principal has open, and who never stops trying."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._excess: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def is_barred(self, address: str) -> bool:
        """Tell whether an address was turned away so often that it is not even heard now."""
        since, count = self._excess.get(address, (0.0, 0))
        return count >= EXCESS_MAX and clock.elapsed() - since < SOCKET_WAIT_S

    def turned_away(self, address: str) -> None:
        """Remember that an address wanted one connection too many."""
        now = clock.elapsed()
        since, count = self._excess.pop(address, (now, 0))
        self._excess[address] = (now, 1) if now - since >= SOCKET_WAIT_S else (since, count + 1)
        if len(self._excess) > PRINCIPALS_MAX:
            self._excess.popitem(last=False)

    def enter(self, principal: str, most: int) -> None:
        """Count one more. Raises: Refusal RATE_LIMITED where `most` are open."""
        count = self._open.get(principal, 0)
        if count >= most:
            raise _limited(SOCKET_WAIT_S)
        self._open[principal] = count + 1

    def leave(self, principal: str) -> None:
        """Count one less."""
        count = self._open.pop(principal) - 1
        if count:
            self._open[principal] = count
