"""What somebody may have meant whose call was refused: pure, from names to a short sentence."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import Final

from heygen_async.sandbox.expectation import Expected
from heygen_async.sandbox.schema import Fault

_NEAR_ENOUGH: Final = 0.6
_LISTED: Final = 8


def route_hint(method: str, path: str, rules: Sequence[str]) -> str | None:
    """Return what to call instead of a route that does not exist; None if it does."""
    fitting = [rule for rule in rules if not _path_differs(rule, path)]
    if fitting:
        methods = sorted({rule.partition(" ")[0] for rule in fitting})
        return None if method in methods else f"this path takes {' and '.join(methods)}"
    called = f"{method} {path}"
    near = max(rules, key=lambda rule: SequenceMatcher(None, called, rule).ratio())
    if SequenceMatcher(None, called, near).ratio() < _NEAR_ENOUGH:
        return "the sandbox has no such call"
    return f"did you mean {near}?"


def field_hint(faults: Sequence[Fault]) -> str | None:
    """Return which field may have been meant by the first unknown one; None if there is none."""
    fault = next((fault for fault in faults if fault.unknown and fault.known), None)
    if fault is None:
        return None
    place, _, name = fault.path.rpartition(".")
    near = get_close_matches(name, fault.known, n=1)
    if near:
        return f"did you mean {place + '.' if place else ''}{near[0]}?"
    listed = ", ".join(fault.known[:_LISTED]) + (", ..." if len(fault.known) > _LISTED else "")
    return f"{place or 'the body'} may hold {listed}"


def key_hint(key: str) -> str:
    """Return what is wrong with an API key that was refused."""
    return "the key is none of those this sandbox was told to accept" if key else "no X-Api-Key header was sent"


def _path_differs(rule: str, path: str) -> bool:
    return Expected.of(f"* {rule.partition(' ')[2]}").path.match(path) is None
