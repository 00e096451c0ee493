"""Rulings 11 and 14, from outside: who was sent what, returns, resale, voided shipments."""

import pytest

from tests.flows.events import commission, make, observe, pack, quantity
from tests.flows.outside import (
    OWN,
    OWN_KEY,
    Outside,
    key,
    moved,
    new_carton,
    new_lot,
    new_party,
    new_serial,
    receive,
    ship,
)


def made(minute: int, raw: str, *units: str):
    return make(minute, [quantity(raw, len(units))], list(units))


def ends(**parties: str) -> list[dict[str, str]]:
    return [{"type": role, "destination": party} for role, party in parties.items()]


def test_the_possessing_party_is_the_consignee_before_the_owning_one(outside: Outside) -> None:
    raw, unit, keeper, owner = new_lot(), new_serial(), new_party(), new_party()
    outside.tell(
        made(10, raw, unit),
        observe(
            20,
            "shipping",
            unit,
            destinationList=ends(owning_party=owner, possessing_party=keeper),
        ),
    )
    assert set(outside.impact(raw).consignees) == {key(keeper)}


def test_the_owning_party_is_the_consignee_where_nobody_possesses(outside: Outside) -> None:
    raw, unit, owner = new_lot(), new_serial(), new_party()
    outside.tell(made(10, raw, unit), ship(20, owner, unit, role="owning_party"))
    assert set(outside.impact(raw).consignees) == {key(owner)}


def test_the_party_of_the_location_is_the_consignee_at_last(outside: Outside) -> None:
    raw, unit, party = new_lot(), new_serial(), new_party()
    place = party.replace("pgln", "sgln") + ".0"
    outside.tell(
        made(10, raw, unit), observe(20, "shipping", unit, destinationList=ends(location=place))
    )
    (told,) = outside.impact(raw).consignees
    assert told.split("/")[-1] == key(party).split("/")[-1]


@pytest.mark.parametrize("step", ["shipping", "departing", "consigning"])
def test_these_steps_ship(outside: Outside, step: str) -> None:
    raw, unit, ward = new_lot(), new_serial(), new_party()
    outside.tell(made(10, raw, unit), moved(step, 20, unit, to=ward))
    impact = outside.impact(raw)
    assert set(impact.consignees) == {key(ward)}
    assert impact.raw["counts"]["shipped"] == 1


@pytest.mark.parametrize("step", ["staging_outbound", "picking", "loading", "storing"])
def test_other_steps_ship_nothing(outside: Outside, step: str) -> None:
    raw, unit, ward = new_lot(), new_serial(), new_party()
    outside.tell(made(10, raw, unit), moved(step, 20, unit, to=ward))
    assert outside.impact(raw).consignees == {}


def test_a_receipt_elsewhere_counts_when_only_that_is_known(outside: Outside) -> None:
    raw, unit, ward = new_lot(), new_serial(), new_party()
    outside.tell(made(10, raw, unit), receive(20, ward, unit))
    assert set(outside.impact(raw).consignees) == {key(ward)}


def test_a_shipment_and_its_receipt_are_one_consignee_once(outside: Outside) -> None:
    raw, unit, ward = new_lot(), new_serial(), new_party()
    outside.tell(made(10, raw, unit), ship(20, ward, unit), receive(30, ward, unit))
    told = outside.impact(raw).consignees
    assert set(told) == {key(ward)}
    assert (told[key(ward)]["items"], told[key(ward)]["serials"]) == (1, 1)
    assert told[key(ward)]["firstShippedAt"] == "2026-03-02T08:20:00Z"


def test_our_own_organisation_is_never_a_consignee(outside: Outside) -> None:
    raw, unit = new_lot(), new_serial()
    outside.tell(made(10, raw, unit), ship(20, OWN, unit), receive(30, OWN, unit))
    impact = outside.impact(raw)
    assert impact.consignees == {}
    assert impact.rows[key(unit)]["holder"]["key"] == OWN_KEY


def test_a_chain_lists_the_distributor_and_the_hospital(outside: Outside) -> None:
    raw, unit, dealer, ward = new_lot(), new_serial(), new_party(), new_party()
    outside.tell(
        made(10, raw, unit),
        ship(20, dealer, unit),
        receive(30, dealer, unit),
        moved("shipping", 40, unit, by=dealer, to=ward),
        receive(50, ward, unit, by=dealer),
    )
    impact = outside.impact(raw)
    assert set(impact.consignees) == {key(dealer), key(ward)}
    assert impact.rows[key(unit)]["holder"]["key"] == key(ward)


@pytest.mark.parametrize("how", ["disposition", "rma"])
def test_a_returned_unit_is_ours_and_its_consignee_stays_listed(outside: Outside, how: str) -> None:
    raw, one, two, ward = new_lot(), new_serial(), new_serial(), new_party()
    back = (
        {"disposition": "returned"}
        if how == "disposition"
        else {"bizTransactionList": [{"type": "rma", "bizTransaction": "urn:rma:1"}]}
    )
    outside.tell(made(10, raw, one, two), ship(20, ward, one, two), receive(30, ward, one, two))
    outside.tell(receive(40, OWN, one, by=ward, **back))
    impact = outside.impact(raw)
    assert impact.consignees[key(ward)]["serials"] == 1
    assert impact.rows[key(one)]["holder"]["key"] == OWN_KEY
    outside.tell(receive(41, OWN, two, by=ward, **back))
    after = outside.impact(raw)
    assert after.consignees[key(ward)]["items"] == 0
    assert after.consignees[key(ward)]["quantity"] == []
    assert after.raw["counts"]["consignees"] == 1


def test_a_return_and_resale_lists_both_and_moves_the_holder(outside: Outside) -> None:
    raw, unit, first, second = new_lot(), new_serial(), new_party(), new_party()
    outside.tell(
        made(10, raw, unit),
        ship(20, first, unit),
        receive(30, first, unit),
        receive(40, OWN, unit, by=first, disposition="returned"),
        ship(50, second, unit),
        receive(60, second, unit),
    )
    impact = outside.impact(raw)
    assert {name: row["items"] for name, row in impact.consignees.items()} == {
        key(first): 0,
        key(second): 1,
    }
    assert impact.rows[key(unit)]["holder"]["key"] == key(second)
    assert outside.item(unit)["status"] == "SHIPPED"


def test_a_voided_shipment_is_closed_for_the_items_named(outside: Outside) -> None:
    raw, kept, voided, ward = new_lot(), new_serial(), new_serial(), new_party()
    outside.tell(
        made(10, raw, kept, voided),
        ship(20, ward, kept, voided),
        moved("void_shipping", 25, voided, to=ward),
    )
    impact = outside.impact(raw)
    assert impact.consignees[key(ward)]["serials"] == 1
    assert impact.raw["counts"]["shipped"] == 1
    assert impact.rows[key(voided)]["holder"]["key"] == OWN_KEY
    steps = [edge["node"]["bizStep"] for edge in outside.item(voided)["timeline"]["edges"]]
    assert len([step for step in steps if "shipping" in (step or "")]) == 2


def test_a_shipment_voided_before_it_is_told_is_closed_too(outside: Outside) -> None:
    raw, unit, ward = new_lot(), new_serial(), new_party()
    outside.tell(made(10, raw, unit), moved("void_shipping", 25, unit, to=ward))
    outside.tell(ship(20, ward, unit))
    impact = outside.impact(raw)
    assert impact.raw["counts"]["shipped"] == 0
    assert impact.rows[key(unit)]["holder"]["key"] == OWN_KEY


def test_what_is_shipped_again_after_a_void_is_shipped(outside: Outside) -> None:
    raw, unit, first, second = new_lot(), new_serial(), new_party(), new_party()
    outside.tell(
        made(10, raw, unit),
        ship(20, first, unit),
        moved("void_shipping", 25, unit, to=first),
        ship(30, second, unit),
    )
    told = outside.impact(raw).consignees
    assert told[key(second)]["items"] == 1
    assert told.get(key(first), {"items": 0})["items"] == 0


def test_what_is_in_a_shipped_carton_at_that_instant_is_shipped(outside: Outside) -> None:
    raw, inside, out, late = new_lot(), new_serial(), new_serial(), new_serial()
    box, pallet, ward = new_carton(), new_carton(), new_party()
    outside.tell(
        made(10, raw, inside, out, late),
        pack(20, box, inside, out),
        pack(25, box, out, action="DELETE"),
        pack(28, pallet, box),
        ship(30, ward, pallet),
        pack(40, box, late),
    )
    impact = outside.impact(raw)
    assert impact.consignees[key(ward)]["serials"] == 1
    query = """query($s: [SuspectInput!]!, $c: ID) { recallImpact(suspects: $s) {
      items(consignee: $c) { edges { node { item { key } } } } } }"""
    party = impact.consignees[key(ward)]["party"]["id"]
    told = outside.ask(query, s=[{"item": {"key": raw}}], c=party)["recallImpact"]["items"]
    assert [edge["node"]["item"]["key"] for edge in told["edges"]] == [key(inside)]


def test_a_shipment_before_the_exposure_is_of_no_concern(outside: Outside) -> None:
    raw, mid, ward = new_lot(), new_lot(), new_party()
    outside.tell(
        ship(10, ward, quantityList=[quantity(mid, 1)]),
        make(60, [quantity(raw, 1)], [quantity(mid, 1)]),
    )
    assert outside.impact(raw).consignees == {}
    assert set(outside.impact(raw, policy="UNTIMED").consignees) == {key(ward)}


def test_a_lot_sent_in_parts_adds_up_for_its_consignee(outside: Outside) -> None:
    lot, ward = new_lot(), new_party()
    outside.tell(
        commission(1, quantityList=[quantity(lot, 100)]),
        ship(10, ward, quantityList=[quantity(lot, 30)]),
        ship(20, ward, quantityList=[quantity(lot, 12)]),
    )
    (told,) = outside.impact(lot).consignees.values()
    assert (told["items"], told["serials"]) == (1, 0)
    assert [float(one["value"]) for one in told["quantity"]] == [42.0]
    assert told["firstShippedAt"] == "2026-03-02T08:10:00Z"
    assert told["lastShippedAt"] == "2026-03-02T08:20:00Z"


def test_a_part_of_a_lot_that_comes_back_is_subtracted(outside: Outside) -> None:
    lot, ward = new_lot(), new_party()
    outside.tell(
        commission(1, quantityList=[quantity(lot, 100)]),
        ship(10, ward, quantityList=[quantity(lot, 30)]),
        receive(20, OWN, by=ward, quantityList=[quantity(lot, 12)], disposition="returned"),
    )
    (told,) = outside.impact(lot).consignees.values()
    assert [float(one["value"]) for one in told["quantity"]] == [18.0]
    assert told["items"] == 1
    rest = receive(30, OWN, by=ward, quantityList=[quantity(lot, 18)], disposition="returned")
    outside.tell(rest)
    (told,) = outside.impact(lot).consignees.values()
    assert (told["items"], told["quantity"]) == (0, [])


def test_a_part_that_the_hospital_returns_is_subtracted_from_its_dealer_too(
    outside: Outside,
) -> None:
    lot, dealer, ward = new_lot(), new_party(), new_party()
    outside.tell(
        commission(1, quantityList=[quantity(lot, 100)]),
        ship(10, dealer, quantityList=[quantity(lot, 30)]),
        moved("shipping", 15, by=dealer, to=ward, quantityList=[quantity(lot, 20)]),
        receive(20, OWN, by=ward, quantityList=[quantity(lot, 12)], disposition="returned"),
    )
    told = outside.impact(lot).consignees
    left = {name: float(row["quantity"][0]["value"]) for name, row in told.items()}
    assert left == {key(dealer): 18.0, key(ward): 8.0}


def test_consignees_follow_a_renumbering_forward(outside: Outside) -> None:
    raw, old, new, ward = new_lot(), new_serial(), new_serial(), new_party()
    outside.tell(
        made(10, raw, old),
        make(20, [old], [new], **{"lotkin:activityKind": "RENUMBER"}),
        ship(30, ward, new),
    )
    assert set(outside.impact(raw).consignees) == {key(ward)}
    assert set(outside.impact(old).consignees) == {key(ward)}


def test_a_receipt_at_a_place_of_ours_is_no_consignee(outside: Outside) -> None:
    raw, unit, place = new_lot(), new_serial(), OWN.replace("pgln", "sgln") + ".dock"
    outside.tell(
        made(10, raw, unit),
        observe(20, "receiving", unit, bizLocation={"id": place}),
    )
    assert outside.impact(raw).consignees == {}
