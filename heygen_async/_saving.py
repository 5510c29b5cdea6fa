"""One file from its link to its place on the disk: attempts, pauses, fresh links, the last checks, the rename."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn

import anyio
from attrs import define, field, frozen

from heygen_async import errors
from heygen_async._partfile import PartBusyError
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.persistence import Persistence
from heygen_async._protocol.redaction import redact_url
from heygen_async._protocol.resuming import Later, Renew, StartOver, Whole
from heygen_async._protocol.segments import ONE_CONNECTION, SegmentRules
from heygen_async._segments import Crew
from heygen_async._transfer import Completeness, DiskError, RefusedError, Transfer
from heygen_async._transport.file_lane import FileLane
from heygen_async._transport.file_requests import BrokenError, FileRules
from heygen_async.events import DownloadInterrupted, Event, FileSaved
from heygen_async.models.progress import DownloadProgress, SavedFile

Refresh = Callable[[], Awaitable[str]]


@frozen(kw_only=True)
class FileSource:
    """Where a file comes from.

    `url` is a presigned link, None if one has to be asked for first. `refresh` gets a fresh link; without it an
    expired one ends the download. `identity` names the file whatever its link is at the moment, so that another
    process may go on with its part file; without it the link counts, less its signature.
    """

    url: str | None = field(default=None, repr=redact_url)
    refresh: Refresh | None = field(default=None, repr=False)
    identity: str | None = None


@define(eq=False)
class Saving:
    """Save one file: made for one call of `run`, within a slot of the lane."""

    lane: FileLane
    source: FileSource
    url: str | None
    transfer: Transfer
    overwrite: bool
    rules: FileRules
    retries: RetryPolicy
    segments: SegmentRules
    emit: Callable[[Event], None]
    on_progress: Callable[[DownloadProgress], None] | None = None
    _reported: int = field(default=-1, init=False)
    _stop: threading.Event = field(factory=threading.Event, init=False)

    async def run(self) -> SavedFile:
        """Save the file; however it ends, the part file is unlocked, and gone unless it is worth keeping."""
        began = time.monotonic()
        try:
            await self._open()
            await self._fetch()
            size = await self._finish()
        except RefusedError as error:
            self._fail(error.error, error.reason, error)
        except DiskError as error:
            self._fail_to_write(error)
        except errors.DownloadError as error:
            error.bytes_done = self._kept
            raise
        finally:
            if self.transfer.is_open:
                with anyio.CancelScope(shield=True):
                    await self.lane.threads.run(self.transfer.close)
        transfer = self.transfer
        self.emit(FileSaved(path=transfer.target, size=size, resumed_from=transfer.resumed_from))
        return SavedFile(
            path=transfer.target,
            size=size,
            elapsed=time.monotonic() - began,
            resumed_from=transfer.resumed_from,
            digest=transfer.hexdigest,
        )

    async def _open(self) -> None:
        opening = partial(self.transfer.open, overwrite=self.overwrite, goes_on=partial(_is_clear, self._stop))
        try:
            await self.lane.threads.run(opening, cut=self._stop.set)
        except PartBusyError as error:
            self._fail(errors.DownloadBusyError, "another download is writing to this target", error)

    async def _fetch(self) -> None:
        """Attempt until the file is whole; raise when attempts get nowhere any more."""
        transfer = self.transfer
        persistence = Persistence(self.retries, best=transfer.position)
        while True:
            setback = await self._attempt()
            if setback is None:
                return
            persistence.note(transfer.position, transfer.total)
            delay = self._pause_after(setback, persistence)
            self.emit(
                DownloadInterrupted(path=transfer.target, bytes_done=self._kept, delay=delay, reason=setback.reason)
            )
            await anyio.sleep(delay)

    async def _attempt(self) -> StartOver | Renew | Later | None:
        """Make one attempt and return what was in its way, or None if the file is whole."""
        url = self.url = self.url or await self._fresh_url()
        report = None if self.on_progress is None else self._report
        crew = Crew(self.lane, url, self.transfer, self.rules, self.segments, report)
        try:
            fetched = await crew.fetch()
        except BrokenError as error:
            return Later(error.reason)
        finally:
            if crew.is_refused:
                self.segments = ONE_CONNECTION
        if fetched is None:
            return await self._setback_after_body(url)
        return None if isinstance(fetched, Whole) else fetched

    async def _setback_after_body(self, url: str) -> Later | None:
        transfer, threads = self.transfer, self.lane.threads
        if transfer.position == transfer.total:
            return None
        end = await threads.run(transfer.end)
        if end is Completeness.UNPROVEN:
            length = await self.lane.length_of(url, self.rules)
            end = await threads.run(partial(transfer.settle, length))
        if end is Completeness.UNPROVEN:
            raise RefusedError(
                errors.DownloadIncompleteError,
                f"{transfer.position:,} bytes came without a length, and nothing proves that these are all",
            )
        return None if end is Completeness.WHOLE else Later("the body ended early")

    def _pause_after(self, setback: StartOver | Renew | Later, persistence: Persistence) -> float:
        """Return how long to wait before the next attempt; raise if there is to be none."""
        chance = random.random()  # noqa: S311 - jitter
        if isinstance(setback, Renew):
            self.url = None
            delay = None if self.source.refresh is None else persistence.pause_before_renewal(chance)
            if delay is None:
                self._fail(errors.DownloadExpiredError, f"{setback.reason}: {self._about_expiry}")
            return delay
        after = setback.after if isinstance(setback, Later) else None
        delay = persistence.pause_after_failure(after, chance)
        if delay is None:
            asked = "" if after is None else f" and asks to wait {after:g} s"
            self._fail(errors.DownloadIncompleteError, f"{setback.reason}{asked}; no attempts are left")
        return 0.0 if isinstance(setback, StartOver) else delay

    async def _fresh_url(self) -> str:
        assert self.source.refresh is not None  # noqa: S101 - without it, an expired link has ended the download
        return await self.source.refresh()

    async def _finish(self) -> int:
        if self.on_progress is not None:
            self.on_progress(self._progress)
        await self.lane.threads.run(self._check_and_publish, cut=self._stop.set)
        return self.transfer.position

    def _check_and_publish(self) -> None:
        self.transfer.check(goes_on=partial(_is_clear, self._stop))
        # Whoever was cancelled meanwhile does not hear of it: then the target is to stay as it was.
        if _is_clear(self._stop):
            self.transfer.publish(overwrite=self.overwrite)

    def _report(self) -> None:
        progress = self._progress
        if self.on_progress is not None and progress.bytes_done != self._reported:
            self._reported = progress.bytes_done
            self.on_progress(progress)

    @property
    def _progress(self) -> DownloadProgress:
        transfer = self.transfer
        return DownloadProgress(
            bytes_done=transfer.received, bytes_total=transfer.total, resumed_from=transfer.resumed_from
        )

    @property
    def _kept(self) -> int:
        return self.transfer.position if self.transfer.is_kept else 0

    @property
    def _about_expiry(self) -> str:
        if self.source.refresh is None:
            return "the link has expired or was never right; get a fresh one from the API"
        return "the link is refused, and fresh ones were refused as well"

    def _fail(self, cls: type[errors.DownloadError], reason: str, cause: BaseException | None = None) -> NoReturn:
        url = redact_url(self.url or self.source.url or "")
        kept = f" {self._kept:,} bytes are kept; saving again goes on from there." if self._kept else ""
        message = f"{self.transfer.target} was not saved: {reason}.{kept} ({url})"
        raise cls(message, url=url, bytes_done=self._kept) from cause

    def _fail_to_write(self, error: DiskError) -> NoReturn:
        cause, url = error.cause, redact_url(self.url or self.source.url or "")
        raise errors.DownloadWriteError(
            f"{self.transfer.target} was not saved, the disk refused: {cause}",
            url=url,
            bytes_done=self._kept,
            errno=cause.errno,
            filename=str(cause.filename or self.transfer.target),
        ) from cause


def _is_clear(stop: threading.Event) -> bool:
    return not stop.is_set()
