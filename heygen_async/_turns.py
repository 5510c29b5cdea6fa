"""How waiters take turns at leading.

One that finds nobody leading becomes the leader: it sleeps until the earliest due time, makes one round of looks for
everything that is due, tells everybody what was found, and goes on until there is news of its own video. The others
sleep. Whoever stops leading or sleeping, for whatever reason, goes on as a leader itself, or wakes a sleeper if
nobody leads. No await lies between these steps, so a cancelled leader is replaced like any other (scenario 62).

Single looks (details of a finished video, anything without the bulk endpoint) are made by one of the video's own
waiters, so that one that hangs holds up nobody else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.lowlevel
from attrs import define

from heygen_async._board import Board
from heygen_async._rounds import Looker
from heygen_async._watches import Watch
from heygen_async.errors import WaitTimeoutError

T = TypeVar("T")


@define(eq=False)
class Turns:
    """Bring waiters to what they wait for."""

    _board: Board
    _looker: Looker

    async def until(self, found: Callable[[], T | None], watch: Watch, limit: float) -> T:
        """Return what `found` finds once there is something; raise `WaitTimeoutError` after `limit` seconds.

        A limit of 0 makes one look. A time-out of the caller's own scope passes untouched.
        """
        if limit <= 0:
            await self._look_once(watch)
            if (result := found()) is not None:
                return result
        else:
            with anyio.move_on_after(limit):
                while (result := found()) is None:
                    await self._advance(watch)
                return result
        raise _timed_out(watch, anyio.current_time())

    async def _look_once(self, watch: Watch) -> None:
        """Make one look now, or share the one under way."""
        if watch.looking:
            self._board.promote()
            await self._sleep(watch)
        elif watch.details is None and self._board.paused_until <= anyio.current_time():
            self._board.promote()
            await self._looker.alone(watch)

    async def _advance(self, watch: Watch) -> None:
        """Do what brings news of a video nearer, and return when there may be some."""
        now = anyio.current_time()
        if watch.looking:
            self._board.promote()
            await self._sleep(watch)
        elif watch.alone_at is not None:
            self._board.promote()
            at = max(watch.alone_at, self._board.paused_until)
            await (self._looker.alone(watch) if at <= now else self._sleep(watch, until=at))
        elif watch.finished:
            self._board.look_again(watch, now)
        elif self._board.leader is None:
            await self._lead(watch)
        else:
            await self._sleep_as_successor(watch)

    async def _lead(self, watch: Watch) -> None:
        """Look for everybody until there is news of the leader's own video."""
        self._board.leader = watch
        try:
            version = watch.version
            while watch.version == version:
                # Waits that begin together are looked at together: let them all arrive.
                await anyio.lowlevel.checkpoint()
                if not await self._dozed(self._board.next_time()):
                    with anyio.CancelScope() as self._board.round_scope:
                        await self._looker.round()
        finally:
            self._board.leader = self._board.round_scope = None

    async def _dozed(self, until: float) -> bool:
        """Sleep until a time or an alarm, and say whether that took any time."""
        if until <= anyio.current_time():
            return False
        alarm = self._board.set_alarm()
        with anyio.move_on_after(until - anyio.current_time()):
            await alarm.wait()
        return True

    async def _sleep_as_successor(self, watch: Watch) -> None:
        sleepers = self._board.sleepers
        sleepers[watch] = sleepers.get(watch, 0) + 1
        try:
            await self._sleep(watch)
        finally:
            sleepers[watch] -= 1
            if sleepers[watch] == 0:
                del sleepers[watch]

    async def _sleep(self, watch: Watch, *, until: float = math.inf) -> None:
        if watch.bell is None:
            watch.bell = anyio.Event()
        bell = watch.bell
        if until == math.inf:
            await bell.wait()
            return
        with anyio.move_on_after(until - anyio.current_time()):
            await bell.wait()


def _timed_out(watch: Watch, now: float) -> WaitTimeoutError:
    elapsed = now - watch.born
    state = f"was still {watch.status}" if watch.status else "had not been seen"
    trouble = f" The last look failed: {watch.trouble}." if watch.failures and watch.trouble else ""
    return WaitTimeoutError(
        f"Video {watch.id} {state} after {elapsed:.0f} s, and the time to wait is over.{trouble} "
        f"The render goes on and is charged: wait again with the same id.",
        job_id=watch.id,
        last_status=watch.status,
        elapsed=elapsed,
    )
