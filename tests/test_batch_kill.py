"""A batch is killed again and again, and pays once for each video.

Real processes run the batch against a loopback HeyGen and die by SIGKILL at seeded moments: by the clock, and right
before or after what they write, publish and send. The same call is repeated until it comes to its end.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import anyio
import pytest
from attrs import evolve

from heygen_async import AsyncHeyGen, PollPolicy
from heygen_async._journal import Journal, read_journal
from heygen_async._journal_file import JournalFile
from heygen_async._partfile import PartFile
from heygen_async._protocol.targets import PART_SUFFIX
from tests.downloads import quick_folder
from tests.fake_heygen import KEY, FakeHeyGen, Received, Reply, Work, mp4
from tests.sdk import AVATAR_JSON, quick_start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, so that not every victim has to import everything"),
]

KEYS = [f"item-{number:02}" for number in range(10)]
POLL = PollPolicy(first_after=0.01, growth=1.1, max_interval=0.03)

# Each line, the arguments of `run_batch`, starts the batch in a forked child and tells its pid and its end.
FORKS = """
import json, os, sys
from tests.test_batch_kill import run_batch
for line in sys.stdin:
    child = os.fork()
    if not child:
        run_batch(*json.loads(line))
    os.write(1, f'{{"pid": {child}}}\\n'.encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(1, f'{{"ended": {code}}}\\n'.encode())
"""


# In the child


def run_batch(url: str, folder: str, wire: str, victim: str, number: int) -> None:
    """Run the whole batch, dying at the `number`-th `victim`; say what became of it, and leave without clean-up."""
    try:
        _arm(victim, number)
        report = anyio.run(_report, url, Path(folder), wire)
        said = {
            "succeeded": [one.key for one in report.succeeded],
            "failed": {str(one.key): f"{type(one.error).__name__}: {one.error}" for one in report.failed},
            "skipped": [one.key for one in report.skipped],
        }
        os.write(1, f"{json.dumps(said)}\n".encode())
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


async def _report(url: str, folder: Path, wire: str) -> Any:
    async with AsyncHeyGen(KEY, base_url=url, polling=POLL) as heygen:
        return await heygen.videos.generate_all(
            {key: request_for(key, wire) for key in KEYS},
            save_to=folder / "{key}.mp4",
            journal=folder / "batch.sqlite",
            max_in_flight=4,
        )


def request_for(key: str, wire: str) -> Any:
    if wire == "v3":
        return AVATAR_JSON | {"script": key}
    request = quick_start()
    (scene,) = request.video_inputs
    return evolve(request, video_inputs=[evolve(scene, voice=evolve(scene.voice, input_text=key))])


def _arm(victim: str, number: int) -> None:
    """Count every moment that matters, and die at the chosen one."""
    countdown = Counter({victim: number})

    def moment(name: str) -> None:
        countdown[name] -= 1
        if countdown[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(owner: Any, function: str, name: str, applies: Callable[..., bool] = lambda *_, **__: True) -> None:
        real = getattr(owner, function)

        def deadly(*arguments: Any, **options: Any) -> Any:
            counts = applies(*arguments, **options)
            if counts:
                moment(f"before-{name}")
            result = real(*arguments, **options)
            if counts:
                moment(f"after-{name}")
            return result

        setattr(owner, function, deadly)

    around(JournalFile, "apply", "journal")
    # Called when HeyGen has answered a POST, which is paid for then and not yet written down.
    around(Journal, "submitted", "submitted")
    around(PartFile, "write", "block")
    around(os, "link", "rename")
    around(os, "replace", "rename")
    around(os, "unlink", "unlink", lambda path, *_, **__: PART_SUFFIX in str(path))


# In the test


class Victims:
    """The forking process, and the batches that it starts and loses."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORKS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            bufsize=0,
        )
        self._text = b""

    def run(
        self,
        url: str,
        folder: Path,
        wire: str = "v3",
        victim: str = "nobody",
        number: int = 0,
        kill_after: float | None = None,
    ) -> dict[str, Any]:
        """Run the batch to its end or death, and return everything that was said."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps([url, str(folder), wire, victim, number])}\n".encode())
        said: dict[str, Any] = {}
        kill_at = None
        give_up = time.monotonic() + 30
        while "ended" not in said:
            assert time.monotonic() < give_up, said
            for line in self._lines():
                said |= json.loads(line)
            if kill_after is not None and "pid" in said:
                kill_at = kill_at or time.monotonic() + kill_after
                if time.monotonic() >= kill_at and "ended" not in said:
                    os.kill(said["pid"], signal.SIGKILL)
                    kill_after = None
        return said

    def _lines(self) -> list[bytes]:
        stdout = self._process.stdout
        assert stdout is not None
        if select.select([stdout], [], [], 0.002)[0]:
            self._text += os.read(stdout.fileno(), 100_000)
        *lines, self._text = self._text.split(b"\n")
        return lines

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()


def film_of(video_id: str) -> bytes:
    """Return a film that cannot be mixed up with another one's."""
    film = mp4(400_000)
    return film[:-2000] + video_id.encode().rjust(2000)


def film(fake: FakeHeyGen, request: Received, work: Work) -> Reply:
    reply = work()
    video_id = Path(request.path).stem
    reply.raw, reply.headers["ETag"] = film_of(video_id), f'"{video_id}"'
    return reply


def item_of(request: dict[str, Any]) -> str:
    return request["script"] if "script" in request else request["video_inputs"][0]["voice"]["input_text"]


def paid_for(fake: FakeHeyGen) -> dict[str, list[str]]:
    """Return the ids of the videos that were paid for each item."""
    paid: dict[str, list[str]] = {}
    for job in fake.jobs.values():
        paid.setdefault(item_of(job.request), []).append(job.id)
    return paid


MOMENTS = ("before-journal", "after-journal", "before-block", "after-block", "before-rename", "after-rename")


def check(fake: FakeHeyGen, folder: Path, said: dict[str, Any], wire: str) -> None:
    """Paid creations are logical requests; every file is its item's film; nothing else lies about."""
    paid = paid_for(fake)
    uncertain = set(said["failed"])
    assert uncertain == {entry.key for entry in read_journal(folder / "batch.sqlite") if entry.state == "intended"}
    assert {text.split(":")[0] for text in said["failed"].values()} <= {"SubmissionUncertainError"}, said["failed"]
    assert not said["skipped"]
    assert wire == "v2" or not uncertain
    assert sorted(said["succeeded"]) == sorted(set(KEYS) - uncertain) == sorted(paid)
    assert {len(ids) for ids in paid.values()} == {1}
    assert {file.name for file in folder.iterdir()} == {f"{key}.mp4" for key in paid} | {"batch.sqlite"}
    for key, (video_id,) in paid.items():
        assert (folder / f"{key}.mp4").read_bytes() == film_of(video_id)


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as victims:
        yield victims


@pytest.fixture
def folder() -> Iterator[Path]:
    """A killed process loses no page that it has written, so memory will do, and is quick."""
    with quick_folder() as folder:
        yield folder


@pytest.mark.parametrize(("wire", "rounds"), [("v3", 7), ("v2", 5)])
def test_52_a_batch_killed_at_any_moment_pays_once_for_each_video(
    folder: Path, victims: Victims, wire: str, rounds: int
) -> None:
    """52a to 52c: between POST and journal, in downloads, around the rename; then every file is whole and alone.

    On v2, which has no keys, an item whose submission cannot be settled is reported, and was never paid twice.
    """
    fake = FakeHeyGen(plan={0: "pending", 0.02: "processing", 0.05: "completed"})
    fake.latency = 0.004
    fake.on("GET /files/*", film, times=None)
    fake.concurrency, fake.retry_after = 4, "0"
    dice = random.Random(f"52 {wire}")
    killed = 0
    with fake.serve() as server:
        for number in range(rounds):
            if number % 4 == 3:
                said = victims.run(server.url, folder, wire, kill_after=dice.uniform(0.02, 0.3))
            elif number % 4 == 1:
                said = victims.run(server.url, folder, wire, dice.choice(MOMENTS), dice.randint(2, 7))
            else:
                said = victims.run(server.url, folder, wire, "before-submitted", dice.randint(1, 3))
            killed += said["ended"] == -signal.SIGKILL
        said = victims.run(server.url, folder, wire)
    assert killed >= rounds // 2
    assert said["ended"] == 0
    check(fake, folder, said, wire)


@pytest.mark.parametrize("victim", ["before-submitted", "after-block", "after-rename", "after-unlink"])
def test_52_a_batch_killed_once_goes_on(folder: Path, victims: Victims, victim: str) -> None:
    """Between POST and journal, in a download, and twice around the rename; the next run ends it."""
    fake = FakeHeyGen(plan=["completed"])
    fake.on("GET /files/*", film, times=None)
    with fake.serve() as server:
        assert victims.run(server.url, folder, "v3", victim, 3)["ended"] == -signal.SIGKILL
        said = victims.run(server.url, folder)
    assert said["ended"] == 0
    check(fake, folder, said, "v3")
