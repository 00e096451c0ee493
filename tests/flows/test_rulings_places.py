"""Rulings 13, 14, 21 and 25, from outside: where things are, what is in what, how much is left."""

from decimal import Decimal
from typing import Any

from tests.flows.events import at, commission, make, observe, pack, quantity
from tests.flows.outside import (
    OWN,
    OWN_KEY,
    Outside,
    gtin,
    key,
    new_carton,
    new_lot,
    new_party,
    new_place,
    new_serial,
    number,
    receive,
    ship,
)

CONTENTS = """query($by: ItemLookup!, $at: DateTime) { item(by: $by) { ... on Container {
  contents(at: $at) { totalCount edges { node { key } } } } } }"""


def inside(outside: Outside, box: str, at: str | None = None) -> set[str]:
    edges = outside.ask(CONTENTS, by={"key": box}, at=at)["item"]["contents"]["edges"]
    return {edge["node"]["key"] for edge in edges}


def pour(minute: int, box: str, lot: str, amount: float, action: str = "ADD") -> dict[str, Any]:
    event = pack(minute, box, action=action)
    del event["childEPCs"]
    return event | {"childQuantityList": [quantity(lot, amount)]}


def remarks(payload: dict[str, Any]) -> list[str]:
    return [one["code"] for result in payload["results"] for one in result["remarks"]]


def test_containers_are_told_innermost_first(outside: Outside) -> None:
    unit, bag, box, pallet = new_serial(), new_carton(), new_carton(), new_carton()
    outside.tell(pack(30, pallet, box), pack(20, box, bag), pack(10, bag, unit))
    assert outside.where(unit)["containers"] == [key(bag), key(box), key(pallet)]
    assert outside.where(unit, at(25))["containers"] == [key(bag), key(box)]


def test_contents_are_direct_unless_deep_is_asked(outside: Outside) -> None:
    unit, box, pallet = new_serial(), new_carton(), new_carton()
    outside.tell(pack(10, box, unit), pack(20, pallet, box))
    told = outside.item(pallet)
    assert [edge["node"]["key"] for edge in told["contents"]["edges"]] == [key(box)]
    assert {edge["node"]["key"] for edge in told["deep"]["edges"]} == {key(box), key(unit)}


def test_a_place_is_where_business_says_and_a_read_point_is_only_passing(outside: Outside) -> None:
    stored, passed = new_serial(), new_serial()
    shelf, gate = new_place(), new_place()
    outside.tell(
        observe(10, "storing", stored, bizLocation={"id": shelf}, readPoint={"id": gate}),
        observe(10, "storing", passed, readPoint={"id": gate}),
    )
    where = outside.where(stored), outside.where(passed)
    assert [(one["place"], one["passing"]) for one in where] == [
        (key(shelf), False),
        (key(gate), True),
    ]


def test_what_is_in_a_carton_is_where_the_carton_is(outside: Outside) -> None:
    unit, box, shelf, dock = new_serial(), new_carton(), new_place(), new_place()
    outside.tell(
        observe(5, "storing", unit, bizLocation={"id": shelf}),
        pack(10, box, unit),
        observe(20, "storing", box, bizLocation={"id": dock}),
    )
    assert outside.where(unit)["place"] == key(dock)
    assert outside.where(unit, at(7))["place"] == key(shelf)


def test_what_is_shipped_is_nowhere_until_it_is_received(outside: Outside) -> None:
    unit, ward, shelf, room = new_serial(), new_party(), new_place(), new_place()
    outside.tell(
        commission(1, unit, bizLocation={"id": shelf}),
        ship(10, ward, unit),
        receive(20, ward, unit, bizLocation={"id": room}),
    )
    before, between, after = (outside.where(unit, at(minute)) for minute in (5, 15, 25))
    assert (before["place"], before["holder"], before["inTransitTo"]) == (key(shelf), OWN_KEY, None)
    assert (between["place"], between["holder"]) == (None, OWN_KEY)
    assert between["inTransitTo"] == key(ward)
    assert (after["place"], after["holder"], after["inTransitTo"]) == (
        key(room),
        key(ward),
        None,
    )


def test_goods_in_a_shipped_pallet_are_in_transit_and_received_with_it(outside: Outside) -> None:
    unit, box, pallet, ward = new_serial(), new_carton(), new_carton(), new_party()
    outside.tell(
        pack(10, box, unit),
        pack(20, pallet, box),
        ship(30, ward, pallet),
        receive(40, ward, pallet),
    )
    assert outside.where(unit, at(35))["inTransitTo"] == key(ward)
    after = outside.where(unit)
    assert (after["holder"], after["inTransitTo"]) == (key(ward), None)
    assert after["containers"] == [key(box), key(pallet)]


def test_what_was_used_up_tells_the_activity(outside: Outside) -> None:
    part, device = new_serial(), new_serial()
    outside.tell(commission(1, part), make(10, [part], [device], bizStep="assembling"))
    where = outside.where(part)
    assert where["consumedBy"]["kind"] == "ASSEMBLE"
    assert where["place"] is None
    assert outside.item(part)["status"] == "CONSUMED"
    assert outside.where(part, at(5))["consumedBy"] is None


def test_a_fitted_part_is_where_its_device_is(outside: Outside) -> None:
    part, device, box, shelf = new_serial(), new_serial(), new_carton(), new_place()
    outside.tell(
        pack(10, device, part) | {"type": "AssociationEvent", "bizStep": "assembling"},
        pack(20, box, device),
        observe(30, "storing", box, bizLocation={"id": shelf}),
    )
    where = outside.where(part)
    assert (where["installedIn"], where["place"]) == (key(device), key(shelf))


def test_a_renumbered_serial_is_where_its_successor_is(outside: Outside) -> None:
    old, new, ward = new_serial(), new_serial(), new_party()
    outside.tell(
        commission(1, old),
        make(10, [old], [new], **{"lotkin:activityKind": "RENUMBER"}),
        ship(20, ward, new),
        receive(30, ward, new),
    )
    assert outside.item(old)["successor"]["key"] == key(new)
    assert outside.where(old)["holder"] == key(ward)
    assert outside.item(new)["successor"] is None


def test_a_renumbered_serial_seen_again_by_its_old_label_keeps_that_fact(outside: Outside) -> None:
    old, new, room = new_serial(), new_serial(), new_place()
    outside.tell(
        commission(1, old),
        make(10, [old], [new], **{"lotkin:activityKind": "RENUMBER"}),
        observe(20, "inspecting", old, bizLocation={"id": room}),
    )
    events = [edge["node"]["bizStep"] for edge in outside.item(old)["timeline"]["edges"]]
    assert any("inspecting" in (step or "") for step in events)
    assert outside.reached("Backward", new) == {key(old)}


def test_a_suppliers_lot_number_is_shown_and_never_matched(outside: Outside) -> None:
    ours, theirs = new_lot("OURS"), f"THEIRS-{number()}"
    told = commission(1, quantityList=[quantity(ours, 5)], ilmd={"lotkin:supplierLot": theirs})
    outside.tell(told)
    assert outside.item(ours)["supplierLotNo"] == theirs
    query = "query($by: ItemLookup!) { item(by: $by) { key } }"
    by = {"lot": {"itemClass": gtin(ours), "lot": theirs}}
    assert outside.ask(query, by=by)["item"] is None
    by["lot"]["lot"] = "OURS"
    assert outside.ask(query, by=by)["item"]["key"] == key(ours)


def test_contents_told_by_class_close_at_zero(outside: Outside) -> None:
    lot, box = new_lot(), new_carton()
    outside.tell(pour(10, box, lot, 10), pour(20, box, lot, 4, "DELETE"))
    assert inside(outside, box) == {key(lot)}
    outside.tell(pour(30, box, lot, 6, "DELETE"))
    assert inside(outside, box) == set()
    assert inside(outside, box, at(25)) == {key(lot)}


def test_taking_more_than_there_is_is_a_mismatch_that_is_reported(outside: Outside) -> None:
    lot, box = new_lot(), new_carton()
    outside.tell(pour(10, box, lot, 10))
    assert "CONTENTS_MISMATCH" in remarks(outside.tell(pour(20, box, lot, 11, "DELETE")))
    assert inside(outside, box) == set()


def test_a_lot_may_be_in_two_cartons_at_once(outside: Outside) -> None:
    lot, first, second = new_lot(), new_carton(), new_carton()
    payload = outside.tell(pour(10, first, lot, 5), pour(11, second, lot, 5))
    assert "CONTAINMENT_CONFLICT" not in remarks(payload)
    assert inside(outside, first) == inside(outside, second) == {key(lot)}


def test_a_delete_without_children_empties_the_container(outside: Outside) -> None:
    one, two, box = new_serial(), new_serial(), new_carton()
    empty = pack(20, box, action="DELETE")
    empty.pop("childEPCs")
    outside.tell(pack(10, box, one, two), empty)
    assert inside(outside, box) == set()
    assert inside(outside, box, at(15)) == {key(one), key(two)}


def test_an_observation_that_finds_other_contents_is_reported(outside: Outside) -> None:
    one, two, box = new_serial(), new_serial(), new_carton()
    outside.tell(pack(10, box, one))
    assert "CONTENTS_MISMATCH" in remarks(outside.tell(pack(20, box, two, action="OBSERVE")))


def test_the_quantity_of_a_lot_is_what_was_made_and_on_hand_what_is_left(outside: Outside) -> None:
    raw, made, unit = new_lot(), new_lot(), new_serial()
    outside.tell(
        make(10, [quantity(raw, 1, "KGM")], [quantity(made, 40)]),
        make(20, [quantity(made, 3)], [unit]),
    )
    told = outside.item(made)
    assert (float(told["quantity"]["value"]), told["quantity"]["unit"]) == (40, "H87")
    assert float(told["onHand"]["value"]) == 37
    assert float(told["massBalance"]["produced"]["value"]) == 40
    assert float(told["massBalance"]["drawn"]["value"]) == 3


def test_a_shipment_is_no_draw_and_leaves_the_balance_even(outside: Outside) -> None:
    made, ward = new_lot(), new_party()
    outside.tell(
        make(10, [quantity(new_lot(), 1, "KGM")], [quantity(made, 40)]),
        ship(30, ward, quantityList=[quantity(made, 7)]),
    )
    told = outside.item(made)["massBalance"]
    assert (Decimal(told["discrepancy"]["value"]), told["withinTolerance"]) == (0, True)


def test_quantities_are_exact_decimals_across_units(outside: Outside) -> None:
    raw = new_lot()
    outside.tell(
        commission(1, quantityList=[quantity(raw, 0.3, "KGM")]),
        make(10, [quantity(raw, 100, "GRM")], [new_serial()]),
        make(11, [quantity(raw, 0.2, "KGM")], [new_serial()]),
    )
    told = outside.item(raw)["massBalance"]
    assert Decimal(told["drawn"]["value"]) == Decimal("0.3")
    assert (Decimal(told["onHand"]["value"]), told["withinTolerance"]) == (0, True)


def test_a_partial_draw_leaves_the_lot_the_same_and_edges_what_flowed(outside: Outside) -> None:
    raw, one, two = new_lot(), new_serial(), new_serial()
    outside.tell(
        commission(1, quantityList=[quantity(raw, 10, "KGM")]),
        make(10, [quantity(raw, 0.5, "KGM")], [one]),
        make(20, [quantity(raw, 1.5, "KGM")], [two]),
    )
    edges = outside.trace("Forward", raw)["edges"]
    told = sorted((edge["at"], float(edge["quantity"]["value"])) for edge in edges)
    assert told == [("2026-03-02T08:10:00Z", 0.5), ("2026-03-02T08:20:00Z", 1.5)]


def test_a_return_is_at_home_and_its_status_says_so(outside: Outside) -> None:
    unit, ward, shelf = new_serial(), new_party(), new_place()
    outside.tell(
        commission(1, unit),
        ship(10, ward, unit),
        receive(20, ward, unit),
        receive(30, OWN, unit, by=ward, disposition="returned", bizLocation={"id": shelf}),
    )
    where = outside.where(unit)
    assert (where["holder"], where["place"], where["inTransitTo"]) == (OWN_KEY, key(shelf), None)
    assert outside.item(unit)["status"] == "RETURNED"
