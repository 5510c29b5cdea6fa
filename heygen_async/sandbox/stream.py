"""The state as server-sent events: everything at first, then whatever section has changed."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import anyio

Json = dict[str, Any]

LOOKS_EVERY: Final = 0.25
"""Seconds of real time between two looks at the state."""

_QUIET_LOOKS: Final = 40
"""After so many looks without a change a comment shows whoever listens that the connection lives."""


async def changes(state: Callable[[], Json], closing: Callable[[], bool]) -> AsyncGenerator[str]:
    """Yield server-sent events until `closing()`; each holds the sections that changed, and always the clock."""
    known: Json = {}
    quiet = 0
    yield "retry: 1000\n\n"
    while not closing():
        current = state()
        comparable = {**current, "clock": {**current["clock"], "now": None}}
        changed = [name for name, section in comparable.items() if known.get(name) != section]
        known, quiet = comparable, 0 if changed else quiet + 1
        if changed:
            yield _event({name: current[name] for name in {*changed, "clock"}})
        elif quiet % _QUIET_LOOKS == 0:
            yield ": nothing new\n\n"
        await anyio.sleep(LOOKS_EVERY)


def _event(data: Json) -> str:
    return f"event: state\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
