"""Operations generated from the schema are never answered by an error of ours, whoever asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lotkin import schema
from lotkin.app import create_app
from lotkin.auth.permissions import Role
from lotkin.portal.listening import options
from lotkin.settings import Settings
from tests.attack import fuzz
from tests.interop.tools import listening

EXAMPLES = 40
SDL = schema.build().as_str()


@pytest.fixture(scope="module")
def served(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Settings]]:
    folder: Path = tmp_path_factory.mktemp("site")
    limits = {role.value: fuzz.UNHURRIED for role in fuzz.ROLES}
    site = Settings(
        state_dir=folder, database_url=postgres_url, database_pool=2, role_limits=limits,
        position_wait_s=0.05,
    )  # fmt: skip
    with listening(create_app(site, background=False), **options()) as address:
        yield address, site


@pytest.mark.parametrize("role", fuzz.ROLES)
def test_no_operation_meets_an_error_of_ours(served: tuple[str, Settings], role: Role) -> None:
    address, site = served
    found = fuzz.asked(fuzz.poster(address, site, role), SDL, EXAMPLES)
    assert found["asked"] >= EXAMPLES
    assert found["wrong"] == 0
