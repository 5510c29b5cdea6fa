"""One attempt at a file over as many connections as help: one begins, others bring blocks further on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup
from attrs import define, field

from heygen_async._blocks import BlockSink
from heygen_async._protocol.segments import ONE_CONNECTION, Pacer, SegmentRules
from heygen_async._sharing import EnoughError
from heygen_async._transfer import Transfer
from heygen_async._transport.file_lane import REPORT_EVERY, FileLane
from heygen_async._transport.file_requests import BrokenError, Fetched, FileRules

CAN_WRITE_ANYWHERE: Final = hasattr(os, "pwrite")


@define(eq=False)
class Crew:
    """The connections of one attempt.

    The first one is an attempt like any other, and all there is for most files. While its pace says that others would
    help, it is made to end early, and everybody brings blocks. Whatever goes wrong with a block, somebody else brings
    it; when nobody gets anywhere any more, the attempt ends with what is there without a gap. `is_refused` says that a
    connection got nowhere with its block: then the next attempt at this file should be made with one.
    """

    lane: FileLane
    url: str
    transfer: Transfer
    rules: FileRules
    segments: SegmentRules
    report: Callable[[], None] | None = None
    is_refused: bool = field(default=False, init=False)
    _pacer: Pacer = field(init=False)
    _group: TaskGroup = field(init=False)
    _hired: int = field(default=0, init=False)
    _busy: int = field(default=0, init=False)
    _setback: Fetched = field(default=None, init=False)
    _trouble: BrokenError | None = field(default=None, init=False)
    _failure: Exception | None = field(default=None, init=False)
    _changed: anyio.Event = field(factory=anyio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        can = self.lane.reads_in_threads and CAN_WRITE_ANYWHERE
        self._pacer = Pacer(self.segments if can else ONE_CONNECTION)

    async def fetch(self) -> Fetched:
        """Make the attempt; return and raise what `FileLane.fetch` does."""
        fetched: Fetched = None
        async with anyio.create_task_group() as self._group:
            try:
                fetched = await self._begin()
            except Exception as error:  # noqa: BLE001 - raised below, where no exception group wraps it
                self._fail(error)
        if self._failure is not None:
            raise self._failure
        return fetched if self.transfer.sharing is None else await self._end()

    async def _begin(self) -> Fetched:
        transfer = self.transfer
        try:
            fetched = await self.lane.fetch(self.url, transfer, self.rules, report=self._look)
        except EnoughError:
            fetched = None
        except BrokenError as error:
            if transfer.sharing is None:
                raise
            fetched, self._trouble = None, error
        if transfer.sharing is None:
            return fetched
        await self.lane.threads.run(transfer.sharing.end_first)
        self._group.start_soon(self._keep_looking)
        await self._bring_all()
        self._group.cancel_scope.cancel()
        return None

    async def _end(self) -> Fetched:
        transfer = self.transfer
        await self.lane.threads.run(transfer.rejoin)
        if transfer.position == transfer.total:
            return None
        if self._setback is None and self._trouble is not None:
            raise self._trouble
        return self._setback

    async def _bring_all(self) -> None:
        """Bring blocks until there are none left, or nobody gets anywhere any more."""
        while True:
            changed = self._changed
            if await self._bring_one():
                continue
            if not self._busy:
                return
            await changed.wait()

    async def _help(self, number: int) -> None:
        self._busy += 1
        try:
            while number < self._pacer.lines and await self._bring_one():
                pass
        except Exception as error:  # noqa: BLE001 - whoever waits for the attempt raises it
            self._fail(error)
        finally:
            self._busy -= 1
            self._tell()

    async def _bring_one(self) -> bool:
        """Bring one block, or a part of it; say whether that got anywhere."""
        threads, sharing = self.lane.threads, self.transfer.sharing
        assert sharing is not None  # noqa: S101 - there are blocks only then
        block = await threads.run(partial(sharing.take, self._pacer))
        if block is None:
            return False
        sink = BlockSink(self.transfer, sharing, block)
        try:
            self._setback = await self.lane.fetch(self.url, sink, self.rules) or self._setback
        except EnoughError:
            pass
        except BrokenError as error:
            self._trouble = error
        finally:
            with anyio.CancelScope(shield=True):
                await threads.run(sink.settle)
            self._tell()
        self.is_refused = self.is_refused or sink.received == 0
        return sink.received > 0

    async def _keep_looking(self) -> None:
        try:
            while True:
                await anyio.sleep(REPORT_EVERY)
                self._look()
        except Exception as error:  # noqa: BLE001 - whoever waits for the attempt raises it
            self._fail(error)

    def _look(self) -> None:
        """Report progress, and let in as many connections as help."""
        if self.report is not None:
            self.report()
        transfer, total = self.transfer, self.transfer.total
        if total is None:
            return
        lines = self._pacer.note(transfer.received, total, time.monotonic())
        if lines > 1 and transfer.sharing is None:
            transfer.ask_to_split(self._pacer.block_size(total - transfer.position))
        while transfer.sharing is not None and self._hired < lines - 1:
            self._hired += 1
            self._group.start_soon(self._help, self._hired)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._group.cancel_scope.cancel()
