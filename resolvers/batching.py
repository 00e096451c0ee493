"""Batched, cached look-ups of one request: many loads in one moment become one read."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, TypeVar

from lotkin.resolvers.context import Context

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def batched(
    read: Callable[[Context, tuple[K, ...]], Awaitable[Mapping[K, V]]],
) -> Callable[[Context, K], Awaitable[V]]:
    """Make a read of many keys into a load of one.

    `read` gets distinct keys and returns a value for each of them. A key is read once a request.
    """

    @functools.wraps(read)
    async def load(context: Context, key: K, /) -> V:
        batch = context.batches.get(read)
        if batch is None:
            batch = context.batches[read] = _Batch(context, read)
        value: V = await batch.load(key)
        return value

    return load


class _Batch:
    def __init__(
        self,
        context: Context,
        read: Callable[[Context, tuple[Any, ...]], Awaitable[Mapping[Any, Any]]],
    ) -> None:
        self._context = context
        self._read = read
        self._known: dict[Hashable, asyncio.Future[Any]] = {}
        self._waiting: list[Hashable] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, key: Hashable) -> Any:
        future = self._known.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._known[key] = loop.create_future()
            self._waiting.append(key)
            if len(self._waiting) == 1:
                loop.call_soon(self._start)
        if future.done():
            return future.result()
        # Shielded: one caller that gives up does not take the others' answer with it.
        return await asyncio.shield(future)

    def _start(self) -> None:
        # A task of its own starts one turn later: siblings that are just starting join in.
        task = asyncio.get_running_loop().create_task(self._fill())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fill(self) -> None:
        keys, self._waiting = tuple(self._waiting), []
        try:
            found = await self._read(self._context, keys)
        except BaseException as error:
            for key in keys:
                self._known[key].set_exception(error)
                self._known[key].exception()  # those that wait raise it; nobody else is told
            if not isinstance(error, Exception):
                raise
        else:
            for key in keys:
                self._known[key].set_result(found[key])
