"""One file over several connections, from a host that does everything wrong, by savers that are cancelled and killed.

Each trial is made from a seed: what goes wrong with which request, and who is cut off where. How the threads interleave
is left to the machine. `python -m tests.test_download_segments_torture 1000 300` goes through the seeds from 1000 on
for 300 seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import anyio
import anyio.to_thread
import pytest
from attrs import evolve

from heygen_async import DownloadError, DownloadProgress, SavedFile
from heygen_async._partfile import PartFile
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.resuming import load_memo, resume_point
from heygen_async._protocol.targets import memo_path
from heygen_async._saving import FileSource
from heygen_async._transport import file_lane, file_thread
from tests import file_server as host
from tests.downloads import EAGER, Kit, kit_on, quick_folder
from tests.file_server import Behaviour, Exchange, FileServer, mp4

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills its own children")

KIB = 1024
SMALL_BLOCKS = evolve(EAGER, smallest_block=32 * KIB)
RETRIES = RetryPolicy(max_attempts=6, base=0.001, max_delay=0.01)
FILMS = {f'"{number}"': mp4(2048 * KIB + 7 * number, seed=number) for number in range(3)}
IDENTITY = "video-1/video"


class Chaos:
    """Answer well, or with one trouble out of many, and rarely with another film from then on."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.trouble = self.dice.choice([0.1, 0.3, 0.6, 0.85])
        self.lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        with self.lock:
            server = exchange.server
            if self.dice.random() < 0.03 * self.trouble:
                server.etag, server.body = self.dice.choice(list(FILMS.items()))
            # The film may change while this answer is on its way.
            exchange.server = copy.copy(server)
            behave = self.draw(server)
        behave(exchange)

    def draw(self, server: FileServer) -> Behaviour:
        dice = self.dice
        if dice.random() >= self.trouble:
            return host.throttled(dice.randint(4, 128) * KIB, dice.choice([0.0, 0.0005, 0.002]))
        after = dice.choice([0, 1, dice.randint(0, 8 * KIB), dice.randint(0, 512 * KIB)])
        return dice.choice(
            [
                host.cut(after),
                host.cut(after),
                host.rst(after),
                host.rst(after),
                host.stall(after) if dice.random() < 0.2 else host.hang_up,
                host.hang_up,
                host.ignore_range,
                host.EXPIRED,
                host.answer(503, b"busy"),
                host.answer(429, b"busy", retry_after="0"),
                host.answer(408),
                host.redirect(server.url),
                host.close_delimited(after),
                host.chunked(after, ended=bool(after % 2)),
                host.changed(content_range=f"bytes {after}-{after + 9}/{len(server.body)}"),
                host.changed(content_range=f"bytes 5-9/{after + 10}"),
                host.changed(etag='"nobody"'),
                host.changed(body=lambda body: body + b"more", content_length=None),
            ]
        )


async def save(kit: Kit, on_progress: Callable[[DownloadProgress], None] | None = None) -> SavedFile:
    async def refresh() -> str:
        return kit.server.url

    source = FileSource(url=kit.server.url, refresh=refresh, identity=IDENTITY)
    return await kit.save(source, on_progress=on_progress, retries=RETRIES, stall=0.5, digest="sha256")


class Trial:
    """Savers of one film, one after the other, and what must hold after each of them."""

    def __init__(self, kit: Kit, seed: int, runner: Runner) -> None:
        self.kit, self.runner, self.dice = kit, runner, random.Random(seed)

    async def saved_or_not(self) -> None:
        told = [-1, -1]

        def on_progress(progress: DownloadProgress) -> None:
            assert len(self.kit.events) != told[0] or progress.bytes_done >= told[1]
            told[:] = len(self.kit.events), progress.bytes_done

        failure: DownloadError | None = None
        try:
            saved = await save(self.kit, on_progress)
        except DownloadError as error:
            failure = error
        if failure is not None:
            part = self.kit.part
            assert failure.bytes_done == (part.stat().st_size if part.exists() else 0)
        else:
            content = self.kit.target.read_bytes()
            assert saved.digest == hashlib.sha256(content).hexdigest()
            assert saved.size == told[1] == len(content)

    async def cancelled(self) -> None:
        with anyio.move_on_after(self.dice.uniform(0, 0.2)):
            await self.saved_or_not()

    async def cancelled_by_asyncio(self) -> None:
        task = asyncio.ensure_future(self.saved_or_not())
        await asyncio.wait([task], timeout=self.dice.uniform(0, 0.2))
        if task.cancel():
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
        await task if not task.cancelled() else None

    async def killed(self) -> None:
        point = self.dice.choice(["at any time", "before a write", "after a write"])
        arguments = (self.kit.server.url, str(self.kit.folder), point, str(self.dice.randint(0, 40)))
        await anyio.to_thread.run_sync(self.runner.save, "\t".join(arguments))

    def check(self) -> None:
        """Whatever happened, there is a whole film or none, and a part that another process may trust."""
        kit = self.kit
        assert not kit.lane._lines
        assert_nothing_runs()
        if kit.target.exists():
            assert kit.target.read_bytes() in FILMS.values()
            kit.target.unlink()
        if not kit.part.exists() or not memo_path(kit.part).exists():
            return
        memo = load_memo(memo_path(kit.part).read_bytes())
        if memo is None or memo.etag == '"nobody"':
            return
        assert memo.etag is not None
        part, film = kit.part.read_bytes(), FILMS[memo.etag]
        sound = resume_point(memo, source=IDENTITY, size=len(part))
        # A body without a length may have too much at its end: there the next attempt starts over.
        assert part[: min(sound, len(film))] == film[:sound]


def assert_nothing_runs() -> None:
    """No thread is busy with a body or a part file."""
    for frame in sys._current_frames().values():
        at: Any = frame
        while at is not None:
            file = Path(at.f_code.co_filename).name
            assert (file, at.f_code.co_name) != ("file_thread.py", "receive")
            assert file not in {"_transfer.py", "_sharing.py", "_blocks.py", "_partfile.py"}
            at = at.f_back


class Runner:
    """A process that saves in children of its own, each of which ends itself by SIGKILL at a given point."""

    def __init__(self) -> None:
        code = "from tests.test_download_segments_torture import run; run()"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True)

    def save(self, arguments: str) -> None:
        """Return when the child has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(arguments + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def run() -> None:
    """Be that process."""
    look_often(setattr)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            save_and_die(*line.rstrip("\n").split("\t"))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


def save_and_die(url: str, folder: str, point: str, number: str) -> None:
    if point == "at any time":
        threading.Timer(int(number) / 200, os.kill, (os.getpid(), signal.SIGKILL)).start()
    else:
        die_at(int(number), before=point.startswith("before"))
    server: Any = type("Host", (), {"url": url})

    async def main() -> None:
        async with kit_on(server, Path(folder), segments=SMALL_BLOCKS) as kit:
            await save(kit)

    with contextlib.suppress(DownloadError):
        anyio.run(main)


def die_at(number: int, *, before: bool) -> None:
    """End by SIGKILL around the n-th change to the part file, its memo or its folder."""
    left = [number]

    def deadly(real: Any) -> Any:
        @functools.wraps(real)
        def call(*args: Any, **options: Any) -> Any:
            left[0] -= 1
            dies = left[0] == 0
            result = None if dies and before else real(*args, **options)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for name in ("pwrite", "write", "ftruncate", "fsync", "link", "unlink"):
        setattr(os, name, deadly(getattr(os, name)))
    for name in ("update_memo", "write_memo", "cut_to"):
        setattr(PartFile, name, deadly(getattr(PartFile, name)))


def look_often(set_to: Callable[[Any, str, float], None]) -> None:
    """Look at the pace more often than ten times a second: a test has not that much time."""
    set_to(file_lane, "REPORT_EVERY", 0.01)
    set_to(file_thread, "FLUSH_AFTER", 0.01)


async def endure(seed: int, runner: Runner, backend: str) -> None:
    """Save four times under one seed's trouble, then once without."""
    etag, film = random.Random(seed).choice(list(FILMS.items()))
    with FileServer(body=film, etag=etag, always=Chaos(seed)) as server, quick_folder() as folder:
        async with kit_on(server, folder, segments=SMALL_BLOCKS) as kit:
            trial = Trial(kit, seed, runner)
            kinds: list[Callable[[], Awaitable[None]]] = [trial.saved_or_not, trial.cancelled, trial.killed]
            if backend == "asyncio":
                kinds.append(trial.cancelled_by_asyncio)
            for _ in range(4):
                await trial.dice.choice(kinds)()
                trial.check()
            server.always = host.well
            saved = await save(kit)
            kit.assert_only_the_film()
            assert saved.digest == hashlib.sha256(server.body).hexdigest()


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("seed", range(3))
def test_no_trouble_spoils_a_file(seed: int, backend: str, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    look_often(monkeypatch.setattr)
    anyio.run(endure, seed, runner, backend, backend=backend)


def main(first: int, seconds: float) -> None:
    look_often(setattr)
    end, seed = time.monotonic() + seconds, first
    with Runner() as runner:
        while time.monotonic() < end:
            backend = ("asyncio", "trio")[seed % 2]
            try:
                anyio.run(endure, seed, runner, backend, backend=backend)
            except BaseException:
                sys.stdout.write(f"seed {seed} on {backend}\n")
                raise
            seed += 1
    sys.stdout.write(f"{seed - first} seeds endured\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
