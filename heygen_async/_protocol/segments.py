"""Fetch one file over several connections, where that is faster: which blocks, and how many connections.

Some hosts hold every connection to a pace of its own; several of them then bring a file sooner. Where one connection
is as fast as the line or the disk, further ones only cost. So a file begins with one, and gets others only while the
measured pace says that each helps.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, Literal

from attrs import define, field, frozen

MIB: Final = 1024 * 1024
# Lines and hosts change, but seldom within a batch of videos. In seconds.
REMEMBERED: Final = 300.0


@frozen(kw_only=True)
class SegmentRules:
    """When further connections are tried, and when they stay.

    `most` connections for one file, 1 for never another (4 is what download tools use by default). A rest of less than
    `smallest_rest` bytes, or of less than `worthwhile` seconds at the pace so far, is left to one connection: the
    others would hardly have started. So is whatever comes faster than `fast` bytes per second together with the other
    files of its host, which no host that paces its connections allows. The pace is measured over `measure` seconds,
    and, because bytes are counted in pieces of up to 256 KiB or a quarter of a second, on until `sample` bytes per
    connection have come or `measure_at_most` seconds have gone by. Connections that were let in get `warm_up` seconds
    before: to connect, and for TCP to find its pace. A further connection has helped if the pace grew by `gain` of what
    it could have grown. Blocks are what one connection brings in `block_seconds`, within `smallest_block` and
    `largest_block` bytes: a killed process loses about one per connection.
    """

    most: int = 4
    smallest_rest: int = 16 * MIB
    worthwhile: float = 2.0
    fast: float = 100e6
    measure: float = 0.3
    measure_at_most: float = 1.0
    sample: int = 4 * MIB
    warm_up: float = 0.5
    gain: float = 0.4
    block_seconds: float = 2.0
    smallest_block: int = 4 * MIB
    largest_block: int = 32 * MIB


ONE_CONNECTION: Final = SegmentRules(most=1)


@define
class Pacer:
    """Decide how many connections one file gets, from what came in while there were how many.

    `known` is how many helped with other files of the same host, if that was found out a short time ago.
    """

    rules: SegmentRules
    known: int | None = None
    lines: int = field(default=1, init=False)
    _state: Literal["alone", "trying", "settled"] = field(default="alone", init=False)
    _before: float = field(default=0.0, init=False)
    _lines_before: int = field(default=1, init=False)
    _pace: float = field(default=0.0, init=False)
    _pace_of_each: float = field(default=0.0, init=False)
    _not_before: float = field(default=-math.inf, init=False)
    _since: float | None = field(default=None, init=False)
    _done_then: int = field(default=0, init=False)
    _is_measured: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        if self.rules.most == 1 or self.known == 1:
            self.settle_for(1)

    @property
    def is_settled(self) -> bool:
        """Say whether the number of connections will not change any more."""
        return self._state == "settled"

    @property
    def is_for_one(self) -> bool:
        """Say whether one connection is to bring all that is missing."""
        return self.is_settled and self.lines == 1

    @property
    def found(self) -> int | None:
        """Return how many connections helped, None if that was not found out."""
        return self.lines if self._is_measured and self.is_settled else None

    def note(self, done: int, total: int, now: float, *, beside: int = 0) -> int:
        """Take note of how many bytes have come, and return how many connections there should be.

        `beside` it, so many other files are coming from the same host; they are taken to be as fast.
        """
        if self._state == "alone" and total - done < self.rules.smallest_rest:
            self.settle_for(1)
        if not self.is_settled and self._has_measured(done, now):
            self._decide(total - done, now, self.rules.fast / (1 + beside))
        return self.lines

    def block_size(self, unassigned: int) -> int:
        """Return how many bytes the next block gets: less towards the end, so that all connections end together.

        Nothing, if one connection is to go on without blocks.
        """
        if self.is_for_one:
            return 0
        wanted = min(self._pace_of_each * self.rules.block_seconds, unassigned / (2 * self.lines))
        return int(min(self.rules.largest_block, max(self.rules.smallest_block, wanted)))

    def settle_for(self, lines: int) -> None:
        """Take so many connections and leave it at that."""
        self.lines, self._state = lines, "settled"

    def _has_measured(self, done: int, now: float) -> bool:
        if now < self._not_before:
            return False
        if self._since is None:
            self._since, self._done_then = now, done
        elapsed, came = now - self._since, done - self._done_then
        if elapsed <= 0 or came <= 0 or not self._is_enough(elapsed, came):
            return False
        self._pace, self._pace_of_each = came / elapsed, came / elapsed / self.lines
        self._since, self._done_then = now, done
        return True

    def _is_enough(self, elapsed: float, came: int) -> bool:
        rules = self.rules
        # Where it is known what helps, any pace will do.
        return self.known is not None or (
            elapsed >= rules.measure and (came >= rules.sample * self.lines or elapsed >= rules.measure_at_most)
        )

    def _decide(self, rest: int, now: float, fast: float) -> None:
        if self._state == "trying":
            self._judge()
        elif self._pace >= fast or rest <= self._pace * self.rules.worthwhile:
            return
        elif self.known is not None:
            self.settle_for(min(self.known, self.rules.most))
        if not self.is_settled:
            self._try_more(now)

    def _judge(self) -> None:
        self._is_measured = True
        possible = self.lines / self._lines_before - 1
        if self._pace < self._before * (1 + self.rules.gain * possible):
            self.settle_for(self._lines_before)
        elif self.lines >= self.rules.most:
            self._state = "settled"

    def _try_more(self, now: float) -> None:
        self._since, self._not_before = None, now + self.rules.warm_up
        self._state, self._before, self._lines_before = "trying", self._pace, self.lines
        self.lines = min(self.rules.most, self.lines * 2)


@define
class HostLines:
    """Remember for some minutes how many connections helped with a file of a host: the next one need not find out.

    And know how many files are coming from each host.
    """

    _found: dict[str, tuple[int, float]] = field(factory=dict[str, tuple[int, float]], init=False)
    _coming: Counter[str] = field(factory=Counter[str], init=False)

    @contextmanager
    def coming(self, host: str) -> Generator[None]:
        """Count a file of a host."""
        self._coming[host] += 1
        try:
            yield
        finally:
            self._coming[host] -= 1
            if not self._coming[host]:
                del self._coming[host]

    def beside(self, host: str) -> int:
        """Return how many files are coming from a host beside the one that asks."""
        return max(0, self._coming[host] - 1)

    def note(self, host: str, lines: int, now: float) -> None:
        """Take note of what was found out at `now`, and forget what is old."""
        self._found = {known: what for known, what in self._found.items() if now - what[1] < REMEMBERED}
        self._found[host] = (lines, now)

    def get(self, host: str, now: float) -> int | None:
        """Return how many connections helped, None if that is not known, or not any more."""
        found = self._found.get(host)
        return found[0] if found is not None and now - found[1] < REMEMBERED else None


@frozen(order=True)
class Block:
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int


@define
class Blocks:
    """Hand out what is missing of a file, block by block from the front, and know up to where it is whole.

    `sound` bytes from the start are there without a gap; bytes from `sound` up to `bound` belong to whoever began.
    """

    total: int
    bound: int
    sound: int
    _next: int = field(init=False)
    _returned: list[Block] = field(factory=list[Block], init=False)
    _ahead: dict[int, int] = field(factory=dict[int, int], init=False)

    def __attrs_post_init__(self) -> None:
        self._next = self.bound

    @property
    def unassigned(self) -> int:
        """Return how many bytes nobody has taken yet."""
        return self.total - self._next + sum(block.end - block.start for block in self._returned)

    def take(self, size: int) -> Block | None:
        """Return the first block that nobody has, of about `size` bytes, or None if all are taken.

        With a `size` of 0, only those that were given back.
        """
        if self._returned:
            return heapq.heappop(self._returned)
        if not size or self._next >= self.total:
            return None
        start, self._next = self._next, min(self.total, self._next + size)
        return Block(start, self._next)

    def give_back(self, block: Block) -> None:
        """Let somebody else bring a block, or what is missing of it."""
        heapq.heappush(self._returned, block)

    def finish(self, start: int, end: int) -> bool:
        """Take note of bytes that are there, and say whether `sound` has moved."""
        self._ahead[start] = end
        before = self.sound
        while (further := self._ahead.pop(self.sound, None)) is not None:
            self.sound = further
        return self.sound != before
