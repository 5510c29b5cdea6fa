"""What processes do to each other's downloads: kill -9 at any moment, and memory that stays flat."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from heygen_async import DownloadBusyError
from heygen_async._download import FileSource
from tests import file_server as host
from tests.downloads import Kit, kit_on, quick_folder
from tests.file_server import FileServer, mp4

# One loop is enough here: what is tested lies between processes, and starting them is slow.
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", [("asyncio", {})], indirect=True)]

SAVE = """
import os, signal, sys, anyio
from pathlib import Path
from tests.downloads import kit_on
class Server: url = sys.argv[1]
async def main():
    async with kit_on(Server, Path(sys.argv[2])) as kit:
        await kit.save(overwrite=len(sys.argv) < 4 or "link" not in sys.argv[3], digest="sha256")
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture
async def kit(server: FileServer) -> AsyncIterator[Kit]:
    with quick_folder() as folder:
        async with kit_on(server, folder) as kit:
            yield kit


@contextlib.contextmanager
def saving_elsewhere(kit: Kit, code: str = "anyio.run(main)") -> Iterator[subprocess.Popen[bytes]]:
    """Save the film in a process of its own, which is killed at the end if it is still there."""
    process = subprocess.Popen([sys.executable, "-c", SAVE + code, kit.server.url, str(kit.folder)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_52c_a_killed_download_is_continued_by_another_process(kit: Kit) -> None:
    """SIGKILL in mid-download: no target, a valid part file, no lock; the rest is fetched, and the digest is right.

    While the other process lives, it is not disturbed.
    """
    kit.server.script = [host.stall(123_456)]
    with saving_elsewhere(kit) as process:
        assert kit.server.holding.wait(20)
        while kit.part.stat().st_size < 123_456:
            time.sleep(0.01)
        with pytest.raises(DownloadBusyError):
            await kit.save()
        assert len(kit.server.seen) == 1
        process.kill()
        process.wait()
    assert kit.files == ["film.mp4.part", "film.mp4.part.json"]
    saved = await kit.save(digest="sha256")
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, "bytes=123456-"]
    assert saved.resumed_from == 123_456
    assert saved.digest == hashlib.sha256(kit.server.body).hexdigest()


KILL_AT = """
name, when = sys.argv[3:]
module, _, function = name.rpartition(".")
module = {"os": os}[module]
real = getattr(module, function)
def deadly(*args, **options):
    if when == "after":
        real(*args, **options)
    if function != "unlink" or str(args[0]).endswith(".part"):
        os.kill(os.getpid(), signal.SIGKILL)
    return None if when == "after" else real(*args, **options)
setattr(module, function, deadly)
anyio.run(main)
"""


@pytest.mark.parametrize(
    ("kill", "is_there"),
    [
        ("os.fsync before", False),
        ("os.replace before", False),
        ("os.replace after", True),
        ("os.link after", True),
        ("os.unlink after", True),
    ],
)
async def test_52c_killed_around_the_rename_the_target_is_whole_or_absent(kit: Kit, kill: str, is_there: bool) -> None:
    """And the next save ends well, with nothing but the file beside it."""
    arguments = [sys.executable, "-c", SAVE + KILL_AT, kit.server.url, str(kit.folder), *kill.split()]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert kit.target.exists() is is_there
    if is_there:
        assert kit.target.read_bytes() == kit.server.body
    kit.server.body = mp4(200_000, seed=7) if is_there else kit.server.body
    await kit.save(overwrite=True)
    kit.assert_only_the_film()
    assert len(kit.server.seen) == 2
    assert kit.server.ranges[1] == (None if is_there else "bytes=300000-")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, so that not every victim has to import everything")
async def test_52c_kills_at_random_moments_never_show_half_a_file(kit: Kit) -> None:
    """Twelve seeded kills of one download: whenever the target is there, it is whole; bytes are never mixed."""
    kit.server.body = mp4(3_000_000)
    kit.server.always = host.throttled(60_000, 0.001)
    fork = """
for line in sys.stdin:
    child = os.fork()
    if not child:
        anyio.run(main)
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("done", flush=True)
"""
    dice = random.Random(52)
    with saving_processes(kit, fork) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(12):
            process.stdin.write(b"go\n")
            process.stdin.flush()
            child = int(process.stdout.readline())
            time.sleep(dice.uniform(0.005, 0.08))
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == b"done\n"
            if kit.target.exists():
                assert kit.target.read_bytes() == kit.server.body
    kit.server.always = host.well
    await kit.save(overwrite=True)
    kit.assert_only_the_film()


@contextlib.contextmanager
def saving_processes(kit: Kit, code: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that is told by lines what to do."""
    arguments = [sys.executable, "-c", SAVE + code, kit.server.url, str(kit.folder)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_52c_the_video_counts_not_its_link(kit: Kit) -> None:
    """Another process gets a link with another path and host name for the same video, and goes on all the same."""
    kit.server.script = [host.cut(100_000), host.answer(405)]
    await kit.fails(Exception, FileSource(url=kit.server.url, identity="v1/video"))
    other = kit.server.url.replace("127.0.0.1", "localhost").replace("film", "another")
    saved = await kit.save(FileSource(url=other, identity="v1/video"))
    assert saved.resumed_from == 100_000
    kit.assert_only_the_film()


@pytest.mark.parametrize("memo", ["", "{", "[]", '{"version": 2}', '{"version": 1, "source": 5}', None])
async def test_52c_a_part_file_without_a_good_memo_starts_over(kit: Kit, memo: str | None) -> None:
    """Half written, of another version, or missing: nothing is guessed."""
    kit.part.write_bytes(b"who knows")
    if memo is not None:
        kit.part.with_name("film.mp4.part.json").write_text(memo)
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges == [None]


async def test_52c_a_memo_never_outlives_the_object_it_describes(kit: Kit) -> None:
    """The host begins again with an object that cannot be continued: a kill then must not leave the old ETag."""
    memo = kit.part.with_name("film.mp4.part.json")
    kit.server.script = [host.cut(100_000), host.new_object(mp4(200_000, seed=9), "", host.stall(50_000))]
    with saving_elsewhere(kit) as process:
        assert kit.server.holding.wait(20)
        while kit.part.stat().st_size != 50_000:
            time.sleep(0.01)
        assert not memo.exists()
        process.kill()
        process.wait()
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges[-1] is None


async def test_52c_a_part_file_that_is_too_long_starts_over(kit: Kit) -> None:
    """More bytes than the object has."""
    kit.server.script = [host.cut(100_000), host.answer(405)]
    await kit.fails(Exception)
    kit.part.write_bytes(bytes(300_001))
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges[-1] is None


FLAT = """
import sys, resource, anyio
from pathlib import Path
from tests.downloads import kit_on
class Server: url = sys.argv[1]
ticks = 0
async def tick():
    global ticks
    while True:
        await anyio.sleep(0.01)
        ticks += 1
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
async def main():
    async with kit_on(Server, Path(sys.argv[2])) as kit:
        await kit.save("{url}?small".format(url=Server.url), path=kit.folder / "small.mp4")
        before = peak()
        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            saved = await kit.save()
            group.cancel_scope.cancel()
        print(saved.size, (peak() - before) // 1024, ticks)
anyio.run(main)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory in KiB as Linux does")
async def test_46_a_file_of_1_gib_does_not_grow_the_process(kit: Kit) -> None:
    """Less than 48 MiB, the loop goes on ticking, all bytes arrive."""
    size = 2**30
    with tempfile.TemporaryFile() as sparse:
        sparse.truncate(size)

        def huge(exchange: host.Exchange) -> None:
            exchange.head(200, {"Content-Length": size, "Content-Type": "video/mp4"})
            exchange.send(mp4(1_000)[:32])
            exchange.connection.sendfile(sparse, 32)

        kit.server.script = [host.well, huge]
        arguments = [sys.executable, "-c", FLAT, kit.server.url, str(kit.folder)]
        done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)
    saved, grown, ticks = map(int, done.stdout.split())
    assert saved == kit.target.stat().st_size == size
    assert grown < 48
    assert ticks >= 3
