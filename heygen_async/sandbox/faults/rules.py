"""Rules as values: which calls, when, and what then."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from attrs import field, frozen

from heygen_async.sandbox.faults.action import Action, OnDelivery
from heygen_async.sandbox.faults.calls import CallFacts

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "*")
EVENT: Final = "EVENT"

OPERATIONS: Final = {
    "create": (
        "POST /v3/videos",
        "POST /v3/videos/batches",
        "POST /v3/templates/{template_id}",
        "POST /v2/video/generate",
        "POST /v2/template/{template_id}/generate",
    ),
    "look": (
        "GET /v3/videos/{video_id}",
        "GET /v3/videos/statuses",
        "GET /v2/videos/{video_id}",
        "GET /v1/video_status.get",
    ),
    "list": ("GET /v3/videos", "GET /v1/video.list"),
    "delete": ("DELETE /v3/videos/{video_id}", "DELETE /v1/video.delete"),
    "upload": ("POST /v3/assets", "POST /v1/asset"),
    "download": ("GET /files/*",),
}
"""Short names for the calls of one purpose on all wires."""

_PLACEHOLDER: Final = re.compile(r"(\*|\{\w+\})")
_SEGMENT: Final = "(?!(?:statuses|batches|search|looks|direct-uploads|events|event-types|speech|clone)$)[^/]+"
"""One part of a path that is an id: not the last word of a path of its own."""

_SIMPLE: Final = re.compile(r"[A-Za-z0-9_.:\-]+")


def _one_spaced(text: str) -> str:
    return " ".join(text.split())


@frozen
class Match:
    """Which calls: `"POST /v3/videos"`, `"GET /files/*"`, `"look"`, or `"EVENT avatar_video.*"` for webhook events.

    `*` stands for any text, `{video_id}` for one part of a path that is an id. `video_id` asks that the call names
    this video, `attempt` that it is the n-th one with its `Idempotency-Key`. Raise `ValueError` for anything else.
    """

    target: str = field(converter=_one_spaced)
    video_id: str | None = field(default=None, kw_only=True)
    attempt: int | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _check_target(self.target)
        _positive("attempt", self.attempt)

    @property
    def is_event(self) -> bool:
        """Say whether this is about webhook events."""
        return self.target.startswith(EVENT + " ")

    def fits(self, call: CallFacts) -> bool:
        """Say whether the call is meant; `attempt` is not looked at, because a call does not know it."""
        if _pattern(self.target).fullmatch(f"{call.method} {call.path}") is None:
            return False
        return self.video_id is None or self.video_id in call.video_ids

    def fits_event(self, event_type: str, video_id: str | None) -> bool:
        """Say whether the webhook event is meant."""
        if not self.is_event or _pattern(self.target).fullmatch(f"{EVENT} {event_type}") is None:
            return False
        return self.video_id is None or self.video_id == video_id


@frozen(kw_only=True)
class When:
    """When a matching call is answered by the fault: all that is given must hold.

    `times`: at most so often. `nth`: only at the n-th matching call. `every`: at each n-th one. `probability`: 0 to 1,
    drawn from the sandbox's seed. `after`, `until`: virtual seconds since the rule was added.
    """

    times: int | None = None
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    after: float | None = None
    until: float | None = None

    def __attrs_post_init__(self) -> None:
        for name in ("times", "nth", "every"):
            _positive(name, getattr(self, name))
        if self.probability is not None and not 0 <= _number("probability", self.probability) <= 1:
            raise ValueError(f"probability: expected a number from 0 to 1, not {self.probability!r}")
        for name in ("after", "until"):
            value = getattr(self, name)
            if value is not None and _number(name, value) < 0:
                raise ValueError(f"{name}: expected virtual seconds since the rule was added, not {value!r}")

    def allows(self, *, matched: int, fired: int, age: float, draw: float) -> bool:
        """Decide on the `matched`-th matching call, `age` virtual seconds after the rule was added."""
        if self.times is not None and fired >= self.times:
            return False
        if (self.nth is not None and matched != self.nth) or (self.every is not None and matched % self.every):
            return False
        if (self.after is not None and age < self.after) or (self.until is not None and age >= self.until):
            return False
        return self.probability is None or draw < self.probability


OPTIONS: Final = ("times", "nth", "every", "probability", "after", "until", "video_id", "attempt")
"""What may follow the action in a rule's text, in the order of `str`."""


@frozen
class Rule:
    """Match, action, when; `str` gives the text that `parse_rule` reads."""

    match: Match
    action: Action
    when: When = field(factory=When)

    def __attrs_post_init__(self) -> None:
        on_delivery = isinstance(self.action.effect, OnDelivery)
        if on_delivery and not self.match.is_event:
            raise ValueError(f"{self.action.name} acts on webhook events: match it with 'EVENT avatar_video.*'")
        if self.match.is_event and not on_delivery:
            raise ValueError(f"{self.action.name} acts on calls: match it with 'METHOD /path', not with an event")

    def __str__(self) -> str:
        options = {name: getattr(self.when, name, getattr(self.match, name, None)) for name in OPTIONS}
        words = [f"{name}={_value(value)}" for name, value in options.items() if value is not None]
        return " ".join([self.match.target, str(self.action), *words])


def unknown(kind: str, name: str, allowed: list[str]) -> ValueError:
    """Return an error that names what is wrong, the nearest allowed name, and all of them."""
    near = get_close_matches(name, allowed, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ValueError(f"{kind} {name!r} is not known.{hint} Allowed: {', '.join(allowed)}")


def _check_target(target: str) -> None:
    words = target.split(" ")
    if words == [""]:
        raise ValueError("a rule begins with what it matches: 'POST /v3/videos', 'GET /files/*' or 'look'")
    if len(words) == 1:
        if target not in OPERATIONS:
            raise unknown("operation", target, [*OPERATIONS, "METHOD /path"])
    elif len(words) > 2:
        raise ValueError(f"match: expected a method and a path, not {target!r}")
    elif words[0] not in {*METHODS, EVENT}:
        raise unknown("method", words[0], [*METHODS, EVENT])
    elif words[0] != EVENT and not words[1].startswith(("/", "*")):
        raise ValueError(f"path: expected '/...' or '*', not {words[1]!r}")


@lru_cache(maxsize=256)
def _pattern(target: str) -> re.Pattern[str]:
    return re.compile("|".join(_as_regex(one) for one in OPERATIONS.get(target, (target,))))


def _as_regex(target: str) -> str:
    parts = _PLACEHOLDER.split(target)
    return "".join(".*" if part == "*" else _SEGMENT if part[:1] == "{" else re.escape(part) for part in parts)


def _positive(name: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name}: expected a whole number from 1, not {value!r}")


def _number(name: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise ValueError(f"{name}: expected a number, not {value!r}")


def _value(value: Any) -> str:
    return value if isinstance(value, str) and _SIMPLE.fullmatch(value) else repr(value)
