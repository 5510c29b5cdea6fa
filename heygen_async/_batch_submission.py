"""Submit an item of a batch, with an entry in the journal before it and one after it."""

from __future__ import annotations

import anyio.lowlevel
from attrs import define, field

from heygen_async import errors
from heygen_async._batch_items import Item, Shared
from heygen_async._jobs import VideoJob
from heygen_async._protocol.batching import is_worth_a_rerun, was_never_sent, was_refused
from heygen_async._protocol.error_codes import is_used_up
from heygen_async._protocol.retrying import outcome_is_unknown
from heygen_async._submission import Submission, Submitted
from heygen_async.events import ItemRetried, ItemSubmitted
from heygen_async.models.video import ApiVersion


class SkippedError(Exception):
    """End the work on an item because nothing is submitted any more."""


@define(eq=False)
class ItemSubmission:
    """Submit one item under one key, however often HeyGen has no room for it."""

    _item: Item
    _shared: Shared
    _submission: Submission
    _wire: ApiVersion = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._wire = self._submission.wire

    async def job(self) -> VideoJob:
        """Return the job of the accepted item; raise `SkippedError` if admission stops before HeyGen has room for it.

        Cancelled in the middle of a submission, it goes on to the end of that, within the deadline of the shield.
        """
        while True:
            # A batch that was left a moment ago must not begin to pay.
            await anyio.lowlevel.checkpoint_if_cancelled()
            answers: list[VideoJob | errors.RateLimitError] = []
            with self._shared.shields.shield():
                answers.append(await self._sent())
            # Without an answer the deadline of the shield has passed, and this raises the cancellation.
            await anyio.lowlevel.checkpoint_if_cancelled()
            for answer in answers:
                if isinstance(answer, VideoJob):
                    return answer
                await self._wait_for_room(answer)

    async def _sent(self) -> VideoJob | errors.RateLimitError:
        """Send once and return the job, or the refusal of a full account."""
        await self._intend()
        submitter = self._shared.services.submitter
        try:
            done = await submitter.send(
                self._submission, room_patience=None, on_retry=self._doubt, on_switch=self._switch
            )
        except errors.RateLimitError as error:
            if is_used_up(error.code):
                await self._note_refusal(error)
                raise
            if self._wire == "v2":
                # Without a key a later run could not repeat it, and would look in vain for what was never made.
                await self._withdraw()
            return error
        except Exception as error:
            await self._note_refusal(error)
            raise
        return await self._accepted(done)

    async def _intend(self) -> None:
        journal, item = self._shared.journal, self._item
        if journal is not None:
            await journal.intend(
                item.name,
                idempotency_key=self._submission.key,
                payload_hash=item.digest,
                wire=self._wire,
                callback_id=self._submission.callback_id,
                usd=item.usd,
            )

    async def _switch(self) -> None:
        self._wire = "v3"
        await self._intend()

    def _doubt(self, error: errors.APIError) -> None:
        if outcome_is_unknown(error):
            self._item.in_doubt = True

    async def _accepted(self, done: Submitted) -> VideoJob:
        item, shared = self._item, self._shared
        item.job_id = done.video_id
        if item.slot is not None:
            item.slot.accepted()
        await shared.note(item, lambda journal: journal.submitted(item.name, done.video_id, done.wire))
        shared.emit(ItemSubmitted(key=item.key, video_id=done.video_id, usd=item.usd, resumed=False))
        return VideoJob(done.video_id, done.wire, done.idempotency_key, shared.services, done.at, done.length)

    async def _note_refusal(self, error: Exception) -> None:
        """Write down that nothing came of the submission, if that is sure; else the intent stays."""
        item, shared = self._item, self._shared
        if was_never_sent(error) and not item.in_doubt:
            shared.refund(item)
            await self._withdraw()
        elif isinstance(error, errors.APIStatusError) and was_refused(error, in_doubt=item.in_doubt):
            shared.refund(item)
            code, text, retryable = error.code or str(error.status_code), str(error), is_worth_a_rerun(error)
            await shared.note(item, lambda journal: journal.failed(item.name, code, text, retryable=retryable))

    async def _withdraw(self) -> None:
        item = self._item
        await self._shared.note(item, lambda journal: journal.withdrawn(item.name))

    async def _wait_for_room(self, refusal: errors.RateLimitError) -> None:
        """Give the slot back, and wait for another one before all who were never turned away."""
        item, shared = self._item, self._shared
        shared.emit(ItemRetried(key=item.key, reason=str(refusal)))
        if item.slot is not None and item.slot.refused(refusal.retry_after) is None:
            shared.halt.stop(f"HeyGen asks for a pause of {refusal.retry_after:g} s: {refusal}")
        item.slot = None
        stopped = await shared.slot_for(item, urgent=True)
        if stopped is None:
            return
        if not item.in_doubt:
            shared.refund(item)
            if self._wire == "v3":
                await self._withdraw()
        raise SkippedError(stopped)
