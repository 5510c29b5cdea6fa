"""Time as the sandbox sees it: real, faster, frozen, or a week later at a call."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable


class VirtualClock:
    """A clock in unix seconds that can be moved forward by hand.

    `rate` is how many virtual seconds pass in a real one: 1 by default, 60 for demonstrations, 0 to let only
    `advance` move it. `start` is the first reading (default: the real time). Safe to use from several threads.
    """

    def __init__(
        self, *, start: float | None = None, rate: float = 1.0, real: Callable[[], float] = time.monotonic
    ) -> None:
        self._real = real
        self._lock = threading.Lock()
        self._start = start
        self._first_rate = rate
        self.moves = 0
        """How often the clock was set: only then does it show something else than its rate says."""
        self.restart()

    def now(self) -> float:
        """Return the virtual time in unix seconds."""
        with self._lock:
            return self._read()

    def advance(self, seconds: float) -> None:
        """Jump forward; nobody has to wait for it."""
        if not 0 <= seconds < math.inf:
            raise ValueError("seconds: time only goes forward")
        with self._lock:
            self._now = self._read() + seconds
            self._mark = self._real()
            self.moves += 1

    def restart(self) -> None:
        """Go back to the first reading and rate; a clock without a `start` goes back to the real time."""
        with self._lock:
            self._rate = self._first_rate
            self._mark = self._real()
            self._now = time.time() if self._start is None else self._start
            self.moves += 1

    def restore_rate(self) -> None:
        """Go on as fast as at first."""
        if self._rate != self._first_rate:
            self.rate = self._first_rate

    @property
    def rate(self) -> float:
        """Return how many virtual seconds pass in a real one."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        if not 0 <= rate < math.inf:
            raise ValueError("rate: time only goes forward")
        with self._lock:
            self._now = self._read()
            self._mark = self._real()
            self._rate = rate
            self.moves += 1

    def _read(self) -> float:
        return self._now + (self._real() - self._mark) * self._rate
