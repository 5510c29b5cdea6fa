"""Every number of the SDK's behaviour, with its reason, in frozen values.

All durations are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import optional

from heygen_async._protocol.arguments import is_number


def _at_least(minimum: float, *, at_most: float = math.inf) -> Callable[[object, Attribute[Any], object], None]:
    def check(instance: object, attribute: Attribute[Any], value: object) -> None:
        if not is_number(value, at_least=minimum) or value > at_most:
            most = f" and at most {at_most:g}" if math.isfinite(at_most) else ""
            raise ValueError(
                f"{_name_of(instance, attribute)} must be a number of at least {minimum:g}{most}, not {value!r}"
            )

    return check


def _positive(instance: object, attribute: Attribute[Any], value: object) -> None:
    _at_least(0)(instance, attribute, value)
    if value == 0:
        raise ValueError(f"{_name_of(instance, attribute)} must be more than 0")


def _seconds(instance: object, attribute: Attribute[Any], value: object) -> None:
    # Sockets take no infinite time-out, and a call that may hang for ever is nobody's wish.
    _positive(instance, attribute, value)
    if value == math.inf:
        raise ValueError(f"{_name_of(instance, attribute)} must be finite; take a large number instead")


def _positive_int(instance: object, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{_name_of(instance, attribute)} must be a whole number of at least 1, not {value!r}")


def _name_of(instance: object, attribute: Attribute[Any]) -> str:
    return f"{type(instance).__name__}.{attribute.name}"


@frozen(kw_only=True)
class Timeouts:
    """How long one attempt of each kind of call may take.

    `connect` 5 s covers TCP and TLS. `read` 30 s bounds a GET as a whole, as the official command line does.
    `write` 120 s bounds POST, PATCH and DELETE: creating a video has a p99 near 31 s, and giving up early is what
    makes clients pay twice. `upload` 600 s bounds an upload. `download_stall` 60 s is the longest a download may
    go without useful progress; a whole download has no limit.
    """

    connect: float = field(default=5, validator=_seconds)
    read: float = field(default=30, validator=_seconds)
    write: float = field(default=120, validator=_seconds)
    upload: float = field(default=600, validator=_seconds)
    download_stall: float = field(default=60, validator=_seconds)


@frozen(kw_only=True)
class RetryPolicy:
    """How often a call is attempted, and how long the pauses are.

    `max_attempts` 4 counts the first one. Pauses start at `base` 0.5 s, double up to `max_delay` 30 s and are
    jittered by a quarter. A `Retry-After` is obeyed up to `max_retry_after` 120 s; beyond it the error is raised at
    once with `.retry_after`. `reconcile_window` 60 s is how long an ambiguous submission is looked for.
    """

    max_attempts: int = field(default=4, validator=_positive_int)
    base: float = field(default=0.5, validator=_at_least(0))
    max_delay: float = field(default=30, validator=_at_least(0))
    max_retry_after: float = field(default=120, validator=_at_least(0))
    reconcile_window: float = field(default=60, validator=_at_least(0))


@frozen(kw_only=True)
class PollPolicy:
    """When to look at a running video again.

    The first look comes `first_after` 10 s after submission: hardly any render is faster. Delays then grow by
    `growth` 1.4 up to `max_interval` 30 s, each jittered by `jitter` 20 %, so that clients do not march in step; one
    bulk request looks at up to 100 videos, so a short interval is cheap. `timeout` 3600 s is the default of `wait()`;
    it bounds the wait, not the render (typical: 5 to 15 minutes). `visibility_grace` 60 s forgives 404 after creation
    and `url_grace` 60 s a missing URL after completion: both have been seen in practice for some seconds.

    The client learns from its looks how long renders take, and how that goes with the length of the script. A look
    comes sooner than this schedule says, never later, once it probably ends `request_worth` 10 s of waiting, summed
    over the videos it tells of: five that ended two seconds ago are worth a request, and so is one that ended ten
    seconds ago (a look every 5 to 10 s is usual with HeyGen). Less makes waits shorter, more saves requests; `math.inf`
    keeps to the schedule.
    """

    first_after: float = field(default=10, validator=_at_least(0))
    growth: float = field(default=1.4, validator=_at_least(1))
    max_interval: float = field(default=30, validator=_positive)
    jitter: float = field(default=0.2, validator=_at_least(0, at_most=1))
    timeout: float = field(default=3600, validator=_at_least(0))
    visibility_grace: float = field(default=60, validator=_at_least(0))
    url_grace: float = field(default=60, validator=_at_least(0))
    request_worth: float = field(default=10, validator=_positive)


@frozen(kw_only=True)
class Limits:
    """How much may go on at once.

    `max_in_flight` bounds the videos that one client renders at the same time, through `videos.generate` and all its
    batches together; None leaves it to HeyGen's own limit (10 on pay-as-you-go), which batches learn from its 429
    answers and `videos.generate` waits out. `max_connections` 16 bounds the connections to the API: one bulk look
    answers for 100 videos, and larger httpx pools are slower, not faster. `max_downloads` 4 bounds the files fetched
    at the same time. `max_segments` bounds the connections over which one of them comes: a file host that holds each
    connection to a pace of its own gets further ones as long as each helps, any other just one. Four are the most that
    tools such as aria2 and browsers commonly open for one file; 1 turns it off.
    """

    max_in_flight: int | None = field(default=None, validator=optional(_positive_int))
    max_connections: int = field(default=16, validator=_positive_int)
    max_downloads: int = field(default=4, validator=_positive_int)
    max_segments: int = field(default=4, validator=_positive_int)
