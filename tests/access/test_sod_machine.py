"""Segregation of duties over generated histories, and for grants under races."""

import asyncio
from datetime import timedelta

from lotkin import clock
from lotkin.records import access as records
from lotkin.records.access import NewGrant
from tests.access.histories import check

RACERS = 16


def test_nobody_signs_what_they_had_a_hand_in() -> None:
    check(200)


async def test_of_many_who_approve_at_once_one_does_and_never_who_asked(database) -> None:
    now = clock.now()
    new = NewGrant("/417/1", None, [], [], [1], None, 0, 1, "race", now + timedelta(days=1))
    for _ in range(10):
        async with database.transaction() as connection:
            id = await records.request(connection, new, "admin-0")

        async def approve(n: int, id: int = id) -> bool:
            async with database.transaction() as connection:
                return await records.approve(connection, id, f"admin-{n % 4}")

        winners = [
            n for n, won in enumerate(await asyncio.gather(*map(approve, range(RACERS)))) if won
        ]
        assert len(winners) == 1
        assert winners[0] % 4 != 0
