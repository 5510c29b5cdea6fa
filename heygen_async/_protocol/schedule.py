"""When a running video is looked at again, and which looks go out together.

Pure arithmetic: `now` and the dice are arguments, all times are seconds on one monotonic clock.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Hashable, Iterator
from typing import Final, Generic, NamedTuple, TypeVar

from heygen_async._policies import PollPolicy

K = TypeVar("K", bound=Hashable)

BULK: Final = 100
"""How many ids one `GET /v3/videos/statuses` takes."""

# From these shares of its interval on, an id may be looked at early. A place in a request that goes out anyway costs
# nothing; joining with a further request is worth it near the end, because a round that finds many finished videos
# at once can read their details from a few list pages.
_RIDES_ALONG: Final = 0.5
_JOINS: Final = 0.75
# An early entry may hide behind others that are not ready: how many of those are stepped over.
_PASSED_OVER: Final = 100

# Where `first_after` is 0 the geometric growth needs something to grow from.
_SMALLEST_START: Final = 1.0
_DETAIL_START: Final = 2.0
_DETAIL_GROWTH: Final = 1.5
_PAUSE_START: Final = 1.0
_PAUSE_LIMIT: Final = 30.0


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
    return pause * (1 - min(policy.jitter, 0.9) * rng.random())


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

    def ready_at(self, share: float) -> float:
        return self.start + (self.due - self.start) * share


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

    def take(self, now: float, *, room: int = BULK, early: bool = True) -> list[K]:
        """Remove and return what is looked at now, in the order of due times.

        That is all that is due; and, if something is and `early` is wanted, what is nearly due, and as many of those
        half-way through their interval as find a place in the requests of `room` ids.
        """
        taken = self._pop_due(now)
        if taken and early:
            taken += self._pop_early(now, len(taken), room)
        return taken

    def _pop_due(self, now: float) -> list[K]:
        taken: list[K] = []
        while self.next_due() <= now:
            key = heapq.heappop(self._heap)[2]
            del self._entries[key]
            taken.append(key)
        return taken

    def _pop_early(self, now: float, due: int, room: int) -> list[K]:
        joining: list[K] = []
        riding: list[tuple[float, int, K]] = []
        waiting: list[tuple[float, int, K]] = []
        while len(waiting) < _PASSED_OVER and len(riding) < room and self.next_due() < math.inf:
            item = heapq.heappop(self._heap)
            entry = self._entries[item[2]]
            if entry.ready_at(_JOINS) <= now:
                joining.append(item[2])
            elif entry.ready_at(_RIDES_ALONG) <= now:
                riding.append(item)
            else:
                waiting.append(item)
        places = -(due + len(joining)) % room
        for item in riding[places:] + waiting:
            heapq.heappush(self._heap, item)
        early = joining + [key for _, _, key in riding[:places]]
        for key in early:
            del self._entries[key]
        return early

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
