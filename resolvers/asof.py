"""As of when: the instant and the knowledge a question asks for and an answer stands on."""

from dataclasses import dataclass, field, replace

from lotkin import clock
from lotkin.domain.genealogy import Engine, Known
from lotkin.errors import Refusal, RefusalCode


@dataclass(frozen=True, slots=True)
class AsOf:
    """An asked instant and an asked knowledge; times in microseconds, None = now."""

    event_time: int | None = None
    record_time: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """How a question wants to be answered: as of when, not before which position, by whom."""

    as_of: AsOf = field(default_factory=AsOf)
    at_least: int | None = None
    engine: Engine | None = None


@dataclass(frozen=True, slots=True)
class Stand:
    """What an answer stands on: replaying `position` at `event_time` gives the same answer.

    `graph_position` is how far Neo4j had applied the journal when it was last asked; without a
    Neo4j it equals `position`.
    """

    event_time: int
    record_time: int
    position: int
    graph_position: int
    engine: Engine


def check(asked: Asked) -> Known:
    """Return which facts the question may use.

    Raises: Refusal AS_OF_CONFLICT for two pasts at once, BAD_INPUT for a negative position or
    for past knowledge from Neo4j, which holds current knowledge only (decision 5).
    """
    as_of = asked.as_of
    if as_of.position is not None and as_of.record_time is not None:
        raise Refusal(RefusalCode.AS_OF_CONFLICT)
    if min(as_of.position or 0, asked.at_least or 0) < 0:
        raise Refusal(RefusalCode.BAD_INPUT, reason="A journal position is 0 or more")
    known = Known(as_of.record_time, as_of.position)
    if asked.engine is Engine.NEO4J and not known.is_current:
        reason = "Neo4j holds current knowledge only; leave out `engine` or the past of `asOf`"
        raise Refusal(RefusalCode.BAD_INPUT, reason=reason)
    return known


def pinned(asked: Asked) -> Asked:
    """Return the question with its instant fixed: now, where none is asked."""
    if asked.as_of.event_time is not None:
        return asked
    return replace(asked, as_of=replace(asked.as_of, event_time=clock.now_us()))


def instant(asked: Asked) -> int:
    """Return the instant of a pinned question in microseconds."""
    assert asked.as_of.event_time is not None, "pinned"
    return asked.as_of.event_time
