"""How many videos may be in flight at once, learned from what HeyGen refuses.

HeyGen counts jobs: above the account's limit a submission is refused with 429 and is not queued. The limit is not
told, other programs may share it, and it may change. So the window shrinks to what really runs when a submission is
refused, and is widened by one, gently, after a while of being full without a refusal. A refused probe costs nothing
but the pause that HeyGen asks for; the time between probes doubles with each refused one.
"""

from __future__ import annotations

import math
from typing import Final

from attrs import define, field, frozen

from heygen_async import errors
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.error_codes import BILLING, QUOTA
from heygen_async._protocol.retrying import backoff, delay_before_retry

# What HeyGen publishes for pay-as-you-go accounts.
PUBLISHED_LIMIT: Final = 10
_FIRST_PROBE: Final = 30.0
_FASTEST_PROBE: Final = 5.0
_SLOWEST_PROBE: Final = 600.0
# A Retry-After below this is no statement about when a job will end: repeated refusals are answered with patience.
_SAYS_NOTHING: Final = 1.0

# About one item's voice, avatar or feature, though they sound like the account's trouble.
_ITEMS_OWN: Final = frozenset(
    {
        "voice_not_usable",
        "avatar_usage_not_permitted",
        "resource_access_denied",
        "ai_vendor_access_restricted",
        "tts_paid_voice_err",
        "400551",
    }
)


@frozen
class Ticket:
    """The right to submit one video; `began` is when, `probe` says that it goes beyond the known limit."""

    began: float
    probe: bool


@define(eq=False)
class Window:
    """Count the videos in flight and say when the next one may be submitted; times are on one monotonic clock.

    `ceiling` is what the caller allows, None for whatever the account takes. It is never exceeded, but what HeyGen
    refuses narrows the window below it as well.
    """

    policy: RetryPolicy
    ceiling: int | None = None
    limit: int = field(init=False)
    held: int = field(default=0, init=False)
    closed_until: float = field(default=-math.inf, init=False)
    _refusals: int = field(default=0, init=False)
    _refused_at: float = field(default=-math.inf, init=False)
    _probe_pause: float = field(default=_FIRST_PROBE, init=False)
    _calm_since: float | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.limit = PUBLISHED_LIMIT if self.ceiling is None else self.ceiling

    def expect(self, in_flight: int) -> None:
        """Take the caller's word for what the account takes, unless HeyGen has said otherwise."""
        if self._refused_at == -math.inf and self.ceiling is None:
            self.limit = max(self.limit, in_flight)

    def opens_at(self) -> float:
        """Return when the next submission may go out: a time in the past is now, infinity when something has ended."""
        if self.held < self.limit:
            return self.closed_until
        if self._calm_since is None or (self.ceiling is not None and self.limit >= self.ceiling):
            return math.inf
        if self.held > self.limit:
            return math.inf
        return max(self.closed_until, self._calm_since + self._probe_pause)

    def take(self, now: float) -> Ticket:
        """Take a slot, beyond the limit if it is time for a probe."""
        probe = self.held >= self.limit
        self.held += 1
        if probe:
            self.limit = self.held
            self._calm_since = None
        elif self._calm_since is None and self.held == self.limit:
            self._calm_since = now
        return Ticket(now, probe)

    def take_over(self) -> None:
        """Count a video that runs already, whatever the limit."""
        self.held += 1

    def release(self) -> None:
        """Give back the slot of a video that has ended, or was not accepted for a reason of its own."""
        self.held -= 1

    def accepted(self, ticket: Ticket, now: float) -> None:
        """Note that a submission was accepted; after a good probe the next one comes sooner."""
        self._refusals = 0
        if ticket.probe:
            self._probe_pause = max(_FASTEST_PROBE, self._probe_pause / 2)
            self._calm_since = now

    def refused(self, ticket: Ticket, *, retry_after: float | None, now: float, chance: float) -> float | None:
        """Take back the slot of a submission that met 429, and return for how long none may be sent.

        None if HeyGen asks for more than `policy.max_retry_after`: waiting is no answer to that. `chance` in [0, 1)
        is the die for the jitter.
        """
        self.held -= 1
        # Those that are still being submitted count as running: each will be refused by itself, or run.
        self.limit = max(1, min(self.limit, self.held))
        if ticket.began > self._refused_at:
            self._refusals += 1
        self._refused_at = self._calm_since = now
        self._probe_pause = (
            min(_SLOWEST_PROBE, 2 * max(_FIRST_PROBE, self._probe_pause)) if ticket.probe else _FIRST_PROBE
        )
        delay = self._delay(retry_after, chance)
        if delay is not None:
            self.closed_until = max(self.closed_until, now + delay)
        return delay

    def _delay(self, retry_after: float | None, chance: float) -> float | None:
        in_a_row = max(1, self._refusals)
        delay = delay_before_retry(self.policy, in_a_row, retry_after, chance)
        if delay is None or (retry_after is not None and retry_after >= _SAYS_NOTHING):
            return delay
        return max(delay, backoff(self.policy, in_a_row, chance))


def stops_admission(error: Exception) -> str | None:
    """Return why nothing more should be submitted after an item's error, or None if the error is the item's own.

    The key, the credit or an allowance that waiting for seconds does not bring back (scenarios 11, 12f, 25 and 32).
    """
    if isinstance(error, errors.JournalError):
        return f"the journal cannot be written: {error}"
    status = error.status_code if isinstance(error, errors.APIStatusError) else None
    code = error.code if isinstance(error, errors.APIStatusError | errors.VideoFailedError) else None
    word = (code or "").lower()
    if word in _ITEMS_OWN and status not in {401, 402}:
        return None
    if word in QUOTA:
        return f"an allowance of the account is used up: {error}"
    if word in BILLING or status == 402 or isinstance(error, errors.InsufficientCreditError):
        return f"the account has no credit for it: {error}"
    if isinstance(error, errors.AuthenticationError | errors.PermissionDeniedError):
        return f"the API key is refused: {error}"
    return None
