"""`@usecase(Permission.X)`: the one place where a permission is declared and checked."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from lotkin.auth.permissions import Permission
from lotkin.errors import LotkinError
from lotkin.resolvers.context import Context
from lotkin.resolvers.journaling import Subject, refused

P = ParamSpec("P")
R = TypeVar("R")
UseCase = Callable[Concatenate[Context, P], Awaitable[R]]

USE_CASES: dict[str, Permission] = {}
WRITING: set[str] = set()  # names of the use cases that change the record


def usecase(
    permission: Permission,
    *,
    writes: bool = False,
    subject: Callable[..., Subject | None] | None = None,
) -> Callable[[UseCase[P, R]], UseCase[P, R]]:
    """Register an async function as a use case that asks for `permission` first.

    writes: it changes the record, so that what it refuses is journaled as `<name>.refused`: an
    error it raises, or problems of a result that has `problems`. What it does, it journals itself
    in its own transaction. subject: from the call's arguments (without the Context), the (type, id)
    that a refusal is about.
    Raises (when called): Refusal UNAUTHENTICATED or FORBIDDEN before anything is read.
    """

    def declare(function: UseCase[P, R]) -> UseCase[P, R]:
        name = function.__name__

        @functools.wraps(function)
        async def guarded(context: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            context.actor.require(permission)
            return await function(context, *args, **kwargs)

        @functools.wraps(function)
        async def journaled(context: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            about = None if subject is None else subject(*args, **kwargs)
            try:
                result = await guarded(context, *args, **kwargs)
            except LotkinError as error:
                await refused(context, name, [error], about)
                raise
            problems: Any = getattr(result, "problems", ())
            if problems:
                await refused(context, name, problems, about)
            return result

        assert name not in USE_CASES, name
        USE_CASES[name] = permission
        if writes:
            WRITING.add(name)
        return journaled if writes else guarded

    return declare
