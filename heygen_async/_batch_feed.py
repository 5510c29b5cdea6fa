"""Feed a batch: pull items, decide about each with the journal's help, begin them, hand out what becomes of them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Hashable
from contextlib import aclosing

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from attrs import define, field, frozen

from heygen_async import errors
from heygen_async._batch_input import Requests, items_of
from heygen_async._batch_items import Item, Shared
from heygen_async._batch_run import Doable, ItemRun
from heygen_async._protocol import journal as steps
from heygen_async._protocol.admission import stops_admission
from heygen_async._protocol.arguments import is_number, path_text
from heygen_async._protocol.batching import Budget, SavePattern
from heygen_async._protocol.encoding import Prepared, payload_hash, prepare
from heygen_async._protocol.pricing import estimate_prepared
from heygen_async.events import ItemFinished, ItemRetried, ItemStalled
from heygen_async.models.outcomes import Failed, Outcome, Skipped, Succeeded
from heygen_async.models.video import Video, VideoFailure, VideoStatus


@frozen(kw_only=True)
class BatchOptions:
    """How a batch is run; see `Videos.generate_many`."""

    save_to: SavePattern | None
    journal: str | os.PathLike[str] | None
    max_in_flight: int | None
    max_cost: float | None
    timeout: float | None
    dry_run: bool
    overwrite: bool
    stall_after: float

    def __attrs_post_init__(self) -> None:
        limit = self.max_in_flight
        if limit is not None and (type(limit) is not int or limit < 1):
            raise ValueError(f"max_in_flight must be a whole number of at least 1, not {limit!r}")
        if self.timeout is not None and not is_number(self.timeout, at_least=0):
            raise ValueError(f"timeout must be a number of seconds of at least 0, or None, not {self.timeout!r}")
        if not is_number(self.stall_after, at_least=0) or self.stall_after == 0:
            raise ValueError(f"stall_after must be a number of more than 0 seconds, not {self.stall_after!r}")
        if self.journal is not None:
            path_text("journal", self.journal)
        Budget(self.max_cost)


@frozen
class Placed:
    """An outcome and the place of its item in the input."""

    position: int
    outcome: Outcome


@define(eq=False)
class Feeder:
    """Run the items of one batch in a task group of its owner."""

    _group: TaskGroup
    _send: MemoryObjectSendStream[Placed]
    _fail_at_end: Callable[[Exception], None]
    _shared: Shared
    _options: BatchOptions
    _open: int = field(default=0, init=False)
    _fed: bool = field(default=False, init=False)

    # Feeding

    async def feed(self, requests: Requests) -> None:
        """Pull the items one by one, each when there is room for it, and begin them."""
        try:
            async with aclosing(items_of(requests)) as items:
                position = 0
                await self._room()
                async for key, request in items:
                    await self._begin(position, key, request)
                    position += 1
                    await self._room()
        except Exception as error:  # noqa: BLE001 - the caller's iterator may raise anything; it gets it back
            self._fail_at_end(error)
        self._fed = True
        self._close_when_done()

    async def _room(self) -> None:
        """Return when one more item may be pulled."""
        shared = self._shared
        await anyio.lowlevel.checkpoint()
        await shared.backlog.room()
        if not self._options.dry_run and shared.halt.reason is None:
            with shared.halt.unless_stopped():
                await shared.places.room()
                await shared.services.admission.opening()

    async def _begin(self, position: int, key: Hashable, request: object) -> None:
        self._open += 1
        item: Item | None = None
        try:
            item = self._described(position, key, request)
            step = await self._step_for(item)
            outcome = step if isinstance(step, Failed | Skipped) else await self._admitted(item, step)
        except Exception as error:  # noqa: BLE001 - a bad item is its own failure
            outcome = self._unbegun(key, error)
        if outcome is None:
            return
        if item is not None and item.placed:
            self._shared.settle(item)
        else:
            self._shared.backlog.enter()
        self._hand_out(position, outcome)

    def _unbegun(self, key: Hashable, error: Exception) -> Failed | Skipped:
        """Return the outcome of an item that could not be begun; a journal that does not answer fails one item only."""
        halt, reason = self._shared.halt, stops_admission(error)
        if reason is not None and halt.reason is not None:
            return Skipped(key=key, reason=halt.reason)
        if reason is not None:
            halt.stop(reason)
        return Failed(key=key, error=error)

    def _described(self, position: int, key: Hashable, request: object) -> Item:
        """Return the item of a request; raise `ValueError` for a bad one."""
        prepared = prepare(request)
        pattern = self._options.save_to
        return Item(
            position=position,
            key=key,
            prepared=prepared,
            digest=payload_hash(prepared.payload),
            target=None if pattern is None else pattern.target(key),
            usd=self._price(prepared),
        )

    def _price(self, prepared: Prepared) -> float | None:
        """Return the estimate, if anything depends on it; a budget cannot be kept where there is none."""
        if self._options.max_cost is None and self._shared.journal is None:
            return None
        try:
            return estimate_prepared(prepared).usd
        except ValueError:
            if self._options.max_cost is not None:
                raise
            return None

    async def _step_for(self, item: Item) -> Doable | Failed | Skipped:
        """Return what to do about an item, or its outcome if nothing is to be done."""
        shared = self._shared
        if self._options.dry_run:
            return self._rehearsed(item)
        if shared.journal is not None:
            item.entry = await shared.journal.lookup(item.name)
        step = steps.next_step(
            item.entry,
            payload_hash=item.digest,
            now=time.time(),
            target=None if item.target is None else os.fspath(item.target),
            target_is_whole=item.target is not None and await self._is_whole(item),
        )
        if isinstance(step, steps.Refuse):
            return Failed(key=item.key, error=errors.JournalError(step.message))
        if isinstance(step, steps.Gone):
            return Failed(key=item.key, error=_recorded(step), job_id=step.video_id)
        if isinstance(step, steps.Submit | steps.Repeat):
            return self._affordable(item, step)
        return step

    def _rehearsed(self, item: Item) -> Skipped:
        """Return what the item would cost; one that cannot be priced is not wrong for that."""
        try:
            told = estimate_prepared(item.prepared)
        except ValueError as error:
            return Skipped(key=item.key, reason=f"dry run: {error}")
        budget = self._shared.budget
        beyond = "" if budget.fits(told.usd) else f", beyond max_cost ${budget.limit or 0:.2f}"
        budget.spend(told.usd)
        return Skipped(key=item.key, reason=f"dry run: ~{told.seconds:.1f} s, ${told.usd:.2f}{beyond}")

    async def _is_whole(self, item: Item) -> bool:
        if item.entry is None or item.entry.state != "saved" or item.target is None:
            return False
        return steps.is_whole(item.entry, await self._shared.size_of(item.target))

    def _affordable(self, item: Item, step: Doable) -> Doable | Skipped:
        """Return the step, or why nothing is submitted any more; a repetition was counted when it was first made."""
        shared = self._shared
        usd = 0.0 if item.usd is None or isinstance(step, steps.Repeat) else item.usd
        if shared.halt.reason is None and not shared.budget.fits(usd):
            shared.halt.stop(shared.budget.overrun(usd))
        if shared.halt.reason is not None:
            return Skipped(key=item.key, reason=shared.halt.reason)
        return step

    async def _admitted(self, item: Item, step: Doable) -> Skipped | None:
        """Begin an item, in a slot if its video will be or is being rendered."""
        shared = self._shared
        if isinstance(step, steps.Submit | steps.Repeat):
            if item.target is not None:
                await shared.services.downloader.check_target(item.target, overwrite=shared.overwrite)
            shared.place(item)
            stopped = await shared.slot_for(item)
            if stopped is not None:
                return Skipped(key=item.key, reason=stopped)
            if isinstance(step, steps.Submit) and item.usd is not None:
                shared.budget.spend(item.usd)
        elif isinstance(step, steps.Watch) and item.entry is not None and item.entry.state == "submitted":
            shared.place(item)
            item.slot = shared.services.admission.take_over()
        else:
            shared.backlog.enter()
        if item.entry is not None and item.entry.state == "failed":
            shared.emit(ItemRetried(key=item.key, reason=item.entry.error_message or "it failed in an earlier run"))
        self._group.start_soon(self._run, item, step)
        return None

    # Running and handing out

    async def _run(self, item: Item, step: Doable) -> None:
        outcome = await ItemRun(item, self._shared).outcome(step)
        self._hand_out(item.position, outcome)

    def _hand_out(self, position: int, outcome: Outcome) -> None:
        self._shared.emit(_finished_event(outcome))
        self._send.send_nowait(Placed(position, outcome))
        self._open -= 1
        self._close_when_done()

    def _close_when_done(self) -> None:
        if self._fed and self._open == 0:
            self._send.close()

    # Watching

    async def report_stalls(self) -> None:
        """Run as a task of the batch: report videos that have not changed their status for long."""
        stall_after, waited_for = self._options.stall_after, self._shared.waited_for
        if stall_after == math.inf:
            return
        while True:
            now = anyio.current_time()
            await anyio.sleep_until(min((item.nag_at for item in waited_for), default=now) + stall_after)
            now = anyio.current_time()
            for item in waited_for:
                if item.nag_at + stall_after <= now:
                    item.nag_at = now
                    self._report_stall(item, now - item.changed_at)

    def _report_stall(self, item: Item, unchanged_for: float) -> None:
        self._shared.emit(
            ItemStalled(key=item.key, video_id=item.job_id or "", status=item.status, unchanged_for=unchanged_for)
        )


def _recorded(step: steps.Gone) -> errors.HeyGenError:
    """Return the error of an earlier run, as far as the journal holds it."""
    if step.video_id is None:
        return errors.JournalError(f"It was refused in an earlier run: {step.message}")
    failure = VideoFailure(code=step.code, message=step.message)
    video = Video(id=step.video_id, status=VideoStatus.FAILED, failure=failure)
    return errors.VideoFailedError(step.message, job_id=step.video_id, video=video)


def _finished_event(outcome: Outcome) -> ItemFinished:
    match outcome:
        case Succeeded(key=key, video=video):
            return ItemFinished(key=key, result="succeeded", video_id=video.id, reason=None)
        case Failed(key=key, error=error, job_id=job_id):
            return ItemFinished(key=key, result="failed", video_id=job_id, reason=str(error))
        case Skipped(key=key, reason=reason):
            return ItemFinished(key=key, result="skipped", video_id=None, reason=reason)
