"""Spans of time as people write them."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
LONGEST: Final = 36_500 * _UNITS["d"]
"""A century: dates far beyond it cannot be written any more."""

_PART: Final = re.compile(r"([0-9]*\.?[0-9]+)\s*([smhdw])\s*")


def seconds_in(text: str | float) -> float:
    """Return the seconds of `7d`, `1h30m` or a plain number; raise `ValueError` for anything else."""
    if not isinstance(text, str):
        return _checked(text)
    words = text.strip().lower()
    parts = list(_PART.finditer(words))
    if parts and "".join(part.group() for part in parts) == words:
        return _checked(sum(float(part[1]) * _UNITS[part[2]] for part in parts))
    try:
        return _checked(float(words))
    except ValueError:
        raise ValueError(f"expected a span of time such as 90, 30s, 1h30m or 7d, not {text!r}") from None


def span(
    seconds: float | str = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0, weeks: float = 0.0
) -> float:
    """Return the seconds of all parts together; `seconds` may be a text such as `1h30m`. Raise `ValueError`."""
    named = {"m": minutes, "h": hours, "d": days, "w": weeks}
    return seconds_in(seconds) + sum(_checked(amount) * _UNITS[unit] for unit, amount in named.items())


def _checked(seconds: float) -> float:
    if isinstance(seconds, bool) or not 0 <= seconds <= LONGEST:
        raise ValueError(f"expected a span of time from 0 seconds to {LONGEST / _UNITS['d']:.0f} days, not {seconds!r}")
    return float(seconds)
