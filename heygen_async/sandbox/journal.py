"""What was asked of the sandbox, in order: the evidence for tests about retries, polling and where the key goes."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from heygen_async.sandbox.expectation import Expected, failure_text

KEPT_CALLS: Final = 100_000
KEPT_DETAILS: Final = 32 * 1024 * 1024
"""How many bytes of headers and bodies are kept: those of the oldest calls are dropped first."""


@define(kw_only=True)
class Call:
    """One request and its answer; `status` is None until the answer starts, `seconds` (real) until it has ended.

    `query` is empty for files, whose query is a signature. Of the API key only `key_sent` is known, also in `headers`
    and `body`. `error` is the message of a refusal and `hint` says what may have been meant; `fault` is the rule that
    interfered.
    """

    method: str
    path: str
    query: str
    at: float
    request_id: str
    idempotency_key: str | None
    key_sent: bool
    number: int = 0
    status: int | None = None
    error_code: str | None = None
    error: str | None = None
    hint: str | None = None
    fault: str | None = None
    seconds: float | None = None
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: str | None = field(default=None, repr=False)

    @property
    def json(self) -> Any:
        """Return the decoded body, None if it was no JSON, longer than 64 KiB, or is no longer kept."""
        try:
            return None if self.body is None else json.loads(self.body)
        except ValueError:
            return None

    @property
    def size(self) -> int:
        """Return about how many bytes headers and body take."""
        return sum(len(name) + len(value) for name, value in self.headers.items()) + len(self.body or "")


class Journal:
    """All calls since the start or the last reset; the oldest are dropped after 100,000."""

    def __init__(self) -> None:
        self.total = 0
        """How many calls there were since the sandbox was made; never goes back."""
        self.changes = 0
        """How often a call came in, was answered, or all were forgotten."""
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._detailed: deque[tuple[Call, int]] = deque()
        self._details = 0
        # Calls end in the server's thread while a test forgets all of them in its own.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]

    def add(self, call: Call) -> None:
        """Write down a call."""
        with self._lock:
            self.total += 1
            self.changes += 1
            call.number = self.total
            self._calls.append(call)

    def detail(self, call: Call, *, headers: Mapping[str, str], body: str | None) -> None:
        """Add what an answered call brought, dropping that of the oldest calls if it gets too much."""
        with self._lock:
            self.changes += 1
            call.headers, call.body = headers, body
            self._detailed.append((call, call.size))
            self._details += call.size
            while self._details > KEPT_DETAILS:
                old, size = self._detailed.popleft()
                self._details -= size
                old.headers, old.body = {}, None

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self.changes += 1
            self._calls.clear()
            self._detailed.clear()
            self._details = 0

    def newest(self, count: int) -> list[Call]:
        """Return the last calls, newest first."""
        return list(self._calls)[-count:][::-1]

    def matching(self, pattern: str) -> list[Call]:
        """Return the calls that match `"POST /v3/videos"`; the path may hold `*` and `{video_id}`, the method `*` too.

        Raise `ValueError` if the pattern could never match.
        """
        return self._hits(Expected.of(pattern))

    def count(self, pattern: str) -> int:
        """Return how many calls match the pattern."""
        return len(self.matching(pattern))

    def assert_called(
        self,
        pattern: str,
        *,
        times: int | None = None,
        json: Any = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> list[Call]:
        """Return the calls that match, which must be `times` in number (None: at least one).

        `json` is a part of the body that they must hold, `headers` some of their headers (None: not sent). Raise
        `AssertionError` that lists the nearest calls and says what is different about them.
        """
        expected = Expected.of(pattern, json=json, headers=headers)
        found = self._hits(expected)
        if (not found) if times is None else len(found) != times:
            raise AssertionError(failure_text(expected, list(self), times=times))
        return found

    def assert_not_called(
        self, pattern: str, *, json: Any = None, headers: Mapping[str, str | None] | None = None
    ) -> None:
        """Raise `AssertionError` that lists the calls that match, if there are any."""
        self.assert_called(pattern, times=0, json=json, headers=headers)

    def _hits(self, expected: Expected) -> list[Call]:
        return [call for call in self if not expected.differences(call)]
