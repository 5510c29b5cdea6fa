"""What faults leave behind: dead links, dead keys, changed files, calls that count as still running."""

from __future__ import annotations

from collections import Counter
from typing import Final

from attrs import define, field

from heygen_async.sandbox.faults.calls import CallFacts
from heygen_async.sandbox.problems import Problem

IN_PROGRESS: Final = "A request with this Idempotency-Key is still being processed"


@define(kw_only=True)
class Lasting:
    """Forgotten when the rules are cleared; times are virtual.

    `links`: path and query of presigned links that are dead. `api_keys`: refused. `tags`: how often the file at a path
    was replaced. `held_until`: until when the first call with an idempotency key counts as running. `assets`: when an
    asset was first asked for.
    """

    links: set[str] = field(factory=set[str])
    api_keys: set[str] = field(factory=set[str])
    tags: Counter[str] = field(factory=Counter[str])
    held_until: dict[tuple[str, str], float] = field(factory=dict[tuple[str, str], float])
    assets: dict[str, float] = field(factory=dict[str, float])

    def refusal(self, call: CallFacts, now: float) -> Problem | None:
        """Return why a call is refused before any rule is asked, None if it is not."""
        if call.api_key in self.api_keys and not call.is_file:
            return Problem.unauthorized()
        if call.is_file and link(call) in self.links:
            return Problem(403, "AccessDenied", "Request has expired")
        if call.key is not None and now < self.held_until.get((call.path, call.key), 0.0):
            return in_progress()
        return None


def link(call: CallFacts) -> str:
    """Return what tells one presigned link from another."""
    return f"{call.path}?{call.query}"


def in_progress() -> Problem:
    """Return the 409 for a key whose first call is running."""
    return Problem(409, "request_in_progress", IN_PROGRESS)
