"""What is known about one video that somebody waits for."""

from __future__ import annotations

import math
from typing import Final

import anyio
from attrs import define, field

from heygen_async._policies import PollPolicy
from heygen_async._protocol.worth import NOWHERE
from heygen_async.errors import HeyGenError
from heygen_async.models.video import ApiVersion, Video, VideoStatus

# A list that lags behind, or is kept somewhere on the way, must not make anybody wait for long: something else has to
# confirm once in so many of the policy's longest intervals that a video runs. That costs next to no request more.
_LIST_IS_BELIEVED: Final = 4


@define(eq=False)
class Place:
    """A page of the account's list and the watches of the videos that should be on it.

    The last `misses` pages held none of them. This one was asked for at `asked_at`, and is `being_read` until the
    answer is there. It stands here because places and watches hold each other.
    """

    token: str | None
    watches: dict[Watch, None] = field(factory=dict["Watch", None])
    misses: int = 0
    asked_at: float = -math.inf
    being_read: bool = False


@define(eq=False, kw_only=True)
class Watch:
    """What is known about one video that somebody waits for.

    `video` is the newest answer; once its status is terminal it has all details. `finished` says that a terminal
    status was seen, with or without details.

    `born` is the submission, if `timed`; else the first wait, from which nothing can be learnt. `length` is that of the
    video in seconds, as far as the request tells it. `place` is where the video should be in the account's list. It was
    seen running at `running_at`, its end is `counted` once something was learnt from it, and something else than the
    list spoke of it at `checked_at`. A look at it was worth while at `asked_at`, and its end was seen at `finished_at`.
    It is `looking` while a look at it alone is under way or stands in line for that, and `asking` once its turn has
    come. `left_page` is where it was when nobody waited for it any more.
    """

    id: str
    wire: ApiVersion
    policy: PollPolicy
    born: float
    may_switch: bool
    alone: bool
    waiters: int = 0
    version: int = 0
    bell: anyio.Event | None = None
    status: VideoStatus | None = None
    video: Video | None = None
    error: HeyGenError | None = None
    finished: bool = False
    finished_at: float = -math.inf
    detailed_at: float | None = None
    looked_at: float = -math.inf
    tries: int = 0
    due: float = 0.0
    alone_at: float | None = None
    looking: bool = False
    look_scope: anyio.CancelScope | None = None
    asking: bool = False
    failures: int = 0
    absences: int = 0
    trouble: str | None = None
    timed: bool = False
    length: float | None = None
    running_at: float = -math.inf
    asked_at: float = -math.inf
    checked_at: float = -math.inf
    counted: bool = False
    place: Place | None = None
    left_page: str | None = NOWHERE

    @property
    def page(self) -> str | None:
        """Return the token of the page that should hold the video, `NOWHERE` if none is known to."""
        return NOWHERE if self.place is None else self.place.token

    @property
    def details(self) -> Video | None:
        """Return the finished video with its details, once they are known."""
        return self.video if self.video is not None and self.video.status.is_terminal else None

    @property
    def is_scheduled(self) -> bool:
        """Say whether it is the leader's to look at this video, sooner or later."""
        unfinished = not self.finished and self.error is None
        return unfinished and self.waiters > 0 and self.alone_at is None and not self.looking

    def wants_check(self, now: float) -> bool:
        """Say whether the list has been believed for long enough that the video runs."""
        checked_at = max(self.checked_at, self.born)
        return now - checked_at >= _LIST_IS_BELIEVED * self.policy.max_interval

    def is_young(self, now: float) -> bool:
        """Say whether the video may not be visible yet (scenario 20)."""
        return now - self.born < self.policy.visibility_grace
