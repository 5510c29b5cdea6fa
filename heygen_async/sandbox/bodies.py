"""JSON bodies on their way in: no larger than HeyGen could want them, and JSON by the letter."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, Final, cast

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from heygen_async.sandbox.problems import Problem

MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of a request at most: a file of 32 MB as base64 fits in, and any upload that comes with its call."""

DEEPEST: Final = 64
"""How deep JSON may be nested; HeyGen's own requests go down about ten levels."""

_LONGEST_LENGTH: Final = 18


def capped(receive: Receive, headers: Headers, *, limit: int = MAX_BODY) -> Receive:
    """Return what receives a body and raises the 413 once it is above the limit.

    A length that is declared raises it before anything was received.
    """
    received = 0

    async def receive_some() -> Message:
        nonlocal received
        if declared_length(headers) > limit:
            raise too_large(limit)
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise too_large(limit)
        return message

    return receive_some


def declared_length(headers: Headers) -> float:
    """Return the `Content-Length`, 0 if there is none that can be read."""
    text = headers.get("content-length", "")
    if not (text.isascii() and text.isdecimal()):
        return 0
    return int(text) if len(text) <= _LONGEST_LENGTH else math.inf


def too_large(limit: int) -> Problem:
    """Refuse a request above the limit."""
    return Problem(413, "payload_too_large", f"Request body exceeds the maximum size of {limit} bytes")


def is_json(headers: Headers) -> bool:
    """Say whether a body is declared to be JSON."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def decoded(body: bytes) -> Any:
    """Return the JSON; raise `ValueError` for anything else, also for what only Python takes for JSON.

    That is `NaN` and `Infinity`, numbers beyond all bounds, half a surrogate pair, and lists in lists without end.
    """
    try:
        value = json.loads(body, parse_constant=_refused, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair parses, but is no text
    except RecursionError:
        raise ValueError("nested too deep") from None
    if _depth(value) > DEEPEST:
        raise ValueError("nested too deep")
    return value


def _depth(value: Any) -> int:
    """Return how many lists and objects lie in each other, not counting those that are empty."""
    depth = 0
    level: list[object] = [value]
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
    return depth


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value
