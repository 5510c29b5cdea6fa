"""How a job moves from accepted to finished: at once, after some time, or after being looked at."""

from __future__ import annotations

import math
import re
from typing import Final, Self

from attrs import evolve, frozen

from heygen_async.sandbox.durations import seconds_in
from heygen_async.sandbox.spread import Spread, drawn, plain, spread_in

_AFTER: Final = re.compile(r"after[ =]\s*(\S.*)")
_POLLS: Final = re.compile(r"polls\s*=\s*([0-9]{1,9})")
_FORMS: Final = "'immediate', 'after 5s', 'polls=3', 'uniform 60s..720s' or 'lognormal 5m sigma 0.5'"

PENDING_SHARE: Final = 0.2
"""The part of its time that a job is `pending` before it is `processing`."""


@frozen(kw_only=True)
class Progress:
    """A rule for all jobs: `after` virtual seconds, at the `polls`-th look, or each after a time drawn from `spread`.

    None of them means immediately. Whatever the rule says, a video is completed only when its file exists.
    """

    after: float = 0.0
    polls: int = 0
    spread: Spread | None = None

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.after < math.inf or self.polls < 0:
            raise ValueError("progress: after and polls cannot be negative")
        if sum(map(bool, (self.after, self.polls, self.spread))) > 1:
            raise ValueError("progress: give after, polls or a distribution, not two of them")

    def __str__(self) -> str:
        if self.polls:
            return f"polls={self.polls}"
        if self.spread:
            return str(self.spread)
        return f"after {plain(self.after)}s" if self.after else "immediate"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `immediate`, `after 5s`, `polls=3`, `uniform 60s..720s` or `lognormal 5m sigma 0.5`.

        Raise `ValueError` that lists these for anything else.
        """
        words = text.strip().lower()
        if words == "immediate":
            return cls()
        if found := _POLLS.fullmatch(words):
            return cls(polls=int(found[1]))
        try:
            if found := _AFTER.fullmatch(words):
                return cls(after=seconds_in(found[1]))
            if spread := spread_in(words):
                return cls(spread=spread)
        except ValueError as error:
            raise ValueError(f"progress: {str(error).removeprefix('progress: ')} (in {text!r})") from None
        raise ValueError(f"progress: expected {_FORMS}, not {text!r}")

    def of(self, key: str) -> Progress:
        """Return how the job with this id moves: where times are drawn, it is its own time."""
        return Progress(after=drawn(self.spread, key)) if self.spread else self

    def slower(self, factor: float) -> Progress:
        """Return the rule of a job that takes so many times as long; its time must have been drawn."""
        return evolve(self, after=self.after * factor, polls=math.ceil(self.polls * factor))

    def due(self, *, admitted_at: float, looks: int, now: float) -> float | None:
        """Return when the job ends by this rule, None while that is open. Raise `ValueError` without `of`."""
        if self.spread:
            raise ValueError("progress: each job draws its own time, ask for its rule with `of` first")
        if self.polls:
            return now if looks >= self.polls else None
        return admitted_at + self.after

    def has_started(self, *, admitted_at: float, looks: int, now: float) -> bool:
        """Say whether an unfinished job is past `pending`."""
        if self.polls:
            return looks > 1
        return now - admitted_at >= PENDING_SHARE * self.after
