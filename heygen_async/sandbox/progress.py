"""How a job moves from accepted to finished: at once, after some time, or after being looked at."""

from __future__ import annotations

import re
from typing import Final, Self

from attrs import frozen

_AFTER: Final = re.compile(r"after[ =]\s*([0-9]*\.?[0-9]+)\s*s?")
_POLLS: Final = re.compile(r"polls\s*=\s*([0-9]+)")

PENDING_SHARE: Final = 0.2
"""The part of its time that a job is `pending` before it is `processing`."""


@frozen(kw_only=True)
class Progress:
    """A rule for all jobs: `after` virtual seconds, or at the `polls`-th look; neither means immediately.

    Whatever the rule says, a video is completed only when its file exists.
    """

    after: float = 0.0
    polls: int = 0

    def __attrs_post_init__(self) -> None:
        if self.after < 0 or self.polls < 0:
            raise ValueError("progress: after and polls cannot be negative")
        if self.after and self.polls:
            raise ValueError("progress: give after or polls, not both")

    def __str__(self) -> str:
        if self.polls:
            return f"polls={self.polls}"
        seconds = f"{self.after:.6f}".rstrip("0").rstrip(".")
        return f"after {seconds}s" if self.after else "immediate"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `immediate`, `after 5s` or `polls=3`."""
        words = text.strip().lower()
        if words == "immediate":
            return cls()
        if found := _AFTER.fullmatch(words):
            return cls(after=float(found[1]))
        if found := _POLLS.fullmatch(words):
            return cls(polls=int(found[1]))
        raise ValueError(f"progress: expected 'immediate', 'after 5s' or 'polls=3', not {text!r}")

    def due(self, *, admitted_at: float, looks: int, now: float) -> float | None:
        """Return when the job ends by this rule, None while that is open."""
        if self.polls:
            return now if looks >= self.polls else None
        return admitted_at + self.after

    def has_started(self, *, admitted_at: float, looks: int, now: float) -> bool:
        """Say whether an unfinished job is past `pending`."""
        if self.polls:
            return looks > 1
        return now - admitted_at >= PENDING_SHARE * self.after
