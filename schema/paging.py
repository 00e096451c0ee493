"""Relay connections: keyset cursors that stay put while rows come, counts only when asked."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import orjson
import strawberry
from strawberry import UNSET

from lotkin.errors import Refusal, RefusalCode
from lotkin.resolvers.context import Context

T = TypeVar("T")
R = TypeVar("R")

First = Annotated[
    int | None,
    strawberry.argument(description="How many entries at most; the most of a page by default."),
]
After = Annotated[
    str | None, strawberry.argument(description="Cursor of the entry before the first wanted.")
]

_CURSOR_MAX = 4_096  # characters; the longest key is half of that


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay page info."""

    has_next_page: bool = strawberry.field(description="Whether more follows this page.")
    has_previous_page: bool = strawberry.field(description="Whether something precedes this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first entry.")
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last entry; give it as `after` to get the next page."
    )


@strawberry.type(description="One entry of a page.")
class Edge(Generic[T]):
    """Relay edge."""

    cursor: str = strawberry.field(description="Opaque place of this entry in the list.")
    node: T = strawberry.field(description="The entry.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """Relay connection; `counting` runs only when the count is selected."""

    edges: list[Edge[T]] = strawberry.field(description="The entries of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the list.")
    counting: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many entries the whole list has; costs a count.")
    async def total_count(self) -> int:
        """Return the count of the whole list."""
        return await self.counting()


def given(value: T | None) -> T | None:
    """Return an optional argument, None where it was left out."""
    return None if value is UNSET else value


def page_size(context: Context, first: int | None) -> int:
    """Return how many entries a page of an ordinary list has; the most where none is asked.

    Raises: Refusal BAD_INPUT outside 0 to `page_max`.
    """
    limit = context.settings.page_max
    asked = given(first)
    size = limit if asked is None else asked
    if not 0 <= size <= limit:
        raise Refusal(RefusalCode.BAD_INPUT, reason=f"first is between 0 and {limit}")
    return size


def cursor(tag: str, *parts: int | str) -> str:
    """Return an opaque cursor into the kind of list named `tag`."""
    return urlsafe_b64encode(orjson.dumps([tag, *parts])).decode().rstrip("=")


def read_cursor(tag: str, text: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the parts of a cursor of the kind of list named `tag`; None for no cursor.

    kinds: the type of each part. Raises: Refusal BAD_INPUT for any other text.
    """
    text = given(text)
    if text is None:
        return None
    parts: object = None
    try:
        if len(text) <= _CURSOR_MAX:
            parts = orjson.loads(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
    except (binascii.Error, UnicodeError, orjson.JSONDecodeError):
        parts = None
    wanted = (str, *kinds)
    if (
        not isinstance(parts, list)
        or tuple(map(type, parts)) != wanted
        or parts[0] != tag
        or any(isinstance(part, int) and abs(part) >= 2**63 for part in parts)
    ):
        raise Refusal(RefusalCode.BAD_INPUT, reason="after is not a cursor of this list")
    return tuple(parts[1:])


def page(
    rows: Sequence[R],
    first: int,
    *,
    after: object,
    node: Callable[[R], T],
    at: Callable[[R], str],
) -> tuple[list[Edge[T]], PageInfo]:
    """Return edges and page info of `rows`, which hold one more than `first` if more follow."""
    edges = [Edge(cursor=at(row), node=node(row)) for row in rows[:first]]
    return edges, PageInfo(
        has_next_page=len(rows) > first,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
