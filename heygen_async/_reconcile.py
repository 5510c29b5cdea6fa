"""Find the video of an ambiguous v2 submission by its callback id.

The v1 list does not show callback ids, each video's status does: so the newest videos are listed, and those that can
be ours are looked at one by one, newest first. What was learned is kept, so that many doubts cost few requests.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import anyio
from attrs import define, field

from heygen_async import errors
from heygen_async._api import Api
from heygen_async._calls import one_call, page_call, understood
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.bounded import BoundedDict
from heygen_async._protocol.http_dates import unix_time_of
from heygen_async._protocol.looks import VideoPage
from heygen_async._protocol.retrying import backoff
from heygen_async._protocol.submission import callback_id_for, candidates, goes_back_far_enough
from heygen_async._protocol.videos import page_from, video_from
from heygen_async.events import Event, SubmissionReconciling
from heygen_async.models.video import Video

# How far back a repeated key is looked for: HeyGen keeps v3 keys 24 h, and we keep the same promise on v2.
_LOOK_BACK: Final = 24 * 3600.0
_MAX_PAGES: Final = 5
# So many of the newest videos are looked at whatever their date says, if the callback id is ours and thus unique.
_SPARE: Final = 20
# A share of the window: a retry policy without pauses must not turn it into a busy loop.
_LOOKS_AT_MOST: Final = 100


@define(eq=False)
class Reconciler:
    """Look for videos by callback id; shared by the copies of one client."""

    _api: Api
    _emit: Callable[[Event], None]
    _callback_ids: BoundedDict[str, str | None] = field(factory=BoundedDict, init=False)
    _owners: BoundedDict[str, str] = field(factory=BoundedDict, init=False)
    _videos: BoundedDict[str, str] = field(factory=BoundedDict, init=False)
    _doubted: BoundedDict[str, float] = field(factory=BoundedDict, init=False)
    _awaited: Counter[str] = field(factory=Counter, init=False)

    def claim(self, video_id: str, idempotency_key: str) -> None:
        """Remember that a video belongs to a submission, so that no other one takes it for its own."""
        self._owners[video_id] = idempotency_key
        self._videos[idempotency_key] = video_id

    def doubts(self, idempotency_key: str) -> bool:
        """Say whether a submission of this client under a key may have been accepted on v2 without being found."""
        return idempotency_key in self._doubted and idempotency_key not in self._videos

    @contextmanager
    def awaiting(self, callback_id: str, idempotency_key: str) -> Generator[None]:
        """Note that HeyGen's answer to a submission is awaited: it will tell whose a video is, unless cancelled."""
        self._awaited[callback_id] += 1
        try:
            yield
        except anyio.get_cancelled_exc_class():
            self._doubted[idempotency_key] = anyio.current_time()
            raise
        finally:
            self._awaited[callback_id] -= 1
            if not self._awaited[callback_id]:
                del self._awaited[callback_id]

    async def settle(
        self, callback_id: str, *, idempotency_key: str, doubt: str, started: float, retries: RetryPolicy
    ) -> str:
        """Return the id of the video that an ambiguous submission created, and claim it.

        `started` is when it was sent, on the event loop's clock. Look again with growing pauses within
        `retries.reconcile_window` seconds, then raise `SubmissionUncertainError`. Nothing is sent again.
        """
        self._emit(SubmissionReconciling(callback_id=callback_id, idempotency_key=idempotency_key, reason=doubt))
        tried = [doubt]
        self._doubted[idempotency_key] = anyio.current_time()
        deadline = anyio.current_time() + retries.reconcile_window
        while (found := await self._look_once_more(callback_id, idempotency_key, started, tried)) is None:
            if not await self._paused(len(tried), retries, deadline):
                break
        else:
            return found
        raise errors.SubmissionUncertainError(
            f"A video may have been created: {doubt} It was looked for by callback_id {callback_id!r} for "
            f"{retries.reconcile_window:g} s and not found. Nothing was sent twice; repeat with "
            f"create(request, idempotency_key={idempotency_key!r}), which looks again before it sends.",
            callback_id=callback_id,
            idempotency_key=idempotency_key,
            tried=tried,
        )

    async def look_back(self, callback_id: str, idempotency_key: str, retries: RetryPolicy) -> str | None:
        """Return the id of the video that was submitted under a key before, or None.

        What this client does not know itself is looked for among the videos of the last 24 hours, by callback id; for
        a key whose submission was cancelled a moment ago, until `retries.reconcile_window` has passed since. Raise the
        `APIError` of a call that failed: then nothing is known.
        """
        if (known := self._videos.get(idempotency_key)) is not None:
            return known
        deadline = self._doubted.get(idempotency_key, -math.inf) + retries.reconcile_window
        started, looks = anyio.current_time() - _LOOK_BACK, 0
        while (found := await self._look(callback_id, idempotency_key, started)) is None:
            looks += 1
            if not await self._paused(looks, retries, deadline):
                break
        return found

    async def _paused(self, looks: int, retries: RetryPolicy, deadline: float) -> bool:
        """Sleep between two looks and say so, or return at once if that would take longer than `deadline`."""
        pause = backoff(retries, looks, self._api.rng.random())
        pause = max(pause, retries.reconcile_window / _LOOKS_AT_MOST)
        if anyio.current_time() + pause >= deadline:
            return False
        await anyio.sleep(pause)
        return True

    async def _look_once_more(self, callback_id: str, key: str, started: float, tried: list[str]) -> str | None:
        if self._awaited[callback_id]:
            tried.append("waited for other submissions with the same callback_id")
            return None
        try:
            found = await self._look(callback_id, key, started)
        except errors.APIError as error:
            tried.append(f"looked for it, but: {error}")
            return None
        tried.append("looked through the newest videos")
        return found

    async def _look(self, callback_id: str, key: str, started: float) -> str | None:
        token: str | None = None
        spare = _SPARE if callback_id == callback_id_for(key) else 0
        for _ in range(_MAX_PAGES):
            page, server_time = await self._page(token)
            not_before = server_time - (anyio.current_time() - started)
            for video in candidates(page.videos, not_before=not_before, spare=spare):
                if await self._is_of(video, callback_id, key):
                    self.claim(video.id, key)
                    return video.id
            token, spare = page.next_token, 0
            if token is None or goes_back_far_enough(page.videos, not_before=not_before):
                break
        return None

    async def _page(self, token: str | None) -> tuple[VideoPage, float]:
        """Return a page of the list, and what the server's clock shows: the two clocks may be far apart."""
        call = page_call("v2", token)
        answer = await self._api.call(call)
        page = understood(answer, lambda: page_from(answer.body), call)
        server_time = unix_time_of(answer.raw.headers.get("date"))
        return page, answer.raw.wall_clock if server_time is None else server_time

    async def _is_of(self, video: Video, callback_id: str, key: str) -> bool:
        if self._owners.get(video.id, key) != key or await self._callback_id_of(video) != callback_id:
            return False
        # Another submission may have claimed it in the meantime.
        return not self._awaited[callback_id] and self._owners.get(video.id, key) == key

    async def _callback_id_of(self, video: Video) -> str | None:
        if video.callback_id is not None:
            return video.callback_id
        if video.id not in self._callback_ids:
            call = one_call(video.id, "v2")
            try:
                answer = await self._api.call(call)
                found = understood(answer, lambda: video_from(answer.data, known_id=video.id), call)
            except (errors.NotFoundError, errors.APIResponseError):
                # Not visible yet, or garbage for this once: to be asked again.
                return None
            except errors.BadRequestError:
                # Listed, but of a kind that the status call does not know: no video of a submission.
                self._callback_ids[video.id] = None
                return None
            self._callback_ids[video.id] = found.callback_id
        return self._callback_ids[video.id]
