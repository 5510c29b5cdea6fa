"""Which attempt may be repeated, and when."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from attrs import frozen

from heygen_async import errors
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.error_codes import is_hopeless_429

Repeatable = Literal["always", "never_processed"]
"""How safe a repetition is: `always` (GET, DELETE, or a POST with a key), or only if the server surely did nothing."""

_JITTER: Final = 0.25
# A Retry-After of 0 must not become a busy loop (scenario 12c).
_MINIMUM_DELAY: Final = 0.25


def parse_retry_after(header: str | None, *, wall_clock: float) -> float | None:
    """Return the seconds that a Retry-After header asks for; a date in the past is 0, garbage is None."""
    if header is None:
        return None
    text = header.strip()
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text, wall_clock)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, wall_clock: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment.timestamp() - wall_clock)


def backoff(policy: RetryPolicy, attempt: int, chance: float) -> float:
    """Return the pause after the `attempt`-th failure (from 1); `chance` in [0, 1) is the die for the jitter."""
    exponent = min(attempt - 1, 60)
    pause = min(policy.max_delay, policy.base * 2.0**exponent)
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
        return repeatable == "always"
    if not isinstance(error, errors.APIStatusError):
        return False
    if error.status_code == 429:
        return not is_hopeless_429(error.code)
    if repeatable == "never_processed":
        return False
    return error.status_code == 408 or error.status_code >= 500 or is_running_elsewhere(error)


@frozen
class Pause:
    """How long to wait before the next attempt, and whether the failure counts against `max_attempts`."""

    delay: float
    counts: bool


@frozen(kw_only=True)
class Patience:
    """For how many seconds after the first attempt a failure is waited out without being counted.

    `running` bounds 409 `request_in_progress`, `full_account` 429, `fresh_asset` a 404 for an asset that was uploaded
    a moment ago (scenarios 4, 12a and 13).
    """

    running: float = 0.0
    full_account: float = 0.0
    fresh_asset: float = 0.0


def pause_after(
    error: errors.APIError,
    *,
    policy: RetryPolicy,
    repeatable: Repeatable,
    patience: Patience,
    attempts: int,
    counted: int,
    elapsed: float,
    chance: float,
) -> Pause | None:
    """Return the pause after the `attempts`-th attempt, or None when the error is final.

    `counted` failures, this one not included, count against `policy.max_attempts`; `elapsed` seconds have passed
    since the first attempt.
    """
    waitable = elapsed < _patience_for(error, patience)
    if not waitable and not may_repeat(error, repeatable):
        return None
    if not waitable and counted + 1 >= policy.max_attempts:
        return None
    asked = error.retry_after if isinstance(error, errors.APIStatusError) else None
    delay = delay_before_retry(policy, attempts, asked, chance)
    return None if delay is None else Pause(delay=delay, counts=not waitable)


def _patience_for(error: errors.APIError, patience: Patience) -> float:
    if not isinstance(error, errors.APIStatusError):
        return 0.0
    if is_running_elsewhere(error):
        return patience.running
    if error.status_code == 429 and not is_hopeless_429(error.code):
        return patience.full_account
    if error.status_code == 404 and error.code == "asset_not_found":
        return patience.fresh_asset
    return 0.0


def outcome_is_unknown(error: errors.APIError) -> bool:
    """Say whether a failed submission may have created a video all the same."""
    if isinstance(error, errors.APIConnectionError):
        return error.request_sent
    if isinstance(error, errors.APIStatusError):
        return error.status_code == 408 or error.status_code >= 500
    return isinstance(error, errors.APIResponseError)
