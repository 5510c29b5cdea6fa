"""Which attempt may be repeated, and when."""

from __future__ import annotations

import math
import re
from typing import Final, Literal

from attrs import frozen

from heygen_async import errors
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.error_codes import is_used_up
from heygen_async._protocol.http_dates import unix_time_of

Repeatable = Literal["always", "never_processed"]
"""How safe a repetition is: `always` (GET, DELETE, or a POST with a key), or only if the server surely did nothing."""

_JITTER: Final = 0.25
# Neither a Retry-After of 0 (scenario 12c) nor a policy without pauses must become a busy loop.
_MINIMUM_DELAY: Final = 0.25
_SECONDS: Final = re.compile(r"[0-9]+(\.[0-9]*)?", re.ASCII)


def parse_retry_after(header: str | None, *, wall_clock: float) -> float | None:
    """Return the seconds that a Retry-After header asks for; a date in the past is 0, garbage is None."""
    if header is None:
        return None
    text = header.strip()
    if not _SECONDS.fullmatch(text):
        moment = unix_time_of(text)
        return None if moment is None else max(0.0, moment - wall_clock)
    seconds = float(text)
    return seconds if math.isfinite(seconds) else None


def backoff(policy: RetryPolicy, attempt: int, chance: float) -> float:
    """Return the pause after the `attempt`-th failure (from 1); `chance` in [0, 1) is the die for the jitter.

    `policy.max_delay` bounds what comes out, jitter included.
    """
    exponent = min(attempt - 1, 60)
    pause = min(policy.max_delay / (1 + _JITTER), policy.base * 2.0**exponent)
    return pause * (1 - _JITTER + 2 * _JITTER * chance)


def delay_before_retry(policy: RetryPolicy, attempt: int, retry_after: float | None, chance: float) -> float | None:
    """Return the pause after a failure that may be repeated, or None when the server asks for more than is allowed."""
    if retry_after is None:
        return backoff(policy, attempt, chance)
    if retry_after > policy.max_retry_after:
        return None
    return max(retry_after, _MINIMUM_DELAY) * (1 + _JITTER * chance)


def is_running_elsewhere(error: errors.APIError) -> bool:
    """Say whether an earlier attempt with the same key is still being worked on (scenario 4)."""
    return isinstance(error, errors.ConflictError) and error.code == "request_in_progress"


def may_repeat(error: errors.APIError, repeatable: Repeatable) -> bool:
    """Say whether a failed attempt may be sent again.

    The HTTP status decides, never the code's words (scenario 10), except that an exhausted allowance does not come
    back by waiting (12f). Without a key, only what surely never reached HeyGen or was turned away at its door.
    """
    if isinstance(error, errors.APIConnectionError):
        return repeatable == "always" or not error.request_sent
    if isinstance(error, errors.APIResponseError):
        return repeatable == "always" and not error.is_error
    if not isinstance(error, errors.APIStatusError) or is_used_up(error.code):
        return False
    if error.status_code == 429:
        return True
    if repeatable == "never_processed":
        return False
    return error.status_code == 408 or error.status_code >= 500 or is_running_elsewhere(error)


@frozen
class Pause:
    """How long to wait before the next attempt, and whether the failure counts against `max_attempts`."""

    delay: float
    counts: bool


Refusal = Literal["running", "full_account", "fresh_asset"]
"""A refusal that passes by itself: 409 `request_in_progress`, 429, a 404 for an asset (scenarios 4, 12a and 13)."""


@frozen(kw_only=True)
class Patience:
    """For how many seconds a refusal is waited out without being counted, from the first one of its kind.

    `full_account` None: a 429 is raised at once, because somebody else decides when the next submission goes out.
    """

    running: float = 0.0
    full_account: float | None = 0.0
    fresh_asset: float = 0.0

    def outlasts(self, refusal: Refusal | None, waited: float) -> bool:
        """Say whether a refusal that was first met `waited` seconds ago is still waited out."""
        return refusal is not None and waited < (getattr(self, refusal) or 0.0)

    def gives_up_at_once(self, refusal: Refusal | None) -> bool:
        """Say whether a refusal is not repeated at all."""
        return refusal is not None and getattr(self, refusal) is None


def refusal_of(error: errors.APIError, repeatable: Repeatable) -> Refusal | None:
    """Return which refusal that passes by itself an error is, if any."""
    if not isinstance(error, errors.APIStatusError) or is_used_up(error.code):
        return None
    if is_running_elsewhere(error):
        # Without a key a repetition would be a second submission.
        return "running" if repeatable == "always" else None
    if error.status_code == 429:
        return "full_account"
    if error.status_code == 404 and error.code == "asset_not_found":
        return "fresh_asset"
    return None


def pause_after(
    error: errors.APIError,
    *,
    policy: RetryPolicy,
    repeatable: Repeatable,
    patience: Patience,
    attempts: int,
    counted: int,
    waited: float,
    chance: float,
) -> Pause | None:
    """Return the pause after the `attempts`-th attempt, or None when the error is final.

    `counted` failures, this one not included, count against `policy.max_attempts`; the same kind of refusal was met
    first `waited` seconds ago.
    """
    refusal = refusal_of(error, repeatable)
    if patience.gives_up_at_once(refusal):
        return None
    waitable = patience.outlasts(refusal, waited)
    if not waitable and not may_repeat(error, repeatable):
        return None
    if not waitable and counted + 1 >= policy.max_attempts:
        return None
    asked = error.retry_after if isinstance(error, errors.APIStatusError) else None
    delay = delay_before_retry(policy, attempts, asked, chance)
    if delay is None:
        return None
    return Pause(delay=max(delay, _MINIMUM_DELAY) if waitable else delay, counts=not waitable)


def outcome_is_unknown(error: errors.APIError) -> bool:
    """Say whether a failed submission may have created a video all the same."""
    if isinstance(error, errors.APIConnectionError):
        return error.request_sent
    if isinstance(error, errors.APIStatusError):
        return (error.status_code == 408 or error.status_code >= 500) and not is_used_up(error.code)
    return isinstance(error, errors.APIResponseError) and not error.is_error
