"""What a batch is given, item by item: mappings, iterables and async iterables, pulled one at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Hashable, Iterable, Mapping
from typing import Any, Final, cast

import anyio

from heygen_async._protocol.batching import check_distinct

# How long an abandoned async generator may take to clean up after itself.
_CLOSE_WITHIN: Final = 10.0

Requests = Mapping[Any, object] | Iterable[object] | AsyncIterable[object]


def check_requests(requests: object) -> None:
    """Raise `ValueError` for what cannot be a batch: one single request, or keys that read the same."""
    if isinstance(requests, Mapping):
        keyed = cast("Mapping[Any, object]", requests)
        if "video_inputs" in keyed or isinstance(keyed.get("type"), str) or isinstance(keyed.get("template_id"), str):
            raise ValueError("requests is a single request; give a list of them, or a mapping of keys to requests")
        check_distinct(keyed)
    elif isinstance(requests, str | bytes) or not isinstance(requests, Iterable | AsyncIterable):
        raise ValueError(f"requests must be a mapping or an iterable, async or not, and not {type(requests).__name__}")  # noqa: TRY004 - bad arguments are ValueErrors here


async def items_of(requests: Requests) -> AsyncGenerator[tuple[Hashable, object]]:
    """Yield keys and requests; the keys of all but a mapping are indexes."""
    if isinstance(requests, Mapping):
        for key, request in cast("Mapping[Any, object]", requests).items():
            yield key, request
    elif isinstance(requests, AsyncIterable):
        position, iterator = 0, aiter(requests)
        try:
            async for request in iterator:
                yield position, request
                position += 1
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_WITHIN):
                    await close()
    else:
        for position, request in enumerate(requests):
            yield position, request
