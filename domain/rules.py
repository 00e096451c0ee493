"""The vocabulary of the exposure calculus: classes, rules, and one step of a witness."""

from enum import IntEnum, StrEnum
from typing import NamedTuple


class ExposureClass(IntEnum):
    """How surely an item is exposed, best proof first."""

    CERTAIN = 0
    POSSIBLE = 1
    PREVIOUSLY_EXPOSED = 2
    EXCLUDED = 3


class Rule(StrEnum):
    """What decided the class; where several would do, the one named first here is told."""

    SUSPECT = "SUSPECT"
    MEMBER_OF_LOT = "MEMBER_OF_LOT"
    PART_INSTALLED = "PART_INSTALLED"
    ALL_SUPPLY_TAINTED = "ALL_SUPPLY_TAINTED"
    ALL_CONSUMED_IN_IT = "ALL_CONSUMED_IN_IT"
    MIXED_SUPPLY = "MIXED_SUPPLY"
    TOO_FEW_PIECES = "TOO_FEW_PIECES"
    WINDOWED_SUSPECT = "WINDOWED_SUSPECT"
    UNCERTAIN_TIME = "UNCERTAIN_TIME"
    PART_REMOVED = "PART_REMOVED"
    AFTER_PART_REMOVED = "AFTER_PART_REMOVED"
    DRAWN_BEFORE_EXPOSURE = "DRAWN_BEFORE_EXPOSURE"
    PRODUCED_BEFORE_EXPOSURE = "PRODUCED_BEFORE_EXPOSURE"
    DRAWN_AFTER_WINDOW = "DRAWN_AFTER_WINDOW"
    REMOVED_BEFORE_EXPOSURE = "REMOVED_BEFORE_EXPOSURE"
    UPSTREAM_EXCLUDED = "UPSTREAM_EXCLUDED"


class Step(NamedTuple):
    """One item-to-item step of a witness; activity is UNKNOWN where there is none.

    at: of the draw, of the installation, of the removal or production that excludes; NEVER for a
    membership. rule: why `target` is classed as it is.
    """

    source: int
    target: int
    activity: int
    at: int
    rule: Rule


RULES = tuple(Rule)
NUMBER = {rule: number for number, rule in enumerate(RULES)}
