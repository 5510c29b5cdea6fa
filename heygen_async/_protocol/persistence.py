"""How long a download goes on trying: for ever while it gets somewhere, a few times when it does not."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from heygen_async._policies import RetryPolicy
from heygen_async._protocol.retrying import backoff, delay_before_retry

# An attempt that brings less has got nowhere; of files smaller than 100 times this, a hundredth will do.
USEFUL: Final = 64 * 1024
# Slower than this over a whole stall period is a stall: a film would take days. In bytes per second.
SLOWEST: Final = 128


@define
class Persistence:
    """Count attempts that got nowhere since the last useful progress.

    `best` is how far the file ever was: a host that lets every attempt start over and cuts it at the same place does
    not make progress.
    """

    _policy: RetryPolicy
    _best: int = field(default=0, alias="best")
    _failures: int = field(default=0, init=False)
    _renewals: int = field(default=0, init=False)

    def note(self, position: int, total: int | None) -> None:
        """Take note of where an attempt ended."""
        useful = USEFUL if total is None else max(1, min(USEFUL, total // 100))
        if position - self._best >= useful:
            self._best = position
            self._failures = self._renewals = 0

    def pause_after_failure(self, after: float | None, chance: float) -> float | None:
        """Return the pause after a failed attempt, or None when it was the last.

        `after` is what the host asked for; `chance` in [0, 1) is the die for the jitter.
        """
        self._failures += 1
        if self._failures >= self._policy.max_attempts:
            return None
        return delay_before_retry(self._policy, self._failures, after, chance)

    def pause_before_renewal(self, chance: float) -> float | None:
        """Return the pause before a fresh link is asked for, or None when enough of them were refused.

        The first comes at once: links expire without anybody being at fault. The later ones leave a file that was
        finished a moment ago some time to appear.
        """
        self._renewals += 1
        if self._renewals > self._policy.max_attempts:
            return None
        return 0.0 if self._renewals == 1 else backoff(self._policy, self._renewals, chance)


@define
class StallMeter:
    """Tell a slow connection from one that only pretends to live (scenario 45).

    Silence is not seen here: whoever reads has a time-out of `stall` seconds for that.
    """

    _stall: float
    _since: float
    _received: int = field(default=0, init=False)

    def stalled(self, received: int, now: float) -> bool:
        """Take note of bytes that just came, and say whether too few came in the last `stall` seconds or more."""
        self._received += received
        elapsed = now - self._since
        if elapsed < self._stall:
            return False
        too_few = self._received < SLOWEST * elapsed
        self._since, self._received = now, 0
        return too_few
