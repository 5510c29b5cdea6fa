"""A handle on one video: wait for it, watch it, save it, stream it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
from attrs import define, field, frozen

from heygen_async._download import FileSource, FileStream, check_arguments, check_range
from heygen_async._protocol.schedule import url_look_delays
from heygen_async._services import Services
from heygen_async.errors import ConfigurationError, VideoFailedError, VideoNotAvailableError
from heygen_async.models.progress import DownloadProgress, JobUpdate, SavedFile
from heygen_async.models.video import ASSETS, ApiVersion, Asset, Video, VideoStatus

# A URL from an answer this young is used as it is; older ones are asked for again, because they expire.
_FRESH: Final = 30.0


@frozen
class _Seen:
    video: Video
    at: float


@define(eq=False)
class VideoJob:
    """Hold on to a submitted video.

    The handle is only an id: losing it loses nothing, `heygen.videos.job(id)` makes it again in any process.
    `api_version` is the wire it is watched on, `idempotency_key` what it was submitted under (None on a handle made
    from an id).
    """

    id: str
    api_version: ApiVersion
    idempotency_key: str | None
    _services: Services = field(repr=False)
    _submitted_at: float | None = field(default=None, repr=False)
    _length: float | None = field(default=None, repr=False)
    _last: _Seen | None = field(default=None, init=False, repr=False)

    async def status(self) -> Video:
        """Look once, now, and return the video as it is.

        Raise `NotFoundError` if HeyGen does not know it (yet), or the `APIError` of a look that kept failing.
        """
        return self._noted(await self._services.read(self.id, self.api_version))

    async def wait(self, *, timeout: float | None = None, raise_on_failure: bool = True) -> Video:
        """Wait until the video is completed and return it.

        `timeout` is in seconds, None means `PollPolicy.timeout` (an hour), `math.inf` no limit. Raise
        `VideoFailedError` if HeyGen could not render it (with `raise_on_failure=False` the failed video is returned),
        `WaitTimeoutError` when the time is up, `VideoNotAvailableError` if it completed without a URL,
        `NotFoundError` if it does not exist, and `AuthenticationError` or `PermissionDeniedError` if the key stops
        working. Cancelling stops the waiting only: the render goes on and is charged, and the handle can be waited
        on again.
        """
        video = self._last.video if self._last else None
        if video is None or not (video.status == VideoStatus.FAILED or (video.status.is_terminal and video.video_url)):
            video = self._noted(await self._terminal_video(timeout))
        if raise_on_failure and video.status == VideoStatus.FAILED:
            raise VideoFailedError(_failure_text(video), job_id=self.id, video=video)
        return video

    def updates(self, *, timeout: float | None = None) -> AsyncIterator[JobUpdate]:
        """Iterate over the present state, then one update per change of status, the terminal one last.

        A failed video is an update like any other. Raise what `wait` raises, `VideoFailedError` excepted. Leaving
        the loop stops the watching only.
        """
        updates = self._services.coordinator.updates(
            self.id,
            self.api_version,
            policy=self._services.polling,
            submitted_at=self._submitted_at,
            timeout=timeout,
            may_switch=self._services.may_switch,
            length=self._length,
        )
        return _Noting(updates, self._services.api.lane.check, self._noted)

    async def save(
        self,
        path: str | Path,
        *,
        asset: Asset = "video",
        overwrite: bool = False,
        on_progress: Callable[[DownloadProgress], None] | None = None,
        digest: str | None = None,
        max_bytes: int | None = None,
    ) -> SavedFile:
        """Wait for the video if needed, then save one of its files under `path`.

        The file is written to `<name>.part`, verified, flushed to disk and renamed: nobody sees a half file, and a
        later save of the same target goes on where this one was interrupted, in any process. `digest` names a hashlib
        algorithm. Raise what `wait` raises, `FileExistsError` for an existing target unless `overwrite`, other
        `OSError`s for an impossible one (all before any byte is fetched), or a `DownloadError`. Cancelling keeps the
        part file.
        """
        check_arguments(asset, max_bytes, on_progress)
        await self._services.downloader.check_target(path, overwrite=overwrite, digest=digest)
        await self.wait()
        return await self._services.downloader.save(
            self._source(asset),
            path,
            asset=asset,
            overwrite=overwrite,
            on_progress=on_progress,
            digest=digest,
            max_bytes=max_bytes,
            retries=self._services.retries,
            stall=self._services.timeouts.download_stall,
            connect=self._services.timeouts.connect,
        )

    @asynccontextmanager
    async def stream(self, *, asset: Asset = "video", range_header: str | None = None) -> AsyncGenerator[FileStream]:
        """Wait for the video if needed, then open one of its files for passing on, chunk by chunk.

        `range_header` is a browser's `Range` value. The body has `status_code` (200, 206 or 416), `headers` fit for
        passing on and `media_type`, all known before the first chunk. Raise what `wait` raises, or a `DownloadError`;
        `DownloadIncompleteError` from the iteration means that the file broke off.
        """
        check_arguments(asset)
        check_range(range_header)
        await self.wait()
        opened = self._services.downloader.open_stream(
            self._source(asset),
            asset=asset,
            range_header=range_header,
            retries=self._services.retries,
            stall=self._services.timeouts.download_stall,
            connect=self._services.timeouts.connect,
        )
        async with opened as body:
            yield body

    async def _terminal_video(self, timeout: float | None) -> Video:
        try:
            self._services.api.lane.check()
            return await self._services.coordinator.wait(
                self.id,
                self.api_version,
                policy=self._services.polling,
                submitted_at=self._submitted_at,
                timeout=timeout,
                may_switch=self._services.may_switch,
                length=self._length,
            )
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{error} Video {self.id} goes on being rendered; wait for it with another client: "
                f"videos.job({self.id!r})."
            ) from error

    def _source(self, asset: Asset) -> FileSource:
        fresh = self._last is not None and anyio.current_time() - self._last.at < _FRESH
        url = self._last.video.url_of(asset) if self._last and fresh else None

        async def refresh() -> str:
            return await self._fresh_url(asset)

        return FileSource(url=url, refresh=refresh, identity=f"{self.id}/{asset}")

    async def _fresh_url(self, asset: Asset) -> str:
        """Return a new presigned URL, forgiving its absence for a while after completion."""
        for delay in (0.0, *url_look_delays(self._services.polling)):
            await anyio.sleep(delay)
            video = await self.status()
            url = video.url_of(asset)
            if url is not None:
                return url
            if self._is_settled(video):
                break
        raise VideoNotAvailableError(self._without(asset), job_id=self.id)

    def _without(self, asset: Asset) -> str:
        video = self._last.video if self._last else None
        there = ", ".join(other for other in ASSETS if video is not None and video.url_of(other))
        asked_for = " HeyGen makes it if the request asks for captions." if asset in {"captioned", "subtitle"} else ""
        return (
            f"Video {self.id} is {self._last_word} but has no {asset} URL (it has {there or 'none'}).{asked_for} "
            "Nothing is lost: save it again later with the same id, or pick an asset it has."
        )

    def _is_settled(self, video: Video) -> bool:
        """Say whether the video was completed so long ago that a missing URL will not come any more."""
        return video.completed_at is not None and time.time() - video.completed_at > self._services.polling.url_grace

    @property
    def _last_word(self) -> str:
        return self._last.video.status if self._last else "not seen yet"

    def _noted(self, video: Video) -> Video:
        self._last = _Seen(video, anyio.current_time())
        return video


@define(eq=False)
class _Noting(AsyncIterator[JobUpdate]):
    """Tell the handle what its updates say; a class, because trio warns of a generator that is left early."""

    _updates: AsyncIterator[JobUpdate]
    _check: Callable[[], None]
    _note: Callable[[Video], Video]

    async def __anext__(self) -> JobUpdate:
        self._check()
        update = await anext(self._updates)
        self._note(update.video)
        return update


def _failure_text(video: Video) -> str:
    return f"HeyGen could not render video {video.id}: {video.failure}."
