"""Find the video of an ambiguous v2 submission by its callback id.

The v1 list does not show callback ids, each video's status does: so the newest videos are listed, and those that can
be ours are looked at one by one, newest first. What was learned is kept, so that many doubts cost few requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from typing import Final

import anyio
from attrs import define, field

from heygen_async import errors
from heygen_async._api import Api
from heygen_async._calls import one_call, page_call, understood
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.bounded import BoundedDict
from heygen_async._protocol.looks import VideoPage
from heygen_async._protocol.retrying import backoff
from heygen_async._protocol.submission import may_be_ours
from heygen_async._protocol.videos import page_from, video_from
from heygen_async.events import Event, SubmissionReconciling
from heygen_async.models.video import Video

# How far back a repeated key is looked for: HeyGen keeps v3 keys 24 h, and we keep the same promise on v2.
_LOOK_BACK: Final = 24 * 3600.0
_MAX_PAGES: Final = 5


@define(eq=False)
class Reconciler:
    """Look for videos by callback id; shared by the copies of one client."""

    _api: Api
    _emit: Callable[[Event], None]
    _callback_ids: BoundedDict[str, str | None] = field(factory=BoundedDict, init=False)
    _claimed: BoundedDict[str, bool] = field(factory=BoundedDict, init=False)

    def claim(self, video_id: str) -> None:
        """Remember that a video belongs to a submission, so that no ambiguous one takes it for its own."""
        self._claimed[video_id] = True

    async def settle(
        self, callback_id: str, *, idempotency_key: str, doubt: str, not_before: float, retries: RetryPolicy
    ) -> str:
        """Return the id of the video that an ambiguous submission created, and claim it.

        Look again with growing pauses within `retries.reconcile_window` seconds, then raise
        `SubmissionUncertainError`. Nothing is sent again.
        """
        self._emit(SubmissionReconciling(callback_id=callback_id, idempotency_key=idempotency_key, reason=doubt))
        tried = [doubt]
        deadline = anyio.current_time() + retries.reconcile_window
        while True:
            found = await self._look_for_unclaimed(callback_id, not_before, tried)
            if found is not None:
                return found
            pause = backoff(retries, len(tried), self._api.rng.random())
            if anyio.current_time() + pause > deadline:
                break
            await anyio.sleep(pause)
        raise errors.SubmissionUncertainError(
            f"A video may have been created: {doubt} It was looked for by callback_id {callback_id!r} for "
            f"{retries.reconcile_window:g} s and not found. Nothing was sent twice; repeat with "
            f"create(request, idempotency_key={idempotency_key!r}), which looks again before it sends.",
            callback_id=callback_id,
            idempotency_key=idempotency_key,
            tried=tried,
        )

    async def look_back(self, callback_id: str) -> str | None:
        """Return the id of the newest video of the last 24 hours with a callback id, or None.

        Raise the `APIError` of a call that failed: then nothing is known.
        """
        return await self._look(callback_id, not_before=time.time() - _LOOK_BACK, taken=())

    async def _look_for_unclaimed(self, callback_id: str, not_before: float, tried: list[str]) -> str | None:
        try:
            found = await self._look(callback_id, not_before=not_before, taken=self._claimed)
        except errors.APIError as error:
            tried.append(f"looked for it, but: {error}")
            return None
        tried.append("looked through the newest videos")
        return found

    async def _look(self, callback_id: str, *, not_before: float, taken: Container[str]) -> str | None:
        token: str | None = None
        for _ in range(_MAX_PAGES):
            page = await self._page(token)
            candidates = [video for video in page.videos if may_be_ours(video, not_before=not_before, taken=taken)]
            for video in candidates:
                if await self._callback_id_of(video) == callback_id and video.id not in taken:
                    self.claim(video.id)
                    return video.id
            token = page.next_token
            if token is None or not candidates:
                break
        return None

    async def _page(self, token: str | None) -> VideoPage:
        call = page_call("v2", token)
        answer = await self._api.call(call)
        return understood(answer, lambda: page_from(answer.body), call)

    async def _callback_id_of(self, video: Video) -> str | None:
        if video.callback_id is not None:
            return video.callback_id
        if video.id not in self._callback_ids:
            self._callback_ids[video.id] = await self._looked_up(video.id)
        return self._callback_ids[video.id]

    async def _looked_up(self, video_id: str) -> str | None:
        call = one_call(video_id, "v2")
        try:
            answer = await self._api.call(call)
        except errors.NotFoundError:
            return None
        return understood(answer, lambda: video_from(answer.data, known_id=video_id), call).callback_id
