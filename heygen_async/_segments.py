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
from heygen_async._protocol.resuming import Later, Renew
from heygen_async._protocol.segments import ONE_CONNECTION, Block, Pacer, SegmentRules
from heygen_async._sharing import EnoughError, Sharing
from heygen_async._transfer import Transfer
from heygen_async._transport.file_lane import FileLane, keep_looking
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
    _is_left_to_one: bool = field(default=False, init=False)
    _over: anyio.Event = field(factory=anyio.Event, init=False)
    _setback: Later | Renew | None = field(default=None, init=False)
    _failure: Exception | None = field(default=None, init=False)
    _changed: anyio.Event = field(factory=anyio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        can = self.lane.reads_in_threads and CAN_WRITE_ANYWHERE
        self._pacer = Pacer(
            self.segments if can else ONE_CONNECTION, self.lane.host_lines.get(self._host, time.monotonic())
        )

    async def fetch(self) -> Fetched:
        """Make the attempt; return and raise what `FileLane.fetch` does."""
        with self.lane.host_lines.coming(self._host):
            fetched = await self._fetch()
            # Further connections did not help: what is missing comes over one, in one piece.
            return await self._fetch() if self._is_left_to_one else fetched

    async def _fetch(self) -> Fetched:
        fetched: Fetched = None
        self._is_left_to_one = False
        async with anyio.create_task_group() as self._group:
            try:
                fetched = await self._begin()
            except Exception as error:  # noqa: BLE001 - raised below, where no exception group wraps it
                self._fail(error)
        if self.transfer.sharing is not None:
            await self.lane.threads.run(self.transfer.rejoin)
            is_whole = self.transfer.position == self.transfer.total
            self._is_left_to_one = self._is_left_to_one and not is_whole
            fetched = None if is_whole else self._setback
        if self._failure is not None:
            raise self._failure
        return fetched

    async def _begin(self) -> Fetched:
        transfer = self.transfer
        look = self._look if self._is_watched else None
        try:
            fetched = await self.lane.fetch(self.url, transfer, self.rules, look=look)
        except EnoughError:
            fetched = None
        except BrokenError as error:
            if transfer.sharing is None:
                raise
            fetched, self._setback = None, Later(error.reason)
        if transfer.sharing is None:
            return fetched
        await self.lane.threads.run(transfer.sharing.end_first)
        self._group.start_soon(self._keep_looking)
        self._is_left_to_one = await self._bring_all() and self._pacer.is_for_one
        self._over.set()
        return None

    async def _bring_all(self) -> bool:
        """Bring blocks until there are none left, or nobody gets anywhere any more; say whether this one still does."""
        gets_on = True
        while gets_on or self._busy:
            changed = self._changed
            block = await self._take() if gets_on else None
            if block is not None:
                gets_on = await self._bring(block)
            elif self._busy or changed.is_set():
                await changed.wait()
            else:
                break
        return gets_on

    async def _help(self, number: int) -> None:
        self._busy += 1
        try:
            while self._is_wanted(number) and (block := await self._take()) and await self._bring(block):
                self._tell()
        except Exception as error:  # noqa: BLE001 - whoever waits for the attempt raises it
            self._fail(error)
        finally:
            self._busy -= 1
            self._tell()

    async def _take(self) -> Block | None:
        return await self.lane.threads.run(partial(self._sharing.take, self._pacer))

    async def _bring(self, block: Block) -> bool:
        """Bring one block, or a part of it; say whether this connection may go on with another."""
        sink = BlockSink(self.transfer, self._sharing, block)
        setback: Fetched = None
        try:
            setback = await self.lane.fetch(self.url, sink, self.rules)
        except EnoughError:
            pass
        except BrokenError as error:
            setback = Later(error.reason)
        finally:
            with anyio.CancelScope(shield=True):
                await self.lane.threads.run(sink.settle)
        if isinstance(setback, Later | Renew):
            self._setback = setback
        self.is_refused = self.is_refused or (sink.received == 0 and not isinstance(setback, Renew))
        # Pauses are made between attempts only, so whoever gets nowhere must not ask again in this one.
        return sink.rest is None or sink.received >= self.segments.smallest_block

    async def _keep_looking(self) -> None:
        try:
            await keep_looking(self._look, self._over)
        except Exception as error:  # noqa: BLE001 - whoever waits for the attempt raises it
            self._fail(error)

    def _look(self) -> bool:
        """Report progress, let in as many connections as help, and say whether there is anything left to look for."""
        if self.report is not None:
            self.report()
        if self.transfer.total is not None:
            self._let_in(self.transfer.total)
        return self._is_watched

    def _let_in(self, total: int) -> None:
        transfer, now = self.transfer, time.monotonic()
        beside = self.lane.host_lines.beside(self._host)
        lines = self._pacer.note(transfer.received, total, now, beside=beside)
        if self._pacer.found is not None:
            self.lane.host_lines.note(self._host, self._pacer.found, now)
        if lines > 1 and transfer.sharing is None:
            transfer.ask_to_split(self._pacer.block_size(total - transfer.position))
        while transfer.sharing is not None and self._hired < lines - 1:
            self._hired += 1
            self._group.start_soon(self._help, self._hired)

    def _is_wanted(self, number: int) -> bool:
        return number < self._pacer.lines and not self._over.is_set()

    @property
    def _host(self) -> str:
        # By hand: what is wrong with a URL is told by whoever asks for it.
        return "/".join(self.url.split("/")[:3])

    @property
    def _is_watched(self) -> bool:
        return self.report is not None or not self._pacer.is_for_one

    @property
    def _sharing(self) -> Sharing:
        assert self.transfer.sharing is not None  # noqa: S101 - there are blocks only then
        return self.transfer.sharing

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._group.cancel_scope.cancel()
