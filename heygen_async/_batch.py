"""Many videos: pulled lazily, submitted as the account takes them, handed out as they are finished.

A batch is one task group. The feeder waits until a slot is free, pulls the next item, asks the journal about it and
starts a task for it; that task submits, waits, saves and hands out the outcome. What is pulled and not yet handed out
is bounded: by the slots, and beyond them by a backlog that a slow disk or a slow consumer may build up.
"""

from __future__ import annotations

import math
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from attrs import define, evolve, field

from heygen_async._batch_feed import BatchOptions, Feeder, Placed
from heygen_async._batch_flow import Halt, Meter
from heygen_async._batch_input import Requests, check_requests
from heygen_async._batch_items import Shared
from heygen_async._journal import Journal, open_journal
from heygen_async._protocol.batching import Budget, SavePattern
from heygen_async._services import Services
from heygen_async.models.outcomes import BatchReport, Failed, Outcome, Skipped, Succeeded

# Finished items that wait for their download or for the consumer; their slots go on to others meanwhile.
_BACKLOG: Final = 256
# An ended video that nobody has seen end keeps a slot of the account empty: in a batch a look is worth so many times
# the waiting. A quarter of that still keeps 0.97 of the slots busy, with a fifth fewer requests, but only just.
_EMPTY_SLOT: Final = 8.0


def checked_options(requests: Requests, *, save_to: str | os.PathLike[str] | None, **options: Any) -> BatchOptions:
    """Return the options of a batch; raise `ValueError` for bad ones, and for what cannot be its requests."""
    check_requests(requests)
    return BatchOptions(save_to=None if save_to is None else SavePattern.of(save_to), **options)


@define(eq=False)
class Outcomes(AsyncIterator[Outcome]):
    """Hand out the outcomes of a batch in the order in which they come; several tasks may share one.

    An exception of the input iterator is raised at the end, when all that was pulled before has been handed out.
    """

    _stream: MemoryObjectReceiveStream[Placed]
    _shared: Shared
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
        self._shared.backlog.leave()
        return placed

    @property
    def slots(self) -> tuple[int, float]:
        """Return how many slots are held, by all batches of the client, and how many this one may hold at present."""
        window = self._shared.services.admission.window
        return window.held, min(window.limit, self._shared.places.limit)

    def stop(self, reason: str) -> None:
        """Submit nothing more: what runs is brought to its end, the rest of the input is `Skipped` for `reason`."""
        self._shared.halt.stop(reason)

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
        outcomes = Outcomes(receive, shared)
        with send, receive:
            async with anyio.create_task_group() as group:
                feeder = Feeder(group, send, outcomes.fail_at_end, shared, options)
                group.start_soon(shared.shields.watch)
                group.start_soon(feeder.feed, requests)
                group.start_soon(feeder.report_stalls)
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


def _in_a_hurry(services: Services) -> Services:
    polling = services.polling
    return evolve(services, polling=evolve(polling, request_worth=polling.request_worth / _EMPTY_SLOT))


async def _shared(services: Services, options: BatchOptions, journal: Journal | None) -> Shared:
    spent = await journal.spent() if journal is not None and options.max_cost is not None else 0.0
    if options.max_in_flight is not None:
        services.admission.window.expect(options.max_in_flight)
    return Shared(
        services=_in_a_hurry(services),
        journal=journal,
        budget=Budget(options.max_cost, spent),
        halt=Halt(services.emit),
        places=Meter(math.inf if options.max_in_flight is None else options.max_in_flight),
        backlog=Meter(_BACKLOG),
        emit=services.emit,
        timeout=options.timeout,
        overwrite=options.overwrite,
    )
