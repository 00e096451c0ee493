"""What an item's condition is, by what events told of it."""

import pytest

from lotkin.domain.custody import CustodyState
from lotkin.domain.status import ItemStatus, Moved, Telling, holds, status


def told(*words, **persistent):
    """Tellings of (bizStep, disposition) at 1, 2, 3 …"""
    return [Telling(n, f"e{n}", None, *word) for n, word in enumerate(words, start=1)]


def now(tellings, moved=None, *, is_consumed=False, is_scrapped=False):
    return status(tellings, moved, is_consumed=is_consumed, is_scrapped=is_scrapped)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "CREATED"),
        ([("commissioning", "active")], "CREATED"),
        ([("receiving", "in_progress")], "RECEIVED"),
        ([("receiving", None), ("inspecting", None)], "UNDER_INSPECTION"),
        ([("inspecting", "conformant")], "RELEASED"),
        ([("inspecting", "non_conformant")], "REJECTED"),
        ([("storing", "unavailable")], "QUARANTINE"),
        ([("inspecting", "non_conformant"), ("repairing", None)], "REWORK"),
        ([("holding", None)], "ON_HOLD"),
        ([("holding", None), ("storing", None)], "ON_HOLD"),
        ([("holding", None), ("storing", "available")], "RELEASED"),
        ([("shipping", "in_transit")], "CREATED"),  # without a movement: it was voided
        ([("storing", "recalled")], "RECALLED"),
        ([("destroying", "destroyed"), ("storing", "available")], "DESTROYED"),
        ([("decommissioning", "inactive")], "SCRAPPED"),
        ([("storing", "expired")], "EXPIRED"),
        ([("urn:x:unheard", "urn:x:of")], "CREATED"),
    ],
)
def test_the_last_decisive_word_counts(words, wanted):
    assert now(told(*words)) is ItemStatus(wanted)


def test_what_is_out_of_our_hands_is_shipped_whatever_its_holder_tells():
    tellings = told(("shipping", "in_transit"), ("receiving", "in_progress"))
    assert now(tellings, Moved(CustodyState.SHIPPED, 2, False)) is ItemStatus.SHIPPED
    assert now(told(("dispensing", "recalled")), Moved(CustodyState.SHIPPED, 1, False)) is (
        ItemStatus.RECALLED
    )


def test_a_return_counts_until_something_is_decided():
    moved = Moved(CustodyState.HELD, 2, True)
    assert now(told(("shipping", None), ("receiving", None)), moved) is ItemStatus.RETURNED
    later = told(("shipping", None), ("receiving", None), ("inspecting", "conformant"))
    assert now(later, moved) is ItemStatus.RELEASED
    assert now([], moved) is ItemStatus.RETURNED, "told of its container only"


def test_a_recall_that_is_unset_leaves_it_corrected():
    recall = Telling(1, "a", None, "storing", None, ["recalled"])
    assert now([recall]) is ItemStatus.RECALLED
    mended = Telling(2, "b", None, "repairing", None, (), ["recalled"])
    assert now([recall, mended]) is ItemStatus.CORRECTED


def test_what_was_used_up_is_consumed_and_what_was_scrapped_is_scrapped():
    assert now([], is_consumed=True) is ItemStatus.CONSUMED
    assert now([], is_consumed=True, is_scrapped=True) is ItemStatus.SCRAPPED


def test_holds_stack_and_keep_when_they_began():
    tellings = [
        Telling(1, "a", None, "holding", None),
        Telling(2, "b", None, None, None, ["recalled"]),
        Telling(3, "c", None, None, None, ["recalled"]),
        Telling(4, "d", None, "storing", "available"),
    ]
    assert [hold.reason for hold in holds(tellings[:3])] == ["holding", "recalled"]
    assert [(hold.reason, hold.since, hold.event_id) for hold in holds(tellings)] == [
        ("recalled", 2, "b")
    ]
