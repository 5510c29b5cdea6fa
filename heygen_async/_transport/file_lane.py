"""The lane to file hosts: it has no key, no cookies and no credentials, and follows redirects by its own rules."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import anyio
import httpx
from attrs import define, field

from heygen_async._policies import Limits
from heygen_async._protocol.segments import HostLines
from heygen_async._threads import Threads, supervised
from heygen_async._transport import file_async, file_thread
from heygen_async._transport.api_lane import LOOPBACK_MOUNTS, pool_size
from heygen_async._transport.file_line import Line
from heygen_async._transport.file_requests import BrokenError, Fetched, FileRules, Sink
from heygen_async._transport.file_socket import Processors
from heygen_async._transport.log_redaction import install, quiet
from heygen_async._transport.run_guard import RunGuard
from heygen_async._transport.tls import SharedTls

# How often progress is reported, in seconds.
REPORT_EVERY: Final = 0.1
# Files passed on to web clients go at the pace of those clients, so many more of them than of downloads are open.
MAX_STREAMS: Final = 64


@define(eq=False)
class FileLane:
    """Fetch files: to the disk from worker threads, and for passing on from the event loop.

    `limits.max_downloads` files at a time are fetched to the disk, each by a blocking client in a thread of its own:
    measured against reading in the event loop, that is faster and leaves the loop alone. A caller's own async client
    is used for everything instead, and never closed. Nothing is made, or bound to an event loop, before first use.
    """

    _limits: Limits
    _tls: SharedTls
    _guard: RunGuard
    _supplied: httpx.AsyncClient | None = None
    threads: Threads = field(factory=Threads, init=False)
    host_lines: HostLines = field(factory=HostLines, init=False)
    _processors: Processors = field(factory=Processors, init=False)
    _downloads: anyio.CapacityLimiter = field(init=False)
    _streams: anyio.CapacityLimiter = field(init=False)
    _blocking: httpx.Client | None = field(default=None, init=False)
    _streaming: httpx.AsyncClient | None = field(default=None, init=False)
    _lines: set[Line] = field(factory=set[Line], init=False)

    def __attrs_post_init__(self) -> None:
        downloads, streams = self._limits.max_downloads, MAX_STREAMS
        pool = pool_size(self._supplied)
        if pool is not None:
            downloads = min(downloads, max(1, pool // 2))
            streams = max(1, min(streams, pool - downloads))
        self._downloads = anyio.CapacityLimiter(downloads)
        self._streams = anyio.CapacityLimiter(streams)

    @property
    def reads_in_threads(self) -> bool:
        """Say whether bodies are read in threads, each over a connection of its own."""
        return self._supplied is None

    def check(self) -> None:
        """Raise `ConfigurationError` if the client was closed, or belongs to another event loop."""
        self._guard.check()

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Wait for one of the `max_downloads` places and hold it; one task may hold several."""
        self.check()
        async with _token(self._downloads):
            yield

    async def fetch(self, url: str, sink: Sink, rules: FileRules, *, look: Callable[[], bool] | None = None) -> Fetched:
        """Make one attempt at a file, from within a slot, and return how it ended.

        `look` is called in the event loop about ten times a second as long as it returns True. Raise `BrokenError` if
        the connection failed, `DownloadUrlError` for a URL or redirect that may not be followed, and what `sink` and
        `look` raise.
        Cancelling ends the connection at once and returns when the sink is no longer used.
        """
        self.check()
        with quiet():
            if self._supplied is not None:
                work = partial(file_async.fetch, self._supplied, url, sink, self.threads, rules)
                return await supervised(work, watch=_watch(look))
            return await self._fetch_in_thread(await self._blocking_client(), url, sink, rules, look)

    async def _fetch_in_thread(
        self, client: httpx.Client, url: str, sink: Sink, rules: FileRules, look: Callable[[], bool] | None
    ) -> Fetched:
        line = Line(rules.connect + rules.stall)
        self._lines.add(line)
        try:
            asking = partial(file_thread.ask, client, url, sink.ask.headers, line, rules)
            watch = partial(_watch_answer, line)
            response = await self.threads.run(asking, cut=line.cut, watch=watch, abandon=True)
            receiving = partial(file_thread.receive, response, sink, line, rules, self._processors)
            return await self.threads.run(receiving, cut=line.cut, watch=_watch(look))
        finally:
            self._lines.discard(line)
            line.close()

    async def length_of(self, url: str, rules: FileRules) -> int | None:
        """Return a file's length as its host tells it when asked, or None if it does not."""
        self.check()
        with quiet():
            return await file_async.length_of(await self._async_client(), url, rules)

    @asynccontextmanager
    async def open(self, url: str, headers: Mapping[str, str], rules: FileRules) -> AsyncGenerator[httpx.Response]:
        """Give a response whose body is still to be read; a place among the streams is held until the block is left.

        Raise `BrokenError` or `DownloadUrlError`.
        """
        self.check()
        client = await self._async_client()
        async with _token(self._streams):
            with quiet():
                response = await file_async.answer(client, "GET", url, headers=headers, rules=rules)
            try:
                yield response
            finally:
                await file_async.close(response)

    async def aclose(self) -> None:
        """Close what is ours; downloads that still run end with their connections. A supplied client stays open."""
        for line in tuple(self._lines):
            line.cut("the client was closed")
        blocking, self._blocking = self._blocking, None
        if blocking is not None:
            await self.threads.run(blocking.close)
        streaming, self._streaming = self._streaming, None
        if streaming is not None:
            await streaming.aclose()

    async def _blocking_client(self) -> httpx.Client:
        context = await self._tls.context()
        if self._blocking is None:
            install()
            # A kept connection may be dead without telling, and could not be cut: it was made by an earlier attempt.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
            self._blocking = httpx.Client(verify=context, mounts=LOOPBACK_MOUNTS, limits=limits, cookies=_no_cookies())
        return self._blocking

    async def _async_client(self) -> httpx.AsyncClient:
        if self._supplied is not None:
            return self._supplied
        context = await self._tls.context()
        if self._streaming is None:
            install()
            # Nothing may queue inside the pool: the limiters in front of it bound what is open.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=MAX_STREAMS)
            self._streaming = httpx.AsyncClient(
                verify=context, mounts=LOOPBACK_MOUNTS, limits=limits, cookies=_no_cookies()
            )
        return self._streaming


@asynccontextmanager
async def _token(limiter: anyio.CapacityLimiter) -> AsyncGenerator[None]:
    borrower = object()
    await limiter.acquire_on_behalf_of(borrower)
    try:
        yield
    finally:
        limiter.release_on_behalf_of(borrower)


async def keep_looking(look: Callable[[], bool], done: anyio.Event) -> None:
    """Call `look` about ten times a second, until it returns False or `done` is set."""
    while not done.is_set():
        with anyio.move_on_after(REPORT_EVERY):
            await done.wait()
        if not done.is_set() and not look():
            return


def _watch(look: Callable[[], bool] | None) -> Callable[[anyio.Event], Awaitable[None]] | None:
    return None if look is None else partial(keep_looking, look)


async def _watch_answer(line: Line, done: anyio.Event) -> None:
    while not done.is_set():
        if line.seconds_left == 0:
            raise BrokenError("no answer came in time")
        with anyio.move_on_after(line.seconds_left):
            await done.wait()


def _no_cookies() -> CookieJar:
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
