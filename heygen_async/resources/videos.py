"""Videos: create, wait, save, look up, list, delete."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import define, field

from heygen_async._calls import PAGE_SIZE, delete_call, page_call, understood
from heygen_async._download import check_arguments
from heygen_async._jobs import VideoJob
from heygen_async._protocol.encoding import prepare
from heygen_async._protocol.retrying import outcome_is_unknown
from heygen_async._protocol.schedule import wait_limit
from heygen_async._protocol.videos import page_from
from heygen_async._services import Services
from heygen_async.errors import APIError, NotFoundError
from heygen_async.models.estimate import PRICES, Estimate, PriceTable
from heygen_async.models.progress import DownloadProgress
from heygen_async.models.video import ApiVersion, Asset, Video
from heygen_async.resources._pages import PageOf, Pages, checked_limit

if TYPE_CHECKING:
    from types import ModuleType

    from heygen_async._batch import Outcomes
    from heygen_async.models.outcomes import BatchReport
    from heygen_async.models.requests import V3Request
    from heygen_async.models.templates import GenerateFromTemplate
    from heygen_async.models.v2_request import VideoRequest

# As text, because making the v2 classes takes a while, and who speaks v3 only needs none of them.
AnyVideoRequest: TypeAlias = "V3Request | VideoRequest | GenerateFromTemplate | Mapping[str, Any]"
"""What can be submitted: a v3 request, a template's, a v2 request, or the JSON of the HeyGen docs as a mapping."""

AnyVideoRequests = Mapping[Any, AnyVideoRequest] | Iterable[AnyVideoRequest] | AsyncIterable[AnyVideoRequest]
"""A batch: requests under keys of their own, or in an order that gives them their keys (0, 1, 2...)."""

_STALL_AFTER: Final = 1800.0


@define(eq=False)
class Videos:
    """Make and find videos; `heygen.videos`."""

    _services: Services = field(repr=False)

    async def create(self, request: AnyVideoRequest, *, idempotency_key: str | None = None) -> VideoJob:
        """Submit a video and return a handle on it as soon as HeyGen has accepted it.

        A mapping with `video_inputs` is a v2 request, one with `type` a v3 request, one with `template_id` is for a
        template. `idempotency_key` (1 to 255 of `A-Za-z0-9_:.-`, your own id of the order, say) makes a repetition safe
        for 24 hours, also from another process; without it each call is a new video. On v2 a call with a key first
        looks whether the video exists, and a `callback_id` in the request must then be unique per video.

        Raise `ValueError` for a bad request, before anything is sent; an `APIError` (with `.idempotency_key`) if HeyGen
        refuses or stays unreachable; `SubmissionUncertainError` if it cannot be known whether the video was created.
        If cancelled, HeyGen may have accepted the video: the same key leads back to it, and `on_event` receives a
        `SubmissionInterrupted` with the key.
        """
        return await self._submit(request, idempotency_key, room_patience=0.0)

    async def generate(
        self,
        request: AnyVideoRequest,
        *,
        save_to: str | Path | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        asset: Asset = "video",
        overwrite: bool = False,
        on_progress: Callable[[DownloadProgress], None] | None = None,
        digest: str | None = None,
        max_bytes: int | None = None,
    ) -> Video:
        """Submit a video, wait for it, save it if `save_to` is given, and return it.

        An account that renders as many videos as it may (429) is waited for, up to `timeout` seconds; then each
        `timeout` (None: `PollPolicy.timeout`) bounds the wait for the render. An impossible target is refused before
        the video is paid. Raise what `create`, `VideoJob.wait` and `VideoJob.save` raise; a note on every error after
        the submission names the video to go on with.
        """
        services = self._services
        prepare(request)
        patience = wait_limit(timeout, services.polling)
        if save_to is not None:
            check_arguments(asset, max_bytes, on_progress)
            await services.downloader.check_target(save_to, overwrite=overwrite, digest=digest)
        async with self._render_slot():
            job = await self._submit(request, idempotency_key, room_patience=patience)
            with _naming(job):
                video = await job.wait(timeout=timeout)
        if save_to is not None:
            with _naming(job):
                await job.save(
                    save_to,
                    asset=asset,
                    overwrite=overwrite,
                    on_progress=on_progress,
                    digest=digest,
                    max_bytes=max_bytes,
                )
        return video

    def estimate(self, request: AnyVideoRequest, *, prices: PriceTable = PRICES) -> Estimate:
        """Return how long a video will probably be and what it will cost, on the safe side; no I/O.

        The length comes from the script, its pauses and the voice's speed. What the request does not tell is taken at
        its dearest: a recording lasts 600 s, an avatar is of the dearer kind. `prices` replaces HeyGen's list prices.
        Raise `ValueError` for a bad request, and for what cannot be priced: a v3 type that this version does not know,
        and a video from a template, whose length the request does not tell.
        """
        # Prices need the classes of both wires.
        from heygen_async._protocol.pricing import estimate  # noqa: PLC0415

        return estimate(request, prices)

    def generate_many(
        self,
        requests: AnyVideoRequests,
        *,
        save_to: str | os.PathLike[str] | None = None,
        journal: str | os.PathLike[str] | None = None,
        max_in_flight: int | None = None,
        max_cost: float | None = None,
        timeout: float | None = None,
        dry_run: bool = False,
        overwrite: bool = False,
        stall_after: float = _STALL_AFTER,
    ) -> AbstractAsyncContextManager[Outcomes]:
        """Make many videos: `async with` it, and iterate over the outcomes as they come.

        ::

            async with heygen.videos.generate_many(requests, save_to="out/{key}.mp4") as outcomes:
                async for outcome in outcomes:
                    match outcome:
                        case Succeeded(key=key, video=video, saved=saved): ...
                        case Failed(key=key, error=error, job_id=job_id): ...
                        case Skipped(key=key, reason=reason): ...

        `requests` is pulled one by one, each when there is a free slot for it. A slot is held from the submission until
        a look shows the video ended, and then goes to the next item; files are fetched beside that. `max_in_flight`
        bounds the items that hold one; None learns what the account takes, from HeyGen's 10 on, and all batches of one
        client share what was learned. A full account (429) is waited for and fails no item.

        `save_to` is a path with `{key}` in it, which is made safe as a file name. `journal` names an SQLite file that
        makes the batch repeatable: the same call after a crash pays nothing twice, picks up what is being rendered,
        fetches missing files and submits again only what failed in a way that passes. `max_cost`, in USD, stops before
        the sum of the estimates (with a journal, of all its runs) would exceed it. `dry_run` checks and prices
        everything and sends nothing. `overwrite` allows to replace files. `stall_after` is after how many seconds
        without a change of status an `ItemStalled` event comes.

        No item's trouble raises: it is its `Failed`. `timeout`, in seconds, bounds each wait for a render (None:
        `PollPolicy.timeout`); the item then is `Failed` with a `WaitTimeoutError`, its slot goes on to the next one,
        but its video goes on being rendered, and is charged. A refused key, used-up credit or allowance, a journal that
        cannot be written, and the budget stop admission: what runs goes on, the rest is `Skipped`.

        Raise `ValueError` for bad arguments, `JournalLockedError` if the journal is in use and `JournalError` if it is
        unusable, all before anything is spent. What the iterator of `requests` raises comes out of the loop, after the
        outcomes of all that was pulled before. Leaving the block early, or cancelling it, ends the waits and downloads
        that still go on, not the renders; a submission under way is first brought to its end, for 10 seconds at most.
        """
        options = _batches().checked_options(
            requests,
            save_to=save_to,
            journal=journal,
            max_in_flight=max_in_flight,
            max_cost=max_cost,
            timeout=timeout,
            dry_run=dry_run,
            overwrite=overwrite,
            stall_after=stall_after,
        )
        outcomes: AbstractAsyncContextManager[Outcomes] = _batches().open_batch(self._services, requests, options)
        return outcomes

    async def generate_all(
        self,
        requests: AnyVideoRequests,
        *,
        save_to: str | os.PathLike[str] | None = None,
        journal: str | os.PathLike[str] | None = None,
        max_in_flight: int | None = None,
        max_cost: float | None = None,
        timeout: float | None = None,
        dry_run: bool = False,
        overwrite: bool = False,
        stall_after: float = _STALL_AFTER,
    ) -> BatchReport:
        """Make many videos and return what became of each, in input order; see `generate_many`.

        No item's failure raises: `report.raise_for_failures()` does, if you want it to. Cancelling loses the report,
        not the videos.
        """
        options = _batches().checked_options(
            requests,
            save_to=save_to,
            journal=journal,
            max_in_flight=max_in_flight,
            max_cost=max_cost,
            timeout=timeout,
            dry_run=dry_run,
            overwrite=overwrite,
            stall_after=stall_after,
        )
        report: BatchReport = await _batches().collect(self._services, requests, options)
        return report

    def job(self, video_id: str, *, api_version: ApiVersion | None = None) -> VideoJob:
        """Make a handle on a video that was submitted before, here or elsewhere; no I/O.

        `api_version` is the wire to watch it on: v3 unless the client speaks v2 only.
        """
        return VideoJob(_checked_id(video_id), api_version or self._services.lookup_wire, None, self._services)

    async def get(self, video_id: str) -> Video:
        """Return a video as it is now, with fresh URLs; raise `NotFoundError` if there is none."""
        return await self._services.read(_checked_id(video_id), self._services.lookup_wire)

    def list(
        self, *, limit: int = PAGE_SIZE, title: str | None = None, folder_id: str | None = None
    ) -> AsyncIterator[Video]:
        """Iterate over all the account's videos, newest first, fetching pages of `limit` (1 to 100) when needed.

        `title` is a substring filter. On v2 the list has neither URLs nor durations: use `get`. Raise `ValueError` for
        another `limit`, and the `APIError` of a page that kept failing.
        """
        checked_limit(limit)

        async def page(token: str | None) -> PageOf[Video]:
            call = page_call(self._services.lookup_wire, token, limit=limit, title=title, folder_id=folder_id)
            answer = await self._services.api.call(call)
            found = understood(answer, lambda: page_from(answer.body), call)
            return found.videos, found.next_token

        return Pages(page)

    async def delete(self, video_id: str) -> None:
        """Delete a video for good; raise `NotFoundError` if there is none.

        A delete that had to be repeated and then finds nothing has succeeded.
        """
        call = delete_call(_checked_id(video_id), self._services.lookup_wire)
        failures: list[APIError] = []
        try:
            await self._services.api.call(call, data_may_be_missing=True, on_retry=failures.append)
        except NotFoundError:
            if not any(outcome_is_unknown(failure) for failure in failures):
                raise

    async def _submit(self, request: AnyVideoRequest, key: str | None, *, room_patience: float) -> VideoJob:
        done = await self._services.submitter.submit(request, idempotency_key=key, room_patience=room_patience)
        return VideoJob(done.video_id, done.wire, done.idempotency_key, self._services, done.at, done.length)

    @asynccontextmanager
    async def _render_slot(self) -> AsyncGenerator[None]:
        admission = self._services.admission
        if admission.window.ceiling is None:
            yield
            return
        async with admission.held():
            yield


@contextmanager
def _naming(job: VideoJob) -> Generator[None]:
    """Note on an error which paid video it is about: who has no handle would lose it."""
    try:
        yield
    except Exception as error:
        error.add_note(f"The video is {job.id!r}: videos.job({job.id!r}, api_version={job.api_version!r}) goes on.")
        raise


def _checked_id(video_id: object) -> str:
    if not isinstance(video_id, str) or not video_id.strip():
        raise ValueError(f"video_id must be the id of a video, not {video_id!r}")
    return video_id


def _batches() -> ModuleType:
    # Batches take a while to import, and who makes single videos needs none of it.
    from heygen_async import _batch  # noqa: PLC0415

    return _batch
