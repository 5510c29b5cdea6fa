"""The batch journal: what was intended, submitted, finished and saved, on the disk before the next thing is done.

Writers share transactions: while one is on its way to the disk, all others that come gather for the next one. There is
no background task; whoever comes to the head of the queue writes for all who wait.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread
from attrs import define, field

from heygen_async._protocol import journal as rules
from heygen_async._protocol.arguments import path_text
from heygen_async._protocol.journal import Entry
from heygen_async._protocol.redaction import redact_text
from heygen_async._threads import supervised
from heygen_async.errors import JournalError
from heygen_async.models.video import ApiVersion

if TYPE_CHECKING:
    from heygen_async._journal_file import Change, JournalFile

T = TypeVar("T")


@define(eq=False)
class _Wish:
    key: str
    change: Change
    answer: Entry | JournalError | None = None
    is_decided: bool = False


@define(eq=False)
class Journal:
    """An open journal; every method returns when its change is on the disk.

    Cancelling does not take a change back: the call ends cancelled, but only after the change was written, which
    takes as long as the disk takes for the transaction under way and the next one. All methods raise `JournalError`
    if the disk refuses, and then nothing has changed.
    """

    path: str
    _file: JournalFile | None = field(default=None, init=False)
    _wishes: list[_Wish] = field(factory=list[_Wish], init=False)
    _turn: anyio.Lock = field(factory=anyio.Lock, init=False)
    _limiter: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(1), init=False)

    async def lookup(self, key: str) -> Entry | None:
        """Return what is known about an item, or None."""
        return await self._write(key, lambda known: known)

    async def intend(
        self,
        key: str,
        *,
        idempotency_key: str,
        payload_hash: str,
        wire: ApiVersion,
        callback_id: str | None = None,
        usd: float | None = None,
    ) -> Entry:
        """Write down that an item is about to be submitted; call it before the first byte goes out.

        The same intent again (same `idempotency_key`) keeps its `first_attempt_at`. Raise `JournalError` for another
        request under a known key, and where a video of this item exists or may exist already.
        """
        now = time.time()
        wanted = Entry(
            key=key,
            idempotency_key=idempotency_key,
            payload_hash=payload_hash,
            wire=wire,
            callback_id=callback_id,
            usd=usd,
            first_attempt_at=now,
            updated_at=now,
        )
        return _present(key, await self._write(key, lambda known: rules.intended(known, wanted)))

    async def withdrawn(self, key: str) -> None:
        """Forget an intent of which nothing can have come: nothing was sent, or all that was sent was refused."""
        await self._write(key, rules.withdrawn)

    async def submitted(self, key: str, video_id: str, wire: ApiVersion) -> Entry:
        """Write down the video that HeyGen made of an item."""
        return await self._advance(key, lambda known: rules.submitted(known, video_id, wire, time.time()))

    async def completed(self, key: str) -> Entry:
        """Write down that the video is rendered."""
        return await self._advance(key, lambda known: rules.completed(known, time.time()))

    async def failed(self, key: str, code: str | None, message: str, *, retryable: bool) -> Entry:
        """Write down that an item failed for sure; `retryable` lets a later run submit it again under a new key.

        Not for a submission with an unknown end: that stays intended.
        """
        said = redact_text(message)
        return await self._advance(key, lambda known: rules.failed(known, code, said, time.time(), retryable=retryable))

    async def saved(self, key: str, path: str | os.PathLike[str], size: int) -> Entry:
        """Write down where the finished file of `size` bytes is."""
        place = os.fspath(path)
        return await self._advance(key, lambda known: rules.saved(known, place, size, time.time()))

    async def spent(self) -> float:
        """Return the estimated price in USD of all items, of this run and earlier ones, that did not fail."""
        totals: list[float] = []

        async def ask() -> None:
            totals.append(await self._in_thread(lambda: self._open_file().total_usd()))

        await self._exclusively(ask)
        return totals[0]

    async def _advance(self, key: str, change: Callable[[Entry], Entry]) -> Entry:
        return _present(key, await self._write(key, lambda known: change(_present(key, known))))

    async def _write(self, key: str, change: Change) -> Entry | None:
        wish = _Wish(key, change)
        self._wishes.append(wish)
        await self._exclusively(partial(self._decide, wish))
        if isinstance(wish.answer, JournalError):
            raise wish.answer
        return wish.answer

    async def _decide(self, wish: _Wish) -> None:
        """Write everything that waits, unless whoever was at the head of the queue before has done so already."""
        if wish.is_decided:
            return
        wishes, self._wishes = self._wishes, []
        answers = await self._in_thread(partial(self._answers, wishes))
        for one, answer in zip(wishes, answers, strict=True):
            one.answer, one.is_decided = answer, True

    def _answers(self, wishes: list[_Wish]) -> list[Entry | JournalError | None]:
        try:
            return self._open_file().apply([(wish.key, wish.change) for wish in wishes])
        except JournalError as error:
            # One error per caller: raising the same one in several tasks would mix their tracebacks.
            return [_again(error) for _ in wishes]

    def _open_file(self) -> JournalFile:
        if self._file is None:
            raise JournalError(f"The journal {self.path} is closed.")
        return self._file

    async def _exclusively(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work when all earlier work has ended; cancelling waits for its end, on every event loop."""

        async def in_turn() -> None:
            with anyio.CancelScope(shield=True):
                async with self._turn:
                    await work()

        await supervised(in_turn)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    async def open(self) -> None:
        """Take the journal, as `open_journal` describes; `close` is due even if this raises or is cancelled."""

        def opened() -> None:
            # Here, so that importing the SDK needs no SQLite.
            from heygen_async._journal_file import JournalFile  # noqa: PLC0415

            self._file = JournalFile.open(self.path)
            self.path = str(self._file.path)

        await self._exclusively(partial(self._in_thread, opened))

    async def close(self) -> None:
        """Give the journal back once what is under way is written; every later call raises `JournalError`."""

        def closed() -> None:
            file, self._file = self._file, None
            if file is not None:
                file.close()

        await self._exclusively(partial(self._in_thread, closed))


@asynccontextmanager
async def open_journal(path: str | os.PathLike[str]) -> AsyncGenerator[Journal]:
    """Open a batch journal for one batch, creating it and missing folders if need be.

    Raise `JournalLockedError` at once if another process, or another batch of this one, has it open; `JournalError`
    if it is damaged, no journal, of a newer schema, or cannot be written. Both come before anything is spent.
    """
    journal = Journal(path_text("journal", path))
    try:
        await journal.open()
        yield journal
    finally:
        await journal.close()


def read_journal(path: str | os.PathLike[str]) -> list[Entry]:
    """Return all entries in the order in which their items were first intended.

    Nothing is changed or locked, so this works while a batch runs on the journal; it blocks. Raise `JournalError`.
    """
    from heygen_async import _journal_file  # noqa: PLC0415 - importing the SDK needs no SQLite

    return _journal_file.read_journal(path)


def _present(key: str, entry: Entry | None) -> Entry:
    if entry is None:
        raise JournalError(f"{key!r} is not in the journal.")
    return entry


def _again(error: JournalError) -> JournalError:
    copy = JournalError(error.message)
    copy.__cause__ = error
    return copy
