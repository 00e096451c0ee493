"""Signing in from the browser to the token, as a real program does it, and every wrong turn."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pyotp
import pytest

from lotkin import clock
from lotkin.auth.keyring import Keyring
from lotkin.auth.minting import ACR_PASSWORD, ACR_TWO_FACTOR
from lotkin.auth.permissions import Role
from lotkin.errors import Refusal
from lotkin.records.session import Database
from lotkin.resolvers import accounts
from tests.access.site import (
    CALLBACK,
    PASSWORD,
    Browser,
    Program,
    Site,
    claims_of,
    sent_back,
    serving,
    who,
)


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(database, tmp_path) as running:
        yield running


@pytest.fixture
async def portal(site: Site) -> Program:
    return await site.portal()


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    made = Browser(site.url)
    yield made
    await made.client.aclose()


async def code_for(browser: Browser, portal: Program, login: str = "chen", **more: str) -> str:
    return sent_back(await browser.sign_in(portal.ask(**more), login))["code"]


async def tokens_for(browser: Browser, portal: Program, **more: str) -> dict[str, str]:
    answer = await portal.exchange(await code_for(browser, portal, **more))
    assert answer.status_code == 200, answer.text
    made: dict[str, str] = answer.json()
    return made


async def test_a_person_signs_in_and_the_service_knows_them(
    site: Site, portal: Program, browser: Browser
) -> None:
    subject = await site.account("chen", Role.QUALITY_ENGINEER, organisation="urn:o:1")
    back = sent_back(await browser.sign_in(portal.ask(), "chen"))
    assert (back["state"], back["iss"]) == ("s1", site.url)
    made = (await portal.exchange(back["code"])).json()
    access, identity = claims_of(made["access_token"]), claims_of(made["id_token"])
    assert access["aud"] == site.settings.token_audience
    assert (access["sub"], access["roles"], access["org"]) == (
        subject, ["quality_engineer"], "urn:o:1",
    )  # fmt: skip
    assert access["exp"] - access["iat"] <= 900
    assert (identity["aud"], identity["nonce"], identity["acr"]) == ("portal", "n1", ACR_PASSWORD)
    assert identity["auth_time"] == access["auth_time"]
    assert identity["sid"] == access["sid"]
    answer = await who(site.url, f"Bearer {made['access_token']}")
    assert answer.json()["data"]["viewer"]["name"] == "Name of chen"
    assert (await who(site.url, f"Bearer {made['id_token']}")).status_code == 401


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.REGULATOR])
async def test_partners_sign_in_like_anybody(
    site: Site, portal: Program, browser: Browser, role: Role
) -> None:
    await site.account("guest", role, organisation="urn:o:9")
    made = await portal.exchange(await code_for(browser, portal, "guest"))
    answer = await who(site.url, f"Bearer {made.json()['access_token']}")
    assert answer.json()["data"]["viewer"]["roles"] == [role.value]
    out = await browser.submit(await browser.get("/oauth/account"), password=PASSWORD)
    assert "secret=" in out.text


async def test_a_second_program_is_let_in_without_a_second_sign_in(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    await code_for(browser, portal)
    again = await browser.get(portal.ask())
    assert "code" in sent_back(again)
    assert "code" in sent_back(await browser.get(portal.ask(prompt="none")))


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}])
async def test_a_fresh_sign_in_can_be_asked_for(
    site: Site, portal: Program, browser: Browser, asked: dict[str, str]
) -> None:
    await site.account("chen")
    first = await tokens_for(browser, portal)
    await asyncio.sleep(1.1)
    page = await browser.get(portal.ask(**asked))
    assert page.status_code == 200
    back = sent_back(await browser.submit(page, login="chen", password=PASSWORD))
    second = (await portal.exchange(back["code"])).json()
    times = [claims_of(made["id_token"])["auth_time"] for made in (first, second)]
    assert times[0] < times[1]


async def test_nobody_signed_in_means_login_required(portal: Program, browser: Browser) -> None:
    back = sent_back(await browser.get(portal.ask(prompt="none")))
    assert (back["error"], back["state"]) == ("login_required", "s1")


async def test_a_second_factor_raises_the_assurance_and_is_asked_for_ever_after(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    wish = portal.ask(acr_values=ACR_TWO_FACTOR)
    back = sent_back(await browser.sign_in(wish, "chen"))
    assert back["error"] == "unmet_authentication_requirements"
    page = await browser.submit(await browser.get("/oauth/account"), password=PASSWORD)
    seed = re.search(r"secret=([A-Z2-7]+)", page.text)
    assert seed
    code = pyotp.TOTP(seed[1]).now()
    assert (await browser.submit(page, code=code)).headers["location"] == "/oauth/account"
    other = Browser(site.url)
    assert (await other.sign_in(wish, "chen")).status_code == 403, "without a code"
    assert (await other.sign_in(wish, "chen", code=code)).status_code == 403, "a used code"
    later = pyotp.TOTP(seed[1]).at(int(clock.now().timestamp()) + 30)
    made = await portal.exchange(sent_back(await other.sign_in(wish, "chen", code=later))["code"])
    assert claims_of(made.json()["id_token"])["acr"] == ACR_TWO_FACTOR
    await other.client.aclose()


async def test_a_given_password_opens_nothing_but_the_choice_of_another(
    site: Site, portal: Program, browser: Browser
) -> None:
    made = await accounts.create_account(site.admin, "wang", "Wang", [Role.VIEWER])
    page = await browser.sign_in(portal.ask(), "wang", made.password)
    assert page.status_code == 200
    assert "Choose a new password" in page.text
    assert "Choose a new password" in (await browser.get(portal.ask())).text
    weak = await browser.submit(page, old=made.password, new="wangwang wang", again="wangwang wang")
    assert 'role="alert"' in weak.text
    back = await browser.submit(weak, old=made.password, new=PASSWORD, again=PASSWORD)
    assert "code" in sent_back(back)


async def test_a_code_is_good_once_and_its_reuse_ends_what_it_led_to(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    code = await code_for(browser, portal)
    made = (await portal.exchange(code)).json()
    again = await portal.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await portal.refresh(made["refresh_token"])).json()["error"] == "invalid_grant"
    await asyncio.sleep(1.1)
    assert (await who(site.url, f"Bearer {made['access_token']}")).status_code == 401


async def test_of_sixteen_who_race_with_one_code_at_most_one_gets_tokens(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    code = await code_for(browser, portal)
    answers = await asyncio.gather(*(portal.exchange(code) for _ in range(16)))
    assert sum(answer.status_code == 200 for answer in answers) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"code_verifier": "x" * 50}, {"code_verifier": ""}, {"redirect_uri": CALLBACK + "/"},
     {"redirect_uri": ""}, {"client_id": "other"}, {"code": "guess"}],
)  # fmt: skip
async def test_a_code_in_wrong_hands_is_worth_nothing(
    site: Site, portal: Program, browser: Browser, wrong: dict[str, str]
) -> None:
    await site.account("chen")
    await site.portal("other")
    code = await code_for(browser, portal)
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
        "client_id": portal.id, "code_verifier": portal.verifier,
    } | wrong  # fmt: skip
    answer = await portal.token(**form)
    assert answer.status_code == 400
    assert "access_token" not in answer.text


@pytest.mark.parametrize(
    "wrong",
    [{"redirect_uri": "https://evil.example/"}, {"redirect_uri": CALLBACK + "?x=1"},
     {"redirect_uri": ""}, {"client_id": "nobody"}, {"client_id": ""},
     {"redirect_uri": "https://portal.example@evil.example/callback"}],
)  # fmt: skip
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    portal: Program, browser: Browser, wrong: dict[str, str]
) -> None:
    page = await browser.get(portal.ask(**wrong))
    assert page.status_code in {400, 401}
    assert "location" not in page.headers
    posted = await browser.client.post("/oauth/sign-in?redirect_uri=https://evil.example")
    assert "location" not in posted.headers


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"code_challenge": ""}, "invalid_request"),
     ({"code_challenge_method": "plain"}, "invalid_request"),
     ({"code_challenge_method": ""}, "invalid_request"),
     ({"code_challenge": "short"}, "invalid_request"),
     ({"response_type": "token"}, "unsupported_response_type"),
     ({"response_type": "code id_token"}, "unsupported_response_type"),
     ({"prompt": "none login"}, "invalid_request"), ({"prompt": "dance"}, "invalid_request"),
     ({"max_age": "-1"}, "invalid_request"), ({"request": "eyJ9"}, "invalid_request")],
)  # fmt: skip
async def test_a_flawed_request_goes_back_with_its_error(
    portal: Program, browser: Browser, wrong: dict[str, str], error: str
) -> None:
    assert sent_back(await browser.get(portal.ask(**wrong)))["error"] == error


async def test_a_repeated_parameter_is_refused(portal: Program, browser: Browser) -> None:
    page = await browser.get(portal.ask() + "&state=s2")
    assert page.status_code == 400


async def test_refresh_tokens_rotate_and_a_reuse_ends_the_family(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    made = await tokens_for(browser, portal)
    first, second = made["refresh_token"], (await portal.refresh(made["refresh_token"])).json()
    third = (await portal.refresh(second["refresh_token"])).json()
    assert (await who(site.url, f"Bearer {third['access_token']}")).status_code == 200
    assert (await portal.refresh(first)).json()["error"] == "invalid_grant"
    assert (await portal.refresh(third["refresh_token"])).json()["error"] == "invalid_grant"
    await asyncio.sleep(1.1)
    for each in (made, second, third):
        assert (await who(site.url, f"Bearer {each['access_token']}")).status_code == 401


async def test_of_sixteen_who_race_with_one_refresh_token_at_most_one_wins(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    made = await tokens_for(browser, portal)
    answers = await asyncio.gather(*(portal.refresh(made["refresh_token"]) for _ in range(16)))
    assert sum(answer.status_code == 200 for answer in answers) == 1


async def test_another_programs_refresh_token_is_refused_and_not_used_up(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    other = await site.portal("other")
    made = await tokens_for(browser, portal)
    assert (await other.refresh(made["refresh_token"])).status_code == 400
    assert (await portal.refresh(made["refresh_token"])).status_code == 200


async def test_revocation_and_introspection(site: Site, portal: Program, browser: Browser) -> None:
    await site.account("chen")
    keeper = await accounts.create_client(
        site.admin, "keeper", "Keeper", {"client_credentials"}, introspects=True,
        roles=[Role.VIEWER],
    )  # fmt: skip
    basic = f"keeper:{keeper.secret}"
    made = await tokens_for(browser, portal)

    async def active(token: str, basic: str = basic) -> bool:
        answer = await portal.post("/oauth/introspect", token=token, basic=basic)
        found: bool = answer.json()["active"]
        return found

    access, refresh = made["access_token"], made["refresh_token"]
    assert await active(access)
    assert await active(refresh)
    assert not await active("guess")
    assert (await portal.post("/oauth/introspect", token=access)).status_code == 401
    assert (await portal.post("/oauth/introspect", token=access, client_id="portal")).json() == {
        "active": False
    }, "a public client is told nothing"
    told = (await portal.post("/oauth/introspect", token=access, basic=basic)).json()
    assert (told["token_type"], told["client_id"]) == ("Bearer", "portal")
    other = await portal.post("/oauth/revoke", token=refresh, basic=basic)
    assert other.status_code == 400, "not its own"
    assert await active(refresh)
    assert (
        await portal.post("/oauth/revoke", token=refresh, client_id="portal")
    ).status_code == 200
    assert not await active(refresh)
    assert not await active(access)
    assert (
        await portal.post("/oauth/revoke", token="guess", client_id="portal")
    ).status_code == 200
    await asyncio.sleep(1.1)
    assert (await who(site.url, f"Bearer {access}")).status_code == 401


async def test_a_program_acts_in_its_own_name(site: Site, portal: Program) -> None:
    made = await accounts.create_client(
        site.admin, "mes-1", "MES", {"client_credentials"}, roles=[Role.OPERATOR]
    )
    answer = await portal.token(grant_type="client_credentials", basic=f"mes-1:{made.secret}")
    token = answer.json()["access_token"]
    assert claims_of(token)["sub"] == "client:mes-1"
    assert "refresh_token" not in answer.json()
    viewer = (await who(site.url, f"Bearer {token}")).json()["data"]["viewer"]
    assert viewer["name"] == "MES"
    for wrong in ("mes-1:guess", "nobody:guess", "portal:x"):
        refused = await portal.token(grant_type="client_credentials", basic=wrong)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    for grant in ("password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"):
        refused = await portal.token(grant_type=grant, basic=f"mes-1:{made.secret}")
        assert refused.json()["error"] == "unsupported_grant_type"


async def test_five_failures_lock_a_login_and_all_answers_are_alike(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    pages = set()
    for login in ("chen", "nobody"):
        for _ in range(5):
            answer = await browser.sign_in(portal.ask(), login, "wrong password 1")
            pages.add((answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)))
    for login in ("chen", "nobody"):
        answer = await browser.sign_in(portal.ask(), login)
        pages.add((answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)))
    assert len(pages) == 1, "existing, unknown and locked look alike"
    await accounts.unlock_account(site.admin, "chen", "It was a new phone")
    assert "code" in sent_back(await browser.sign_in(portal.ask(), "chen"))


async def test_fifty_guesses_at_once_are_five(site: Site, portal: Program) -> None:
    await site.account("chen")

    async def guess(number: int) -> int:
        browser = Browser(site.url)
        password = PASSWORD if number > 9 else f"wrong password {number}"
        answer = await browser.sign_in(portal.ask(), "chen", password)
        await browser.client.aclose()
        return answer.status_code

    # The right one is among the last: by then nothing is looked at any more.
    first = await asyncio.gather(*(guess(number) for number in range(8)))
    rest = await asyncio.gather(*(guess(number) for number in range(10, 50)))
    assert set(first) | set(rest) == {403}


async def test_locking_an_account_ends_everything_at_once(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    made = await tokens_for(browser, portal)
    await accounts.lock_account(site.admin, "chen", "Left the company")
    assert (await portal.refresh(made["refresh_token"])).status_code == 400
    assert (await browser.get(portal.ask())).status_code == 200, "asked to sign in"
    assert (await browser.sign_in(portal.ask(), "chen")).status_code == 403
    await asyncio.sleep(1.1)
    assert (await who(site.url, f"Bearer {made['access_token']}")).status_code == 401


async def test_signing_out_ends_the_tokens_of_that_browser(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    made = await tokens_for(browser, portal)
    page = await browser.get("/oauth/account")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    await browser.client.post("/oauth/sign-out", data={"csrf": csrf[1]})
    assert "Sign in" in (await browser.get("/oauth/account")).text
    await asyncio.sleep(1.1)
    assert (await who(site.url, f"Bearer {made['access_token']}")).status_code == 401


@pytest.mark.parametrize(
    ("roles", "organisation"),
    [([Role.ADMINISTRATOR, Role.QA_RELEASER], None),
     ([Role.ADMINISTRATOR, Role.CHANGE_APPROVER], None),
     ([Role.SUPPLIER, Role.VIEWER], "urn:o:1"), ([Role.REGULATOR, Role.OPERATOR], "urn:o:1"),
     ([Role.AUDITOR, Role.OPERATOR], None), ([Role.SUPPLIER], None), ([], None)],
)  # fmt: skip
async def test_roles_that_nobody_holds_together_are_given_to_nobody(
    site: Site, roles: list[Role], organisation: str | None
) -> None:
    with pytest.raises(Refusal, match="BAD_INPUT"):
        await accounts.create_account(site.admin, "chen", "Chen", roles, organisation)
    await site.account("wang")
    with pytest.raises(Refusal, match="BAD_INPUT"):
        await accounts.set_account_roles(site.admin, "wang", roles)


async def test_only_administrators_make_accounts(site: Site) -> None:
    from dataclasses import replace

    for role in set(Role) - {Role.ADMINISTRATOR}:
        actor = replace(site.admin.actor, roles=frozenset({role}))
        with pytest.raises(Refusal, match="FORBIDDEN"):
            await accounts.create_account(
                replace(site.admin, actor=actor), "x1", "X", [Role.VIEWER]
            )


async def test_the_page_speaks_chinese_and_needs_no_script(
    site: Site, portal: Program, browser: Browser
) -> None:
    page = await browser.get(portal.ask(), **{"accept-language": "zh-CN,zh;q=0.9"})
    assert '<html lang="zh-CN">' in page.text
    assert all(word in page.text for word in ("登录名", "密码", "一次性验证码", "The portal"))
    assert "<script" not in page.text
    english = re.search(r'<a href="([^"]+)" hreflang="en"', page.text)
    assert english
    other = await browser.get(english[1].replace("&amp;", "&"), **{"accept-language": "zh"})
    assert '<html lang="en">' in other.text
    assert "Sign in" in other.text
    for name in ("login", "password", "code"):
        assert f'<label for="{name}">' in page.text
    assert 'autocomplete="one-time-code"' in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://portal.example;" in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"
    assert (await browser.get("/oauth/files/signin.css")).status_code == 200


async def test_what_a_request_says_is_text_on_the_page(portal: Program, browser: Browser) -> None:
    page = await browser.get(portal.ask(state='"><script>alert(1)</script>'))
    assert page.status_code == 200
    assert "<script" not in page.text


async def test_a_form_that_is_not_ours_is_refused(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    address = portal.ask().replace("authorize", "sign-in")
    fields = {"login": "chen", "password": PASSWORD}
    assert (await browser.client.post(address, data=fields)).status_code == 400
    page = await browser.get(portal.ask())
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    evil = {"origin": "https://evil.example"}
    answer = await browser.client.post(address, data=fields | {"csrf": csrf[1]}, headers=evil)
    assert answer.status_code == 400
    async with httpx.AsyncClient(base_url=site.url) as stranger:
        answer = await stranger.post(address, data=fields | {"csrf": csrf[1]})
        assert answer.status_code == 400, "the field without its cookie"


async def test_the_cookie_is_for_this_host_alone_and_ends(site: Site, portal: Program) -> None:
    await site.account("chen")
    browser = Browser(site.url)
    answer = await browser.sign_in(portal.ask(), "chen")
    cookie = next(
        each
        for each in answer.headers.get_list("set-cookie")
        if "sign-in" in each.partition("=")[0]
    ).lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "max-age=28800" in cookie
    await browser.client.aclose()


async def test_metadata_tells_where_everything_is(site: Site, portal: Program) -> None:
    async with httpx.AsyncClient(base_url=site.url) as client:
        told = (await client.get("/.well-known/openid-configuration")).json()
        assert told == (await client.get("/.well-known/oauth-authorization-server")).json()
        assert told["issuer"] == site.url
        assert told["code_challenge_methods_supported"] == ["S256"]
        assert (await client.get(told["jwks_uri"])).json()["keys"][0]["kty"] == "EC"
        resource = (await client.get("/.well-known/oauth-protected-resource")).json()
        assert resource["resource"] == site.url
        assert site.url in resource["authorization_servers"]
        assert resource["bearer_methods_supported"] == ["header"]
    refused = await who(site.url, "Bearer x")
    assert f'resource_metadata="{site.url}/.well-known/' in refused.headers["www-authenticate"]


async def test_keys_rotate_without_anybody_noticing(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    before = await tokens_for(browser, portal)
    keyring = Keyring(site.settings)
    kid = keyring.rotate()
    assert (site.settings.state_dir / "auth-server.keys.json").stat().st_mode & 0o777 == 0o600
    assert '"d"' not in (site.settings.state_dir / "auth-server.jwks.json").read_text()
    after = (await portal.refresh(before["refresh_token"])).json()
    header = claims_of("." + after["access_token"].split(".")[0])
    assert header["kid"] == kid
    for each in (before, after):
        assert (await who(site.url, f"Bearer {each['access_token']}")).status_code == 200
    keyring.rotate(overlap_s=0)  # a stolen key: nothing it signed is good any more
    for each in (before, after):
        assert (await who(site.url, f"Bearer {each['access_token']}")).status_code == 401
    assert len(keyring.published()["keys"]) == 1


async def test_secrets_are_nowhere_in_the_database(
    site: Site, portal: Program, browser: Browser
) -> None:
    await site.account("chen")
    code = await code_for(browser, portal)
    made = (await portal.exchange(code)).json()
    cookie = next(iter(c.value for c in browser.client.cookies.jar if "sign-in" in c.name))
    secrets = [code, made["refresh_token"], made["access_token"], PASSWORD, str(cookie)]
    from sqlalchemy import text

    async with site.database.reading() as connection:
        names = await connection.execute(
            text("select tablename from pg_tables where schemaname = 'public'")
        )
        for (name,) in names.all():
            rows = await connection.execute(text(f"select t::text from {name} t"))
            whole = "\n".join(row for (row,) in rows)
            assert not [secret for secret in secrets if secret in whole], name


async def test_the_server_is_off_unless_it_is_turned_on(database: Database, tmp_path: Path) -> None:
    async with (
        serving(database, tmp_path, auth_server=False) as site,
        httpx.AsyncClient(base_url=site.url) as client,
    ):
        for path in ("/oauth/authorize", "/oauth/jwks", "/.well-known/openid-configuration"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/oauth/token")).status_code == 404


async def test_passwords_do_not_travel_in_the_clear(database: Database, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="BAD_INPUT"):
        async with serving(database, tmp_path, external_url="http://lotkin.example"):
            pass
