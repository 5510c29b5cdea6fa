"""Fetch files through an async client: a caller's own, or ours for streams that are passed on.

Reading and writing overlap: while one block is on its way to the disk in a worker thread, the next is being read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Final

import anyio
import httpx

from heygen_async._protocol.file_urls import REDIRECTS, redirect_target
from heygen_async._protocol.persistence import StallMeter
from heygen_async._protocol.resuming import Refuse, Take
from heygen_async._threads import Threads
from heygen_async._transport.failures import describe, kinds_of
from heygen_async._transport.file_requests import (
    BLOCK,
    DRIPPING,
    FLUSH_AFTER,
    SILENT,
    BrokenError,
    Fetched,
    FileRules,
    Sink,
    file_request,
    head_of,
)

_CLOSE_WITHIN: Final = 5.0


async def fetch(client: httpx.AsyncClient, url: str, sink: Sink, threads: Threads, rules: FileRules) -> Fetched:
    """Make one attempt and return how it ended; raise `BrokenError` if the connection failed, and what `sink` raises.

    What came before a failure has been written; cancelling drops what is not yet on its way to the disk.
    """
    async with opened(client, "GET", url, headers=sink.ask.headers, rules=rules) as response:
        verdict = await threads.run(partial(sink.begin, head_of(response)))
        assert not isinstance(verdict, Refuse)  # noqa: S101 - a refusal is raised by the sink
        if not isinstance(verdict, Take):
            return verdict
        encoded = head_of(response).encoding is not None
        async with aclosing(chunks_of(response, rules, decode=encoded)) as chunks:
            await _write_body(chunks, sink, threads)
        if encoded:
            sink.count_wire_bytes(response.num_bytes_downloaded)
        return None


@asynccontextmanager
async def opened(
    client: httpx.AsyncClient, method: str, url: str, *, headers: Mapping[str, str], rules: FileRules
) -> AsyncGenerator[httpx.Response]:
    """Send a request, follow its redirects, and give the response with its body unread; raise `BrokenError`."""
    response = await answer(client, method, url, headers=headers, rules=rules)
    try:
        yield response
    finally:
        await close(response)


async def close(response: httpx.Response) -> None:
    """Close a response, also when cancelled, in bounded time."""
    with anyio.move_on_after(_CLOSE_WITHIN, shield=True):
        await response.aclose()


async def chunks_of(response: httpx.Response, rules: FileRules, *, decode: bool = False) -> AsyncGenerator[bytes, None]:
    """Yield the body as it comes; raise `BrokenError` when it breaks off, stops, or only drips."""
    kinds = kinds_of(response)
    meter = StallMeter(rules.stall, anyio.current_time())
    # Test doubles give answers that are read already, and those cannot be read raw.
    chunks = response.aiter_bytes() if decode or response.is_stream_consumed else response.aiter_raw()
    async with _closing(chunks):
        while True:
            try:
                with anyio.fail_after(rules.stall):
                    chunk = await anext(chunks, None)
            except kinds.any as error:
                silent = isinstance(error, kinds.timeout)
                raise BrokenError(SILENT.format(rules.stall) if silent else describe(error)) from error
            if chunk is None:
                return
            if meter.stalled(len(chunk), anyio.current_time()):
                raise BrokenError(DRIPPING.format(rules.stall))
            yield chunk


@asynccontextmanager
async def _closing(chunks: AsyncIterator[bytes]) -> AsyncGenerator[None]:
    """Unwind an iteration that may not be at its end.

    httpx nests generators and closes only the outermost, which trio complains about; a cancellation inside the
    innermost ends them all.
    """
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True) as scope, suppress(Exception):
            scope.cancel()
            await anext(chunks, None)
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


async def length_of(client: httpx.AsyncClient, url: str, rules: FileRules) -> int | None:
    """Return a file's length as the host tells it, or None if it does not.

    A link signed for GET may refuse HEAD, so the first byte is asked for then: its Content-Range has the length.
    """
    for method, headers in (("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):
        asked = {"Accept-Encoding": "identity", **headers}
        try:
            async with opened(client, method, url, headers=asked, rules=rules) as response:
                head = head_of(response)
        except BrokenError:
            continue
        if head.status in {200, 206} and head.total is not None:
            return head.total
    return None


async def answer(
    client: httpx.AsyncClient, method: str, url: str, *, headers: Mapping[str, str], rules: FileRules
) -> httpx.Response:
    """Send a request and follow its redirects; the response, its body unread, has to be closed."""
    hops = 0
    while True:
        request = file_request(client, method, url, headers=headers, rules=rules)
        response = await _sent(client, request, rules)
        if response.status_code not in REDIRECTS:
            return response
        await close(response)
        hops += 1
        location = response.headers.get("location")
        url = redirect_target(url, location, hops=hops, allow_insecure=rules.allow_insecure)


async def _sent(client: httpx.AsyncClient, request: httpx.Request, rules: FileRules) -> httpx.Response:
    # The client's own time-outs do not see a head that drips in byte by byte.
    within = rules.connect + rules.stall
    kinds = kinds_of(client)
    try:
        with anyio.fail_after(within):
            return await client.send(request, stream=True, auth=None, follow_redirects=False)
    except kinds.refused as error:
        # A hook of the caller's client complains about the status; the head is all that is needed of such an answer.
        return error.response
    except kinds.any as error:
        slow = isinstance(error, TimeoutError)
        raise BrokenError(f"no answer came within {within:g} s" if slow else describe(error)) from error


class _Pending:
    """What has been read and is not yet on its way to the disk: one block, while another is being written."""

    def __init__(self) -> None:
        self._block, self._spare = memoryview(bytearray(BLOCK)), memoryview(bytearray(BLOCK))
        self._filled = 0
        self._full, self._taken = anyio.Event(), anyio.Event()
        self._ended = False

    async def put(self, chunk: bytes) -> None:
        """Add a chunk; wait if the disk does not keep up."""
        rest = memoryview(chunk)
        while rest:
            if self._filled == BLOCK:
                self._full.set()
                await self._taken.wait()
            piece = rest[: BLOCK - self._filled]
            self._block[self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)
            rest = rest[len(piece) :]

    def end(self) -> None:
        """Say that there will be no more chunks."""
        self._ended = True
        self._full.set()

    async def blocks(self) -> AsyncGenerator[memoryview, None]:
        """Yield what is there whenever it fills a block, or has waited for a while; valid until the next one."""
        while self._filled or not self._ended:
            with anyio.move_on_after(FLUSH_AFTER):
                await self._full.wait()
            block, self._filled = self._block[: self._filled], 0
            self._block, self._spare = self._spare, self._block
            self._taken.set()
            self._taken = anyio.Event()
            if not self._ended:
                self._full = anyio.Event()
            if block:
                yield block


async def _write_body(chunks: AsyncGenerator[bytes, None], sink: Sink, threads: Threads) -> None:
    pending = _Pending()
    broken: BrokenError | None = None
    failures: list[Exception] = []
    async with anyio.create_task_group() as group:
        group.start_soon(_write_blocks, pending, sink, threads, failures, group.cancel_scope)
        try:
            async for chunk in chunks:
                await pending.put(chunk)
        except BrokenError as error:
            broken = error
        pending.end()
    for failure in (*failures, broken):
        if failure is not None:
            raise failure


async def _write_blocks(
    pending: _Pending, sink: Sink, threads: Threads, failures: list[Exception], reading: anyio.CancelScope
) -> None:
    """Write in a worker thread, in order; a failure ends the reading and is left to the reader to raise."""
    async with aclosing(pending.blocks()) as blocks:
        async for block in blocks:
            try:
                await threads.run(partial(sink.write, block))
            except Exception as error:  # noqa: BLE001 - raised by the reader, where no exception group wraps it
                failures.append(error)
                reading.cancel()
                return
