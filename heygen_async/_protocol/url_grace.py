"""When to look again for the URL of a completed video."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heygen_async._policies import PollPolicy

# URLs have been seen to come some seconds after completion.
_FIRST_DELAY: Final = 2.0


def url_look_delays(policy: PollPolicy) -> Iterator[float]:
    """Yield the pauses between looks for a missing URL; they grow, and add up to `policy.url_grace`."""
    left, delay = policy.url_grace, _FIRST_DELAY
    while left > 0:
        pause = min(delay, left)
        yield pause
        left -= pause
        delay = min(delay * policy.growth, policy.max_interval)
