"""Waiting for videos: all waiters of a client share their looks, and no task of its own does the work."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import AsyncIterator, Callable
from typing import Final, NoReturn

import anyio
from attrs import define, field

from heygen_async._board import Board
from heygen_async._lists import Looks
from heygen_async._policies import PollPolicy
from heygen_async._protocol.schedule import wait_limit
from heygen_async._rounds import Looker
from heygen_async._turns import Turns
from heygen_async._watches import Watch
from heygen_async.errors import HeyGenError, VideoNotAvailableError
from heygen_async.events import Event
from heygen_async.models.progress import JobUpdate
from heygen_async.models.video import ApiVersion, Asset, Video, VideoStatus

__all__ = ["Coordinator", "Looks", "Updates"]

_MAX_RETRY_AFTER: Final = 120.0


class Coordinator:
    """Let any number of waiters wait for videos with as few requests as possible.

    Nothing is bound to an event loop before the first wait, and nothing is left behind by the last one.
    """

    def __init__(
        self,
        looks: Looks,
        *,
        emit: Callable[[Event], None],
        rng: random.Random | None = None,
        max_retry_after: float = _MAX_RETRY_AFTER,
    ) -> None:
        # The dice only spread requests over time.
        self._board = Board(emit, rng or random.Random(), max_retry_after)  # noqa: S311
        self._turns = Turns(self._board, Looker(looks, self._board))

    @property
    def watched(self) -> int:
        """Return how many videos are waited for at this moment."""
        return len(self._board)

    async def wait(
        self,
        video_id: str,
        wire: ApiVersion,
        *,
        policy: PollPolicy,
        submitted_at: float | None,
        timeout: float | None = None,
        may_switch: bool = False,
        asset: Asset = "video",
        length: float | None = None,
    ) -> Video:
        """Wait until a video is failed, or completed with the URL of `asset`, and return it.

        `submitted_at` is `anyio.current_time()` at submission; None (a bare id) looks at once. `timeout` None means
        the policy's, `math.inf` no limit, 0 one look. `may_switch` allows to go on on v3 when the v1 API is gone.
        `length` is how many seconds the video will be long, if the request tells: long ones take longer to render.
        Raise `WaitTimeoutError`, `VideoNotAvailableError`, `NotFoundError`, `AuthenticationError`,
        `PermissionDeniedError`, `ApiRetiredError`, or what ended all waits. Cancelling ends this wait only.
        """
        limit = wait_limit(timeout, policy)
        watch = self._board.admit(
            video_id,
            wire,
            policy=policy,
            submitted_at=submitted_at,
            may_switch=may_switch,
            now=anyio.current_time(),
            length=length,
        )
        try:
            return await self._turns.until(lambda: _outcome(watch, asset), watch, limit)
        finally:
            self._board.release(watch)

    def updates(
        self,
        video_id: str,
        wire: ApiVersion,
        *,
        policy: PollPolicy,
        submitted_at: float | None,
        timeout: float | None = None,
        may_switch: bool = False,
        length: float | None = None,
    ) -> Updates:
        """Iterate over a video's changes of status: the first one seen first, the terminal one (with details) last.

        Raise from the iteration what `wait` raises; a failed video is an update like any other. `timeout` counts
        from the first step. Between two steps nothing is held and nothing goes on: changes that nobody waited for
        are seen as one.
        """

        def admit(now: float) -> Watch:
            return self._board.admit(
                video_id, wire, policy=policy, submitted_at=submitted_at, may_switch=may_switch, now=now, length=length
            )

        return Updates(self._board, self._turns, admit, wait_limit(timeout, policy))

    def notify(self, video_id: str) -> None:
        """Look at a video at once, because a webhook spoke of it; if nobody waits for it yet, when somebody does."""
        self._board.notify(video_id)

    def end_all(self, error: HeyGenError) -> None:
        """End all waits with copies of `error`, for instance because the client is closed."""
        self._board.fail_all(error)


@define(eq=False)
class Updates(AsyncIterator[JobUpdate]):
    """Iterate over the changes of one video's status; see `Coordinator.updates`.

    A class, not a generator: it holds no scope between steps, and one that is dropped in the middle leaves nothing to
    clean up.
    """

    _board: Board
    _turns: Turns
    _admit: Callable[[float], Watch]
    _limit: float
    _watch: Watch | None = field(default=None, init=False)
    _deadline: float = field(default=math.inf, init=False)
    _seen: VideoStatus | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)

    def __aiter__(self) -> Updates:
        return self

    async def __anext__(self) -> JobUpdate:
        """Return the next change of status; cancelling ends this step only."""
        if self._ended:
            raise StopAsyncIteration
        try:
            video = await self._step()
        except HeyGenError:
            self._ended = True
            raise
        assert self._watch is not None  # noqa: S101 - narrows for the type checker
        self._seen, self._ended = video.status, video.status.is_terminal
        return JobUpdate(status=video.status, elapsed=anyio.current_time() - self._watch.born, video=video)

    async def _step(self) -> Video:
        now = anyio.current_time()
        if self._watch is None:
            watch, self._deadline = self._admit(now), now + self._limit
        else:
            watch = self._board.readmit(self._watch, now)
        self._watch = watch
        try:
            return await self._turns.until(lambda: _news(watch, self._seen), watch, self._deadline - now)
        finally:
            self._board.release(watch)


def _outcome(watch: Watch, asset: Asset) -> Video | None:
    """Return the finished video, None while there is hope for it, or raise what ended the wait."""
    if watch.error is not None:
        _raise_copy(watch.error)
    video = watch.details
    if video is None or video.status == VideoStatus.FAILED or video.url_of(asset) is not None:
        return video
    since = watch.looked_at if watch.detailed_at is None else watch.detailed_at
    if watch.looked_at >= since + watch.policy.url_grace:
        raise VideoNotAvailableError(
            f"Video {watch.id} is completed but has no {asset} URL after {watch.policy.url_grace:g} s. "
            "Nothing is lost: wait again later with the same id.",
            job_id=watch.id,
        )
    return None


def _news(watch: Watch, seen: VideoStatus | None) -> Video | None:
    """Return the video if its status is not `seen`; a terminal one counts once it has its details."""
    finished = _outcome(watch, "video")
    if finished is not None or watch.finished or watch.video is None or watch.status == seen:
        return finished
    return watch.video


def _raise_copy(error: HeyGenError) -> NoReturn:
    # One exception instance raised in many tasks would collect the tracebacks of all of them.
    raise copy.copy(error) from error.__cause__
