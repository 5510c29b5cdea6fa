"""Walk through the pages of a list call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Generic, TypeVar

from attrs import define, field

from heygen_async._calls import PAGE_SIZE

T = TypeVar("T")

PageOf = tuple[Sequence[T], str | None]
"""The items of a page, and the token of the next one."""


@define(eq=False)
class Pages(AsyncIterator[T], Generic[T]):
    """Iterate over the items of all pages; a class, because trio warns of a generator that is left early."""

    _page: Callable[[str | None], Awaitable[PageOf[T]]]
    _ready: Iterator[T] = field(factory=lambda: iter(()), init=False)
    _next_token: str | None = field(default=None, init=False)
    _seen: set[str | None] = field(factory=set[str | None], init=False)

    async def __anext__(self) -> T:
        while True:
            for item in self._ready:
                return item
            # None is the first page at first and "no further page" later; a token that comes again ends the walk too.
            if self._next_token in self._seen:
                raise StopAsyncIteration
            items, token = await self._page(self._next_token)
            self._seen.update({None, self._next_token})
            self._ready, self._next_token = iter(items), token


def checked_limit(limit: int) -> int:
    """Return the size of a page, or raise `ValueError` for one that HeyGen does not serve."""
    if not 1 <= limit <= PAGE_SIZE:
        raise ValueError(f"limit is the size of a page and must be between 1 and {PAGE_SIZE}, not {limit}")
    return limit
