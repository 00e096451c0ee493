"""The pitfalls of capture and traversal, one sentence each, from outside."""

from typing import Any

from tests.flows.events import at, commission, declared_wrong, make, observe, pack, quantity, serial
from tests.flows.outside import (
    OWN,
    OWN_KEY,
    Outside,
    gtin,
    key,
    moved,
    new_carton,
    new_lot,
    new_party,
    new_serial,
    number,
    receive,
    ship,
)


def siblings(count: int) -> list[str]:
    product = number()
    return [serial(product, n) for n in range(1, count + 1)]


def remarks(payload: dict[str, Any]) -> list[str]:
    return [one["code"] for result in payload["results"] for one in result["remarks"]]


def test_a_rework_cycle_ends(outside: Outside) -> None:
    raw, one, two = new_lot(), new_serial(), new_serial()
    outside.tell(
        make(10, [quantity(raw, 1)], [one]), make(20, [one], [two]), make(30, [two], [one])
    )
    assert outside.reached("Forward", raw) == {key(one), key(two)}
    assert key(two) in outside.reached("Forward", one)
    assert key(one) not in outside.reached("Forward", one)
    impact = outside.impact(raw)
    assert {impact.of(one), impact.of(two)} <= {"CERTAIN", "POSSIBLE"}


def test_rework_may_bring_out_the_same_serial(outside: Outside) -> None:
    unit, spare = new_serial(), new_lot()
    outside.tell(
        commission(1, unit),
        make(10, [unit, quantity(spare, 1)], [unit], **{"lotkin:activityKind": "REWORK"}),
    )
    assert outside.reached("Forward", spare) == {key(unit)}
    assert outside.reached("Backward", unit) == {key(spare)}
    where = outside.where(unit)
    assert (where["consumedBy"], where["holder"]) == (None, OWN_KEY)
    assert outside.item(unit)["status"] != "CONSUMED"


def test_what_was_unpacked_before_shipping_is_not_shipped(outside: Outside) -> None:
    raw, (kept, sent), box, other = new_lot(), siblings(2), new_carton(), new_carton()
    ward = new_party()
    outside.tell(
        make(5, [quantity(raw, 2)], [kept, sent]),
        pack(10, box, kept, sent),
        pack(20, box, kept, action="DELETE"),
        pack(25, other, kept),
        ship(30, ward, box),
    )
    impact = outside.impact(raw)
    assert impact.raw["counts"]["shipped"] == 1
    assert impact.raw["counts"]["inStock"] >= 1
    assert impact.rows[key(kept)]["holder"]["key"] == OWN_KEY
    assert outside.where(kept)["inTransitTo"] is None
    assert outside.where(sent)["inTransitTo"] == key(ward)


def test_a_late_unpacking_takes_a_unit_out_of_a_shipment(outside: Outside) -> None:
    raw, unit, box, ward = new_lot(), new_serial(), new_carton(), new_party()
    outside.tell(make(5, [quantity(raw, 2)], [unit]), pack(10, box, unit), ship(30, ward, box))
    assert outside.impact(raw).raw["counts"]["shipped"] == 1
    outside.tell(pack(20, box, unit, action="DELETE"))
    impact = outside.impact(raw)
    assert (impact.raw["counts"]["shipped"], impact.consignees) == (0, {})


def test_a_balance_outside_its_tolerance_is_reported_and_kept(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = make(10, [quantity(raw, 500, "KGM")], [quantity(made, 452, "KGM")])
    assert "MASS_BALANCE" in remarks(outside.tell(event))
    assert outside.reached("Forward", raw) == {key(made)}
    even = make(10, [quantity(new_lot(), 500, "KGM")], [quantity(new_lot(), 500_000, "GRM")])
    assert remarks(outside.tell(even)) == []


def test_partial_consumption_leaves_all_units_possible_with_a_bound(outside: Outside) -> None:
    product = number()
    good, bad = (f"urn:epc:class:lgtin:4012345.0{product:05d}.{n}" for n in "GB")
    units = siblings(4)
    outside.tell(make(10, [quantity(good, 3), quantity(bad, 1)], units))
    query = """query($s: [SuspectInput!]!) { recallImpact(suspects: $s) { bounds { atMost }
      items(class: [POSSIBLE]) { totalCount } } }"""
    told = outside.ask(query, s=[{"item": {"key": bad}}])["recallImpact"]
    assert told == {"bounds": [{"atMost": 1}], "items": {"totalCount": 4}}


def test_siblings_mates_and_sister_serials_are_no_descendants(outside: Outside) -> None:
    raw, (one, two), box, lot = new_lot(), siblings(2), new_carton(), new_lot()
    outside.tell(
        make(10, [quantity(raw, 2)], [one, two, quantity(lot, 5)]), pack(20, box, one, two)
    )
    assert set(outside.impact(one).rows) == {key(one)}
    assert outside.reached("Forward", one) == set()
    assert outside.reached("Backward", one) == {key(raw)}


def test_an_error_declaration_of_an_error_is_taken(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    wrong = make(10, [quantity(raw, 1)], [quantity(made, 1)]) | {"eventID": f"urn:e:{number()}"}
    right = wrong | {"eventID": f"urn:e:{number()}"}
    outside.tell(wrong, declared_wrong(wrong), right)
    outside.tell(declared_wrong(right))
    assert outside.reached("Forward", raw) == set()
    outside.tell(wrong | {"eventID": f"urn:e:{number()}"})
    assert outside.reached("Forward", raw) == {key(made)}


def test_one_lot_number_of_two_items_is_two_lots(outside: Outside) -> None:
    one, two, made = new_lot("SAME"), new_lot("SAME"), new_lot()
    outside.tell(
        make(10, [quantity(one, 1)], [quantity(made, 1)]),
        commission(1, quantityList=[quantity(two, 1)]),
    )
    assert outside.reached("Forward", two) == set()
    by = {"lot": {"itemClass": gtin(two), "lot": "SAME"}}
    query = "query($by: ItemLookup!) { item(by: $by) { key } }"
    assert outside.ask(query, by=by)["item"]["key"] == key(two)


def test_shift_end_bookings_never_exclude(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    event = make(10, [quantity(raw, 1)], [quantity(made, 1)])
    event |= {"lotkin:timeQuality": "BACKFLUSHED"}
    del event["lotkin:clockUncertaintySeconds"]
    outside.tell(event)
    suspect = {"item": {"key": raw}, "from": at(50), "until": at(60)}
    assert outside.impact(suspect).of(made) == "POSSIBLE"


def test_an_opened_kit_passes_on_what_was_in_it(outside: Outside) -> None:
    raw, kit, (one, two) = new_lot(), new_serial(), siblings(2)
    outside.tell(
        make(10, [quantity(raw, 1)], [kit]),
        make(20, [kit], [one, two], bizStep="disassembling"),
    )
    assert outside.reached("Forward", raw) == {key(kit), key(one), key(two)}
    kinds = {edge["activity"]["kind"] for edge in outside.trace("Backward", one)["edges"]}
    assert kinds == {"MANUFACTURE", "DISASSEMBLE"}


def test_by_products_samples_and_retained_units_are_recalled_too(outside: Outside) -> None:
    raw, main, rest, sample, retained = (new_lot() for _ in range(5))
    outside.tell(
        make(10, [quantity(raw, 9)], [quantity(main, 5), quantity(rest, 1)]),
        make(20, [quantity(main, 1)], [quantity(sample, 1)], bizStep="sampling"),
        make(30, [quantity(main, 1)], [quantity(retained, 1)], bizStep="sampling"),
    )
    listed = set(outside.impact(raw).rows)
    assert {key(one) for one in (main, rest, sample, retained)} <= listed


def test_scrapped_units_are_recalled_too(outside: Outside) -> None:
    raw, unit = new_lot(), new_serial()
    gone = observe(20, "destroying", unit) | {"action": "DELETE"}
    outside.tell(make(10, [quantity(raw, 1)], [unit]), gone)
    impact = outside.impact(raw)
    assert impact.of(unit) == "CERTAIN"
    assert outside.item(unit)["status"] in {"DESTROYED", "SCRAPPED"}


def test_a_pallet_of_pallets_ships_everything_within(outside: Outside) -> None:
    raw, unit, boxes, ward = new_lot(), new_serial(), [new_carton() for _ in range(4)], new_party()
    outside.tell(
        make(5, [quantity(raw, 1)], [unit]),
        pack(10, boxes[0], unit),
        *(pack(11 + n, boxes[n + 1], boxes[n]) for n in range(3)),
        ship(30, ward, boxes[3]),
    )
    assert set(outside.impact(raw).consignees) == {key(ward)}
    assert outside.impact(raw).raw["counts"]["containers"] == 4


def test_a_unit_repacked_by_the_dealer_follows_its_new_pallet(outside: Outside) -> None:
    raw, unit, box, other = new_lot(), new_serial(), new_carton(), new_carton()
    dealer, ward = new_party(), new_party()
    outside.tell(
        make(5, [quantity(raw, 1)], [unit]),
        pack(10, box, unit),
        ship(20, dealer, box),
        receive(30, dealer, box),
        pack(40, box, unit, action="DELETE"),
        pack(50, other, unit),
        moved("shipping", 60, other, by=dealer, to=ward),
        receive(70, ward, other, by=dealer),
    )
    assert set(outside.impact(raw).consignees) == {key(dealer), key(ward)}
    assert outside.where(unit)["holder"] == key(ward)
    assert outside.where(box)["holder"] == key(dealer)


def test_a_refurbished_unit_carries_both_lives(outside: Outside) -> None:
    raw, spare, old, new, ward = new_lot(), new_lot(), new_serial(), new_serial(), new_party()
    outside.tell(
        make(10, [quantity(raw, 1)], [old]),
        ship(20, ward, old),
        receive(30, OWN, old, by=ward, disposition="returned"),
        make(40, [old, quantity(spare, 1)], [new], bizStep="repairing"),
    )
    assert outside.reached("Backward", new) == {key(old), key(raw), key(spare)}
    assert outside.impact(raw).rows[key(new)]["holder"]["key"] == OWN_KEY


def test_a_backdated_event_changes_the_answer_of_its_instant(outside: Outside) -> None:
    raw, made = new_lot(), new_lot()
    outside.tell(make(60, [quantity(raw, 1)], [quantity(new_lot(), 1)]))
    asked = {"asOf": {"eventTime": at(30)}}
    assert outside.reached("Forward", raw, **asked) == set()
    outside.tell(make(20, [quantity(raw, 1)], [quantity(made, 1)]))
    assert outside.reached("Forward", raw, **asked) == {key(made)}
