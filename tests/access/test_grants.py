"""Access grants: two administrators open a dossier, one closes it, time closes it too."""

from datetime import timedelta

import psycopg
import pytest

from lotkin import clock
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from tests.access.world import ask, key_of, run, world
from tests.flows.events import lot
from tests.flows.pump import PUMPS, RESIN

ADMINS = [Actor(f"admin-{n}", "Ad Min", None, frozenset({Role.ADMINISTRATOR})) for n in (1, 2)]
INSPECTOR = Actor("inspector", "In Spector", "/417/4077777000012", frozenset({Role.REGULATOR}))
PAYLOAD = """{ grant { id state products items purpose requestedBy approvedBy revokedBy }
  problems { code message } }"""
CREATE = f"""mutation ($input: CreateAccessGrantInput!) {{
  createAccessGrant(input: $input) {PAYLOAD} }}"""
APPROVE = f"mutation ($g: ID!) {{ approveAccessGrant(input: {{grant: $g}}) {PAYLOAD} }}"
REVOKE = f"mutation ($g: ID!) {{ revokeAccessGrant(input: {{grant: $g}}) {PAYLOAD} }}"
ITEM = "query ($key: String!) { item(by: {key: $key}) { key } }"


@pytest.fixture
async def fresh(database):
    async with world(database) as made:
        yield made


def asked(**told):
    now = clock.now()
    return {
        "purpose": "inspection 7",
        "since": "2020-01-01T00:00:00Z",
        "until": "2030-01-01T00:00:00Z",
        "expiresAt": (now + timedelta(days=30)).isoformat(),
        "organisation": INSPECTOR.organisation,
        "items": [{"key": PUMPS[3]}],
        "markets": ["DE", "CN"],
        **told,
    }


async def sees(fresh, epc):
    return (await ask(fresh, INSPECTOR, ITEM, key=epc))["item"] is not None


async def test_a_grant_opens_when_a_second_administrator_agrees(fresh):
    made = (await ask(fresh, ADMINS[0], CREATE, input=asked()))["createAccessGrant"]["grant"]
    assert (made["state"], made["items"]) == ("REQUESTED", [key_of(PUMPS[3])])
    assert not await sees(fresh, PUMPS[3])
    own = (await ask(fresh, ADMINS[0], APPROVE, g=made["id"]))["approveAccessGrant"]
    assert [each["code"] for each in own["problems"]] == ["SIG_SOD_CONFLICT"]
    assert not await sees(fresh, PUMPS[3])
    agreed = (await ask(fresh, ADMINS[1], APPROVE, g=made["id"]))["approveAccessGrant"]["grant"]
    assert (agreed["state"], agreed["approvedBy"]) == ("ACTIVE", "admin-2")
    assert await sees(fresh, PUMPS[3])
    assert await sees(fresh, lot(RESIN, 1))
    assert not await sees(fresh, PUMPS[4])
    ended = (await ask(fresh, ADMINS[0], REVOKE, g=made["id"]))["revokeAccessGrant"]["grant"]
    assert ended["state"] == "REVOKED"
    assert not await sees(fresh, PUMPS[3])


async def test_a_grant_ends_with_its_time(fresh):
    made = (await ask(fresh, ADMINS[0], CREATE, input=asked()))["createAccessGrant"]["grant"]
    await ask(fresh, ADMINS[1], APPROVE, g=made["id"])
    assert await sees(fresh, PUMPS[3])
    async with await psycopg.AsyncConnection.connect(fresh.services.database.url) as connection:
        await connection.execute(
            "update access_grant set requested_at = now() - interval '9 d', "
            "expires_at = now() - interval '1 s' where purpose = 'inspection 7'"
        )
    assert not await sees(fresh, PUMPS[3])
    query = "{ accessGrants(state: EXPIRED) { totalCount edges { node { id purpose } } } }"
    listed = (await ask(fresh, ADMINS[0], query))["accessGrants"]
    assert [edge["node"]["id"] for edge in listed["edges"]] == [made["id"]]


async def test_a_grant_of_products_opens_what_was_told_in_its_period(fresh):
    told = {"items": [], "products": [key_of(PUMPS[0]).partition("/21/")[0]]}
    for since, until, found in (
        ("2026-01-01", "2026-12-01", True),
        ("2020-01-01", "2021-01-01", False),
    ):
        period = {"since": f"{since}T00:00:00Z", "until": f"{until}T00:00:00Z"}
        made = await ask(fresh, ADMINS[0], CREATE, input=asked(**told, **period))
        id = made["createAccessGrant"]["grant"]["id"]
        await ask(fresh, ADMINS[1], APPROVE, g=id)
        assert await sees(fresh, PUMPS[5]) is found
        await ask(fresh, ADMINS[1], REVOKE, g=id)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"expiresAt": (clock.now() + timedelta(days=91)).isoformat()}, "BAD_INPUT"),
        ({"expiresAt": (clock.now() - timedelta(days=1)).isoformat()}, "BAD_INPUT"),
        ({"organisation": None}, "BAD_INPUT"),
        ({"organisation": "/417/4012345000009"}, "BAD_INPUT"),
        ({"items": []}, "BAD_INPUT"),
        ({"items": [{"key": "/01/04012345000030/21/none"}]}, "NOT_FOUND"),
        ({"products": ["nothing"]}, "BAD_INPUT"),
        ({"purpose": "  "}, "BAD_INPUT"),
        ({"markets": ["Germany"]}, "BAD_INPUT"),
        ({"until": "2019-01-01T00:00:00Z"}, "BAD_INPUT"),
    ],
)
async def test_a_grant_without_bounds_is_refused(fresh, told, code):
    result = await run(fresh, ADMINS[0], CREATE, input=asked(**told))
    assert result.errors[0].extensions["code"] == code


async def test_every_step_of_a_grant_is_in_the_journal(fresh):
    made = (await ask(fresh, ADMINS[0], CREATE, input=asked()))["createAccessGrant"]["grant"]
    await ask(fresh, ADMINS[0], APPROVE, g=made["id"])
    await ask(fresh, ADMINS[1], APPROVE, g=made["id"])
    await ask(fresh, ADMINS[1], REVOKE, g=made["id"])
    async with await psycopg.AsyncConnection.connect(fresh.services.database.url) as connection:
        found = await connection.execute(
            "select event, actor from journal_intent "
            "where subject like 'access_grant/%' order by id"
        )
        told = await found.fetchall()
    assert [(event, actor) for event, actor in told] == [
        ("access.requested", "admin-1"),
        ("approve_access_grant.refused", "admin-1"),
        ("access.granted", "admin-2"),
        ("access.revoked", "admin-2"),
    ]


async def test_a_partner_with_our_own_name_sees_nothing(fresh):
    for organisation in ("/417/4012345000009", fresh.services.settings.org, None):
        for role in (Role.SUPPLIER, Role.REGULATOR):
            actor = Actor("x", "x", organisation, frozenset({role}))
            for epc in (*PUMPS, lot(RESIN, 1)):
                assert (await ask(fresh, actor, ITEM, key=epc))["item"] is None
