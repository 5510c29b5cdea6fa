"""How many requests waiting costs, and how soon a waiter hears: against a fixed interval, and one loop per video.

Run `python -m benchmarks.polling`. Everything runs on a virtual clock through the real coordinator, against a HeyGen
that only keeps time, so the counts are exact and repeatable. The coordinator is told what an application knows: when a
video was submitted and, in some runs, how long its script takes to say; never how long it will render.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import anyio
import trio
from attrs import frozen
from trio.testing import MockClock

from benchmarks.results import Cell, Plot, Result, Series, Target, as_text
from benchmarks.virtual import side_by_side
from heygen_async._coordinator import Coordinator
from heygen_async._policies import PollPolicy
from heygen_async.events import Event, StatusChanged
from tests.fake_looks import FakeLooks

NAME: Final = "polling"
QUESTION: Final = "How many requests do 1,000 renders of 1 to 12 minutes cost, and how soon does a waiter hear?"
VIDEOS: Final = 1000
INTERVAL: Final = 10.0
LATENCY: Final = 0.3
SLOTS: Final = 10
_PAGE: Final = 100

Arrivals = Literal["at once", "over 10 minutes", "through 10 slots", "at once, shortest script first"]
Times = Literal["even", "even, script known", "by script, known"]

PATIENT: Final = tuple(PollPolicy(first_after=30, request_worth=worth) for worth in (4, 12, 40))
"""For who knows that no render takes less than a minute; each makes fewer requests than the one before."""
SETTINGS: Final = (PollPolicy(), *PATIENT)


@frozen
class Render:
    """What a video takes; `length` is what the client is told of it."""

    seconds: float
    length: float | None
    script: float


@frozen(kw_only=True)
class Figures:
    """What one way of waiting cost: `looks` asked whether anything has ended, `fetches` only for URLs.

    `seen` and `held` are delays, sorted: from the end of each render until that was known, and until the URL was there.
    """

    looks: int
    fetches: int
    seen: Sequence[float]
    held: Sequence[float]

    @property
    def requests(self) -> int:
        """Return all requests."""
        return self.looks + self.fetches


def renders(times: Times, *, videos: int = VIDEOS, seed: int = 1) -> list[Render]:
    """Return renders of 1 to 12 minutes.

    "even" is uniform, and a render takes 5 to 10 times the length of its video, as is said of HeyGen; "by script" has
    lengths around 40 s, each rendered in around 7 times that, give or take a fifth.
    """
    rng = random.Random(seed)
    found: list[Render] = []
    for _ in range(videos):
        if times == "by script, known":
            script = min(100.0, max(8.0, rng.lognormvariate(math.log(40), 0.5)))
            seconds = min(720.0, max(60.0, script * rng.lognormvariate(math.log(7), 0.2)))
        else:
            seconds = rng.uniform(60, 720)
            script = seconds / rng.uniform(5, 10)
        found.append(Render(seconds, None if times == "even" else script, script))
    return found


def arranged(plan: Sequence[Render], arrivals: Arrivals, seed: int = 1) -> list[tuple[float, Render]]:
    """Return renders with their times of submission, in the order of these."""
    rng = random.Random(seed)
    if arrivals == "at once, shortest script first":
        return [(0.0, render) for render in sorted(plan, key=lambda render: render.script)]
    if arrivals == "over 10 minutes":
        return list(zip(sorted(rng.uniform(0, 600) for _ in plan), plan, strict=True))
    return [(0.0, render) for render in plan]


async def measure(
    plan: Sequence[Render], arrivals: Arrivals, policy: PollPolicy, *, with_urls: bool, seed: int = 1
) -> Figures:
    """Wait for all renders through one coordinator, and count; `with_urls` says whether the list's items have URLs."""
    looks = FakeLooks(latency=LATENCY, list_has_urls=with_urls)
    ends: dict[str, float] = {}
    seen: list[float] = []
    held: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, StatusChanged) and event.status.is_terminal:
            seen.append(anyio.current_time() - ends[event.video_id])

    coordinator = Coordinator(looks, emit=note, rng=random.Random(seed))
    slots = anyio.CapacityLimiter(SLOTS if arrivals == "through 10 slots" else math.inf)

    async def wait(number: int, begin: float, render: Render) -> None:
        await anyio.sleep(begin)
        async with slots:
            name, now = f"v{number}", anyio.current_time()
            looks.render(name, render.seconds)
            ends[name] = now + render.seconds
            await coordinator.wait(name, "v3", policy=policy, submitted_at=now, length=render.length, timeout=math.inf)
            held.append(anyio.current_time() - ends[name])

    async with anyio.create_task_group() as group:
        for number, (begin, render) in enumerate(arranged(plan, arrivals, seed)):
            group.start_soon(wait, number, begin, render)
    fetches = looks.counts["one"]
    return Figures(looks=len(looks.calls) - fetches, fetches=fetches, seen=sorted(seen), held=sorted(held))


def measured(*args: object, **options: object) -> Figures:
    """Run `measure` on a virtual clock."""
    # trio runs tasks that are due at the same moment in random order; the counts are to be repeatable.
    trio._core._run._r.seed(1)  # type: ignore[attr-defined]
    return anyio.run(
        lambda: measure(*args, **options),  # type: ignore[arg-type]
        backend="trio",
        backend_options={"clock": MockClock(autojump_threshold=0)},
    )


def fixed(plan: Sequence[Render], arrivals: Arrivals, every: float, *, with_urls: bool, seed: int = 1) -> Figures:
    """Return what a bulk look at all running videos every so many seconds costs; URLs come as cheaply as possible.

    That is one page for all that a round finds on it, from a poller that knows by heart which page holds what; without
    URLs in the list, one request each.
    """
    waiting = list(reversed(list(enumerate(arranged(plan, arrivals, seed)))))
    places = SLOTS if arrivals == "through 10 slots" else len(plan)
    running: dict[int, float] = {}
    looks = fetches = 0
    seen: list[float] = []
    held: list[float] = []
    now = 0.0
    while waiting or running:
        while waiting and len(running) < places and waiting[-1][1][0] <= now + every:
            number, (begin, render) = waiting.pop()
            # A free slot is filled as soon as it is known to be free.
            started = max(begin, now + 2 * LATENCY) if places == SLOTS and now else begin
            running[number] = started + render.seconds
        now += every
        looks += math.ceil(len(running) / _PAGE)
        ended = [number for number, end in running.items() if end <= now]
        fetches += len({number // _PAGE for number in ended}) if with_urls else len(ended)
        for number in ended:
            delay = now + LATENCY - running.pop(number)
            seen.append(delay)
            held.append(delay + LATENCY)
    return Figures(looks=looks, fetches=fetches, seen=sorted(seen), held=sorted(held))


LOOP: Final = PollPolicy(first_after=INTERVAL, growth=1, max_interval=INTERVAL, jitter=0)


def all_pages(plan: Sequence[Render], delay: float) -> int:
    """Return what reading all pages at a fixed interval with that mean delay takes, until all renders have ended.

    All were submitted at once, and the tokens of the pages are remembered.
    """
    every = 2 * (delay - LATENCY)
    return math.ceil(max(render.seconds for render in plan) / every) * math.ceil(len(plan) / _PAGE)


def looks_alone(seconds: float) -> int:
    """Count the looks of a loop that sleeps `INTERVAL` and looks, until it sees a render of `seconds` completed."""
    return max(1, math.ceil(seconds / INTERVAL))


def alone(plan: Sequence[Render]) -> Figures:
    """Return what one loop per video costs; its looks bring the URL."""
    delays = sorted(looks_alone(render.seconds) * INTERVAL + LATENCY - render.seconds for render in plan)
    looks = sum(looks_alone(render.seconds) for render in plan)
    return Figures(looks=looks, fetches=0, seen=delays, held=delays)


def omniscient(plan: Sequence[Render], requests: int) -> float:
    """Return the least mean delay with so many requests for someone who knows when each render ends.

    All are submitted at once, and a request brings the URLs of one page of a hundred; each page gets its equal share.
    """
    pages = [sorted(render.seconds for render in plan[start : start + _PAGE]) for start in range(0, len(plan), _PAGE)]
    return sum(_least_waiting(ends, requests // len(pages)) for ends in pages) / len(plan)


def _least_waiting(ends: Sequence[float], looks: int) -> float:
    """Return the least sum of delays if `looks` looks, each right at an end, find all of `ends`."""
    sums = [0.0]
    for end in ends:
        sums.append(sums[-1] + end)
    least = [0.0] + [math.inf] * len(ends)
    for _ in range(looks):
        least = [0.0] + [
            min(least[i] + (j - i) * ends[j - 1] - (sums[j] - sums[i]) for i in range(j))
            for j in range(1, len(ends) + 1)
        ]
    return least[-1]


@frozen
class Frontier:
    """Requests and mean delays of fixed intervals, from short to long ones."""

    points: Sequence[tuple[float, float]]

    def requests_at(self, delay: float) -> float:
        """Return how many requests a fixed interval with that mean delay takes."""
        delays = [delay for delay, _ in self.points]
        right = min(max(1, bisect_left(delays, delay)), len(delays) - 1)
        (x0, y0), (x1, y1) = self.points[right - 1 : right + 1]
        return y0 * math.pow(y1 / y0, math.log(delay / x0) / math.log(x1 / x0))


def frontier(plan: Sequence[Render], arrivals: Arrivals, *, with_urls: bool) -> Frontier:
    """Measure fixed intervals of 2 to 80 s, each averaged over three neighbours, because luck plays a part.

    Without URLs in the list only the looks count, and the delay until the end is known.
    """
    points: list[tuple[float, float]] = []
    for step in range(28):
        some = [fixed(plan, arrivals, 2 * 1.145**step * nudge, with_urls=with_urls) for nudge in (0.97, 1.0, 1.03)]
        counts = [one.requests if with_urls else one.looks for one in some]
        points.append((mean([mean(one.held if with_urls else one.seen) for one in some]), mean(counts)))
    return Frontier(points)


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean."""
    return sum(values) / len(values)


def _setting(policy: PollPolicy) -> str:
    usual = PollPolicy()
    if policy == usual:
        return "default"
    if policy == LOOP:
        return f"one loop per video, every {INTERVAL:g} s"
    return f"first_after={policy.first_after:g}, request_worth={policy.request_worth:g}"


@frozen
class Row:
    """One setting in one case, and what a fixed interval with the same mean delay takes."""

    arrivals: Arrivals
    times: Times
    policy: PollPolicy
    requests: int
    delays: Sequence[float]
    peer: float

    @property
    def ratio(self) -> float:
        """Return how many times fewer requests ours are."""
        return self.peer / self.requests

    def cells(self) -> list[Cell]:
        """Return what the table shows."""
        worst, most = self.delays[-1], self.delays[int(0.95 * len(self.delays))]
        peer: list[Cell] = ["", ""] if math.isnan(self.peer) else [self.peer, f"{self.ratio:.2f}x"]
        figures: list[Cell] = [self.requests, mean(self.delays), most, worst, *peer]
        return [self.arrivals, self.times, _setting(self.policy), *figures]


def _rows_of(arrivals: Arrivals, times: Times, *, with_urls: bool) -> list[Row]:
    plan = renders(times)
    line = frontier(plan, arrivals, with_urls=with_urls)
    rows: list[Row] = []
    # Ten at a time end too rarely for a look to be worth so much: the rows would be those of the setting before.
    for policy in SETTINGS[:-1] if arrivals == "through 10 slots" else SETTINGS:
        got = measured(plan, arrivals, policy, with_urls=with_urls)
        requests, delays = (got.requests, got.held) if with_urls else (got.looks, got.seen)
        rows.append(Row(arrivals, times, policy, requests, delays, line.requests_at(mean(delays))))
    return rows


def _compared(cases: Sequence[tuple[Arrivals, Times]], *, with_urls: bool) -> list[Row]:
    found = side_by_side([partial(_rows_of, arrivals, times, with_urls=with_urls) for arrivals, times in cases])
    return [row for rows in found for row in rows]


def _columns(counted: str) -> list[str]:
    return ["arrivals", "render times", "setting", counted, "mean delay, s", "95 %", "worst", "fixed interval", "ratio"]


def _dominance(rows: Sequence[Row], counted: str) -> Target:
    ratios = [row.ratio for row in rows if row.policy in PATIENT]
    text = f"fewer {counted} than a fixed interval at each of {len(ratios)} mean delays with first_after=30"
    return Target(f"{text} ({min(ratios):.2f} to {max(ratios):.2f} times fewer)", min(ratios) > 1)


def _plot(title: str, counted: str, rows: Sequence[Row], line: Frontier) -> Plot:
    lines: dict[str, list[tuple[float | str, float]]] = {}
    for row in sorted(rows, key=lambda row: mean(row.delays)):
        if row.policy in PATIENT:
            order = ", shortest script first" if "shortest" in row.arrivals else ""
            lines.setdefault(f"ours, {row.times}{order}", []).append((mean(row.delays), float(row.requests)))
    lines["fixed interval, even"] = [point for point in line.points if 2 <= point[0] <= 20]
    return Plot(
        title=title,
        x_label="mean delay, s",
        y_label=counted,
        series=[Series(name, points) for name, points in lines.items()],
        log_x=True,
        log_y=True,
    )


def statuses() -> Result:
    """Compare the looks, up to the moment when the end is known; the list has no URLs, so each costs one GET more."""
    together: Sequence[Arrivals] = ("at once", "over 10 minutes", "through 10 slots")
    all_times: Sequence[Times] = ("even", "even, script known", "by script, known")
    rows = _compared([(arrivals, times) for arrivals in together for times in all_times], with_urls=False)
    naive = alone(renders("even"))
    best = min((row for row in rows if mean(row.delays) <= 5), key=lambda row: row.requests)
    told = f"{best.requests} with {mean(best.delays):.1f} s: {best.arrivals}, {best.times}, {_setting(best.policy)}"
    return Result(
        name=NAME,
        question=QUESTION,
        columns=_columns("looks"),
        rows=[*(row.cells() for row in rows), Row("at once", "even", LOOP, naive.looks, naive.seen, math.nan).cells()],
        targets=[
            _dominance(rows, "looks"),
            Target(f"at most 300 looks with a mean delay of at most 5 s ({told})", best.requests <= 300),
        ],
        notes=[_WHAT_COUNTS, _THE_PEER, _WHAT_IS_KNOWN, _THE_DEFAULT],
        plot=_plot(
            "1,000 renders submitted at once: looks against the delay until the end is known",
            "looks",
            [row for row in rows if row.arrivals == "at once"],
            frontier(renders("even"), "at once", with_urls=False),
        ),
    )


def with_urls() -> Result:
    """Compare all requests, up to the moment when the waiter has the URL; the list has URLs, as HeyGen documents it."""
    in_order: Arrivals = "at once, shortest script first"
    together: Sequence[Arrivals] = ("at once", "over 10 minutes", "through 10 slots")
    cases: list[tuple[Arrivals, Times]] = [(a, t) for a in together for t in ("even", "by script, known")]
    rows = _compared([*cases, (in_order, "by script, known")], with_urls=True)
    even = next(row for row in rows if row.arrivals == "at once" and row.times == "even" and row.policy == PollPolicy())
    pages = _ALL_PAGES.format(all_pages(renders("even"), mean(even.delays)), even.requests)
    bound = omniscient(renders("even"), 300)
    return Result(
        name=f"{NAME}-urls",
        question="And how many until the URL is there?",
        columns=_columns("requests"),
        rows=[row.cells() for row in rows],
        targets=[_dominance(rows, "requests")],
        notes=[_URLS, pages, _IN_ORDER, _BOUND.format(bound)],
        plot=_plot(
            "1,000 renders submitted at once: all requests against the delay until the URL is there",
            "requests",
            [row for row in rows if row.arrivals.startswith("at once")],
            frontier(renders("even"), "at once", with_urls=True),
        ),
    )


_WHAT_COUNTS: Final = (
    "A look asks whether anything has ended: a bulk look at up to 100 ids, or a page of the list. The delay runs from "
    "the end of a render until that is known. Here the list has no URLs, so that each of the 1,000 videos costs one "
    "more request, however it was waited for: neither side counts these."
)
_THE_PEER: Final = (
    "The fixed interval looks at all running videos in bulk; the column says how many looks it takes for the same mean "
    "delay. Both sides have a latency of 0.3 s."
)
_WHAT_IS_KNOWN: Final = (
    "The coordinator knows when a video was submitted and, where it says so, how long its script takes to say. How "
    "long renders take it learns from its looks."
)
_THE_DEFAULT: Final = (
    "The default looks at each new video after 10, 24 and 44 s, whatever it has learnt: who waits for a short one is "
    "never kept waiting. Where new videos keep coming, ten at a time, that alone is a look every 15 s."
)
_URLS: Final = (
    "All requests are counted. The fixed interval pays for URLs as little as anyone could: one page for all that a "
    "round finds on it, without searching for the page. The coordinator reads pages instead of looking in bulk once it "
    "has seen that they carry URLs."
)
_ALL_PAGES: Final = (
    "Who reads all ten pages every so many seconds, whatever they hold, and remembers their tokens, needs {} requests "
    "for the delay that the default has with {} (even times, at once): where nothing tells when which render ends, "
    "nothing can be saved there. With more arrivals, strangers' videos or known scripts that is another matter."
)
_IN_ORDER: Final = "Whose scripts are submitted in order of their length gets pages whose videos end together."
_BOUND: Final = (
    "300 requests cannot bring 1,000 URLs within much less than 5 s: with even times, even who knows beforehand when "
    "each render ends waits {:.1f} s on average, because the hundred neighbours on a page end at a hundred times."
)


def run() -> list[Result]:
    """Compare everything."""
    return [statuses(), with_urls()]


def main() -> None:
    """Print the tables."""
    for result in run():
        print(as_text(result), flush=True)


if __name__ == "__main__":
    main()
