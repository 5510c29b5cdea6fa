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
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio
import anyio.lowlevel
from attrs import define

from heygen_async._board import Board
from heygen_async._lead import Turn
from heygen_async._rounds import Looker
from heygen_async._watches import Watch
from heygen_async.errors import WaitTimeoutError

T = TypeVar("T")

# A request that hangs must not hold up the looks at other videos until it times out.
_LONG_ROUND: Final = 5.0


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
            self._board.lead.promote()
            await self._sleep(watch)
        elif watch.details is None and self._board.paused_until <= anyio.current_time():
            self._board.lead.promote()
            await self._looker.alone(watch)

    def _advance(self, watch: Watch) -> Awaitable[None]:
        """Choose what brings news of a video nearer; awaited, it returns when there may be some."""
        now = anyio.current_time()
        if watch.finished and watch.alone_at is None and not watch.looking:
            self._board.look_again(watch, now)
        if not watch.is_scheduled:
            self._board.lead.promote()
            if watch.looking or watch.alone_at is None:
                return self._sleep(watch)
            at = max(watch.alone_at, self._board.paused_until)
            return self._looker.alone(watch) if at <= now else self._sleep(watch, until=at)
        if self._board.lead.leader is None:
            return self._lead(watch)
        return self._sleep(watch, leads_next=True)

    async def _lead(self, watch: Watch) -> None:
        """Look for everybody until there is news of the leader's own video, or somebody else has taken over."""
        lead = self._board.lead
        turn = lead.take(watch)
        try:
            version = watch.version
            # No await may come between this check and the alarm being set: news in that moment would be slept over.
            while watch.version == version and lead.leader is turn:
                if not await self._dozed(self._looker.next_time()):
                    await self._round(turn)
        finally:
            if lead.leader is turn:
                lead.leader = None

    async def _dozed(self, until: float) -> bool:
        """Sleep until a time or an alarm, and say whether it was the alarm."""
        if until <= anyio.current_time():
            return False
        alarm = self._board.lead.set_alarm()
        with anyio.move_on_after(until - anyio.current_time()):
            await alarm.wait()
        return alarm.is_set()

    async def _round(self, turn: Turn) -> None:
        """Look at what is due; where that takes long, another waiter leads meanwhile."""
        bug: Exception | None = None
        self._board.lead.rounds.append(turn)
        try:
            with anyio.CancelScope() as turn.scope:
                # Waits that begin together are looked at together: let them all arrive.
                await anyio.lowlevel.checkpoint()
                async with anyio.create_task_group() as group:
                    group.start_soon(self._hand_over_later, turn)
                    try:
                        await self._looker.round()
                    except Exception as error:  # noqa: BLE001 - raised below, where no group wraps it
                        bug = error
                    group.cancel_scope.cancel()
        finally:
            self._board.lead.rounds.remove(turn)
        if bug is not None:
            raise bug

    async def _hand_over_later(self, turn: Turn) -> None:
        await anyio.sleep(_LONG_ROUND)
        self._board.lead.hand_over(turn)

    async def _sleep(self, watch: Watch, *, until: float = math.inf, leads_next: bool = False) -> None:
        bell = self._board.lead.bell_of(watch, leads_next=leads_next)
        try:
            if until == math.inf:
                await bell.wait()
            else:
                with anyio.move_on_after(until - anyio.current_time()):
                    await bell.wait()
        finally:
            if leads_next:
                self._board.lead.woke_up(watch)


def _timed_out(watch: Watch, now: float) -> WaitTimeoutError:
    elapsed = now - watch.born
    trouble = f" The last look failed: {watch.trouble}." if watch.failures and watch.trouble else ""
    state, next_step = _state(watch)
    return WaitTimeoutError(
        f"Video {watch.id} {state} after {elapsed:.0f} s, and the time to wait is over.{trouble} {next_step}",
        job_id=watch.id,
        last_status=watch.status,
        elapsed=elapsed,
    )


def _state(watch: Watch) -> tuple[str, str]:
    if watch.finished:
        return f"was {watch.status}, but its details had not come", "Nothing is lost: wait again with the same id."
    state = f"was still {watch.status}" if watch.status else "had not been seen"
    return state, "The render goes on and is charged: wait again with the same id."
