"""Checks of the arguments that actions are made with: text rules and JSON bring anything."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, cast


def seconds(name: str, value: object) -> float:
    """Return seconds from 0; raise `ValueError` for anything else."""
    return _number(name, value, "seconds from 0", low=0.0)


def above_zero(name: str, value: object) -> float:
    """Return a number above 0; raise `ValueError` for anything else."""
    number = _number(name, value, "a number above 0", low=0.0)
    if number == 0:
        raise ValueError(f"{name}: expected a number above 0, not {value!r}")
    return number


def count(name: str, value: object, low: int = 0) -> int:
    """Return a whole number from `low`; raise `ValueError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name}: expected a whole number from {low}, not {value!r}")
    return value


def http_status(name: str, value: object) -> int:
    """Return a final HTTP status; raise `ValueError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise ValueError(f"{name}: expected an HTTP status from 200 to 599, not {value!r}")
    return value


def words(name: str, value: object) -> str:
    """Return a text that can stand in a header; raise `ValueError` for anything else."""
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise ValueError(f"{name}: expected a text in ASCII, not {value!r}")
    return value


def one_of(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return the value if it is allowed; raise `ValueError` that lists what is."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, allowed))}, not {value!r}")
    return value


def flag(name: str, value: object) -> bool:
    """Return a boolean; raise `ValueError` for anything else."""
    if value is True or value is False:
        return value
    raise ValueError(f"{name}: expected True or False, not {value!r}")


def json_object(name: str, value: object) -> dict[str, Any]:
    """Return an object that JSON can hold; raise `ValueError` for anything else."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError(f"{name}: expected plain JSON values, not {value!r}") from None
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    raise ValueError(f"{name}: expected an object like {{'data': {{'status': 'new'}}}}, not {value!r}")


def paths(name: str, value: object) -> list[list[str]]:
    """Return dotted paths, split; raise `ValueError` for anything else."""
    if isinstance(value, (list, tuple)):
        return [words(name, path).split(".") for path in cast("list[object]", value)]
    raise ValueError(f"{name}: expected a list of paths like ['data.id'], not {value!r}")


def _number(name: str, value: object, expected: str, *, low: float) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= low:
        return float(value)
    raise ValueError(f"{name}: expected {expected}, not {value!r}")
