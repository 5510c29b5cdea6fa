"""Many videos: pulled lazily, submitted as the account takes them, handed out as they are finished.

A batch is one task group. The feeder waits until a slot is free, pulls the next item, asks the journal about it and
starts a task for it; that task submits, waits, saves and hands out the outcome. What is pulled and not yet handed out
is bounded: by the slots, and beyond them by a backlog that a slow disk or a slow consumer may build up.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Final

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from attrs import define, field, frozen

from heygen_async import errors
from heygen_async._batch_flow import Halt, Meter
from heygen_async._batch_input import Requests, items_of
from heygen_async._batch_items import Item, Shared
from heygen_async._batch_run import Doable, ItemRun
from heygen_async._journal import Journal, open_journal
from heygen_async._protocol import journal as steps
from heygen_async._protocol.batching import Budget, SavePattern
from heygen_async._protocol.encoding import Prepared, payload_hash, prepare
from heygen_async._protocol.pricing import estimate_prepared
from heygen_async._services import Services
from heygen_async.events import ItemFinished, ItemRetried, ItemStalled
from heygen_async.models.outcomes import BatchReport, Failed, Outcome, Skipped, Succeeded
from heygen_async.models.video import Video, VideoFailure, VideoStatus

# Finished items that wait for their download or for the consumer; their slots go on to others meanwhile.
_BACKLOG: Final = 256


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
        if self.timeout is not None and not self.timeout >= 0:
            raise ValueError(f"timeout must be at least 0 seconds, not {self.timeout!r}")
        if not self.stall_after > 0:
            raise ValueError(f"stall_after must be more than 0 seconds, not {self.stall_after!r}")
        Budget(self.max_cost)


@frozen
class Placed:
    """An outcome and the place of its item in the input."""

    position: int
    outcome: Outcome


@define(eq=False)
class Outcomes(AsyncIterator[Outcome]):
    """Hand out the outcomes of a batch in the order in which they come; several tasks may share one.

    An exception of the input iterator is raised at the end, when all that was pulled before has been handed out.
    """

    _stream: MemoryObjectReceiveStream[Placed]
    _backlog: Meter
    _input_error: list[Exception] = field(factory=list[Exception], init=False)

    def __aiter__(self) -> Outcomes:
        return self

    async def __anext__(self) -> Outcome:
        """Wait for the next outcome; cancelling loses none."""
        return (await self.next_placed()).outcome

    async def next_placed(self) -> Placed:
        """Wait for the next outcome and return it with its place in the input."""
        try:
            placed = await self._stream.receive()
        except anyio.EndOfStream:
            if self._input_error:
                raise self._input_error.pop() from None
            raise StopAsyncIteration from None
        self._backlog.leave()
        return placed

    def fail_at_end(self, error: Exception) -> None:
        """Have `error` raised when all outcomes are handed out."""
        self._input_error.append(error)


@asynccontextmanager
async def open_batch(services: Services, requests: Requests, options: BatchOptions) -> AsyncGenerator[Outcomes]:
    """Run a batch inside the block; leaving it ends whatever still goes on."""
    raised: BaseException | None = None
    async with AsyncExitStack() as stack:
        journal = None
        if options.journal is not None and not options.dry_run:
            journal = await stack.enter_async_context(open_journal(options.journal))
        send, receive = anyio.create_memory_object_stream[Placed](math.inf)
        shared = await _shared(services, options, journal)
        outcomes = Outcomes(receive, shared.backlog)
        with send, receive:
            async with anyio.create_task_group() as group:
                batch = _Batch(group, send, outcomes, shared, options)
                group.start_soon(shared.shields.watch)
                group.start_soon(batch.feed, requests)
                group.start_soon(batch.report_stalls)
                try:
                    yield outcomes
                except (anyio.get_cancelled_exc_class(), GeneratorExit):
                    raise
                except BaseException as error:  # noqa: BLE001 - raised below, where no exception group wraps it
                    raised = error
                finally:
                    group.cancel_scope.cancel()
    if raised is not None:
        raise raised


async def collect(services: Services, requests: Requests, options: BatchOptions) -> BatchReport:
    """Run a batch to its end and return all outcomes in input order."""
    began = anyio.current_time()
    placed: list[Placed] = []
    async with open_batch(services, requests, options) as outcomes:
        while True:
            try:
                placed.append(await outcomes.next_placed())
            except StopAsyncIteration:
                break
    ordered = [one.outcome for one in sorted(placed, key=lambda one: one.position)]
    return BatchReport(
        succeeded=tuple(one for one in ordered if isinstance(one, Succeeded)),
        failed=tuple(one for one in ordered if isinstance(one, Failed)),
        skipped=tuple(one for one in ordered if isinstance(one, Skipped)),
        elapsed=anyio.current_time() - began,
    )


async def _shared(services: Services, options: BatchOptions, journal: Journal | None) -> Shared:
    spent = await journal.spent() if journal is not None and options.max_cost is not None else 0.0
    if options.max_in_flight is not None:
        services.admission.window.expect(options.max_in_flight)
    return Shared(
        services=services,
        journal=journal,
        budget=Budget(options.max_cost, spent),
        halt=Halt(services.emit),
        places=Meter(math.inf if options.max_in_flight is None else options.max_in_flight),
        backlog=Meter(_BACKLOG),
        emit=services.emit,
        timeout=options.timeout,
        overwrite=options.overwrite,
    )


@define(eq=False)
class _Batch:
    _group: TaskGroup
    _send: MemoryObjectSendStream[Placed]
    _outcomes: Outcomes
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
            self._outcomes.fail_at_end(error)
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
            outcome = Failed(key=key, error=error)
        if outcome is None:
            return
        if item is not None and item.placed:
            self._shared.settle(item)
        else:
            self._shared.backlog.enter()
        self._hand_out(position, outcome)

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
        needed = self._options.max_cost is not None or self._options.dry_run
        if not needed and self._shared.journal is None:
            return None
        try:
            return estimate_prepared(prepared).usd
        except ValueError:
            if needed:
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
        told = estimate_prepared(item.prepared)
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
