"""Rulings 8 to 10 and 12, from outside: containers, memberships, item classes, witnesses."""

from typing import Any

import pytest

from tests.flows.events import at, commission, make, pack, quantity, serial
from tests.flows.outside import (
    Outside,
    gtin,
    key,
    new_carton,
    new_lot,
    new_party,
    new_serial,
    number,
    ship,
)

WITNESS = """query($s: [SuspectInput!]!, $k: String!) { recallImpact(suspects: $s) {
  witness(item: {key: $k}) { from { key } to { key } at rule activity { kind } } } }"""
REFUSAL = "query($s: [SuspectInput!]!) { recallImpact(suspects: $s) { elapsedMs } }"


def drawn(minute: int, target: str, *sources: str) -> dict[str, Any]:
    return make(minute, [quantity(one, 1) for one in sources], [quantity(target, 1)])


def siblings(count: int) -> list[str]:
    product = number()
    return [serial(product, n) for n in range(1, count + 1)]


def lots(count: int) -> list[str]:
    product = number()
    return [f"urn:epc:class:lgtin:4012345.0{product:05d}.L{n}" for n in range(count)]


def way(outside: Outside, suspect: str, item: str, **window: str) -> list[tuple[str, str]]:
    told = outside.ask(WITNESS, s=[{"item": {"key": suspect}, **window}], k=item)["recallImpact"]
    return [(step["from"]["key"], step["to"]["key"]) for step in told["witness"]]


def test_a_container_is_in_no_trace_and_joins_nothing(outside: Outside) -> None:
    raw, one, other, box = new_lot(), new_serial(), new_serial(), new_carton()
    outside.tell(make(10, [quantity(raw, 1)], [one]), pack(20, box, one, other))
    assert outside.reached("Forward", raw) == {key(one)}
    assert outside.reached("Backward", one) == {key(raw)}
    assert outside.reached("Backward", other) == set()
    assert set(outside.impact(raw).rows) == {key(raw), key(one)}


def test_containers_are_counted_where_they_hold_something_exposed_then(outside: Outside) -> None:
    raw, unit, box, pallet = new_lot(), new_serial(), new_carton(), new_carton()
    outside.tell(
        make(10, [quantity(raw, 1)], [unit]),
        pack(20, box, unit),
        pack(30, pallet, box),
        pack(40, box, unit, action="DELETE"),
    )
    counted = [
        outside.impact(raw, asOf={"eventTime": at(minute)}).raw["counts"]["containers"]
        for minute in (15, 25, 35, 45)
    ]
    assert counted == [0, 1, 2, 0]


def test_a_suspect_container_stands_for_what_it_held_in_the_window(outside: Outside) -> None:
    early, late, box, pallet = new_serial(), new_serial(), new_carton(), new_carton()
    outside.tell(
        pack(10, box, early),
        pack(20, box, early, action="DELETE"),
        pack(30, box, late),
        pack(31, pallet, box),
    )
    assert set(outside.impact(box).rows) == {key(early), key(late)}
    window = {"item": {"key": box}, "from": at(25), "until": at(40)}
    assert set(outside.impact(window).rows) == {key(late)}
    assert outside.impact(window).of(late) == "CERTAIN"
    assert key(late) in outside.impact(pallet).rows
    assert key(early) not in outside.impact(pallet).rows


def test_a_trace_from_a_container_is_one_of_its_contents(outside: Outside) -> None:
    raw, unit, box = new_lot(), new_serial(), new_carton()
    outside.tell(make(10, [quantity(raw, 1)], [unit]), pack(20, box, unit))
    assert key(raw) in outside.reached("Backward", box)
    assert key(box) not in outside.reached("Backward", box)


@pytest.mark.parametrize("form", ["key", "scan", "class", "link"])
def test_an_item_class_is_no_suspect_but_names_candidates(outside: Outside, form: str) -> None:
    one, two = lots(2)
    outside.tell(commission(1, quantityList=[quantity(one, 1), quantity(two, 1)]))
    number_ = gtin(one)
    lookup = {
        "key": {"key": f"/01/{number_}"},
        "scan": {"scan": f"(01){number_}"},
        "class": {"key": "urn:epc:idpat:sgtin:" + one.split(":")[-1].rpartition(".")[0] + ".*"},
        "link": {"scan": f"https://id.gs1.org/01/{number_}"},
    }[form]
    told = outside.refused(REFUSAL, s=[{"item": lookup}])
    assert told["code"] == "AMBIGUOUS_SUSPECT"
    assert key(one) in str(told["candidates"])
    assert key(two) in str(told["candidates"])


@pytest.mark.parametrize("form", ["key", "lot"])
def test_a_suppliers_lot_number_is_no_suspect_but_names_candidates(
    outside: Outside, form: str
) -> None:
    ours, theirs = new_lot("OURS"), f"THEIRS-{number()}"
    outside.tell(
        commission(1, quantityList=[quantity(ours, 5)], ilmd={"lotkin:supplierLot": theirs})
    )
    by_class = {"lot": {"itemClass": gtin(ours), "lot": theirs}}
    lookup: dict[str, Any] = {"key": theirs} if form == "key" else by_class
    told = outside.refused(REFUSAL, s=[{"item": lookup}])
    assert told["code"] == "AMBIGUOUS_SUSPECT"
    assert key(ours) in str(told["candidates"])


def test_a_recall_of_a_finished_lot_reaches_its_serials(outside: Outside) -> None:
    product = number()
    finished = f"urn:epc:class:lgtin:4012345.0{product:05d}.F1"
    told, labelled, other = (serial(product, n) for n in range(3))
    link = f"https://id.gs1.org/01/{gtin(finished)}/10/F1/21/1"
    outside.tell(
        make(5, [quantity(new_lot(), 1)], [quantity(finished, 9)]),
        commission(10, told, ilmd={"cbvmda:lotNumber": "F1"}),
        commission(11, link),
        commission(12, other, ilmd={"cbvmda:lotNumber": "F2"}),
    )
    impact = outside.impact(finished)
    assert [impact.of(one) for one in (told, labelled, other)] == ["CERTAIN", "CERTAIN", None]
    assert impact.rule(told) == impact.rule(labelled) == "MEMBER_OF_LOT"
    trace = outside.trace("Forward", finished)
    assert {edge["kind"] for edge in trace["edges"]} == {"MEMBERSHIP"}


def test_a_serial_reaches_its_lot_for_origin_only(outside: Outside) -> None:
    product = number()
    raw, finished = new_lot(), f"urn:epc:class:lgtin:4012345.0{product:05d}.F1"
    one, sister = serial(product, 1), serial(product, 2)
    outside.tell(
        make(5, [quantity(raw, 1)], [quantity(finished, 9)]),
        commission(10, one, sister, ilmd={"cbvmda:lotNumber": "F1"}),
    )
    assert outside.reached("Backward", one) == {key(finished), key(raw)}
    assert outside.reached("Forward", one) == set()
    assert set(outside.impact(one).rows) == {key(one)}
    assert outside.reached("Forward", raw) == {key(finished), key(one), key(sister)}


def test_all_of_a_component_being_suspect_is_certain(outside: Outside) -> None:
    one, two = lots(2)
    unit = new_serial()
    outside.tell(drawn(9, new_lot(), one), make(10, [quantity(one, 1), quantity(two, 1)], [unit]))
    impact = outside.impact(one, two)
    assert (impact.of(unit), impact.rule(unit)) == ("CERTAIN", "ALL_SUPPLY_TAINTED")


def test_two_lots_of_one_component_are_a_mixed_supply(outside: Outside) -> None:
    good, bad = lots(2)
    screw, first, second = new_lot(), *siblings(2)
    outside.tell(
        make(10, [quantity(good, 2), quantity(bad, 2), quantity(screw, 8)], [first, second])
    )
    impact = outside.impact(bad)
    assert {(impact.of(one), impact.rule(one)) for one in (first, second)} == {
        ("POSSIBLE", "MIXED_SUPPLY")
    }
    assert outside.impact(screw).rule(first) == "ALL_SUPPLY_TAINTED"


def test_a_mixed_supply_is_certain_where_the_only_output_took_it_all(outside: Outside) -> None:
    good, bad = lots(2)
    unit = new_serial()
    outside.tell(make(10, [quantity(good, 2), quantity(bad, 2)], [unit]))
    impact = outside.impact(bad)
    assert (impact.of(unit), impact.rule(unit)) == ("CERTAIN", "ALL_CONSUMED_IN_IT")


def test_fewer_pieces_than_outputs_leave_every_output_possible(outside: Outside) -> None:
    raw, units = new_lot(), siblings(3)
    outside.tell(make(10, [quantity(raw, 2)], units))
    impact = outside.impact(raw)
    assert {impact.rule(unit) for unit in units} == {"TOO_FEW_PIECES"}
    assert {impact.of(unit) for unit in units} == {"POSSIBLE"}


def test_a_windowed_suspect_of_which_draws_are_unsure_is_possible(outside: Outside) -> None:
    raw, units = new_lot(), siblings(2)
    draw = make(10, [quantity(raw, 2)], units) | {"lotkin:clockUncertaintySeconds": 120}
    outside.tell(draw)
    impact = outside.impact({"item": {"key": raw}, "from": at(11)})
    assert {impact.of(unit) for unit in units} == {"POSSIBLE"}


def test_a_witness_leads_from_the_suspect_to_the_item(outside: Outside) -> None:
    raw, mid, unit = new_lot(), new_lot(), new_serial()
    outside.tell(drawn(10, mid, raw), make(20, [quantity(mid, 1)], [unit]))
    assert way(outside, raw, unit) == [(key(raw), key(mid)), (key(mid), key(unit))]
    assert way(outside, raw, raw) == []


def test_a_witness_shows_the_best_class_before_the_shortest_way(outside: Outside) -> None:
    good, bad = lots(2)
    mid, units = new_lot(), siblings(2)
    outside.tell(
        drawn(10, mid, bad),
        make(20, [quantity(good, 2), quantity(bad, 2), quantity(mid, 2)], units),
    )
    assert outside.impact(bad).of(units[0]) == "CERTAIN"
    assert way(outside, bad, units[0]) == [(key(bad), key(mid)), (key(mid), key(units[0]))]


def test_of_two_equal_ways_the_one_of_fewest_steps_is_shown(outside: Outside) -> None:
    raw, mid, unit = new_lot(), new_lot(), new_serial()
    outside.tell(drawn(10, mid, raw), make(20, [quantity(mid, 1), quantity(raw, 1)], [unit]))
    assert way(outside, raw, unit) == [(key(raw), key(unit))]


def test_the_witness_of_an_excluded_item_ends_at_the_fact_that_excludes(outside: Outside) -> None:
    raw, mid, end, last = (new_lot() for _ in range(4))
    outside.tell(drawn(60, mid, raw), drawn(10, end, mid), drawn(20, last, end))
    impact = outside.impact(raw)
    assert (impact.rule(end), impact.rule(last)) == (
        "DRAWN_BEFORE_EXPOSURE",
        "UPSTREAM_EXCLUDED",
    )
    assert way(outside, raw, end) == [(key(raw), key(mid)), (key(mid), key(end))]
    assert way(outside, raw, last)[:2] == [(key(raw), key(mid)), (key(mid), key(end))]


def test_a_part_taken_out_leaves_its_device_previously_exposed(outside: Outside) -> None:
    raw, part, device, later = new_lot(), new_serial(), new_serial(), new_serial()
    fit = {"type": "AssociationEvent", "bizStep": "assembling"}
    outside.tell(
        make(5, [quantity(raw, 1)], [part]),
        pack(10, device, part) | fit,
        pack(20, device, part, action="DELETE") | fit | {"bizStep": "disassembling"},
        make(30, [device], [later]),
    )
    then = outside.impact(raw, asOf={"eventTime": at(15)})
    assert (then.of(device), then.rule(device)) == ("CERTAIN", "PART_INSTALLED")
    now = outside.impact(raw)
    assert (now.of(device), now.rule(device)) == ("PREVIOUSLY_EXPOSED", "PART_REMOVED")
    assert (now.of(later), now.rule(later)) == ("PREVIOUSLY_EXPOSED", "AFTER_PART_REMOVED")
    kinds = {edge["kind"] for edge in outside.trace("Forward", part)["edges"]}
    assert kinds == {"INSTALLATION", "TRANSFORMATION"}


def test_a_part_in_a_tote_is_no_lineage(outside: Outside) -> None:
    part, tote = new_serial(), f"urn:epc:id:grai:4012345.{number():05d}.1"
    fit = {"type": "AssociationEvent", "bizStep": "assembling"}
    outside.tell(pack(10, tote, part) | fit)
    assert outside.reached("Forward", part) == set()
    assert len(outside.where(part)["containers"]) == 1


def test_the_earliest_exposure_is_told(outside: Outside) -> None:
    raw, made, made_again = new_lot(), new_lot(), new_lot()
    outside.tell(drawn(10, made, raw), drawn(30, made_again, raw))
    impact = outside.impact({"item": {"key": raw}, "from": at(5)})
    assert impact.rows[key(made)]["exposedAt"] == "2026-03-02T08:10:00Z"
    assert impact.rows[key(raw)]["exposedAt"] == "2026-03-02T08:05:00Z"
    assert outside.impact(raw).rows[key(raw)]["exposedAt"] is None


def test_a_suspect_is_listed_counted_and_certain(outside: Outside) -> None:
    raw = new_lot()
    outside.tell(commission(1, quantityList=[quantity(raw, 5)]))
    impact = outside.impact(raw)
    assert (impact.of(raw), impact.rule(raw)) == ("CERTAIN", "SUSPECT")
    assert (impact.raw["counts"]["lots"], impact.by_class) == (1, {"CERTAIN": 1})


def test_the_list_is_narrowed_by_kind_status_and_consignee(outside: Outside) -> None:
    raw, (one, two), ward = new_lot(), siblings(2), new_party()
    outside.tell(make(10, [quantity(raw, 2)], [one, two]), ship(20, ward, one))
    query = """query($s: [SuspectInput!]!, $kind: [ItemKind!], $status: [String!], $c: ID) {
      recallImpact(suspects: $s) { consignees { party { id } }
        items(kind: $kind, status: $status, consignee: $c) { totalCount
          edges { node { item { key status } } } } } }"""
    suspects = [{"item": {"key": raw}}]

    def listed(**narrowed: Any) -> set[str]:
        told = outside.ask(query, s=suspects, **narrowed)["recallImpact"]["items"]
        assert told["totalCount"] == len(told["edges"])
        return {edge["node"]["item"]["key"] for edge in told["edges"]}

    party = outside.ask(query, s=suspects)["recallImpact"]["consignees"][0]["party"]["id"]
    assert listed(kind=["SERIAL"]) == {key(one), key(two)}
    assert listed(kind=["LOT"]) == {key(raw)}
    assert listed(c=party) == {key(one)}
    assert listed(status=["SHIPPED"]) == {key(one)}
