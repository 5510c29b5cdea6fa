"""Read decoded JSON without trusting its shape: HeyGen's answers drift (scenarios 22 to 24)."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, TypeGuard, cast


def as_object(value: object) -> dict[str, Any] | None:
    """Return a JSON object as it is, anything else as None."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def as_list(value: object) -> list[Any] | None:
    """Return a JSON array as it is, anything else as None."""
    return value if _is_list(value) else None


def as_text(value: object) -> str | None:
    """Return text, and numbers as text (a whole one without `.0`); anything else, and empty text, as None."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value) or None


def as_number(value: object) -> float | None:
    """Return a finite number, also one that was sent as text; anything else as None."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_unix_seconds(value: object) -> float | None:
    """Return a time as unix seconds, from a number or from ISO 8601 text (UTC if it names no zone)."""
    number = as_number(value)
    if number is not None or not isinstance(value, str):
        return number
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def as_word(value: object) -> str | None:
    """Return text only; a number where a word belongs is not one."""
    return value if isinstance(value, str) and value else None
