"""Checks for single values in requests: each refusal is a `ValueError` that starts with the field's name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NoReturn, get_args
from urllib.parse import urlsplit

from attrs import Attribute

from heygen_async._protocol.redaction import redact_text

Check = Callable[[object, "Attribute[Any]", object], None]
"""What attrs calls a validator."""

MAX_SCRIPT: Final = 5000
MAX_SCENES: Final = 50

_COLOR: Final = re.compile(r"#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_SIX_DIGIT_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_UNSAFE_IN_URL: Final = re.compile(r"[\s\x00-\x1f\x7f\\]")
_LONGEST_SHOWN: Final = 60


def refuse(name: str, problem: str) -> NoReturn:
    """Raise the `ValueError` for a field."""
    raise ValueError(f"{name}: {problem}")


def shown(value: object) -> str:
    """Return a refused value in a form that is fit for logs: no signed queries, no long texts."""
    if isinstance(value, str):
        text = repr(redact_text(value[:500]))
        return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 4]}...'"
    if isinstance(value, int) and value.bit_length() > _LONGEST_SHOWN:
        return "a huge number"
    if value is None or isinstance(value, int | float):
        return repr(value)
    return type(value).__name__


def either(words: Iterable[str]) -> str:
    """Return `a`, `a or b`, `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def check_text(name: str, value: object, *, max_length: int | None = None, empty: bool = False) -> str:
    """Return a text; refuse what is no string, is blank (unless `empty`), is too long or cannot be sent as UTF-8."""
    if not isinstance(value, str):
        refuse(name, f"must be a string, not {shown(value)}")
    if not empty and not value.strip():
        refuse(name, "must not be empty or blank")
    if max_length is not None and len(value) > max_length:
        refuse(name, f"must have at most {max_length:,} characters, not {len(value):,}")
    if not _is_utf8(value):
        refuse(name, "must be text that UTF-8 can carry; it holds a lone surrogate")
    return value


def _is_utf8(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_number(name: str, value: object, low: float, high: float = math.inf, *, above: bool = False) -> float:
    """Return a number from `low` (or above it) to `high`; refuse what is none (a bool is none) or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        refuse(name, f"must be a number, not {shown(value)}")
    if not low <= value <= high or (above and value == low):
        least = f"more than {low:g}" if above else f"at least {low:g}"
        refuse(name, f"must be {least}{'' if high == math.inf else f' and at most {high:g}'}, not {shown(value)}")
    return value


def text(*, max_length: int | None = None, empty: bool = False) -> Check:
    """Return a check for a string that is not blank (unless `empty`) and has at most `max_length` characters."""

    def check(_instance: object, attribute: Attribute[Any], value: object) -> None:
        check_text(attribute.name, value, max_length=max_length, empty=empty)

    return check


def number(low: float = -math.inf, high: float = math.inf, *, above: bool = False) -> Check:
    """Return a check for a number from `low` (or above it) to `high`."""

    def check(_instance: object, attribute: Attribute[Any], value: object) -> None:
        check_number(attribute.name, value, low, high, above=above)

    return check


def integer(low: int, high: int) -> Check:
    """Return a check for a whole number from `low` to `high`."""

    def check(_instance: object, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, int):
            refuse(attribute.name, f"must be a whole number, not {shown(value)}")
        check_number(attribute.name, value, low, high)

    return check


def choice(words: object) -> Check:
    """Return a check for one of the words of a `Literal`."""
    allowed: tuple[str, ...] = get_args(words)

    def check(_instance: object, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, str) or value not in allowed:
            refuse(attribute.name, f"must be {either(map(repr, allowed))}, not {shown(value)}")

    return check


def flag(_instance: object, attribute: Attribute[Any], value: object) -> None:
    """Check for True or False."""
    if not isinstance(value, bool):
        refuse(attribute.name, f"must be True or False, not {shown(value)}")


def url(_instance: object, attribute: Attribute[Any], value: object) -> None:
    """Check for an absolute http(s) URL."""
    if not _is_http_url(check_text(attribute.name, value)):
        refuse(attribute.name, f"must be an http:// or https:// URL, not {shown(value)}")


def _is_http_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not _UNSAFE_IN_URL.search(value)


def color(_instance: object, attribute: Attribute[Any], value: object) -> None:
    """Check for a hex colour such as `#008000`."""
    if not _COLOR.fullmatch(check_text(attribute.name, value)):
        refuse(attribute.name, f"must be a hex colour such as '#008000', not {shown(value)}")


def six_digit_color(_instance: object, attribute: Attribute[Any], value: object) -> None:
    """Check for a hex colour of exactly six digits."""
    if not _SIX_DIGIT_COLOR.fullmatch(check_text(attribute.name, value)):
        refuse(attribute.name, f"must be a hex colour of six digits such as '#008000', not {shown(value)}")
