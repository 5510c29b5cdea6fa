"""What a test sees of a sandbox and steers it with, wherever it is served."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from copy import copy
from typing import Unpack

from heygen_async.sandbox.beginning import Beginning
from heygen_async.sandbox.clock import VirtualClock
from heygen_async.sandbox.core import Account, Charge
from heygen_async.sandbox.durations import span
from heygen_async.sandbox.failures import Failure
from heygen_async.sandbox.fast import Padding
from heygen_async.sandbox.faults.action import Action
from heygen_async.sandbox.faults.engine import ActiveRule, Faults
from heygen_async.sandbox.faults.parser import RuleOptions, rule_of
from heygen_async.sandbox.gate import Switches
from heygen_async.sandbox.journal import Journal
from heygen_async.sandbox.modes import padding_of, set_padding
from heygen_async.sandbox.progress import Progress
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.views import Jobs
from heygen_async.sandbox.webhooks.engine import Webhooks


class Steered:
    """One account's state: what happened, and what is to happen. Callable from any thread."""

    def __init__(self, service: Service, beginning: Beginning) -> None:
        self._service = service
        self._beginning = beginning

    @property
    def jobs(self) -> Jobs:
        """Return all jobs since the start or the last `reset`."""
        return Jobs(self._settled)

    @property
    def charges(self) -> list[Charge]:
        """Return what was paid, one charge per job; failed videos are marked as refunded."""
        with self._service.open() as (account, now):
            account.settle(now)
            return [copy(charge) for charge in account.charges.values()]

    @property
    def requests(self) -> Journal:
        """Return the calls since the start or the last `reset`, in order of arrival."""
        return self._service.journal

    @property
    def webhooks(self) -> Webhooks:
        """Return events, endpoints and deliveries: `wait` for one, `trigger` one."""
        return self._service.webhooks

    @property
    def clock(self) -> VirtualClock:
        """Return the virtual clock; its `rate` can be set."""
        return self._service.clock

    @property
    def switches(self) -> Switches:
        """Return what can be turned while the sandbox runs."""
        return self._service.switches

    @property
    def wallet(self) -> float:
        """Return what is left, in USD; can be set."""
        return self._service.account.wallet

    @wallet.setter
    def wallet(self, usd: float) -> None:
        with self._service.open() as (account, _):
            account.wallet = usd

    @property
    def concurrency(self) -> int | None:
        """Return how many jobs may run at a time; can be set."""
        return self._service.account.concurrency

    @concurrency.setter
    def concurrency(self, limit: int | None) -> None:
        with self._service.open() as (account, now):
            account.settle(now)
            account.concurrency = limit

    @property
    def file_size(self) -> int | None:
        """Return how many bytes new videos are made large, None for as few as they need; can be set in fast mode."""
        return padding_of(self._service.renderer).size

    @file_size.setter
    def file_size(self, size: int | None) -> None:
        seed = padding_of(self._service.renderer).pattern if size is not None else None
        set_padding(self._service.renderer, Padding(size=size, pattern=seed))

    @property
    def v2_gone(self) -> int | None:
        """Return the status with which v1 and v2 answer as retired, None while they work; can be set."""
        return self.switches.v2_gone

    @v2_gone.setter
    def v2_gone(self, status: int | None) -> None:
        self.switches.v2_gone = status

    def progress(self, rule: Progress | str | None = None, *, after: float = 0.0, polls: int = 0) -> None:
        """Change how all unfinished jobs move: `progress("immediate")`, `progress(after=5)`, `progress(polls=3)`.

        `progress("uniform 60s..720s")` and `progress("lognormal 5m sigma 0.5")` have each job draw its own time, which
        is the same in every sandbox with that `seed`.
        """
        if rule is None:
            rule = Progress(after=after, polls=polls)
        with self._service.open() as (account, now):
            account.settle(now)
            account.progress = Progress.parse(rule) if isinstance(rule, str) else rule

    def advance(
        self,
        seconds: float | str = 0.0,
        *,
        minutes: float = 0.0,
        hours: float = 0.0,
        days: float = 0.0,
        weeks: float = 0.0,
    ) -> None:
        """Let virtual time pass at once: jobs, links, idempotency records all follow.

        `advance(90)`, `advance(days=7)`, `advance("1h30m")`; several parts add up. Raise `ValueError` for less than 0.
        """
        self.clock.advance(span(seconds, minutes=minutes, hours=hours, days=days, weeks=weeks))

    def fail_next(
        self,
        code: int | str = "rendering_failed",
        message: str | None = None,
        *,
        detail: str | None = None,
        times: int = 1,
    ) -> None:
        """Let the next jobs fail when they would have been completed; known codes of either wire bring their text."""
        with self._service.open() as (account, _):
            account.planned_failures.extend([Failure.of(code, message, detail)] * times)

    def fault(self, match: str, action: Action | str | None = None, **options: Unpack[RuleOptions]) -> ActiveRule:
        """Misbehave: `fault("POST /v3/videos", then_status(503), times=1)`, or the action or all of it as a text.

        Return the rule in force, with its counts; raise `ValueError` if it is none.
        """
        return self.faults.add(rule_of(match, action, **options))

    @property
    def faults(self) -> Faults:
        """Return the rules in force; `clear()` ends all of them."""
        return self._service.faults

    @property
    def unfired_faults(self) -> list[str]:
        """Return the texts of the rules that never took effect: a test that waits for one of them tests nothing."""
        return self.faults.unfired

    def wait_rendered(self, timeout: float = 60.0) -> None:
        """Block until no render is under way; raise `TimeoutError` after `timeout` real seconds."""
        deadline = time.monotonic() + timeout
        while True:
            with self._service.open() as (account, _):
                if all(job.rendering.done_at is not None for job in account.jobs.values()):
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"renders still under way after {timeout} seconds")
            time.sleep(0.01)

    def reset(self) -> None:
        """Forget jobs, charges, keys and calls, and go back to the settings of the start; the clock keeps its time."""
        self.clock.restore_rate()
        self._beginning.again(self._service)

    @contextmanager
    def _settled(self) -> Generator[tuple[Account, float]]:
        with self._service.open() as (account, now):
            account.settle(now)
            yield account, now
