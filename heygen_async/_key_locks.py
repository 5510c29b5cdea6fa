"""Let only one submission of a key go on at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from attrs import define, field


@define(eq=False)
class _Held:
    lock: anyio.Lock = field(factory=anyio.Lock)
    users: int = 0


@define(eq=False)
class KeyLocks:
    """One lock per key, kept only while somebody holds it or waits for it."""

    _held: dict[str, _Held] = field(factory=dict[str, _Held], init=False)

    @asynccontextmanager
    async def of(self, key: str) -> AsyncGenerator[None]:
        """Hold the key's lock inside the block; waits for its turn, and gives up waiting when cancelled."""
        held = self._held.setdefault(key, _Held())
        held.users += 1
        try:
            async with held.lock:
                yield
        finally:
            held.users -= 1
            if held.users == 0:
                del self._held[key]
