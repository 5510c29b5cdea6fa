"""When a running video is looked at again, and which looks go out together.

Pure arithmetic: `now` and the dice are arguments, all times are seconds on one monotonic clock.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, NamedTuple, TypeVar

from heygen_async._policies import PollPolicy
from heygen_async._protocol.arguments import is_number

K = TypeVar("K", bound=Hashable)

BULK: Final = 100
"""How many ids one `GET /v3/videos/statuses` takes."""

# When looks go out, everything goes along that is this far through its interval: a place in a request that is made
# anyway costs nothing, and rounds that stay together find many finished videos at once, whose details come from a few
# list pages. Measured with benchmarks/polling.py: 0.4 halves the requests against 0.75, less brings nothing more.
_COMPANY: Final = 0.4
# An early entry may hide behind others that are not ready: how many of those are stepped over.
_PASSED_OVER: Final = 100

# Where `first_after` is 0 the geometric growth needs something to grow from.
_SMALLEST_START: Final = 1.0
_DETAIL_START: Final = 2.0
_DETAIL_GROWTH: Final = 1.5
_PAUSE_START: Final = 1.0
_PAUSE_LIMIT: Final = 30.0


def wait_limit(timeout: object, policy: PollPolicy) -> float:
    """Return how many seconds a wait may take; None means the policy's. Raise `ValueError` for no number of seconds."""
    if timeout is None:
        return policy.timeout
    if not is_number(timeout, at_least=0):
        raise ValueError(f"timeout must be a number of seconds of at least 0, or None, not {timeout!r}")
    return timeout


def first_look(policy: PollPolicy, *, submitted_at: float | None, now: float) -> float:
    """Return when a video is looked at first; a wait that begins late, or on a bare id, looks at once."""
    if submitted_at is None:
        return now
    return max(now, submitted_at + policy.first_after)


def next_delay(policy: PollPolicy, *, age: float, rng: random.Random) -> float:
    """Return the pause before the next look at a video of this age.

    The sum of a geometric series turned round: looks that start at `first_after` and grow by `growth` come out, and
    a wait that begins late gets the pauses of its age. The jitter only shortens: `max_interval` is a promise.
    """
    pause = min(policy.max_interval, (policy.first_after or _SMALLEST_START) + max(0.0, age) * (policy.growth - 1))
    # A pause so small that the product underflows must not stop the clock.
    return pause * (1 - min(policy.jitter, 0.9) * rng.random()) or pause


def detail_delay(policy: PollPolicy, tries: int) -> float:
    """Return the pause after the `tries`-th look (from 1) that did not bring a finished video's details."""
    start = min(_DETAIL_START, policy.first_after or _SMALLEST_START)
    return min(policy.max_interval, start * _DETAIL_GROWTH ** min(tries - 1, 50))


def url_look_delays(policy: PollPolicy) -> Iterator[float]:
    """Yield the pauses between looks for a missing URL; the last one ends `url_grace` after the first look."""
    left, tries = policy.url_grace, 0
    while left > 0:
        tries += 1
        pause = min(left, detail_delay(policy, tries))
        yield pause
        left -= pause


def pause_after_429(retry_after: float | None, *, in_a_row: int, cap: float) -> float:
    """Return how long all looks pause: what was asked for, within the cap, or doubling pauses if nothing was."""
    if retry_after is not None:
        return min(max(0.0, retry_after), cap)
    return min(cap, _PAUSE_LIMIT, _PAUSE_START * 2.0 ** min(in_a_row - 1, 10))


class _Entry(NamedTuple):
    start: float
    due: float
    number: int

    @property
    def early(self) -> float:
        return self.start + (self.due - self.start) * _COMPANY


class Agenda(Generic[K]):
    """Know who is due when, and who may as well be looked at now; every step is O(log n) per id touched."""

    def __init__(self) -> None:
        self._entries: dict[K, _Entry] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def put(self, key: K, *, now: float, due: float) -> None:
        """Note that `key` is due at `due`, counted from `now`; a later note replaces an earlier one."""
        self._numbers += 1
        self._entries[key] = _Entry(now, due, self._numbers)
        heapq.heappush(self._heap, (due, self._numbers, key))
        if len(self._heap) > 2 * len(self._entries) + 64:
            self._heap = [(entry.due, entry.number, key) for key, entry in self._entries.items()]
            heapq.heapify(self._heap)

    def drop(self, key: K) -> None:
        """Forget `key`, if it is known."""
        self._entries.pop(key, None)

    def next_due(self) -> float:
        """Return the earliest due time, infinity if there is none."""
        while self._heap:
            due, number, key = self._heap[0]
            if self._is_valid(key, number):
                return due
            heapq.heappop(self._heap)
        return math.inf

    def take(self, now: float, *, early: bool = True) -> list[K]:
        """Remove and return what is looked at now: all that is due and, if something is, what may keep it company."""
        taken: list[K] = []
        while self.next_due() <= now:
            taken.append(self._pop())
        if taken and early:
            taken += self.company(now)
        return taken

    def company(self, now: float, *, also: Callable[[K], bool] | None = None, most: float = math.inf) -> list[K]:
        """Remove and return what is looked at although it is not due, the first due first.

        That is what has waited for long enough, and what `also` accepts.
        """
        taken: list[K] = []
        waiting: list[tuple[float, int, K]] = []
        while len(taken) < most and len(waiting) < _PASSED_OVER and self.next_due() < math.inf:
            key = self._heap[0][2]
            if self._entries[key].early <= now or (also is not None and also(key)):
                taken.append(self._pop())
            else:
                waiting.append(heapq.heappop(self._heap))
        for item in waiting:
            heapq.heappush(self._heap, item)
        return taken

    def _pop(self) -> K:
        key = heapq.heappop(self._heap)[2]
        del self._entries[key]
        return key

    def _is_valid(self, key: K, number: int) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.number == number


class RateBound:
    """Spread starts to at most `rate` a second on average, `burst` of them at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._tolerance = (burst - 1) / rate
        self._booked_to = -math.inf

    def reserve(self, now: float) -> float:
        """Book the next start and return its time."""
        start = max(now, self._booked_to - self._tolerance)
        self._booked_to = max(now, self._booked_to) + self._interval
        return start


class Breaker:
    """Leave a facility alone for `rest` seconds after `limit` failures in a row; then one more failure is enough."""

    def __init__(self, *, limit: int, rest: float) -> None:
        self._limit = limit
        self._rest = rest
        self._failures = 0
        self._open_until = -math.inf

    def allows(self, now: float) -> bool:
        """Say whether the facility may be used."""
        return now >= self._open_until

    def succeeded(self) -> None:
        """Note that it worked."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """Note that it did not."""
        self._failures = min(self._failures + 1, self._limit)
        if self._failures == self._limit:
            self._open_until = now + self._rest
