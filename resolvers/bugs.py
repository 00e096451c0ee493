"""What is raised but was never meant to be: logged once, shown to nobody."""

import structlog

from lotkin import clock
from lotkin.errors import Refusal, RefusalCode

_log = structlog.get_logger(__name__)


def masked(bug: BaseException) -> Refusal:
    """Return the refusal a caller reads; the bug goes to the log under the same correlation id."""
    correlation = str(clock.new_id())
    _log.error("internal error", correlation=correlation, exc_info=bug)
    return Refusal(RefusalCode.INTERNAL, correlation=correlation)
