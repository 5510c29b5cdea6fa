"""How many requests waiting costs: the coordinator against one loop per video. Run `python -m benchmarks.polling`.

Everything runs on a virtual clock against a HeyGen that only keeps time, so the counts are exact and repeatable. All
requests are counted: bulk looks, list pages and the details of each finished video.
"""

from __future__ import annotations

import math
import random
import time

import anyio
from attrs import frozen
from trio.testing import MockClock

from heygen_async._coordinator import Coordinator
from heygen_async._policies import PollPolicy
from tests.fake_looks import FakeLooks

INTERVAL = 10.0
LATENCY = 0.3


@frozen(kw_only=True)
class Result:
    """Requests of both ways of waiting, and how long after completion a waiter heard of it, in seconds."""

    together: int
    one_by_one: int
    kinds: dict[str, int]
    delay: float
    delay_one_by_one: float

    @property
    def ratio(self) -> float:
        """Say how many times fewer requests the coordinator makes."""
        return self.one_by_one / self.together


def looks_alone(seconds: float) -> int:
    """Count the looks of a loop that sleeps `INTERVAL` and looks, until it sees a render of `seconds` completed."""
    return max(1, math.ceil(seconds / INTERVAL))


async def measure(videos: int, *, spread: float = 0.0, seed: int = 1, with_list: bool = True) -> Result:
    """Wait for `videos` renders of 1 to 12 minutes, submitted within `spread` seconds, and count all requests."""
    rng = random.Random(seed)
    begins = sorted(rng.uniform(0, spread) for _ in range(videos))
    plan = [(begin, rng.uniform(60, 720)) for begin in begins]
    looks = FakeLooks(latency=LATENCY, list_has_urls=with_list)
    delays: list[float] = []
    coordinator = Coordinator(looks, emit=[].append, rng=random.Random(seed))

    async def together(number: int, begin: float, seconds: float) -> None:
        await anyio.sleep(begin)
        now = anyio.current_time()
        looks.render(f"v{number}", seconds)
        await coordinator.wait(f"v{number}", "v3", policy=PollPolicy(), submitted_at=now)
        delays.append(anyio.current_time() - now - seconds)

    async with anyio.create_task_group() as group:
        for number, (begin, seconds) in enumerate(plan):
            group.start_soon(together, number, begin, seconds)

    return Result(
        together=len(looks.calls),
        one_by_one=sum(looks_alone(seconds) for _, seconds in plan),
        kinds=dict(looks.counts),
        delay=sum(delays) / videos,
        delay_one_by_one=sum(looks_alone(s) * INTERVAL + LATENCY - s for _, s in plan) / videos,
    )


def main() -> None:
    """Print counts, ratios and delays for accounts of several sizes."""
    print(f"{'videos':>7} {'over':>6}  {'one by one':>10} {'together':>9} {'ratio':>7}  {'delay':>7}  kinds of request")
    for videos, spread in ((1, 0.0), (10, 0.0), (100, 60.0), (1000, 0.0), (1000, 60.0), (1000, 600.0)):
        for with_list in (True, False):
            started = time.perf_counter()
            clock = MockClock(autojump_threshold=0)
            result = anyio.run(
                lambda v=videos, s=spread, w=with_list: measure(v, spread=s, with_list=w),
                backend="trio",
                backend_options={"clock": clock},
            )
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(result.kinds.items()))
            print(
                f"{videos:>7} {spread:>5.0f}s  {result.one_by_one:>10} {result.together:>9} {result.ratio:>6.1f}x"
                f"  {result.delay:>6.1f}s  {kinds}{'' if with_list else '; list without URLs'}"
                f"  ({time.perf_counter() - started:.1f} s of real time)"
            )
    print("delay: mean seconds between completion and the waiter's return (one by one every 10 s: about 5).")


if __name__ == "__main__":
    main()
