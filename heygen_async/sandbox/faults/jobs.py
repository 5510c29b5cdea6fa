"""Faults of jobs: laid on every job that a matching call creates or names, for good and on all wires."""

from __future__ import annotations

import math

from attrs import evolve

from heygen_async.sandbox.failures import Failure
from heygen_async.sandbox.faults import checks
from heygen_async.sandbox.faults.action import OnJob, action
from heygen_async.sandbox.quirks import Stage


@action
def fail(code: int | str = "rendering_failed", message: str | None = None) -> OnJob:
    """Let the job fail when it would be completed; known codes of either wire bring their message."""
    number = code if isinstance(code, int) else checks.words("code", code)
    failure = Failure.of(number, None if message is None else checks.words("message", message))
    return OnJob(lambda quirks: evolve(quirks, failure=failure))


@action
def stuck(at: Stage = "processing") -> OnJob:
    """Keep the job at `waiting`, `pending` or `processing` for ever."""
    checks.one_of("at", at, ("waiting", "pending", "processing"))
    return OnJob(lambda quirks: evolve(quirks, stuck_at=at))


@action
def backwards() -> OnJob:
    """Let the job go from `processing` back to `pending`; it ends at its third look at the earliest."""
    return OnJob(lambda quirks: evolve(quirks, backwards=True))


@action
def invisible(seconds: float) -> OnJob:
    """Let nobody find the job until so many virtual seconds after its creation."""
    checks.seconds("seconds", seconds)
    return OnJob(lambda quirks: evolve(quirks, hidden=seconds), finished_too=True)


@action
def url_late(seconds: float | None = None) -> OnJob:
    """Leave the links out until so many virtual seconds after the end; None: for ever."""
    after = math.inf if seconds is None else checks.seconds("seconds", seconds)
    return OnJob(lambda quirks: evolve(quirks, urls_after=after), finished_too=True)


@action
def slow(factor: float) -> OnJob:
    """Let the job take so many times as long; no effect where jobs end immediately."""
    if checks.above_zero("factor", factor) < 1:
        raise ValueError(f"factor: expected a number from 1, not {factor!r}")
    return OnJob(lambda quirks: evolve(quirks, pace=factor))


@action
def wrong_duration(factor: float = 2.0) -> OnJob:
    """Tell a duration that is so many times the true one."""
    checks.above_zero("factor", factor)
    return OnJob(lambda quirks: evolve(quirks, told_length=factor), finished_too=True)
