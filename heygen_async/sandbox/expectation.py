"""What a test expects of the calls, and how near the others came: pure comparison, and the text of a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from fnmatch import translate
from typing import Any, Final, Protocol, cast

from attrs import frozen

SHOWN_CALLS: Final = 5
_SHOWN_FIELDS: Final = 4
_SHOWN_VALUE: Final = 80
_PATTERN: Final = re.compile(r"([A-Z*?]+) ([/*?{][^=]*)")
_PARAMETER: Final = re.compile(r"\\\{\w+\\\}|\{\w+\}")


class Seen(Protocol):
    """What is compared of a call."""

    @property
    def number(self) -> int:
        """Return its place in the order of arrival."""
        ...

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        ...

    @property
    def path(self) -> str:
        """Return the path without its query."""
        ...

    @property
    def status(self) -> int | None:
        """Return the status of the answer."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers, with lower-case names."""
        ...

    @property
    def json(self) -> Any:
        """Return the decoded body, None if it is no JSON."""
        ...


@frozen
class Expected:
    """Calls of a method and path (`POST /v3/videos`, `GET /v3/videos/{video_id}`, `* /v2/*`) with what they hold.

    `json` is a part of the body: objects may have further fields. A header that is None must not be sent.
    """

    method: re.Pattern[str]
    path: re.Pattern[str]
    pattern: str
    json: Any = None
    headers: Mapping[str, str | None] | None = None

    @classmethod
    def of(cls, pattern: str, *, json: Any = None, headers: Mapping[str, str | None] | None = None) -> Expected:
        """Read a pattern; raise `ValueError` if it could never match a call."""
        found = _PATTERN.fullmatch(pattern)
        if found is None:
            raise ValueError(f"expected a method and a path without query, such as 'POST /v3/videos', not {pattern!r}")
        method, path = (re.compile(_PARAMETER.sub("[^/]+", translate(part))) for part in found.groups())
        return cls(method, path, pattern, json, headers)

    def __str__(self) -> str:
        json = "" if self.json is None else f" with json {_short(self.json)}"
        return self.pattern + json + ("" if self.headers is None else f" with headers {_short(dict(self.headers))}")

    def differences(self, call: Seen) -> list[str]:
        """Return what keeps a call from being an expected one, nothing if it is."""
        found: list[str] = []
        if not self.method.match(call.method):
            found.append(f"the method is {call.method}")
        if not self.path.match(call.path):
            found.append(f"the path is {call.path}")
        for name, value in (self.headers or {}).items():
            sent = call.headers.get(name.lower())
            if sent != value:
                found.append(f"header {name} is {_or_missing(sent)}, not {_or_missing(value)}")
        if self.json is not None:
            found += _json_differences(self.json, call.json)
        return found


def failure_text(expected: Expected, calls: Sequence[Seen], *, times: int | None) -> str:
    """Return why the calls are not what was expected: how many there were, and the nearest others."""
    compared = [(call, expected.differences(call)) for call in calls]
    hits = [call for call, differences in compared if not differences]
    misses = [(call, differences) for call, differences in compared if differences]
    wanted = "at least one call" if times is None else "no call" if times == 0 else _calls(times)
    lines = [f"expected {wanted} of {expected}, saw {len(hits)} among {_calls(len(calls))}"]
    lines += ["the calls that match:"] * bool(hits)
    lines += [f"  {_line(call)}" for call in hits[:SHOWN_CALLS]]
    lines += [f"  and {len(hits) - SHOWN_CALLS} more"] * (len(hits) > SHOWN_CALLS)
    if misses and (times is None or len(hits) < times):
        lines.append("the nearest others:")
        misses.sort(key=lambda miss: _distance(expected, *miss))
        lines += [f"  {_line(call)}: {'; '.join(why)}" for call, why in misses[:SHOWN_CALLS]]
    return "\n".join(lines)


def _distance(expected: Expected, call: Seen, differences: Sequence[str]) -> tuple[float, int]:
    likeness = SequenceMatcher(None, expected.pattern, f"{call.method} {call.path}").ratio()
    return len(differences) - 2 * likeness, -call.number


def _line(call: Seen) -> str:
    return f"#{call.number} {call.method} {call.path} -> {call.status or 'no answer'}"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _json_differences(wanted: Any, sent: Any) -> list[str]:
    if sent is None:
        return ["there is no JSON body, or it is no longer kept"]
    found = list(_differing(wanted, sent, "json"))
    more = len(found) - _SHOWN_FIELDS
    return found[:_SHOWN_FIELDS] + [f"{more} more fields differ"] * (more > 0)


def _differing(wanted: Any, sent: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(sent, Mapping):
        fields, given = cast("Mapping[str, Any]", wanted), cast("Mapping[str, Any]", sent)
        for name, value in fields.items():
            if name in given:
                yield from _differing(value, given[name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is missing"
    elif isinstance(wanted, list | tuple) and isinstance(sent, list):
        parts, entries = _items(wanted), _items(sent)
        if len(parts) != len(entries):
            yield f"{path} has {len(entries)} items, not {len(parts)}"
        for index, (part, entry) in enumerate(zip(parts, entries, strict=False)):
            yield from _differing(part, entry, f"{path}.{index}")
    elif wanted != sent or isinstance(wanted, bool) != isinstance(sent, bool):
        yield f"{path} is {_short(sent)}, not {_short(wanted)}"


def _items(value: Any) -> list[Any]:
    return list(value)


def _or_missing(value: str | None) -> str:
    return "missing" if value is None else _short(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_VALUE else text[: _SHOWN_VALUE - 3] + "..."
