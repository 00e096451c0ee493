"""Well-known weaknesses of GraphQL services, looked for as nobody and as every role."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lotkin.auth.permissions import Role
from lotkin.settings import Settings
from tests.attack import cop, service
from tests.interop.tools import listening


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder: Path = tmp_path_factory.mktemp("site")
    return service.settings(folder, trusted_documents="off")


@pytest.fixture(scope="module")
def address(site: Settings) -> Iterator[str]:
    with listening(service.app(site)) as url:
        yield url


@pytest.mark.parametrize("role", [None, *Role])
def test_nothing_is_found(address: str, site: Settings, role: Role | None) -> None:
    bearer = None if role is None else service.token(site, role)
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    with httpx.Client(base_url=address, headers=headers) as client:
        assert cop.findings(client) == []


def test_who_may_see_the_schema_sees_it_and_nothing_else_is_found(
    address: str, site: Settings
) -> None:
    bearer = service.token(site, Role.VIEWER, developer=True)
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {bearer}"}) as client:
        assert cop.findings(client) == ["field suggestions", "introspection"]
