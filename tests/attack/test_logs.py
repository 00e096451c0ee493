"""The log of refused operations stays small and holds nothing of what was sent."""

from pathlib import Path

import pytest

from lotkin.auth.permissions import Role
from tests.attack import logs, service
from tests.attack.documents import hostile


@pytest.mark.parametrize("developer", [False, True])
async def test_a_refused_operation_leaves_one_short_line_without_what_was_sent(
    tmp_path: Path, developer: bool
) -> None:
    site = service.settings(tmp_path)
    bearer = service.token(site, Role.VIEWER, developer=developer)
    bodies = [*logs.telling(), *(body for _, body in hostile())]
    with logs.logged() as written:
        async with service.client(site, bearer) as client:
            for body in bodies:
                told = await logs.written_by(client, written, body)
                assert len(told.encode()) <= logs.LINE_BYTES_MAX
                assert told.count("\n") <= 1
                assert logs.CANARY not in told
                assert bearer not in told


async def test_a_token_that_is_refused_is_not_written_down(tmp_path: Path) -> None:
    site = service.settings(tmp_path)
    bearer = f"{logs.CANARY}.{logs.CANARY}.{logs.CANARY}"
    with logs.logged() as written:
        async with service.client(site, bearer) as client:
            told = await logs.written_by(client, written, {"query": "{ __typename }"})
    assert logs.CANARY not in told
    assert len(told.encode()) <= logs.LINE_BYTES_MAX
