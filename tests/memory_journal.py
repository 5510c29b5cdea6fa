"""A journal without a disk: the same rules as the real one, with a place to be cancelled before and after each step."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio.lowlevel

from heygen_async._protocol import journal as rules
from heygen_async._protocol.journal import Entry
from heygen_async.errors import JournalError


class MemoryJournal:
    """Keeps its entries from one batch to the next, as a file would."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.path = "memory"
        self.broken = self.unreadable = False

    @contextlib.asynccontextmanager
    async def open(self, path: object) -> AsyncIterator[MemoryJournal]:
        yield self

    async def _write(self, key: str, change: Callable[[Any], Entry | None]) -> Any:
        await anyio.lowlevel.checkpoint()
        if self.broken:
            raise JournalError("The disk is full.")
        changed = change(self.entries.get(key))
        if changed is None:
            self.entries.pop(key, None)
        else:
            self.entries[key] = changed
        await anyio.lowlevel.checkpoint()
        return changed

    async def lookup(self, key: str) -> Entry | None:
        await anyio.lowlevel.checkpoint()
        if self.unreadable:
            raise JournalError("The disk is gone.")
        return self.entries.get(key)

    async def intend(self, key: str, **intent: Any) -> Entry:
        now = time.time()
        wanted = Entry(key=key, first_attempt_at=now, updated_at=now, **intent)
        return await self._write(key, lambda known: rules.intended(known, wanted))

    async def withdrawn(self, key: str) -> None:
        await self._write(key, rules.withdrawn)

    async def submitted(self, key: str, video_id: str, wire: Any) -> Entry:
        return await self._write(key, lambda known: rules.submitted(known, video_id, wire, time.time()))

    async def completed(self, key: str) -> Entry:
        return await self._write(key, lambda known: rules.completed(known, time.time()))

    async def failed(self, key: str, code: str | None, message: str, *, retryable: bool) -> Entry:
        return await self._write(
            key, lambda known: rules.failed(known, code, message, time.time(), retryable=retryable)
        )

    async def saved(self, key: str, path: str | os.PathLike[str], size: int) -> Entry:
        return await self._write(key, lambda known: rules.saved(known, os.fspath(path), size, time.time()))

    async def spent(self) -> float:
        return sum(entry.usd or 0.0 for entry in self.entries.values() if entry.state != "failed")
