"""How time, memory and requests grow with the number of videos. Run `python -m benchmarks --only scale`.

On a virtual clock and without sockets, each size in a process of its own. Two kinds of work: `wait` is that many waits
at once in one coordinator, 10 to 100,000; `batch` is `generate_many` over that many requests, 50 in flight, through the
whole SDK and httpx with an in-memory transport, 10 to 10,000 (more would take another ten minutes). The memory of a
wait is what it takes more than a task that only sleeps.
"""

from __future__ import annotations

import gc
import json
import math
import random
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Final

import anyio
from attrs import define, field, frozen
from trio.testing import MockClock

from benchmarks.results import Plot, Result, Series, Target
from benchmarks.virtual import side_by_side
from heygen_async import AsyncHeyGen, AvatarVideo, Video, VideoStatus
from heygen_async._coordinator import Coordinator
from heygen_async._policies import PollPolicy
from heygen_async._protocol.looks import BulkStatus, VideoPage
from heygen_async.models.video import ApiVersion
from tests.render_farm import RenderFarm, one_to_twelve_minutes

SIZES: Final = {"wait": (10, 100, 1000, 10_000, 100_000), "batch": (10, 100, 1000, 10_000)}
WEIGHED: Final = 10_000
PAGE: Final = 100
# How much dearer one of many may be than one of a tenth as many and still count as linear: caches grow colder.
SLACK: Final = 1.5
_AT_ONCE: Final = (
    "The looks of one client are at most 15 requests at a time, here of 0.3 s. Where 100,000 videos end within twelve "
    "minutes, it is for those that their waiters wait."
)


@frozen
class Done:
    """What a piece of work took: requests and, if anybody waited, the mean time from the end to hearing of it."""

    requests: int
    delay: float = math.nan


@define(eq=False)
class Renders:
    """Answer looks in constant time per video that is asked for."""

    ends: dict[str, float] = field(factory=dict)
    order: list[str] = field(factory=list)
    calls: int = 0

    def add(self, video_id: str, seconds: float) -> None:
        self.ends[video_id] = anyio.current_time() + seconds
        self.order.append(video_id)

    async def bulk(self, video_ids: Sequence[str]) -> Sequence[BulkStatus]:
        await self._answer()
        return [BulkStatus(video_id=one, status=self._video(one).status) for one in video_ids]

    async def one(self, video_id: str, wire: ApiVersion) -> Video:  # noqa: ARG002
        await self._answer()
        return self._video(video_id)

    async def page(self, wire: ApiVersion, token: str | None) -> VideoPage:  # noqa: ARG002
        await self._answer()
        begin = int(token or 0)
        count = len(self.order)
        ids = [self.order[count - 1 - at] for at in range(begin, min(begin + PAGE, count))]
        after = str(begin + PAGE) if begin + PAGE < count else None
        return VideoPage(videos=tuple(map(self._video, ids)), next_token=after)

    async def _answer(self) -> None:
        self.calls += 1
        await anyio.sleep(0.3)

    def _video(self, video_id: str) -> Video:
        done = anyio.current_time() >= self.ends[video_id]
        return Video(
            id=video_id,
            status=VideoStatus.COMPLETED if done else VideoStatus.PROCESSING,
            video_url=f"https://files.example/{video_id}.mp4" if done else None,
        )


async def wait(count: int) -> Done:
    """Wait for `count` renders of 1 to 12 minutes that were submitted within a minute."""
    looks, rng = Renders(), random.Random(1)
    delays = 0.0
    coordinator = Coordinator(looks, emit=lambda _: None, rng=random.Random(1))

    async def one(number: int, begin: float, seconds: float) -> None:
        nonlocal delays
        await anyio.sleep(begin)
        looks.add(f"v{number}", seconds)
        now = anyio.current_time()
        await coordinator.wait(f"v{number}", "v3", policy=PollPolicy(), submitted_at=now)
        delays += anyio.current_time() - now - seconds

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(one, number, rng.uniform(0, 60), rng.uniform(60, 720))
    return Done(looks.calls, delays / count)


async def sleep(count: int) -> Done:
    """Only sleep, in as many tasks, beside as many renders."""
    looks, rng = Renders(), random.Random(1)

    async def one(number: int, begin: float, seconds: float) -> None:
        await anyio.sleep(begin)
        looks.add(f"v{number}", seconds)
        await anyio.sleep(seconds)

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(one, number, rng.uniform(0, 60), rng.uniform(60, 720))
    return Done(0)


async def batch(count: int) -> Done:
    """Make `count` videos, and keep no outcome."""
    farm = RenderFarm(cap=None, seconds=one_to_twelve_minutes())
    farm.latency = 0.3
    request = AvatarVideo(avatar_id="avatar", voice_id="voice", script="Hello")
    heygen: AsyncHeyGen
    async with farm.client() as heygen:
        requests: Iterator[AvatarVideo] = (request for _ in range(count))
        async with heygen.videos.generate_many(requests, max_in_flight=50) as outcomes:
            async for _ in outcomes:
                pass
    return Done(sum(farm.requests.values()))


WORK: dict[str, Callable[[int], Awaitable[Done]]] = {"wait": wait, "sleep": sleep, "batch": batch}


def measure_here(kind: str, count: int) -> dict[str, float]:
    """Do the work in this process, after a little of it has warmed everything up."""
    do(kind, 3)
    gc.collect()
    memory, began = _peak_kib(), time.process_time()
    done = do(kind, count)
    cpu = time.process_time() - began
    return {"cpu": cpu, "kib": _peak_kib() - memory, "requests": done.requests, "delay": done.delay}


def do(kind: str, count: int) -> Done:
    """Do the work on a clock that jumps."""
    clock = MockClock(autojump_threshold=0)
    return anyio.run(WORK[kind], count, backend="trio", backend_options={"clock": clock})


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(kind: str, count: int) -> dict[str, float]:
    """Do the work in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", kind, str(count)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def curve(kind: str) -> dict[int, dict[str, float]]:
    """Measure a kind of work at all its sizes."""
    return {count: measure(kind, count) for count in SIZES[kind]}


def growth(of: dict[int, dict[str, float]], figure: str) -> float:
    """Return how much dearer one video is at the largest size than at a tenth of it."""
    *_, before, last = of
    return (of[last][figure] / last) / (of[before][figure] / before)


def run() -> Result:
    """Measure the curves."""
    curves = dict(zip(SIZES, side_by_side([partial(curve, kind) for kind in SIZES]), strict=True))
    memory = (curves["wait"][WEIGHED]["kib"] - measure("sleep", WEIGHED)["kib"]) / WEIGHED
    targets = [
        Target(
            f"{kind}: one of {max(of):,} takes {growth(of, 'cpu'):.2f} x the time and {growth(of, 'requests'):.2f} x "
            f"the requests of one of {max(of) // 10:,}; nothing grows faster than linear (at most {SLACK})",
            growth(of, "cpu") <= SLACK and growth(of, "requests") <= SLACK,
        )
        for kind, of in curves.items()
    ]
    return Result(
        name="scale",
        question="How do time, memory and requests grow with the number of videos?",
        columns=[
            "work",
            "videos",
            "CPU s",
            "CPU ms / video",
            "more memory, MiB",
            "requests",
            "requests / video",
            "mean delay, s",
        ],
        rows=[
            [
                kind,
                count,
                one["cpu"],
                one["cpu"] / count * 1000,
                one["kib"] / 1024,
                round(one["requests"]),
                one["requests"] / count,
                "" if math.isnan(one["delay"]) else one["delay"],
            ]
            for kind, of in curves.items()
            for count, one in of.items()
        ],
        targets=[*targets, Target(f"{memory:.1f} KiB per waiting video of {WEIGHED:,}; under 4", memory < 4)],
        notes=[
            "wait: all at once; batch: 50 in flight, so that its memory does not grow with its length.",
            _AT_ONCE,
        ],
        plot=Plot(
            title="CPU time against the number of videos",
            x_label="videos",
            y_label="CPU s",
            log_x=True,
            log_y=True,
            series=[
                Series(kind, [(count, max(one["cpu"], 1e-3)) for count, one in of.items()])
                for kind, of in curves.items()
            ],
        ),
    )


if __name__ == "__main__":
    print(json.dumps(measure_here(sys.argv[1], int(sys.argv[2]))))
