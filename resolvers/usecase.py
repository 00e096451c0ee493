"""`@usecase(Permission.X)`: the one place where a permission is declared and checked."""

import functools
from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from lotkin.auth.permissions import Permission
from lotkin.resolvers.context import Context

P = ParamSpec("P")
R = TypeVar("R")
UseCase = Callable[Concatenate[Context, P], Awaitable[R]]

USE_CASES: dict[str, Permission] = {}


def usecase(permission: Permission) -> Callable[[UseCase[P, R]], UseCase[P, R]]:
    """Register an async function as a use case that asks for `permission` first.

    Raises (when called): Refusal UNAUTHENTICATED or FORBIDDEN before anything is read.
    """

    def declare(function: UseCase[P, R]) -> UseCase[P, R]:
        @functools.wraps(function)
        async def guarded(context: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            context.actor.require(permission)
            return await function(context, *args, **kwargs)

        name = function.__name__
        assert name not in USE_CASES, name
        USE_CASES[name] = permission
        return guarded

    return declare
