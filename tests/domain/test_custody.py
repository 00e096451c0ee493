"""Custody columns: who holds an item, and who was sent it."""

from lotkin.domain import custody
from lotkin.domain.custody import CustodyState, Succession
from lotkin.domain.genealogy import (
    NEVER,
    OPEN,
    UNKNOWN,
    Custody,
    Intervals,
    MovementKind,
    Movements,
    TimeQuality,
    ints,
)

US, CLINIC, DEALER = 1, 2, 3
OWN = frozenset({US})
SERIAL, CARTON, PALLET = 10, 20, 30
SHIP, RECEIVE, RETURN, VOID = MovementKind


def given(stays=(), moves=()):
    """Stays (child, parent, since, until) and moves (item, kind, at, sender, receiver)."""
    stay = [(n, c, p, s, 1, 0, u, 1, 0) for n, (c, p, s, u) in enumerate(stays)]
    move = [
        (n, item, kind, at, TimeQuality.DECLARED, 0, sender, receiver, n)
        for n, (item, kind, at, sender, receiver) in enumerate(moves)
    ]
    return Custody(
        Intervals(*(ints(c) for c in zip(*stay, strict=True)) if stay else [ints([])] * 9),
        Movements(*(ints(c) for c in zip(*move, strict=True)) if move else [ints([])] * 9),
    )


def held(found, at, item=SERIAL):
    row = custody.holders(found, ints([item]), at, OWN)
    return CustodyState(row.state[0]), int(row.holder[0]), int(row.receiver[0])


def sent(found, at=100, since=NEVER, item=SERIAL):
    rows = custody.consignments(found, ints([item]), ints([since]), at, OWN)
    return list(
        zip(rows.party.tolist(), rows.shipped_at.tolist(), rows.is_out.tolist(), strict=True)
    )


def test_what_never_moved_is_held_and_no_movement_says_by_whom():
    assert held(given(), 5) == (CustodyState.HELD, UNKNOWN, UNKNOWN)
    assert sent(given()) == []


def test_between_shipment_and_receipt_the_sender_holds_it():
    found = given(moves=[(SERIAL, SHIP, 5, US, CLINIC), (SERIAL, RECEIVE, 8, US, CLINIC)])
    assert held(found, 4) == (CustodyState.HELD, UNKNOWN, UNKNOWN)
    assert held(found, 5) == (CustodyState.IN_TRANSIT, US, CLINIC)
    assert held(found, 8) == (CustodyState.SHIPPED, CLINIC, UNKNOWN)


def test_a_shipped_pallet_carries_what_is_inside_it_at_that_instant():
    found = given(
        stays=[(SERIAL, CARTON, 1, OPEN), (CARTON, PALLET, 2, OPEN), (11, CARTON, 1, 5)],
        moves=[(PALLET, SHIP, 5, US, CLINIC)],
    )
    assert held(found, 6)[0] is CustodyState.IN_TRANSIT
    assert held(found, 6, item=11)[0] is CustodyState.HELD, "taken out at that very instant"
    assert sent(found) == [(CLINIC, 5, 1)]
    assert custody.container_chain(custody.open_containers(found.stays, 6), SERIAL) == (
        CARTON,
        PALLET,
    )


def test_unpacked_before_shipping_stays_and_repacked_elsewhere_goes():
    found = given(
        stays=[(SERIAL, CARTON, 1, 3), (SERIAL, 21, 4, OPEN)],
        moves=[(CARTON, SHIP, 5, US, CLINIC), (21, SHIP, 6, US, DEALER)],
    )
    assert sent(found) == [(DEALER, 6, 1)]
    assert custody.containers(found.stays, ints([SERIAL]), 3).tolist() == [UNKNOWN]


def test_a_serial_unpacked_at_the_customer_stays_with_the_customer():
    found = given(
        stays=[(SERIAL, CARTON, 1, 9)],
        moves=[(CARTON, SHIP, 5, US, CLINIC), (CARTON, RECEIVE, 8, US, CLINIC)],
    )
    assert held(found, 10) == (CustodyState.SHIPPED, CLINIC, UNKNOWN)


def test_a_return_makes_the_maker_holder_again_and_the_consignee_stays_listed():
    found = given(moves=[(SERIAL, SHIP, 5, US, CLINIC), (SERIAL, RETURN, 9, CLINIC, US)])
    assert held(found, 9) == (CustodyState.HELD, US, UNKNOWN)
    assert sent(found, at=8) == [(CLINIC, 5, 1)]
    assert sent(found, at=9) == [(CLINIC, 5, 0)]


def test_resale_after_a_return_lists_both_and_only_the_second_is_out():
    found = given(
        moves=[
            (SERIAL, SHIP, 5, US, CLINIC),
            (SERIAL, RETURN, 9, CLINIC, US),
            (SERIAL, SHIP, 12, US, DEALER),
        ]
    )
    assert sent(found) == [(CLINIC, 5, 0), (DEALER, 12, 1)]


def test_a_return_through_a_dealer_closes_the_dealer_too():
    found = given(
        moves=[
            (SERIAL, SHIP, 5, US, DEALER),
            (SERIAL, SHIP, 7, DEALER, CLINIC),
            (SERIAL, RETURN, 9, CLINIC, US),
        ]
    )
    assert sent(found) == [(DEALER, 5, 0), (CLINIC, 7, 0)]


def test_a_partial_return_of_a_lot_leaves_the_other_consignees_out():
    found = given(
        moves=[
            (SERIAL, SHIP, 5, US, DEALER),
            (SERIAL, SHIP, 6, US, CLINIC),
            (SERIAL, RETURN, 9, CLINIC, US),
        ]
    )
    assert sent(found) == [(DEALER, 5, 1), (CLINIC, 6, 0)]


def test_voiding_a_pallets_shipment_closes_it_for_its_contents():
    found = given(
        stays=[(SERIAL, CARTON, 1, 7), (CARTON, PALLET, 1, OPEN)],
        moves=[
            (PALLET, SHIP, 5, US, CLINIC),
            (SERIAL, SHIP, 5, US, CLINIC),
            (PALLET, VOID, 8, -1, -1),
        ],
    )
    found.movements.event[:2] = 0  # one event named both
    assert held(found, 7)[0] is CustodyState.IN_TRANSIT
    assert held(found, 8) == (CustodyState.HELD, UNKNOWN, UNKNOWN)
    assert sent(found, at=7) == [(CLINIC, 5, 1)] * 2
    assert sent(found, at=8) == []


def test_voiding_names_one_serial_and_the_rest_of_the_carton_is_still_shipped():
    found = given(
        stays=[(SERIAL, CARTON, 1, OPEN), (11, CARTON, 1, OPEN)],
        moves=[(CARTON, SHIP, 5, US, CLINIC), (11, VOID, 6, -1, -1)],
    )
    assert sent(found) == [(CLINIC, 5, 1)]
    assert sent(found, item=11) == []


def test_voiding_closes_shipping_and_departing_but_not_an_earlier_delivery():
    found = given(
        moves=[
            (SERIAL, SHIP, 1, US, DEALER),
            (SERIAL, RECEIVE, 2, US, DEALER),
            (SERIAL, SHIP, 5, DEALER, CLINIC),
            (SERIAL, SHIP, 6, DEALER, CLINIC),
            (SERIAL, VOID, 7, -1, -1),
        ]
    )
    assert sent(found) == [(DEALER, 1, 1)]
    assert held(found, 8) == (CustodyState.SHIPPED, DEALER, UNKNOWN)


def test_a_receipt_elsewhere_makes_a_consignee_when_only_that_is_known():
    assert sent(given(moves=[(SERIAL, RECEIVE, 8, -1, CLINIC)])) == [(CLINIC, 8, 1)]
    known = given(moves=[(SERIAL, SHIP, 5, US, CLINIC), (SERIAL, RECEIVE, 8, -1, CLINIC)])
    assert sent(known) == [(CLINIC, 5, 1)]


def test_a_receipt_that_does_not_say_by_whom_is_by_the_one_it_was_shipped_to():
    found = given(moves=[(SERIAL, SHIP, 5, US, CLINIC), (SERIAL, RECEIVE, 8, -1, -1)])
    assert held(found, 9) == (CustodyState.SHIPPED, CLINIC, UNKNOWN)
    assert sent(found) == [(CLINIC, 5, 1)]


def test_our_own_organisation_is_never_a_consignee():
    found = given(moves=[(SERIAL, SHIP, 1, DEALER, US), (SERIAL, RECEIVE, 2, DEALER, US)])
    assert sent(found) == []
    assert held(found, 2) == (CustodyState.HELD, US, UNKNOWN)


def test_only_a_measured_shipment_can_precede_the_exposure():
    found = given(moves=[(SERIAL, SHIP, 5, US, CLINIC)])
    assert sent(found, since=50) == [(CLINIC, 5, 1)], "declared"
    found.movements.quality[:] = TimeQuality.MEASURED
    assert sent(found, since=5) == [(CLINIC, 5, 1)], "equal instants count"
    assert sent(found, since=6) == []
    found.movements.uncertainty[:] = 1
    assert sent(found, since=6) == [(CLINIC, 5, 1)], "within the clock's uncertainty"


def test_whereabouts_and_consignees_follow_renumbering_forward_only():
    found = given(
        stays=[(12, CARTON, 8, OPEN)],
        moves=[
            (SERIAL, SHIP, 1, US, DEALER),
            (SERIAL, RETURN, 2, DEALER, US),
            (CARTON, SHIP, 9, US, CLINIC),
        ],
    )
    succession = Succession(ints([SERIAL, 11]), ints([11, 12]), ints([3, 4]))
    later = custody.followed(found, succession)
    assert sent(later) == [(DEALER, 1, 0), (CLINIC, 9, 1)]
    assert sent(later, item=12) == [(CLINIC, 9, 1)]
    assert custody.containers(later.stays, ints([SERIAL]), 9).tolist() == [CARTON]


def test_two_open_containers_show_the_later_and_a_cycle_ends():
    found = given(
        stays=[
            (SERIAL, CARTON, 1, OPEN),
            (SERIAL, 21, 2, OPEN),
            (21, PALLET, 2, OPEN),
            (PALLET, 21, 3, OPEN),
        ],
        moves=[(PALLET, SHIP, 5, US, CLINIC)],
    )
    assert custody.container_chain(custody.open_containers(found.stays, 5), SERIAL) == (21, PALLET)
    assert sent(found) == [(CLINIC, 5, 1)]


def test_facts_after_the_asked_instant_are_invisible():
    found = given(
        stays=[(SERIAL, CARTON, 6, OPEN)],
        moves=[(SERIAL, SHIP, 5, US, CLINIC), (SERIAL, RETURN, 9, CLINIC, US)],
    )
    assert sent(found, at=4) == []
    assert custody.containers(found.stays, ints([SERIAL]), 5).tolist() == [UNKNOWN]


def test_where_no_own_party_is_configured_a_first_receipt_is_at_home():
    found = given(
        moves=[
            (9, SHIP, 1, US, CLINIC),
            (SERIAL, RECEIVE, 2, -1, US),
            (SERIAL, SHIP, 5, US, CLINIC),
            (SERIAL, RECEIVE, 6, US, CLINIC),
        ]
    )
    states = [custody.holders(found, ints([SERIAL]), at).state[0] for at in (2, 5, 6)]
    assert states == [CustodyState.HELD, CustodyState.IN_TRANSIT, CustodyState.SHIPPED]
