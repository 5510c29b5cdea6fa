"""One item of a batch, from the journal's advice to its outcome."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
from attrs import define

from heygen_async import errors
from heygen_async._batch_items import Item, Shared
from heygen_async._batch_submission import ItemSubmission, SkippedError
from heygen_async._jobs import VideoJob
from heygen_async._partfile import clear_leftovers
from heygen_async._protocol import journal as steps
from heygen_async._protocol.admission import stops_admission
from heygen_async._protocol.batching import is_worth_a_rerun
from heygen_async._protocol.submission import new_key
from heygen_async.events import ItemDownloading, ItemRendered, ItemSubmitted, StatusChanged
from heygen_async.models.outcomes import Failed, Outcome, Skipped, Succeeded
from heygen_async.models.progress import DownloadProgress, SavedFile
from heygen_async.models.video import ApiVersion, Video, VideoStatus

Doable = steps.Submit | steps.Repeat | steps.Reconcile | steps.Watch | steps.Done
"""What an item can be begun with."""


@define(eq=False)
class ItemRun:
    """Bring one item to its outcome."""

    _item: Item
    _shared: Shared

    async def outcome(self, step: Doable) -> Outcome:
        """Do what `step` says, up to the file on the disk, and return what became of it; only cancelling raises."""
        item, shared = self._item, self._shared
        try:
            return await self._result(step)
        except SkippedError as skipped:
            return Skipped(key=item.key, reason=str(skipped))
        except Exception as error:  # noqa: BLE001 - whatever happens to an item is its outcome, and no other's
            reason = stops_admission(error)
            if reason is not None:
                shared.halt.stop(reason)
            job_id = error.job_id if isinstance(error, errors.JobError) else item.job_id
            return Failed(key=item.key, error=error, job_id=job_id)
        finally:
            shared.settle(item)

    async def _result(self, step: Doable) -> Succeeded:
        match step:
            case steps.Submit():
                return await self._finished(await self._submitted(new_key(), wire=None))
            case steps.Repeat(idempotency_key):
                # Its first attempt went out on v3, even if it was written for v2.
                self._item.in_doubt = True
                return await self._finished(await self._submitted(idempotency_key, wire="v3"))
            case steps.Reconcile():
                return await self._finished(await self._found(step))
            case steps.Watch(video_id):
                return await self._finished(self._resumed(video_id))
            case steps.Done(video_id):
                return await self._done(video_id)

    async def _submitted(self, idempotency_key: str, *, wire: ApiVersion | None) -> VideoJob:
        item, shared = self._item, self._shared
        submission = shared.services.submitter.describe(
            item.prepared, idempotency_key=idempotency_key, key_is_new=not item.in_doubt, wire=wire
        )
        return await ItemSubmission(item, shared, submission).job()

    # What an earlier run began

    async def _found(self, step: steps.Reconcile) -> VideoJob:
        """Return the job of an earlier submission, or raise `SubmissionUncertainError`; nothing is sent."""
        item, shared = self._item, self._shared
        looked = step.wire == "v2" and step.callback_id is not None
        if step.wire == "v2" and step.callback_id is not None:
            video_id = await shared.services.submitter.look_back(step.callback_id, step.idempotency_key)
            if video_id is not None:
                await shared.note(item, lambda journal: journal.submitted(item.name, video_id, step.wire))
                item.slot = shared.services.admission.take_over()
                return self._resumed(video_id)
        raise errors.SubmissionUncertainError(
            f"An earlier run was about to submit {item.key!r} and did not live to see the answer, and it cannot be "
            "known any more whether HeyGen made a video of it. Nothing was sent. Look for it among the account's "
            "videos, and submit it under another key if it is not there.",
            callback_id=step.callback_id,
            idempotency_key=step.idempotency_key,
            tried=["looked for its callback_id among the newest videos"] if looked else [],
        )

    def _resumed(self, video_id: str) -> VideoJob:
        item, shared = self._item, self._shared
        item.job_id = video_id
        wire = shared.services.lookup_wire if item.entry is None else item.entry.wire
        shared.emit(ItemSubmitted(key=item.key, video_id=video_id, usd=item.usd, resumed=True))
        return VideoJob(video_id, wire, None, shared.services)

    async def _done(self, video_id: str) -> Succeeded:
        """Take what an earlier run has finished; without a file the caller wants fresh links, so the video is read."""
        item = self._item
        if item.target is None:
            return await self._finished(self._resumed(video_id))
        item.job_id = video_id
        video = Video(id=video_id, status=VideoStatus.COMPLETED)
        return Succeeded(key=item.key, video=video, saved=await self._file_in_place(item.target))

    # Waiting and saving

    async def _finished(self, job: VideoJob) -> Succeeded:
        item, shared = self._item, self._shared
        try:
            video = await self._rendered(job)
        except errors.VideoFailedError as error:
            code, text, retryable = error.code, str(error), is_worth_a_rerun(error)
            await shared.note(item, lambda journal: journal.failed(item.name, code, text, retryable=retryable))
            raise
        shared.settle(item)
        await shared.note(item, lambda journal: journal.completed(item.name))
        if item.target is None:
            return Succeeded(key=item.key, video=video)
        saved = await self._saved(job, video, item.target)
        await shared.note(item, lambda journal: journal.saved(item.name, saved.path, saved.size))
        return Succeeded(key=item.key, video=video, saved=saved)

    async def _rendered(self, job: VideoJob) -> Video:
        item, shared = self._item, self._shared
        item.changed_at = item.nag_at = anyio.current_time()
        shared.waited_for[item] = None
        try:
            with shared.services.statuses.listening(job.id, self._heard):
                return await job.wait(timeout=shared.timeout)
        finally:
            del shared.waited_for[item]

    def _heard(self, event: StatusChanged) -> None:
        """Free the slot as soon as a look shows the video ended: its details, and its file, may take a while."""
        item, shared = self._item, self._shared
        item.status = event.status
        item.changed_at = item.nag_at = anyio.current_time()
        if event.status.is_terminal:
            shared.settle(item)
        if event.status == VideoStatus.COMPLETED:
            shared.emit(ItemRendered(key=item.key, video_id=event.video_id))

    async def _saved(self, job: VideoJob, video: Video, target: Path) -> SavedFile:
        item, shared = self._item, self._shared
        if await self._was_saved(video, target):
            await shared.threads.run(partial(clear_leftovers, target))
            return await self._file_in_place(target)

        def report(progress: DownloadProgress) -> None:
            done, total = progress.bytes_done, progress.bytes_total
            shared.emit(ItemDownloading(key=item.key, video_id=job.id, bytes_done=done, bytes_total=total))

        return await job.save(target, overwrite=shared.overwrite, on_progress=report)

    async def _was_saved(self, video: Video, target: Path) -> bool:
        """Say whether an earlier run put the file in place and was killed before it could write that down.

        A file of another length than the video's is somebody else's, and is left for `save` to refuse.
        """
        item, shared = self._item, self._shared
        if item.entry is None or item.entry.state != "completed" or shared.overwrite:
            return False
        size = await shared.size_of(target)
        if not size or video.video_url is None:
            return False
        return size == await shared.services.downloader.length_of(video.video_url)

    async def _file_in_place(self, target: Path) -> SavedFile:
        return SavedFile(path=target, size=await self._shared.size_of(target) or 0, elapsed=0.0)
