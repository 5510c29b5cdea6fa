"""Several connections for one file: only where they help, and never at the cost of what a download promises."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve

from heygen_async import DownloadWriteError
from heygen_async._protocol.segments import MIB
from tests import file_server as host
from tests.downloads import EAGER, Kit, kit_on, quick_folder
from tests.file_server import Behaviour, Exchange, FileServer, mp4

pytestmark = pytest.mark.anyio

KIB = 1024
FILM = mp4(6 * MIB)


def unhurried(exchange: Exchange) -> None:
    """Begin well, then wait for three more connections; without them the body comes all the same, slowly."""
    status, headers, body = exchange.plan()
    exchange.head(status, headers)
    for position in range(0, len(body), 16 * KIB):
        if len(exchange.server.seen) < 4:
            time.sleep(0.01)
        exchange.send(body[position : position + 16 * KIB])


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the pace more often than ten times a second: a test has not that much time."""
    monkeypatch.setattr("heygen_async._transport.file_lane.REPORT_EVERY", 0.01)
    monkeypatch.setattr("heygen_async._transport.file_thread.FLUSH_AFTER", 0.01)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(body=FILM, script=[unhurried]) as server:
        yield server


@pytest.fixture
async def kit(server: FileServer) -> AsyncIterator[Kit]:
    with quick_folder() as folder:
        async with kit_on(server, folder, segments=EAGER) as kit:
            yield kit


def bounds(text: str | None) -> tuple[int, int]:
    assert text is not None
    first, _, last = text.removeprefix("bytes=").partition("-")
    return int(first), int(last)


async def test_blocks_further_on_come_over_other_connections(kit: Kit) -> None:
    """Each is asked for once, of the same object only, and they end where the file ends."""
    progress: list[int] = []
    saved = await kit.save(digest="sha256", on_progress=lambda p: progress.append(p.bytes_done))
    assert saved.digest == hashlib.sha256(FILM).hexdigest()
    kit.assert_only_the_film()
    kit.assert_no_credentials()
    assert kit.server.ranges[0] is None
    blocks = sorted(map(bounds, kit.server.ranges[1:]))
    assert len(blocks) > 3
    assert [first for first, _ in blocks[1:]] == [last + 1 for _, last in blocks[:-1]]
    assert blocks[-1][1] == len(FILM) - 1
    assert {seen.headers["if-range"] for seen in kit.server.seen[1:]} == {host.ETAG}
    assert progress == sorted(progress)
    assert progress[-1] == len(FILM)
    assert not kit.interruptions


@pytest.mark.parametrize(
    "first",
    [
        pytest.param({"accept_ranges": "none"}, id="no-ranges"),
        pytest.param({"etag": None}, id="no-etag"),
        pytest.param({"etag": 'W/"weak"'}, id="weak-etag"),
    ],
)
async def test_a_host_that_cannot_promise_the_same_object_gets_one_connection(kit: Kit, first: dict[str, Any]) -> None:
    def slowly(exchange: Exchange) -> None:
        exchange.connection = Slow(exchange.connection)  # type: ignore[assignment]
        host.changed(**first)(exchange)

    kit.server.script = [slowly]
    await kit.save()
    kit.assert_only_the_film()
    assert len(kit.server.seen) == 1


class Slow:
    """A socket that takes its time with a body, long enough for several looks at the pace."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def sendall(self, data: bytes) -> None:
        for position in range(0, len(data), len(FILM) // 15):
            self._connection.sendall(data[position : position + len(FILM) // 15])
            time.sleep(0.02)


async def test_a_file_that_comes_at_its_own_pace_gets_one_connection(server: FileServer) -> None:
    """By default: it is small, or there before a second one would have begun."""
    server.script = [host.throttled(256 * KIB, 0.02)]
    with quick_folder() as folder:
        async with kit_on(server, folder) as kit:
            await kit.save()
            kit.assert_only_the_film()
    assert len(server.seen) == 1


async def test_a_callers_own_client_makes_one_connection(server: FileServer) -> None:
    """Its pool is the caller's."""
    server.script = [host.throttled(256 * KIB, 0.02)]
    with quick_folder() as folder:
        async with kit_on(server, folder, lane="async", segments=EAGER) as kit:
            await kit.save()
            kit.assert_only_the_film()
    assert len(server.seen) == 1


TROUBLE: dict[str, Behaviour] = {
    "whole-file": host.ignore_range,
    "expired": host.EXPIRED,
    "server-error": host.answer(503, b"busy"),
    "other-range": host.changed(content_range=f"bytes 0-9/{len(FILM)}"),
    "other-total": host.changed(content_range="bytes 0-9/10"),
    "other-object": host.changed(etag='"two"'),
    "html": host.changed(content_type="text/html"),
    "cut": host.cut(100 * KIB),
    "cut-at-once": host.cut(0),
    "reset": host.rst(10 * KIB),
    "hang-up": host.hang_up,
    "too-much": host.changed(body=lambda body: body + b"more", content_length=None),
}


@pytest.mark.parametrize("name", TROUBLE)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"], indirect=True)
async def test_trouble_with_a_block_never_spoils_the_file(kit: Kit, name: str, times: int) -> None:
    """Somebody else brings the block; one connection in trouble is no interruption of the download."""
    kit.server.script += [TROUBLE[name]] * times
    await kit.save()
    kit.assert_only_the_film()


async def test_a_host_that_refuses_every_block_is_asked_for_the_rest_in_one_piece(kit: Kit) -> None:
    """And not tried with several connections again."""

    def whole_rests_only(exchange: Exchange) -> None:
        wanted = exchange.seen.range
        (host.well if wanted is None or wanted.endswith("-") else host.answer(503))(exchange)

    kit.server.always = whole_rests_only
    await kit.save()
    kit.assert_only_the_film()
    ends = [text for text in kit.server.ranges[1:] if text is not None and text.endswith("-")]
    assert len(ends) == 1


async def test_35_a_file_that_changes_under_its_blocks_is_the_new_one_from_start_to_end(kit: Kit) -> None:
    other = mp4(5 * MIB, seed=2)
    kit.server.script.append(host.new_object(other, '"two"'))
    await kit.save()
    kit.assert_only_the_film(other)


async def test_blocks_of_an_expired_link_are_asked_for_with_a_fresh_one(kit: Kit) -> None:
    """All of it goes on behind what is there without a gap."""
    from tests.downloads import renewing

    fresh = kit.server.url.replace("s3cr3t", "s3cr3t2")

    def expired_for_the_old(exchange: Exchange) -> None:
        (host.well if "s3cr3t2" in exchange.seen.target else host.EXPIRED)(exchange)

    def breaks_then_expires(exchange: Exchange) -> None:
        unhurried_until_cut(exchange)

    kit.server.script = [breaks_then_expires]
    kit.server.always = expired_for_the_old
    source, given_out = renewing(fresh, first=kit.server.url)
    saved = await kit.save(source)
    kit.assert_only_the_film()
    assert given_out == [fresh]
    assert saved.size == len(FILM)


def unhurried_until_cut(exchange: Exchange) -> None:
    """As `unhurried`, but the connection ends soon after the second one came."""
    status, headers, body = exchange.plan()
    exchange.head(status, headers)
    for position in range(0, len(body), 16 * KIB):
        if len(exchange.server.seen) > 1:
            return
        time.sleep(0.01)
        exchange.send(body[position : position + 16 * KIB])


async def test_a_first_connection_that_breaks_is_replaced_by_the_others(kit: Kit) -> None:
    kit.server.script = [unhurried_until_cut]
    await kit.save()
    kit.assert_only_the_film()
    assert not kit.interruptions


async def test_46_a_full_disk_ends_all_connections(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of them met it; what is there without a gap stays."""

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    error = await kit.fails(DownloadWriteError)
    assert error.errno == errno.ENOSPC
    assert kit.part.stat().st_size == error.bytes_done > 0


def in_blocks(exchange: Exchange) -> bool:
    """Say whether a request asks for a block, not for the file or all of its rest."""
    return not (exchange.seen.range or "-").endswith("-")


def blocks_asked(kit: Kit) -> list[tuple[int, int]]:
    return [bounds(text) for text in kit.server.ranges if text is not None and not text.endswith("-")]


async def test_a_digest_is_right_when_blocks_and_attempts_alternate(kit: Kit) -> None:
    """Bytes that blocks brought lie between those that were hashed while they were written."""

    def second_half_in_one_piece(exchange: Exchange) -> None:
        refused = in_blocks(exchange) and (exchange.asked_range() or (0, 0))[1] > len(FILM) // 2
        (host.answer(503) if refused else host.well)(exchange)

    kit.server.script = [unhurried_until_cut]
    kit.server.always = second_half_in_one_piece
    saved = await kit.save(digest="sha256")
    kit.assert_only_the_film()
    assert kit.interruptions
    assert saved.digest == hashlib.sha256(FILM).hexdigest()


async def test_a_refused_connection_does_not_ask_again_while_others_get_on(kit: Kit) -> None:
    """Neither at once, nor whenever somebody has brought a block: pauses are made between attempts only."""
    place = threading.Lock()
    refused: list[Exchange] = []

    def one_more_only(exchange: Exchange) -> None:
        if not place.acquire(blocking=False):
            refused.append(exchange)
            host.answer(429, retry_after="3600")(exchange)
            return
        status, headers, body = exchange.plan()
        exchange.head(status, headers)
        exchange.send(body[:-1])
        time.sleep(0.03)
        place.release()
        exchange.send(body[-1:])

    kit.server.always = one_more_only
    await kit.save()
    kit.assert_only_the_film()
    assert len(refused) <= 3
    assert not kit.interruptions


async def test_blocks_that_break_off_are_attempts_like_any_other(kit: Kit) -> None:
    """A host that breaks every connection after a few bytes is not asked without end, and without pauses."""

    def no_blocks(exchange: Exchange) -> None:
        (host.cut(KIB) if in_blocks(exchange) else host.well)(exchange)

    kit.server.always = no_blocks
    await kit.save()
    kit.assert_only_the_film()
    assert kit.interruptions
    assert len(blocks_asked(kit)) <= 4 * len(kit.interruptions)


async def test_what_a_host_asked_one_connection_to_wait_is_not_what_the_file_waits(server: FileServer) -> None:
    """The attempt ended because the last connection broke, long after another was told to come back in an hour."""
    told = threading.Event()

    def told_to_wait(exchange: Exchange) -> None:
        host.answer(429, retry_after="3600")(exchange)
        exchange.connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            exchange.connection.recv(1)
        told.set()

    def after_that(exchange: Exchange) -> None:
        status, headers, body = exchange.plan()
        exchange.head(status, headers)
        exchange.send(body[: 64 * KIB])
        slow = paced_while(lambda: not told.is_set(), exchange, body, 64 * KIB)
        for position in range(slow, len(body), 16 * KIB):
            time.sleep(0.02)
            exchange.send(body[position : position + 16 * KIB])

    server.script = [after_that, told_to_wait, host.hang_up]
    with quick_folder() as folder:
        async with kit_on(server, folder, segments=evolve(EAGER, most=2, largest_block=256 * KIB)) as kit:
            await kit.save()
            kit.assert_only_the_film()
            assert len(kit.interruptions) == 1
            assert kit.interruptions[0].delay < 60


def paced_while(goes_on: Callable[[], bool], exchange: Exchange, body: bytes, position: int) -> int:
    """Send little by little as long as `goes_on()`; return how far that went."""
    while goes_on() and position < len(body):
        time.sleep(0.01)
        exchange.send(body[position : position + KIB])
        position += KIB
    return position


async def test_no_connection_is_waited_for_once_its_part_is_there(kit: Kit) -> None:
    """The first one has brought what comes before the blocks of others, and then holds."""

    def to_the_bound(exchange: Exchange) -> None:
        status, headers, body = exchange.plan()
        exchange.head(status, headers)
        position = paced_while(lambda: len(exchange.server.seen) == 1, exchange, body, 0)
        bound = min(bounds(text)[0] for text in exchange.server.ranges[1:])
        exchange.send(body[position:bound])
        exchange.hold()

    kit.server.script = [to_the_bound]
    with anyio.fail_after(15):  # less than the server holds
        await kit.save(stall=3600.0)
    kit.assert_only_the_film()


async def test_a_fresh_link_gets_as_many_connections_as_the_expired_one(kit: Kit) -> None:
    """That its blocks were refused says nothing about the host."""
    from tests.downloads import renewing

    fresh = kit.server.url.replace("s3cr3t", "s3cr3t2")

    def rest_waits_for_a_block(exchange: Exchange) -> None:
        if "s3cr3t2" not in exchange.seen.target:
            host.EXPIRED(exchange)
            return
        status, headers, body = exchange.plan()
        exchange.head(status, headers)
        alone = (lambda: False) if in_blocks(exchange) else (lambda: not any("s3cr3t2" in t for t in blocks()))
        exchange.send(body[paced_while(alone, exchange, body, 0) :])

    def blocks() -> list[str]:
        return [s.target for s in kit.server.seen if s.range is not None and not s.range.endswith("-")]

    kit.server.script = [unhurried_until_cut]
    kit.server.always = rest_waits_for_a_block
    await kit.save(renewing(fresh, first=kit.server.url)[0])
    kit.assert_only_the_film()
    assert any("s3cr3t2" in target for target in blocks())


async def test_where_further_connections_do_not_help_the_rest_comes_in_one_piece(server: FileServer) -> None:
    """Without a pause: nothing was in the way."""

    def blocks_are_slow(exchange: Exchange) -> None:
        (host.throttled(16 * KIB, 0.02) if in_blocks(exchange) else host.well)(exchange)

    server.always = blocks_are_slow
    with quick_folder() as folder:
        async with kit_on(server, folder, segments=evolve(EAGER, gain=math.inf)) as kit:
            saved = await kit.save(digest="sha256")
            kit.assert_only_the_film()
            assert saved.digest == hashlib.sha256(FILM).hexdigest()
            assert len(kit.server.ranges) == len(blocks_asked(kit)) + 2
            assert not kit.interruptions
            assert kit.lane.host_lines.get(server.origin, time.monotonic()) == 1


async def test_a_host_that_further_connections_did_not_help_is_not_tried_again_soon(kit: Kit) -> None:
    kit.lane.host_lines.note(kit.server.origin, 1, time.monotonic())
    kit.server.script = [host.throttled(256 * KIB, 0.02)]
    await kit.save()
    kit.assert_only_the_film()
    assert len(kit.server.seen) == 1


async def test_a_host_that_further_connections_helped_gets_them_without_another_measurement(
    server: FileServer,
) -> None:
    with quick_folder() as folder:
        async with kit_on(server, folder, segments=evolve(EAGER, measure=3600.0, warm_up=3600.0)) as kit:
            kit.lane.host_lines.note(server.origin, 4, time.monotonic())
            await kit.save()
            kit.assert_only_the_film()
            assert blocks_asked(kit)


def held_block(exchange: Exchange) -> None:
    """Send a part of the block that holds the middle, then nothing more; the others are well."""
    first, last = exchange.asked_range() or (0, 0)
    (host.stall(50 * KIB) if first <= len(FILM) // 2 <= last else host.well)(exchange)


async def until_there_is_a_gap(kit: Kit) -> None:
    """Wait until everything has come but the rest of the held block."""
    with anyio.fail_after(60):
        while not (kit.server.holding.is_set() and kit.part.exists() and kit.part.stat().st_size == len(FILM)):
            await anyio.sleep(0.01)


async def test_47_cancelled_between_its_blocks_it_keeps_what_has_no_gap(kit: Kit) -> None:
    """And the next save goes on from there."""
    kit.server.always = held_block
    async with anyio.create_task_group() as group:
        group.start_soon(kit.save)
        await until_there_is_a_gap(kit)
        group.cancel_scope.cancel()
    kept = kit.part.read_bytes()
    assert 0 < len(kept) < len(FILM)
    assert kept == FILM[: len(kept)]
    kit.server.always = host.well
    saved = await kit.save()
    assert saved.resumed_from == len(kept)
    kit.assert_only_the_film()


async def test_an_error_in_the_callers_progress_function_ends_all_connections(kit: Kit) -> None:
    def fails(_: object) -> None:
        if len(kit.server.seen) > 2:
            raise RuntimeError("the caller's own")

    kit.server.always = host.throttled(16 * KIB, 0.02)
    with pytest.raises(RuntimeError, match="the caller's own"):
        await kit.save(on_progress=fails)
    assert FILM.startswith(kit.part.read_bytes())


async def test_an_error_in_the_callers_progress_function_ends_blocks_without_a_first_connection(kit: Kit) -> None:
    """The one that began is over; those that bring the rest end with the save."""
    calls: list[object] = []

    def fails(progress: object) -> None:
        calls.append(progress)
        if len(calls) > 30:
            raise RuntimeError("the caller's own")

    kit.server.script = [unhurried_until_cut]
    kit.server.always = host.throttled(KIB, 0.01)
    with pytest.raises(RuntimeError, match="the caller's own"):
        await kit.save(on_progress=fails)
    assert FILM.startswith(kit.part.read_bytes())
    assert not kit.lane._lines


SAVE = """
import sys, anyio
from pathlib import Path
from tests.downloads import kit_on
from tests.test_download_segments import EAGER
class Server: url = sys.argv[1]
async def main():
    async with kit_on(Server, Path(sys.argv[2]), segments=EAGER) as kit:
        await kit.save()
anyio.run(main)
"""


@contextlib.contextmanager
def saving_elsewhere(server: FileServer, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SAVE, server.url, str(folder)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})], indirect=True)
async def test_48_killed_between_its_blocks_it_is_continued_by_another_process(kit: Kit) -> None:
    """The part file is as long as its furthest block; what counts is what has no gap."""
    kit.server.always = held_block
    with saving_elsewhere(kit.server, kit.folder) as process:
        await until_there_is_a_gap(kit)
        process.send_signal(signal.SIGKILL)
        process.wait()
    kit.server.always = host.well
    saved = await kit.save(digest="sha256")
    assert 0 < saved.resumed_from < len(FILM)
    assert saved.digest == hashlib.sha256(FILM).hexdigest()
    kit.assert_only_the_film()
