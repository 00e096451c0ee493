"""Changes: risk decides how many approve; an edit makes earlier approvals void. Pure."""

from collections.abc import Collection
from enum import StrEnum

CONTENT_CHARS_MAX = 20_000


class Risk(StrEnum):
    """How much a change may do wrong."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class ChangeState(StrEnum):
    """States of a change, as far as they go yet."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    APPROVED = "APPROVED"


class ChangeKind(StrEnum):
    """What a change is about."""

    DESIGN = "DESIGN"
    PROCESS = "PROCESS"
    SUPPLIER = "SUPPLIER"
    DOCUMENT = "DOCUMENT"
    EQUIPMENT = "EQUIPMENT"


APPROVALS_NEEDED = {Risk.LOW: 1, Risk.MEDIUM: 2, Risk.HIGH: 2}


def state_after_approval(risk: Risk, approvers: Collection[str]) -> ChangeState:
    """Return the state once `approvers`, different people, have signed."""
    is_enough = len(set(approvers)) >= APPROVALS_NEEDED[risk]
    return ChangeState.APPROVED if is_enough else ChangeState.SUBMITTED


def state_after_edit(state: ChangeState) -> ChangeState:
    """Return the state of an edited change: whoever approved, approved something else."""
    return ChangeState.DRAFT if state is ChangeState.DRAFT else ChangeState.SUBMITTED
