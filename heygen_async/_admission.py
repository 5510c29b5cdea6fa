"""The slots in which one client's videos are rendered: held from submission to the terminal state, handed on at once.

No task watches over the window: those who wait for a slot form a queue, and its head sleeps until the window opens.
Whoever changes the window wakes the head; whoever leaves the queue, for whatever reason, wakes the next one.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import anyio
from attrs import define, field

from heygen_async._policies import RetryPolicy
from heygen_async._protocol.admission import Ticket, Window
from heygen_async.events import AdmissionChanged, Event, StatusChanged


@define(eq=False)
class _Waiter:
    bell: anyio.Event = field(factory=anyio.Event)


@define(eq=False)
class Slot:
    """A place in the window, for one video; every way to give it back may be taken once, later ones do nothing."""

    _gate: Admission
    _ticket: Ticket | None

    def accepted(self) -> None:
        """Note that HeyGen has accepted the submission: the video runs in this slot."""
        if self._ticket is not None:
            self._gate.window.accepted(self._ticket, anyio.current_time())
            self._gate.changed()

    def refused(self, retry_after: float | None) -> float | None:
        """Give the slot back because of a 429; return the pause for all, None if HeyGen asks for too long a one."""
        ticket, gate = self._ticket, self._gate
        if ticket is None:
            return 0.0
        self._ticket = None
        delay = gate.window.refused(ticket, retry_after=retry_after, now=anyio.current_time(), chance=gate.rng.random())
        gate.report(delay)
        gate.changed()
        return delay

    def release(self) -> None:
        """Give the slot back: the video has ended, or was never begun."""
        if self._ticket is not None:
            self._ticket = None
            self._gate.window.release()
            self._gate.changed()


class Admission:
    """Let submissions through as the account takes them; shared by all batches and copies of one client.

    `ceiling` is `Limits.max_in_flight`. Not bound to an event loop before the first wait.
    """

    def __init__(self, ceiling: int | None, policy: RetryPolicy, emit: Callable[[Event], None]) -> None:
        self.window = Window(policy, ceiling)
        self.rng = random.Random()  # noqa: S311 - dice for pauses
        self._emit = emit
        self._urgent: dict[_Waiter, None] = {}
        self._ordinary: dict[_Waiter, None] = {}

    async def opening(self) -> None:
        """Return when a slot is free, without taking it; cancelling leaves the queue."""
        with self._queued(urgent=False) as waiter:
            await self._until_open(waiter)

    async def slot(self, *, urgent: bool = False, on_wait: Callable[[int], None] | None = None) -> Slot:
        """Wait for a slot and take it; no checkpoint if one is free and nobody waits.

        `urgent` goes before all that are not: what was turned away once comes first. `on_wait` hears of the place in
        the queue (1 is the next) if there is something to wait for. Cancelling takes nothing.
        """
        with self._queued(urgent=urgent) as waiter:
            if on_wait is not None and not self._is_open(waiter):
                on_wait(self._place(waiter))
            await self._until_open(waiter)
            return Slot(self, self.window.take(anyio.current_time()))

    def take_over(self) -> Slot:
        """Count a video that is being rendered already, and return its slot."""
        self.window.take_over()
        return Slot(self, Ticket(anyio.current_time(), probe=False))

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[Slot]:
        """Hold a slot inside the block."""
        slot = await self.slot()
        try:
            yield slot
        finally:
            slot.release()

    def changed(self) -> None:
        """Wake the head of the queue, because the window may have opened."""
        head = next(iter(self._urgent), None) or next(iter(self._ordinary), None)
        if head is not None:
            head.bell.set()

    def report(self, delay: float | None) -> None:
        """Tell that the window has become narrower."""
        window = self.window
        self._emit(AdmissionChanged(limit=window.limit, in_flight=window.held, closed_for=delay))

    @contextmanager
    def _queued(self, *, urgent: bool) -> Generator[_Waiter]:
        queue, waiter = self._urgent if urgent else self._ordinary, _Waiter()
        queue[waiter] = None
        try:
            yield waiter
        finally:
            del queue[waiter]
            self.changed()

    async def _until_open(self, waiter: _Waiter) -> None:
        while not self._is_open(waiter):
            waiter.bell = anyio.Event()
            until = self.window.opens_at() if self._is_head(waiter) else math.inf
            with anyio.move_on_after(until - anyio.current_time()):
                await waiter.bell.wait()

    def _is_open(self, waiter: _Waiter) -> bool:
        return self._is_head(waiter) and self.window.opens_at() <= anyio.current_time()

    def _is_head(self, waiter: _Waiter) -> bool:
        return waiter is (next(iter(self._urgent), None) or next(iter(self._ordinary), None))

    def _place(self, waiter: _Waiter) -> int:
        order = [*self._urgent, *self._ordinary]
        return order.index(waiter) + 1


@define(eq=False)
class StatusBell:
    """Tell those who hold slots of each change of status that the looks find, before anybody fetches details."""

    _listeners: dict[str, list[Callable[[StatusChanged], None]]] = field(factory=dict, init=False)

    def hear(self, event: Event) -> None:
        """Pass on an event, if it is about the status of a video that somebody listens for."""
        if isinstance(event, StatusChanged):
            for listener in tuple(self._listeners.get(event.video_id, ())):
                listener(event)

    @contextmanager
    def listening(self, video_id: str, listener: Callable[[StatusChanged], None]) -> Generator[None]:
        """Call `listener` for each change of a video's status inside the block."""
        listeners = self._listeners.setdefault(video_id, [])
        listeners.append(listener)
        try:
            yield
        finally:
            listeners.remove(listener)
            if not listeners:
                del self._listeners[video_id]
