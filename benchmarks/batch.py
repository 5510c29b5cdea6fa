"""How well a batch fills an account that does not tell its limit. Run `python -m benchmarks.batch`.

Renders of 1 to 12 minutes on a virtual clock, against a HeyGen that only keeps time. 1.0 is the ideal: every slot busy
from the first second to the last one, which no schedule of unknown render times reaches, because the last video of all
runs alone. The other ways get the same client, so they hear of a finished render as soon as the batch does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import anyio
from attrs import frozen
from trio.testing import MockClock

from benchmarks import results
from benchmarks.virtual import side_by_side
from heygen_async import AsyncHeyGen, AvatarVideo
from tests.render_farm import RenderFarm, one_to_twelve_minutes

REQUEST = AvatarVideo(avatar_id="avatar", voice_id="voice", script="Hello")
Way = Callable[[AsyncHeyGen, int], Awaitable[None]]


@frozen(kw_only=True)
class Result:
    """The share of the ideal makespan, the requests sent, the submissions refused, and the most that ran at once."""

    share: float
    hours: float
    requests: int
    refused: int
    most_running: int


async def batch(heygen: AsyncHeyGen, videos: int) -> None:
    """Let the SDK do it."""
    (await heygen.videos.generate_all([REQUEST] * videos)).raise_for_failures()


async def in_groups_of_ten(heygen: AsyncHeyGen, videos: int) -> None:
    """Ten at a time, the next ten when all are done, as with `asyncio.gather`."""
    for begin in range(0, videos, 10):
        async with anyio.create_task_group() as group:
            for _ in range(begin, min(begin + 10, videos)):
                group.start_soon(heygen.videos.generate, REQUEST)


async def one_by_one(heygen: AsyncHeyGen, videos: int) -> None:
    """The loop of a first script."""
    for _ in range(videos):
        await heygen.videos.generate(REQUEST)


async def with_a_semaphore(heygen: AsyncHeyGen, videos: int) -> None:
    """What one writes by hand who knows the cap: each video is looked at every 5 s, the pace of the Quick Start."""
    room = anyio.Semaphore(10)

    async def one() -> None:
        async with room:
            job = await heygen.videos.create(REQUEST)
            while not (await heygen.videos.get(job.id)).status.is_terminal:
                await anyio.sleep(5)

    async with anyio.create_task_group() as group:
        for _ in range(videos):
            group.start_soon(one)


async def measure(way: Way, videos: int, *, later_cap: int | None = None, others: int = 0, seed: int = 1) -> Result:
    """Make `videos` on an account of 10; after two hours its cap is `later_cap`, and `others` take slots meanwhile."""
    farm = RenderFarm(cap=10, seconds=one_to_twelve_minutes(seed), retry_after="15")
    farm.latency, farm.others = 0.5, others
    capacity, change_after = 10.0 - others, 7200.0
    later = farm.cap if later_cap is None else later_cap

    async def change(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        task_status.started()
        await anyio.sleep(change_after)
        farm.cap, farm.others = later, 0

    async with farm.client() as heygen, anyio.create_task_group() as group:
        await group.start(change)
        began = anyio.current_time()
        await way(heygen, videos)
        took = anyio.current_time() - began
        group.cancel_scope.cancel()
    room = min(took, change_after) * capacity + max(0.0, took - change_after) * (later or 0)
    return Result(
        share=farm.work / room,
        hours=took / 3600,
        requests=sum(farm.requests.values()),
        refused=len(farm.refused_at),
        most_running=farm.most_running,
    )


def simulate(way: Way, videos: int, *, later_cap: int | None = None, others: int = 0, seed: int = 1) -> Result:
    """Run `measure` on a clock that jumps."""
    return anyio.run(
        lambda: measure(way, videos, later_cap=later_cap, others=others, seed=seed),
        backend="trio",
        backend_options={"clock": MockClock(autojump_threshold=0)},
    )


CASES: Final[dict[str, Callable[[], Result]]] = {
    "generate_all, cap unknown": partial(simulate, batch, 1000),
    "generate_all, cap falls to 4 after 2 h": partial(simulate, batch, 1000, later_cap=4),
    "generate_all, others take 6 for 2 h": partial(simulate, batch, 1000, others=6),
    "semaphore of 10 and looks every 5 s (300 videos)": partial(simulate, with_a_semaphore, 300),
    "gather in groups of 10": partial(simulate, in_groups_of_ten, 1000),
    "one by one (100 videos)": partial(simulate, one_by_one, 100),
}


def run() -> results.Result:
    """Return the share of the ideal makespan that each way reaches."""
    found = dict(zip(CASES, side_by_side(list(CASES.values())), strict=True))
    unknown, falling, *_ = found.values()
    return results.Result(
        name="batch",
        question="How well does a batch fill an account that does not tell its limit?",
        columns=["way", "of the ideal", "hours", "requests", "refused", "most at once"],
        rows=[
            [name, f"{one.share:.3f}", one.hours, one.requests, one.refused, one.most_running]
            for name, one in found.items()
        ],
        targets=[
            results.Target(
                f"{unknown.share:.3f} of the ideal makespan for 1,000 videos under an unknown cap of 10; at least 0.97",
                unknown.share >= 0.97,
            ),
            results.Target(
                f"{falling.share:.3f} when the cap falls to 4 in the middle; at least 0.95", falling.share >= 0.95
            ),
        ],
        notes=[
            "Renders of 1 to 12 minutes on a virtual clock: the same figures on every machine.",
            "1.0 is every slot busy from the first second to the last; the last video of all costs 0.01 of it.",
            "The semaphore was told the cap, and would fail with it if it fell, or if others took slots.",
        ],
        plot=results.Plot(
            title="Share of the ideal makespan, 1,000 videos of 1 to 12 minutes, 10 at once",
            x_label="share",
            kind="bar",
            series=[results.Series("share", [(name, one.share) for name, one in found.items()])],
        ),
    )


if __name__ == "__main__":
    print(results.as_text(run()))
