"""The rules that are in force: which fault meets this call, this job, this delivery."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Final, Protocol

from attrs import define, evolve, field, frozen

from heygen_async.sandbox.core import Account, Job
from heygen_async.sandbox.faults.action import Action, OnCall, OnDelivery, OnJob
from heygen_async.sandbox.faults.calls import CallFacts
from heygen_async.sandbox.faults.lasting import Lasting
from heygen_async.sandbox.faults.parser import parse_rule
from heygen_async.sandbox.faults.rules import Rule
from heygen_async.sandbox.quirks import NORMAL, Quirks


class Event(Protocol):
    """What must be known of a webhook event."""

    @property
    def type(self) -> str:
        """Return its type, such as `avatar_video.success`."""
        ...

    @property
    def video_id(self) -> str | None:
        """Return the id of the video, if it is about one."""
        ...


@frozen
class CurrentCall:
    """The call being answered, and the fault that its own header asks for."""

    facts: CallFacts
    preferred: Action | None


CURRENT: Final[ContextVar[CurrentCall | None]] = ContextVar("heygen_sandbox_call", default=None)
"""Jobs learn from it which call creates them."""


@define(eq=False)
class ActiveRule:
    """A rule in force: `matched` counts the calls it was asked about and that fit, `fired` those it took effect on."""

    rule: Rule
    _since: float
    _random: random.Random = field(repr=False)
    matched: int = 0
    fired: int = 0
    _attempts: Counter[tuple[str, str]] = field(factory=Counter[tuple[str, str]], repr=False)
    jobs: set[str] = field(factory=set[str], repr=False)
    """The jobs it took hold of."""

    def __str__(self) -> str:
        return str(self.rule)

    def takes(self, call: CallFacts, now: float) -> bool:
        """Count a call and decide whether the rule takes effect on it."""
        return self.rule.match.fits(call) and self._is_attempt(call) and self._fires(now)

    def takes_event(self, event: Event, now: float) -> bool:
        """Count a webhook event and decide whether the rule takes effect on it."""
        return self.rule.match.fits_event(event.type, event.video_id) and self._fires(now)

    def _is_attempt(self, call: CallFacts) -> bool:
        wanted = self.rule.match.attempt
        if wanted is None:
            return True
        if call.key is None:
            return False
        self._attempts[call.path, call.key] += 1
        return self._attempts[call.path, call.key] == wanted

    def _fires(self, now: float) -> bool:
        self.matched += 1
        when = self.rule.when
        draw = self._random.random() if when.probability is not None else 0.0
        allowed = when.allows(matched=self.matched, fired=self.fired, age=now - self._since, draw=draw)
        self.fired += allowed
        return allowed


class Faults:
    """All rules, in the order in which they were added.

    The first rule that matches wins, for each of three questions by itself: how is this call answered, what is laid on
    this job, how is this webhook event delivered. A rule that does not win is not asked and does not count. Safe to use
    from several threads; chance comes from the sandbox's seed.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        lock: AbstractContextManager[object],
        seed: int = 0,
        jobs: Callable[[], Iterable[Job]] = tuple,
    ) -> None:
        self.lasting = Lasting()
        self._now = now
        self._lock = lock
        self._seed = seed
        self._jobs = jobs
        self._added = 0
        self._active: list[ActiveRule] = []

    def __len__(self) -> int:
        return len(self._active)

    def __iter__(self) -> Iterator[ActiveRule]:
        return iter(self.rules)

    @property
    def rules(self) -> Sequence[ActiveRule]:
        """Return the rules in force, with their counts."""
        with self._lock:
            return tuple(self._active)

    @property
    def unfired(self) -> list[str]:
        """Return the texts of the rules that never took effect."""
        return [str(active) for active in self.rules if not active.fired]

    def add(self, rule: Rule | str) -> ActiveRule:
        """Put a rule in force, behind those that are; raise `ValueError` if a text is none."""
        rule = parse_rule(rule) if isinstance(rule, str) else rule
        with self._lock:
            self._added += 1
            chance = random.Random(f"{self._seed}:{self._added}")  # noqa: S311 - must be repeatable
            active = ActiveRule(rule, self._now(), chance)
            self._active.append(active)
        return active

    def remove(self, active: ActiveRule) -> None:
        """Take one rule out of force; jobs and links that it took hold of stay as they are."""
        with self._lock:
            if active in self._active:
                self._active.remove(active)

    def clear(self) -> None:
        """Forget all rules and what they left behind: links and keys are good again, jobs move on."""
        with self._lock:
            self._active.clear()
            self._added = 0
            self.lasting = Lasting()
            for job in self._jobs():
                job.quirks = NORMAL

    def for_call(self, call: CallFacts) -> ActiveRule | None:
        """Return the rule that decides how the call is answered, counting it."""
        with self._lock:
            now = self._now()
            for active in self._active:
                effect = active.rule.action.effect
                if isinstance(effect, OnCall) and effect.concerns(call, self.lasting) and active.takes(call, now):
                    return active
        return None

    def for_new_job(self, video_id: str) -> Quirks:
        """Return what is laid on a job that the current call creates."""
        current = CURRENT.get()
        if current is None:
            return NORMAL
        if current.preferred is not None and isinstance(current.preferred.effect, OnJob):
            return current.preferred.effect.change(NORMAL)
        with self._lock:
            return self._laid_on(NORMAL, video_id, current.facts, finished=False)

    def touch_jobs(self, current: CurrentCall, account: Account, now: float) -> None:
        """Lay faults on the jobs that a call names; the account must be held."""
        preferred = current.preferred.effect if current.preferred is not None else None
        if not isinstance(preferred, OnJob) and not any(isinstance(a.rule.action.effect, OnJob) for a in self._active):
            return
        account.settle(now)
        for video_id in current.facts.video_ids:
            job = account.jobs.get(video_id)
            if job is None:
                continue
            if isinstance(preferred, OnJob):
                job.quirks = preferred.change(job.quirks)
            else:
                finished = job.finished_at is not None
                job.quirks = self._laid_on(job.quirks, video_id, current.facts, finished=finished)

    def for_delivery(self, event: Event) -> list[Action]:
        """Return the faults with which a webhook event is delivered, counting the rules."""
        with self._lock:
            now = self._now()
            for active in self._active:
                if isinstance(active.rule.action.effect, OnDelivery) and active.takes_event(event, now):
                    return [active.rule.action]
        return []

    def _laid_on(self, quirks: Quirks, video_id: str, call: CallFacts, *, finished: bool) -> Quirks:
        facts = evolve(call, video_ids=(video_id,))
        for active in self._active:
            effect = active.rule.action.effect
            if not isinstance(effect, OnJob) or video_id in active.jobs or (finished and not effect.finished_too):
                continue
            if active.takes(facts, self._now()):
                active.jobs.add(video_id)
                return effect.change(quirks)
        return quirks
