"""Loads of one moment become one read."""

import asyncio

import pytest

from lotkin.auth.actor import ANONYMOUS
from lotkin.resolvers.batching import batched
from lotkin.resolvers.context import Context

READS = []


@batched
async def doubled(context, keys):
    READS.append(keys)
    if 13 in keys:
        raise ValueError
    return {key: key * 2 for key in keys}


@pytest.fixture
def request_():
    READS.clear()
    return Context(ANONYMOUS, None)


async def test_loads_of_one_moment_are_one_read_and_each_key_is_read_once(request_):
    assert await asyncio.gather(*(doubled(request_, key) for key in (1, 2, 1, 3))) == [2, 4, 2, 6]
    assert await doubled(request_, 2) == 4
    assert READS == [(1, 2, 3)]


async def test_another_request_reads_again(request_):
    await doubled(request_, 1)
    await doubled(Context(ANONYMOUS, None), 1)
    assert READS == [(1,), (1,)]


async def test_a_failed_read_fails_every_load_of_it_and_no_other(request_):
    told = await asyncio.gather(
        *(doubled(request_, key) for key in (12, 13)), return_exceptions=True
    )
    assert [type(each) for each in told] == [ValueError, ValueError]
    assert await doubled(request_, 1) == 2


async def test_one_that_gives_up_takes_nothing_from_the_others(request_):
    first = asyncio.create_task(doubled(request_, 1))
    second = asyncio.create_task(doubled(request_, 1))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
