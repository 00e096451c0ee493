"""Any OpenID provider by settings: found, followed through rotations, and missed for a while."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lotkin.auth import demo, keys
from lotkin.auth.issuers import claim_at
from lotkin.auth.permissions import Role
from lotkin.auth.tokens import Credentials, TokenVerifier
from lotkin.errors import Refusal, RefusalCode
from lotkin.records.session import Database
from lotkin.settings import Claims, Issuer, Settings
from tests.access.provider import Provider
from tests.access.site import Site, serving, who

CLAIMS = Claims(
    roles="realm_access.roles",
    role_names={"plant-quality": "quality_engineer"},
    name="preferred_username",
    client="azp",
)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "provider"
    folder.mkdir()
    made = Provider(folder, port)
    made.rotate()
    made.describe()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def settings(provider: Provider, tmp_path: Path) -> Settings:
    return Settings(
        state_dir=tmp_path, token_issuer=provider.issuer, token_claims=CLAIMS,
        token_discovery_url=provider.discovery_url,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute of waiting shortened to a part of a second."""
    original = keys.RemoteKeys.__init__

    def quick(self: keys.RemoteKeys, *args: object, **told: object) -> None:
        original(self, *args, **{"ttl_s": 1.0, "ask_again_s": 0.4} | told)  # type: ignore[arg-type]

    monkeypatch.setattr(keys.RemoteKeys, "__init__", quick)


def shown(token: str) -> Credentials:
    return Credentials(token, "bearer", "POST", "http://t/graphql")


async def refusal(verifier: TokenVerifier, token: str) -> RefusalCode:
    with pytest.raises(Refusal) as caught:
        await verifier.authenticate(shown(token))
    return caught.value.code


async def test_a_provider_is_found_by_its_metadata_and_its_roles_are_mapped(
    provider: Provider, settings: Settings
) -> None:
    verifier = TokenVerifier(settings)
    actor = (await verifier.authenticate(shown(provider.token()))).actor
    assert (actor.subject, actor.name, actor.client) == ("f1d2", "chen", "mes")
    assert actor.roles == {Role.QUALITY_ENGINEER}, "its own auditor is not ours"
    assert provider.asked() == 1
    for _ in range(20):
        await verifier.authenticate(shown(provider.token()))
    assert provider.asked() == 1, "keys are kept"


async def test_keys_at_a_fixed_address_need_no_metadata(
    provider: Provider, settings: Settings
) -> None:
    told = {"token_discovery_url": None, "token_jwks_url": f"{provider.issuer}/certs"}
    verifier = TokenVerifier(settings.model_copy(update=told))
    assert (await verifier.authenticate(shown(provider.token()))).actor.subject == "f1d2"
    assert provider.asked(".well-known/openid-configuration") == 0


async def test_metadata_of_another_issuer_is_not_believed(
    provider: Provider, settings: Settings
) -> None:
    provider.describe(issuer="https://evil.example")
    assert await refusal(TokenVerifier(settings), provider.token()) is RefusalCode.UNAVAILABLE


async def test_a_new_key_is_followed_at_once(provider: Provider, settings: Settings) -> None:
    verifier = TokenVerifier(settings)
    old = provider.token()
    await verifier.authenticate(shown(old))
    await asyncio.sleep(0.5)
    provider.rotate()
    assert (await verifier.authenticate(shown(provider.token()))).actor.subject == "f1d2"
    assert (await verifier.authenticate(shown(old))).actor.subject == "f1d2"


async def test_a_withdrawn_key_is_dropped_after_its_time(
    provider: Provider, settings: Settings
) -> None:
    verifier = TokenVerifier(settings)
    old = provider.token()
    await verifier.authenticate(shown(old))
    provider.rotate(keep=False)
    await asyncio.sleep(1.1)
    assert await refusal(verifier, old) is RefusalCode.UNAUTHENTICATED


async def test_made_up_key_ids_are_not_passed_on_to_the_provider(
    provider: Provider, settings: Settings
) -> None:
    verifier = TokenVerifier(settings)
    await verifier.authenticate(shown(provider.token()))
    stranger = Provider(provider.folder / "none", provider.port)
    for _ in range(100):
        stranger.keys = [keys.ECKey.generate_key("P-256", auto_kid=True)]
        assert await refusal(verifier, stranger.token()) is RefusalCode.UNAUTHENTICATED
    asked = provider.asked()
    print(f"\n100 made-up key ids: {asked} requests to the provider")
    assert asked <= 4


async def test_an_outage_of_the_provider_is_none_of_ours(
    provider: Provider, settings: Settings
) -> None:
    verifier = TokenVerifier(settings)
    await verifier.authenticate(shown(provider.token()))
    provider.stop()
    await asyncio.sleep(1.2)  # the keys are older than their time
    for _ in range(3):
        assert (await verifier.authenticate(shown(provider.token()))).actor.subject == "f1d2"
    provider.start()
    provider.rotate()
    await asyncio.sleep(0.5)
    assert (await verifier.authenticate(shown(provider.token()))).actor.subject == "f1d2"


async def test_a_provider_that_never_answered_is_unavailable_and_asked_again(
    provider: Provider, settings: Settings
) -> None:
    provider.stop()
    verifier = TokenVerifier(settings)
    assert await refusal(verifier, provider.token()) is RefusalCode.UNAVAILABLE
    provider.start()
    await asyncio.sleep(1.1)
    assert (await verifier.authenticate(shown(provider.token()))).actor.subject == "f1d2"


async def test_people_of_two_providers_are_never_the_same(
    provider: Provider, settings: Settings
) -> None:
    partner = Issuer(
        issuer=provider.issuer, discovery_url=provider.discovery_url, claims=CLAIMS,
        subject_prefix="partner|",
    )  # fmt: skip
    site = settings.model_copy(
        update={"token_discovery_url": None, "token_issuers": [partner], "token_issuer": "x"}
    )
    actor = (await TokenVerifier(site).authenticate(shown(provider.token()))).actor
    assert actor.subject == "partner|f1d2"


async def test_the_demo_issuer_is_not_trusted_beside_a_provider(
    provider: Provider, settings: Settings, tmp_path: Path
) -> None:

    token = demo.mint(Settings(state_dir=tmp_path), Role.ADMINISTRATOR, subject="x", name="X")
    assert await refusal(TokenVerifier(settings), token) is RefusalCode.UNAUTHENTICATED
    with pytest.raises(Refusal):
        demo.mint(settings, Role.ADMINISTRATOR, subject="x", name="X")


@pytest.fixture
async def site(database: Database, settings: Settings, tmp_path: Path) -> AsyncIterator[Site]:
    told = {
        name: getattr(settings, name)
        for name in ("token_issuer", "token_claims", "token_discovery_url")
    }
    async with serving(database, tmp_path, **told) as running:
        yield running


async def test_external_and_own_tokens_take_the_same_path(site: Site, provider: Provider) -> None:
    answer = await who(site.url, f"Bearer {provider.token()}")
    assert answer.json()["data"]["viewer"]["roles"] == ["quality_engineer"]
    refused = await who(site.url, f"Bearer {provider.token(aud='other')}")
    assert refused.status_code == 401


def test_claims_are_found_by_name_or_by_path() -> None:
    claims = {"a": {"b": {"c": 1}}, "https://x.example/roles": 2, "a.b": 3}
    assert claim_at(claims, "a.b.c") == 1
    assert claim_at(claims, "https://x.example/roles") == 2
    assert claim_at(claims, "a.b") == 3
    assert claim_at(claims, "a.x.c") is None
    assert claim_at(claims, "a.b.c.d") is None
