"""What was asked of the sandbox, in order: the evidence for tests about retries, polling and where the key goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from attrs import define

KEPT_CALLS: Final = 100_000


@define(kw_only=True)
class Call:
    """One request; `status` is None until the answer starts.

    `query` is empty for files, whose query is a signature. Of the API key only `key_sent` is known.
    """

    method: str
    path: str
    query: str
    at: float
    request_id: str
    idempotency_key: str | None
    key_sent: bool
    status: int | None = None


class Journal:
    """All calls since the start or the last reset; the oldest are dropped after 100,000."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]

    def add(self, call: Call) -> None:
        """Write down a call."""
        self._calls.append(call)

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()

    def matching(self, pattern: str) -> list[Call]:
        """Return the calls that match `"POST /v3/videos"`; the path may hold `*`, the method too."""
        method, _, path = pattern.partition(" ")
        return [call for call in self if fnmatchcase(call.method, method) and fnmatchcase(call.path, path)]

    def count(self, pattern: str) -> int:
        """Return how many calls match the pattern."""
        return len(self.matching(pattern))
