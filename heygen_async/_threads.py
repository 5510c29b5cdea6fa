"""Run blocking work in worker threads without leaving a thread behind that owns anything.

anyio shields a worker thread from its own cancel scopes, but not from `task.cancel()` of asyncio: then the call
returns while the thread goes on. A thread that owns a part file must not go on behind the back of the next save, so
the waiting is done by a child task, and a task group waits for its children however it is cancelled.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

import anyio
import anyio.to_thread
from attrs import define, field

T = TypeVar("T")


def _nothing() -> None:
    pass


async def supervised(
    work: Callable[[], Awaitable[T]],
    *,
    cut: Callable[[], None] = _nothing,
    watch: Callable[[anyio.Event], Awaitable[None]] | None = None,
) -> T:
    """Return what `work` returns or raise what it raises; when this returns or raises, `work` has ended.

    Beside it runs `watch`, which gets an event that is set when the work has ended; an exception in it ends the work.
    When the work is to end early, it is cancelled and `cut` is called, which must make it end soon if it is in a
    thread. Cancelling does the same.
    """
    job = _Job(work, cut)
    async with anyio.create_task_group() as group:
        group.start_soon(job.run)
        if watch is not None:
            # Not in this task: `task.cancel()` at the moment when a deadline of a watch passes can get lost in anyio.
            group.start_soon(job.be_watched, watch)
        try:
            await job.done.wait()
        finally:
            job.end()
    return job.result()


@define(eq=False)
class Threads:
    """Worker threads that do not compete with others for anyio's 40: their number is bounded by who asks for them."""

    _limiter: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(math.inf), init=False)

    async def run(
        self,
        work: Callable[[], T],
        *,
        cut: Callable[[], None] = _nothing,
        watch: Callable[[anyio.Event], Awaitable[None]] | None = None,
        abandon: bool = False,
    ) -> T:
        """Run blocking work in a thread, as `supervised`.

        With `abandon`, work that is to end early is left to itself after `cut`: only for work that holds nothing, or
        sees by itself that it was cut.
        """
        in_thread = partial(anyio.to_thread.run_sync, work, abandon_on_cancel=abandon, limiter=self._limiter)
        return await supervised(in_thread, cut=cut, watch=watch)


class _Job(Generic[T]):
    def __init__(self, work: Callable[[], Awaitable[T]], cut: Callable[[], None]) -> None:
        self._work, self._cut = work, cut
        self._scope = anyio.CancelScope()
        self._results: list[T] = []
        self._failure: Exception | None = None
        self.done = anyio.Event()

    async def run(self) -> None:
        try:
            with self._scope:
                self._results.append(await self._work())
        except Exception as error:  # noqa: BLE001 - raised by result()
            self._failure = self._failure or error
        finally:
            self.done.set()

    async def be_watched(self, watch: Callable[[anyio.Event], Awaitable[None]]) -> None:
        try:
            await watch(self.done)
        except Exception as error:  # noqa: BLE001 - raised by result()
            self._failure = error
            self.end()

    def end(self) -> None:
        """Make the work end early, if it has not ended."""
        if not self.done.is_set():
            self._cut()
            self._scope.cancel()

    def result(self) -> T:
        if self._failure is not None:
            raise self._failure
        return self._results[0]
