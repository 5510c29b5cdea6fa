"""Who leads, who sleeps, and how they are woken. All synchronous."""

from __future__ import annotations

import math
from typing import Final

import anyio
from attrs import define, field

from heygen_async._watches import Watch

AT_ONCE: Final = -math.inf
"""A time that has always come."""


@define(eq=False)
class Turn:
    """One waiter's time as the leader; `scope` is around its round of looks, while there is one."""

    watch: Watch
    scope: anyio.CancelScope | None = None


@define(eq=False)
class Lead:
    """Keep the leader, those who may lead next, and the rounds under way."""

    leader: Turn | None = field(default=None, init=False)
    rounds: list[Turn] = field(factory=list[Turn], init=False)
    _alarm: anyio.Event | None = field(default=None, init=False)
    _sleepers: dict[Watch, int] = field(factory=dict[Watch, int], init=False)

    @property
    def is_idle(self) -> bool:
        """Say whether nobody leads, looks or waits to lead."""
        return self.leader is None and not self._sleepers and not self.rounds

    def take(self, watch: Watch) -> Turn:
        """Make a waiter the leader."""
        self.leader = Turn(watch)
        return self.leader

    def hand_over(self, turn: Turn) -> None:
        """Let go of the lead, if this turn still has it, and have somebody else take it."""
        if self.leader is turn:
            self.leader = None
        self.promote()

    def promote(self) -> None:
        """Wake one sleeper to take the lead, if nobody has it."""
        if self.leader is None and self._sleepers:
            _wake(next(iter(self._sleepers)))

    def bell_of(self, watch: Watch, *, leads_next: bool) -> anyio.Event:
        """Return what rings at the next news of a video or, for those who may lead next, when it is their turn."""
        if leads_next:
            self._sleepers[watch] = self._sleepers.get(watch, 0) + 1
        if watch.bell is None:
            watch.bell = anyio.Event()
        return watch.bell

    def woke_up(self, watch: Watch) -> None:
        """Note that one who might have led next has been woken, or has gone."""
        self._sleepers[watch] -= 1
        if self._sleepers[watch] == 0:
            del self._sleepers[watch]

    def set_alarm(self) -> anyio.Event:
        """Return an event that is set when the leader should think again."""
        self._alarm = anyio.Event()
        return self._alarm

    def rouse(self) -> None:
        """Set off the alarm."""
        if self._alarm is not None:
            self._alarm.set()

    def ring(self, watch: Watch) -> None:
        """Tell the waiters of a video that there is news."""
        watch.version += 1
        _wake(watch)
        if self.leader is not None and self.leader.watch is watch:
            self.rouse()

    def leave_round(self, watch: Watch, *, at: float = AT_ONCE) -> None:
        """Let a waiter go from a round that still goes on at that time, because there is news of its own video."""
        for turn in self.rounds:
            if turn.watch is watch and turn.scope is not None:
                turn.scope.deadline = min(turn.scope.deadline, at)


def _wake(watch: Watch) -> None:
    if watch.bell is not None:
        watch.bell.set()
        watch.bell = None
