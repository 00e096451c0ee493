"""Entities for a router, by id and by key; subscriptions; operations that take too long."""

import asyncio
from typing import Any

import pytest

from lotkin import schema
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.resolvers import items
from lotkin.resolvers.capture import OnError, capture
from lotkin.resolvers.context import Context, Services
from lotkin.settings import RoleLimits
from tests.flows.events import commission, document, serial

SCHEMA = schema.build()
VIEWER = Actor("v", "V", None, frozenset({Role.VIEWER}))
SUPPLIER = Actor("s", "S", "urn:lotkin:org:s", frozenset({Role.SUPPLIER}))
ONE, TWO = serial(77, 1), serial(77, 2)
KEYS = ["/01/04012345000771/21/1", "/01/04012345000771/21/2"]
ASK = """query ($of: [_Any!]!) { _entities(representations: $of) { __typename
  ... on Serial { id key itemClass { id key } } ... on ItemClass { id key } ... on Lot { id } } }"""


async def ask(services: Services, query: str, actor: Actor = VIEWER, **variables: Any) -> Any:
    return await SCHEMA.execute(query, variables, Context(actor, services))


async def entities(services: Services, *of: dict[str, Any]) -> list[Any]:
    answer = await ask(services, ASK, of=list(of))
    assert not answer.errors, answer.errors
    assert answer.data is not None
    return list(answer.data["_entities"])


async def test_an_entity_is_the_same_by_id_and_by_key(context: Context) -> None:
    await capture(context, document(commission(0, ONE, TWO)), OnError.ROLLBACK, None)
    services = context.services
    by_key = await entities(services, *({"__typename": "Serial", "key": key} for key in KEYS))
    assert [each["key"] for each in by_key] == KEYS
    by_id = await entities(
        services, *({"__typename": "Serial", "id": each["id"]} for each in by_key)
    )
    assert by_id == by_key
    of_class = by_key[0]["itemClass"]
    (found,) = await entities(services, {"__typename": "ItemClass", "key": of_class["key"]})
    assert found == {"__typename": "ItemClass", **of_class}


async def test_what_names_nothing_is_null_in_its_place(context: Context) -> None:
    await capture(context, document(commission(0, ONE)), OnError.ROLLBACK, None)
    (known,) = await entities(context.services, {"__typename": "Serial", "key": KEYS[0]})
    found = await entities(
        context.services,
        {"__typename": "Serial", "key": "/01/04012345000771/21/none"},
        {"__typename": "Lot", "id": known["id"]},
        {"__typename": "Serial", "id": "nonsense"},
        {"__typename": "Viewer", "id": known["id"]},
        {"__typename": "Party", "key": "nobody"},
        {"__typename": "Serial"},
        {"__typename": "Serial", "key": KEYS[0]},
    )
    assert found == [None] * 6 + [known]


@pytest.mark.parametrize("of", [[1], ["x"], [{}], [{"__typename": 1}], [{"id": "x"}],
                                [{"__typename": "Serial", "id": 7}], [{}] * 101])  # fmt: skip
async def test_what_is_no_reference_is_refused(context: Context, of: list[Any]) -> None:
    answer = await ask(context.services, ASK, of=of)
    assert [each.extensions["code"] for each in answer.errors] == ["BAD_INPUT"]


async def test_events_are_told_as_they_are_captured(context: Context) -> None:
    query = "subscription { eventCaptured { position event { eventId bizStep } } }"
    stream = await SCHEMA.subscribe(query, context_value=Context(VIEWER, context.services))
    told = asyncio.ensure_future(anext(aiter(stream)))
    await asyncio.sleep(0.2)
    await capture(context, document(commission(0, ONE)), OnError.ROLLBACK, None)
    answer = await asyncio.wait_for(told, 10)
    assert answer.errors is None
    assert answer.data["eventCaptured"]["event"]["bizStep"] == "commissioning"
    await stream.aclose()


@pytest.mark.parametrize("field", ["eventCaptured { position }", "alerts { id }"])
async def test_partners_watch_nothing(context: Context, field: str) -> None:
    asked = Context(SUPPLIER, context.services)
    stream = await SCHEMA.subscribe(f"subscription {{ {field} }}", context_value=asked)
    answer = await asyncio.wait_for(anext(aiter(stream)), 10)
    assert answer.errors
    assert not answer.data


async def test_an_operation_is_ended_at_its_time(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(items.loaders, "item", never)
    limits = {"viewer": RoleLimits(operation_s=0.1)}
    hurried = Services(
        services.settings.model_copy(update={"role_limits": limits}),
        services.database, services.relational, None,
    )  # fmt: skip
    monkeypatch.setattr(items, "find_items", lambda *_: asyncio.sleep(60))
    answer = await ask(hurried, '{ item(by: {key: "x"}) { id } }')
    assert [each.extensions["code"] for each in answer.errors] == ["TIMEOUT"]
