"""No document costs more than it is allowed to, and none is answered by more than one error."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from lotkin.auth.permissions import Role
from lotkin.schema.problem import ERRORS_MAX
from tests.attack import service
from tests.attack.documents import CPU_S_MAX, attacked, hostile

DOCUMENTS = dict(hostile())


@pytest_asyncio.fixture(loop_scope="session", scope="module", params=["stranger", "developer"])
async def caller(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """Somebody who may not see the schema, then somebody who may; and how many errors they get."""
    site = service.settings(tmp_path_factory.mktemp("site"))
    is_developer = request.param == "developer"
    bearer = service.token(site, Role.VIEWER, developer=is_developer)
    async with service.client(site, bearer) as made:
        yield made, ERRORS_MAX if is_developer else 1


def test_there_are_forty_of_them() -> None:
    assert len(DOCUMENTS) >= 40


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_hostile_document_is_refused_at_once(
    caller: tuple[httpx.AsyncClient, int], name: str
) -> None:
    client, most = caller
    body: dict[str, Any] = DOCUMENTS[name]
    seconds, answer = await attacked(client, body)
    assert seconds <= CPU_S_MAX
    assert answer.status_code in {400, 413}
    assert 1 <= len(answer.json()["errors"]) <= most
    assert "data" not in answer.json()


async def test_a_document_within_every_limit_is_answered(tmp_path: Path) -> None:
    site = service.settings(tmp_path)
    async with service.client(site, service.token(site, Role.VIEWER)) as client:
        aliases = " ".join(f"a{n}: __typename" for n in range(9))
        answer = await client.post("/graphql", json={"query": f"{{ {aliases} viewer {{ name }} }}"})
        assert answer.json()["data"]["viewer"] == {"name": "Mallory"}
