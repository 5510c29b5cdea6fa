"""What holds a batch together: why it stops, how much of it is under way, and what must not be cut short."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import anyio
from attrs import define, field

from heygen_async.events import AdmissionStopped, Event

# A submission under way gets this long to come to an end when its batch is left (scenario 53a).
_SUBMISSION_ENDS_WITHIN: Final = 10.0


@define(eq=False)
class Halt:
    """Know why nothing more is submitted, and wake those who wait for a slot when that happens."""

    _emit: Callable[[Event], None]
    reason: str | None = field(default=None, init=False)
    _scopes: set[anyio.CancelScope] = field(factory=set[anyio.CancelScope], init=False)

    def stop(self, reason: str) -> None:
        """Stop admission; the first reason stays."""
        if self.reason is None:
            self.reason = reason
            self._emit(AdmissionStopped(reason=reason))
            for scope in self._scopes:
                scope.cancel()

    @contextmanager
    def unless_stopped(self) -> Generator[None]:
        """Leave the block as soon as admission stops; at its next wait, if it has stopped already."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            if self.reason is not None:
                scope.cancel()
            try:
                yield
            finally:
                self._scopes.discard(scope)


@define(eq=False)
class Meter:
    """Count what is under way, and let others wait until it is less than `limit`."""

    limit: float
    count: int = field(default=0, init=False)
    _room: anyio.Event | None = field(default=None, init=False)

    def enter(self) -> None:
        """Count one more; never waits."""
        self.count += 1

    def leave(self) -> None:
        """Count one less."""
        self.count -= 1
        if self._room is not None and self.count < self.limit:
            self._room.set()
            self._room = None

    async def room(self) -> None:
        """Return when fewer than `limit` are under way."""
        while self.count >= self.limit:
            if self._room is None:
                self._room = anyio.Event()
            await self._room.wait()


@define(eq=False)
class Shields:
    """Let submissions come to an end when the batch is left, within a deadline that starts at that moment."""

    _scopes: set[anyio.CancelScope] = field(factory=set[anyio.CancelScope], init=False)
    _ends_at: float = field(default=math.inf, init=False)

    async def watch(self) -> None:
        """Run as a task of the batch: when the batch is cancelled, set the deadline for all who are shielded."""
        try:
            await anyio.sleep_forever()
        finally:
            self._ends_at = anyio.current_time() + _SUBMISSION_ENDS_WITHIN
            for scope in self._scopes:
                scope.deadline = self._ends_at

    @contextmanager
    def shield(self) -> Generator[None]:
        """Go on inside the block though the batch is cancelled, but not longer than the deadline."""
        with anyio.CancelScope(shield=True, deadline=self._ends_at) as scope:
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)
