"""Capture end to end on a real database: what is kept, what is refused, what is reported."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from lotkin.domain.admission import Outcome
from lotkin.errors import ProblemCode
from lotkin.resolvers.capture import OnError, capture
from lotkin.resolvers.context import Context
from lotkin.resolvers.own import own_keys
from lotkin.settings import Settings
from tests.flows.events import (
    carton,
    commission,
    declared_wrong,
    document,
    lot,
    make,
    observe,
    pack,
    quantity,
    serial,
)
from tests.shared_data import shared_data


async def rows(context: Context, statement: str) -> list[tuple[Any, ...]]:
    async with context.database.reading() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def count(context: Context, table: str, where: str = "true") -> int:
    return (await rows(context, f"select count(*) from {table} where {where}"))[0][0]


async def test_a_transformation_becomes_draws_and_productions(context: Context) -> None:
    event = make(10, [quantity(lot(1, "R1"), 4, "KGM")], [serial(2, 1), serial(2, 2)])
    outcome = await capture(context, document(event))
    assert [each.outcome for each in outcome.results] == [Outcome.CAPTURED]
    assert outcome.captured == 1
    assert outcome.position == 1
    drawn = await rows(
        context, "select i.key, d.qty, d.unit from draw d join item i on i.id = item_id"
    )
    assert [(key, float(qty), unit) for key, qty, unit in drawn] == [
        ("/01/04012345000016/10/R1", 4.0, "KGM")
    ]
    made = await rows(
        context, "select i.key from production p join item i on i.id = item_id order by 1"
    )
    assert [key for (key,) in made] == [
        "/01/04012345000023/21/1",
        "/01/04012345000023/21/2",
    ]


async def test_a_repeat_is_a_duplicate_and_changes_nothing(context: Context) -> None:
    event = make(10, [quantity(lot(1, "R1"), 4)], [serial(2, 1)])
    first = await capture(context, document(event))
    again = await capture(context, document(event))
    assert [each.outcome for each in again.results] == [Outcome.DUPLICATE]
    assert again.captured == 0
    assert again.position == first.position
    assert await count(context, "draw") == 1


async def test_the_same_event_id_with_other_content_is_refused(context: Context) -> None:
    event = {**commission(1, serial(2, 1)), "eventID": "urn:uuid:1"}
    await capture(context, document(event))
    outcome = await capture(context, document({**event, "epcList": [serial(2, 9)]}))
    assert outcome.captured == 0
    assert outcome.results[0].problem is not None
    assert outcome.results[0].problem.code is ProblemCode.EVENT_ID_CONFLICT
    assert await count(context, "event") == 1


async def test_a_bad_event_rolls_the_document_back_and_is_named_first(context: Context) -> None:
    bad = {**commission(2, serial(2, 2)), "action": "MAYBE"}
    outcome = await capture(context, document(commission(1, serial(2, 1)), bad))
    codes = [each.problem.code for each in outcome.results if each.problem]
    assert outcome.captured == 0
    assert codes == [ProblemCode.ROLLED_BACK, ProblemCode.BAD_EVENT]
    assert outcome.problems[0].path[0] == "1"
    assert await count(context, "event") == 0
    assert await count(context, "journal_intent") == 1  # that it was refused


async def test_proceed_keeps_the_good_events(context: Context) -> None:
    bad = {**commission(2, serial(2, 2)), "action": "MAYBE"}
    outcome = await capture(context, document(bad, commission(1, serial(2, 1))), OnError.PROCEED)
    assert [each.outcome for each in outcome.results] == [Outcome.REFUSED, Outcome.CAPTURED]
    assert await count(context, "event") == 1


async def test_an_error_declaration_ends_the_facts_and_keeps_the_event(context: Context) -> None:
    event = {**make(10, [quantity(lot(1, "R1"), 4)], [serial(2, 1)]), "eventID": "urn:uuid:7"}
    await capture(context, document(event))
    outcome = await capture(context, document(declared_wrong(event)))
    assert [each.outcome for each in outcome.results] == [Outcome.CAPTURED]
    assert await count(context, "draw", "rec_to is null") == 0
    assert await count(context, "draw", "ended_by is not null") == 1
    assert await count(context, "event", "retracted_at is not null") == 1
    again = await capture(context, document(declared_wrong(event)))
    assert [each.outcome for each in again.results] == [Outcome.DUPLICATE]


async def test_a_declaration_that_comes_first_retracts_the_original_later(
    context: Context,
) -> None:
    event = {**make(10, [quantity(lot(1, "R1"), 4)], [serial(2, 1)]), "eventID": "urn:uuid:7"}
    first = await capture(context, document(declared_wrong(event)))
    assert [each.code for each in first.results[0].remarks] == [ProblemCode.UNKNOWN_ORIGINAL]
    second = await capture(context, document(event))
    assert [each.outcome for each in second.results] == [Outcome.CAPTURED]
    assert await count(context, "draw", "rec_to is null") == 0


async def test_a_declaration_without_event_id_matches_equal_content(context: Context) -> None:
    event = commission(1, serial(2, 1))
    await capture(context, document(event))
    outcome = await capture(context, document(declared_wrong(event)))
    assert not outcome.results[0].remarks
    assert await count(context, "event", "retracted_at is not null") == 1


async def test_a_retracted_packing_reopens_what_it_had_closed(context: Context) -> None:
    wrong = {**pack(30, carton(2), serial(2, 1)), "eventID": "urn:uuid:9"}
    outcome = await capture(context, document(pack(10, carton(1), serial(2, 1)), wrong))
    assert [each.code for each in outcome.results[1].remarks] == [ProblemCode.CONTAINMENT_CONFLICT]
    await capture(context, document(declared_wrong(wrong)))
    stays = await rows(
        context,
        "select p.key, until = 9223372036854775807 from stay "
        "join item p on p.id = parent_id where rec_to is null",
    )
    assert stays == [("/00/040123450000000016", True)]


async def test_an_emptied_carton_frees_its_children(context: Context) -> None:
    await capture(context, document(pack(10, carton(1), serial(2, 1), serial(2, 2))))
    empty = pack(20, carton(1), action="DELETE")
    del empty["childEPCs"]
    await capture(context, document(empty))
    assert await count(context, "stay", "rec_to is null and until < 9223372036854775807") == 2


async def test_a_carton_inside_itself_is_refused_and_nothing_is_kept(context: Context) -> None:
    outcome = await capture(
        context, document(pack(1, carton(1), carton(2)), pack(2, carton(2), carton(1)))
    )
    assert outcome.captured == 0
    assert outcome.problems[0].code is ProblemCode.CONTAINMENT_CYCLE
    assert outcome.problems[0].path[0] == "1"


async def test_serials_commissioned_under_a_lot_number_are_its_members(context: Context) -> None:
    event = {**commission(1, serial(2, 1)), "ilmd": {"cbvmda:lotNumber": "F7"}}
    await capture(context, document(event))
    assert await rows(
        context,
        "select lot.key, serial.key from membership join item lot on lot.id = lot_id "
        "join item serial on serial.id = serial_id",
    ) == [("/01/04012345000023/10/F7", "/01/04012345000023/21/1")]


async def test_a_shipment_names_sender_and_consignee(context: Context) -> None:
    event = observe(
        5,
        "shipping",
        serial(2, 1),
        sourceList=[{"type": "possessing_party", "source": "urn:epc:id:pgln:4012345.00000"}],
        destinationList=[
            {"type": "possessing_party", "destination": "urn:epc:id:pgln:9521321.00000"}
        ],
    )
    await capture(context, document(event))
    assert await rows(
        context,
        "select m.kind, s.key, r.key from movement m join party s on s.id = sender_id "
        "join party r on r.id = receiver_id",
    ) == [(0, "/417/4012345000009", "/417/9521321000001")]


async def test_mass_that_does_not_balance_is_reported_not_refused(context: Context) -> None:
    event = make(10, [quantity(lot(1, "R1"), 100, "KGM")], [quantity(lot(3, "M1"), 120, "KGM")])
    outcome = await capture(context, document(event))
    assert [each.code for each in outcome.results[0].remarks] == [ProblemCode.MASS_BALANCE]
    assert await count(context, "alert", "code = 'MASS_BALANCE'") == 1


async def test_an_overdrawn_lot_is_reported(context: Context) -> None:
    made = make(10, [quantity(lot(1, "R1"), 10, "KGM")], [quantity(lot(3, "M1"), 10, "KGM")])
    used = make(20, [quantity(lot(3, "M1"), 11, "KGM")], [serial(2, 1)])
    outcome = await capture(context, document(made, used))
    assert [each.code for each in outcome.results[1].remarks] == [ProblemCode.OVERDRAWN]


async def test_a_serial_used_after_its_end_is_reported(context: Context) -> None:
    end = {**observe(10, "destroying", serial(2, 1)), "action": "DELETE"}
    outcome = await capture(context, document(end, pack(20, carton(1), serial(2, 1))))
    assert [each.code for each in outcome.results[1].remarks] == [ProblemCode.USED_AFTER_END]


async def test_an_idempotency_key_gives_the_same_answer_and_no_other(context: Context) -> None:
    told = document(commission(1, serial(2, 1)))
    first = await capture(context, told, idempotency_key="k1")
    assert await capture(context, told, idempotency_key="k1") == first
    other = await capture(context, document(commission(2, serial(2, 2))), idempotency_key="k1")
    assert [each.code for each in other.problems] == [ProblemCode.IDEMPOTENCY_CONFLICT]


async def test_racing_captures_of_one_event_keep_it_once(context: Context) -> None:
    told = document(*(commission(i, serial(2, i)) for i in range(20)))
    outcomes = await asyncio.gather(*(capture(context, told) for _ in range(6)))
    assert sum(each.captured for each in outcomes) == 20
    assert await count(context, "event") == 20
    assert await count(context, "journal") == 20


@pytest.mark.parametrize("key", ["document_events_max", "document_depth_max"])
async def test_a_document_above_a_limit_is_refused_whole(context: Context, key: str) -> None:
    settings = context.settings.model_copy(update={key: 1})
    bounded = replace(context, services=replace(context.services, settings=settings))
    outcome = await capture(
        bounded, document(commission(1, serial(2, 1)), commission(2, serial(2, 2)))
    )
    assert outcome.captured == 0
    assert outcome.problems[0].code in {
        ProblemCode.TOO_MANY_EVENTS,
        ProblemCode.DOCUMENT_TOO_DEEP,
    }


def _documents() -> list[Path]:
    wanted = (("gs1", "*.jsonld"), ("openepcis/valid", "*.json"), ("openepcis/events", "*.json"))
    return [
        path
        for folder, pattern in wanted
        for path in sorted(shared_data("epcis", *folder.split("/")).glob(pattern))
    ]


# Four examples of two publishers give one event id to four different events.
REUSED_ID = "ni:///sha-256;5f7c472bc4905de27a19b2efc8e4a9c6dc195139669b80b515f12218ff07cf65"


async def test_every_public_example_document_is_captured(context: Context) -> None:
    refused = {}
    for path in _documents():
        outcome = await capture(context, orjson.loads(path.read_bytes()))
        problems = [
            problem
            for problem in outcome.problems
            if not str(problem.facts.get("event_id")).startswith(REUSED_ID)
        ]
        if problems:
            refused[path.name] = problems
    assert refused == {}
    assert await count(context, "event") > 60


def test_our_own_parties_may_be_written_in_any_form() -> None:
    told = frozenset({"urn:epc:id:pgln:4012345.00000", "/417/9521321000001"})
    assert own_keys(Settings(own_parties=told)) == {"/417/4012345000009", "/417/9521321000001"}


async def test_a_consignment_number_among_objects_is_an_item(context: Context) -> None:
    await capture(context, document(observe(1, "arriving", "urn:epc:id:ginc:4012345.C1")))
    assert await rows(context, "select key, kind from item") == [("/401/4012345C1", 2)]
