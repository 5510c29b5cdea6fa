"""Cancelling a download, by anyio or by asyncio itself: prompt, nothing left running, the part file fit to go on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from heygen_async import ConfigurationError, DownloadIncompleteError, DownloadProgress
from heygen_async._download import FileSource
from heygen_async._policies import Limits, RetryPolicy
from heygen_async._threads import Threads, supervised
from heygen_async._transport.file_line import Line
from heygen_async._transport.tls import SharedTls
from tests import file_server as host
from tests.downloads import LANES, Kit, kit_on, quick_folder
from tests.file_server import FileServer, mp4

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture(params=LANES)
async def kit(request: pytest.FixtureRequest, server: FileServer, folder: Path) -> AsyncIterator[Kit]:
    async with kit_on(server, folder, lane=request.param) as kit:
        yield kit


async def until(condition: Any) -> None:
    """Wait for something that another thread brings about."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.005)


async def assert_goes_on(kit: Kit, *, part: int) -> None:
    """Check that the part file is valid, unlocked, and continued by the next save."""
    assert kit.part.read_bytes() == kit.server.body[:part]
    kit.server.always = host.well
    kit.server.script.clear()
    kit.server.seen.clear()
    saved = await kit.save(digest="sha256")
    assert saved.resumed_from == part
    assert kit.server.ranges == [f"bytes={part}-"]
    kit.assert_only_the_film()


async def test_53c_cancelling_a_stalled_download_is_prompt(kit: Kit) -> None:
    """The stall time is an hour; the thread that is blocked on the socket is woken all the same."""
    kit.server.always = host.stall(100_000)
    with anyio.fail_after(20), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(kit.save, stall=3600.0))
            await until(lambda: kit.part.exists() and kit.part.stat().st_size == 100_000)
            scope.cancel()
    await assert_goes_on(kit, part=100_000)


async def test_53c_cancelling_in_full_swing_leaves_a_valid_part(kit: Kit) -> None:
    """Between two blocks of a fast download, at a moment of the file's own choosing."""
    kit.server.body = mp4(8_000_000)

    def once_begun(progress: DownloadProgress) -> None:
        if progress.bytes_done:
            scope.cancel()

    with anyio.CancelScope() as scope:
        await kit.save(on_progress=once_begun)
    if kit.target.exists():  # the only report was the last one
        return
    part = kit.part.stat().st_size
    await assert_goes_on(kit, part=part)


async def test_53c_cancelling_before_the_head_is_prompt(kit: Kit) -> None:
    """A host that says nothing is left alone at once."""
    kit.server.always = host.silent
    with anyio.fail_after(20), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(kit.save, stall=3600.0))
            await anyio.to_thread.run_sync(kit.server.holding.wait, 10)
            scope.cancel()
    assert kit.files == []


@contextlib.contextmanager
def hanging_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Let name resolution hang until the second event is set; the first one says that it does."""
    asked, go = threading.Event(), threading.Event()
    resolve = socket.getaddrinfo

    def hanging(*args: Any, **options: Any) -> Any:
        asked.set()
        go.wait(20)
        return resolve(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", hanging)
        try:
            yield asked, go
        finally:
            go.set()


async def test_53c_cancelling_while_a_name_is_resolved_is_prompt(
    server: FileServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can interrupt the resolver, so its thread is left to itself, and closes what it still gets."""
    async with kit_on(server, folder) as kit:
        with hanging_resolver(monkeypatch) as (asked, go):
            async with anyio.create_task_group() as group:
                group.start_soon(kit.save)
                await anyio.to_thread.run_sync(asked.wait, 5)
                group.cancel_scope.cancel()
            assert not go.is_set()
            assert kit.files == []
        await kit.save()
        kit.assert_only_the_film()


async def test_53c_a_resolver_that_hangs_is_not_waited_for(
    server: FileServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time for an answer includes finding the host."""
    async with kit_on(server, folder) as kit:
        with hanging_resolver(monkeypatch):
            options = {"stall": 0.05, "connect": 0.05, "retries": RetryPolicy(max_attempts=1)}
            error = await kit.fails(DownloadIncompleteError, **options)
        assert "no answer came in time" in str(error)


def test_53c_what_an_abandoned_thread_still_gets_is_closed() -> None:
    """The response of a line that was cut or closed belongs to nobody."""
    closed: list[int] = []

    class Response:
        def close(self) -> None:
            closed.append(1)

    cut, over, kept = Line(5), Line(5), Line(5)
    cut.cut()
    over.close()
    assert not cut.hand_over(Response())
    assert not over.hand_over(Response())
    assert len(closed) == 2
    assert kept.hand_over(Response())
    assert len(closed) == 2
    kept.close()
    assert len(closed) == 3


async def test_53c_cancelling_between_two_attempts_is_prompt(kit: Kit) -> None:
    """During the pause nothing is open but the part file."""
    kit.server.always = host.answer(503, retry_after="100")
    with anyio.fail_after(20), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(kit.save)
            await until(lambda: kit.interruptions)
            scope.cancel()
    assert kit.files == []


@pytest.mark.parametrize("use_uvloop", [False, True])
@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=False)
def test_53c_task_cancel_of_asyncio_leaves_no_thread_behind(
    server: FileServer, folder: Path, lane: str, anyio_backend: str, use_uvloop: bool
) -> None:
    """anyio's shields do not hold off `task.cancel()`, the children of a task group do; twice does not help either."""

    async def main() -> None:
        async with kit_on(server, folder, lane=lane) as kit:
            server.always = host.stall(100_000)
            task = asyncio.ensure_future(kit.save(stall=3600.0))
            await until(lambda: kit.part.exists() and kit.part.stat().st_size == 100_000)
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
            await assert_goes_on(kit, part=100_000)

    anyio.run(main, backend="asyncio", backend_options={"use_uvloop": use_uvloop})


async def test_53c_an_error_in_the_progress_callback_ends_the_save(kit: Kit) -> None:
    """It comes out as it is, not in a group, and what was fetched stays."""
    kit.server.always = host.stall(100_000)

    def on_progress(update: Any) -> None:
        if update.bytes_done == 100_000:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        await kit.save(on_progress=on_progress, stall=3600.0)
    await assert_goes_on(kit, part=100_000)


async def test_53c_an_error_in_the_last_progress_call_keeps_the_whole_part(kit: Kit) -> None:
    """The file is not given its name; the next save has only to ask whether it is whole."""

    def on_progress(_: Any) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError):
        await kit.save(on_progress=on_progress)
    await assert_goes_on(kit, part=len(kit.server.body))


async def test_progress_is_reported_in_the_event_loop_and_at_the_end(kit: Kit) -> None:
    """About ten times a second while something changes, once at the end; the loop's own thread."""
    kit.server.body = mp4(4_000)
    kit.server.script = [host.throttled(500, 0.05)]
    updates: list[tuple[float, Any]] = []
    threads: set[int] = set()

    def on_progress(update: Any) -> None:
        threads.add(threading.get_ident())
        updates.append((time.monotonic(), update))

    await kit.save(on_progress=on_progress)
    done = [update.bytes_done for _, update in updates]
    assert threads == {threading.get_ident()}
    assert done == sorted(done)
    assert 2 <= len(done) <= 9
    assert done[-1] == 4_000
    assert {update.bytes_total for _, update in updates} == {4_000}


async def test_saves_queue_for_a_slot_and_one_task_may_hold_several(server: FileServer, folder: Path) -> None:
    """More saves than slots all arrive, and never more connections than slots are open."""
    open_now: list[int] = [0, 0]
    lock = threading.Lock()

    def counted(exchange: host.Exchange) -> None:
        with lock:
            open_now[0] += 1
            open_now[1] = max(open_now)
        time.sleep(0.01)
        host.well(exchange)
        with lock:
            open_now[0] -= 1

    server.always = counted
    async with kit_on(server, folder, limits=Limits(max_downloads=2)) as kit:
        async with kit.lane.slot(), anyio.create_task_group() as group:
            for n in range(4):
                group.start_soon(partial(kit.save, path=folder / f"{n}.mp4"))
        assert len(kit.files) == 4
        async with kit.lane.slot(), kit.lane.slot():
            pass
    assert open_now[1] <= 2


async def test_closing_the_client_ends_running_downloads(server: FileServer, folder: Path) -> None:
    """A thread that is blocked on a socket does not outlive the client."""
    server.always = host.stall(100_000)
    async with kit_on(server, folder) as kit:

        async def save() -> None:
            await kit.fails(ConfigurationError, stall=3600.0)

        async with anyio.create_task_group() as group:
            group.start_soon(save)
            await until(lambda: kit.part.exists() and kit.part.stat().st_size == 100_000)
            kit.lane._guard.closed = True
            await kit.lane.aclose()
        kit.lane._guard.closed = False
        await assert_goes_on(kit, part=100_000)


async def test_a_closed_client_starts_nothing(kit: Kit) -> None:
    """Neither saves nor streams."""
    kit.lane._guard.closed = True
    with pytest.raises(ConfigurationError):
        await kit.save()
    with pytest.raises(ConfigurationError):
        async with kit.downloader.open_stream(FileSource(url=kit.server.url)):
            pass
    assert kit.server.seen == []


async def test_cancelling_a_renewal_unlocks_the_part(kit: Kit) -> None:
    """The API takes long to give a fresh link; giving up on it leaves everything fit to go on."""
    kit.server.script = [host.cut(100_000), host.EXPIRED]
    asked = anyio.Event()

    async def refresh() -> str:
        asked.set()
        await anyio.sleep_forever()
        return ""

    async with anyio.create_task_group() as group:
        group.start_soon(kit.save, FileSource(url=kit.server.url, refresh=refresh))
        await asked.wait()
        group.cancel_scope.cancel()
    await assert_goes_on(kit, part=100_000)


async def test_hashing_a_found_part_can_be_interrupted(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A digest over gigabytes of an old part file does not hold up a cancellation."""
    kit.server.script = [host.cut(250_000), host.answer(405)]
    with pytest.raises(Exception, match="405"):
        await kit.save()
    monkeypatch.setattr("heygen_async._partfile._HASH_BLOCK", 1)
    started = threading.Event()

    class SlowDigest:
        digest_size = 1

        def update(self, _: bytes) -> None:
            started.set()
            time.sleep(0.002)

    monkeypatch.setattr("heygen_async._transfer.new_digest", lambda _: SlowDigest())
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(partial(kit.save, digest="sha256"))
            await anyio.to_thread.run_sync(started.wait, 5)
            group.cancel_scope.cancel()
    assert len(kit.server.seen) == 2
    monkeypatch.undo()
    await assert_goes_on(kit, part=250_000)


@pytest.mark.parametrize("lane", LANES)
def test_46_the_event_loop_never_blocks(server: FileServer, folder: Path, lane: str) -> None:
    """Not for the disk, not for hashing or renaming, not for TLS set-up: a detector of blocking calls stays silent."""
    blockbuster = pytest.importorskip("blockbuster")

    async def main() -> None:
        async with kit_on(server, folder, lane=lane, tls=SharedTls()) as kit:
            with blockbuster.blockbuster_ctx():
                server.script = [host.cut(100_000), host.close_delimited()]
                await kit.save(digest="sha256", on_progress=lambda _: None)
                await kit.save(path=folder / "second.mp4", overwrite=True)
                async with kit.downloader.open_stream(FileSource(url=server.url)) as body:
                    async for _ in body:
                        pass

    asyncio.run(main())


# The machinery below


async def test_supervised_work_returns_or_raises_as_it_is() -> None:
    """No exception group around either the work's or the watcher's error."""

    async def work() -> int:
        return 5

    async def failing() -> int:
        raise LookupError

    async def watch(_: anyio.Event) -> None:
        raise KeyError

    assert await supervised(work) == 5
    with pytest.raises(LookupError):
        await supervised(failing)
    with pytest.raises(KeyError):
        await supervised(anyio.sleep_forever, watch=watch)


async def test_a_thread_is_cut_when_its_watcher_fails() -> None:
    """The watcher's error waits until the thread has ended."""
    started, stop, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        stop.wait(10)
        ended.set()

    async def watch(_: anyio.Event) -> None:
        await until(started.is_set)
        raise KeyError

    with pytest.raises(KeyError):
        await Threads().run(work, cut=stop.set, watch=watch)
    assert ended.is_set()


@pytest.mark.parametrize("anyio_backend", [("asyncio", {}), ("asyncio", {"use_uvloop": True})], indirect=True)
async def test_a_task_that_is_cancelled_when_a_deadline_of_the_watch_passes_is_cancelled() -> None:
    """asyncio makes one cancellation of the two, and anyio may take it for the deadline's."""

    async def work() -> None:
        host = asyncio.current_task()
        assert host is not None

        async def watch(done: anyio.Event) -> None:
            with anyio.CancelScope() as scope:
                asyncio.get_running_loop().call_soon(scope.cancel)
                asyncio.get_running_loop().call_soon(host.cancel)
                await done.wait()
            await done.wait()

        async with anyio.create_task_group() as group:
            group.start_soon(supervised, anyio.sleep_forever)
            await supervised(anyio.sleep_forever, watch=watch)
        pytest.fail("the task goes on")

    task = asyncio.ensure_future(work())
    await asyncio.wait([task], timeout=30)
    assert task.cancelled()


async def test_a_line_that_was_cut_while_connecting_is_shut_down_when_connected() -> None:
    """Cancelling cannot interrupt a connect, so what comes of it is ended at once."""
    ours, theirs = socket.socketpair()

    class Stream:
        read = staticmethod(lambda *_: b"")

        def get_extra_info(self, _: str) -> Any:
            return ours

    line = Line(5)
    line.cut()
    line.cut("for another reason")
    assert line.cut_because == "the download was cancelled"
    line.trace("connection.connect_tcp.started", {})
    line.trace("connection.connect_tcp.complete", {"return_value": Stream()})
    assert theirs.recv(1) == b""
    line.close()
    line.cut()
    ours.close()
    theirs.close()
