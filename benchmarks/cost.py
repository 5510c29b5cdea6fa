"""CPU time, requests and bytes of one video, from its submission to its file. Run `python -m benchmarks --only cost`.

500 videos at once against a server in a process of its own (`benchmarks.loopback`), renders of 10 to 30 seconds: real
ones take minutes, and every look more makes the one-by-one ways dearer, so this is their good side. The ways of a
round run at the same time, each with its own server; what is compared is CPU time, which minds the company less.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from attrs import frozen

from benchmarks.loopback import FILE_SIZE, counts_of, serving
from benchmarks.results import Paired, Plot, Result, Series, Target

VIDEOS: Final = 500
RENDERS: Final = (10.0, 30.0)
ROUNDS: Final = 2
NAMES: Final = {
    "ours": "heygen-async, generate_all",
    "ours_with_journal": "heygen-async, with a journal",
    "ours_over_httpx2": "heygen-async, http_client from httpx2",
    "httpx_gather": "httpx, gather",
    "aiohttp_gather": "aiohttp, gather",
    "heygen_mcp": "heygen-mcp's client, gather",
    "quick_start": "Quick Start's loop (requests), in threads",
}
NEEDS: Final = {
    "ours_over_httpx2": "httpx2",
    "aiohttp_gather": "aiohttp",
    "heygen_mcp": "heygen_mcp",
    "quick_start": "requests",
}


@frozen(kw_only=True)
class Cost:
    """What one run took, per video: CPU in ms, memory of the whole process in KiB, requests and bytes but for files."""

    cpu: float
    rss: float
    requests: float
    looks: float
    wire: float


def measure(way: str, videos: int = VIDEOS) -> Cost | None:
    """Run one way in a process of its own; None if it did not save every video, or cannot run here."""
    with serving(*RENDERS) as port:
        command = [sys.executable, "-m", "benchmarks.cost_ways", way, str(port), str(videos)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"{way} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        told, counts = json.loads(done.stdout), counts_of(port)
    return _cost(told, counts, videos) if told["saved"] == videos else None


def _cost(told: dict[str, float], counts: Counter[str], videos: int) -> Cost:
    wire = counts["bytes in"] + counts["bytes out"] - counts["files"] * FILE_SIZE
    return Cost(
        cpu=told["cpu"] / videos * 1000,
        rss=told["rss"],
        requests=(counts["api"] + counts["files"]) / videos,
        looks=counts["looks"] / videos,
        wire=wire / videos,
    )


def rounds_of(rounds: int) -> list[tuple[str, ...]]:
    """Return which ways run at the same time: the pair of the ratio in each round, and others beside it once."""
    others = ["ours_with_journal", *(way for way, module in NEEDS.items() if importlib.util.find_spec(module))]
    return [("ours", "httpx_gather", *others[number::rounds]) for number in range(rounds)]


def run(rounds: int = ROUNDS) -> Result:
    """Measure all ways."""
    costs: dict[str, list[Cost]] = {}
    with ThreadPoolExecutor(len(NAMES)) as pool:
        for ways in rounds_of(rounds):
            for way, cost in zip(ways, pool.map(measure, ways), strict=True):
                if cost is not None:
                    costs.setdefault(way, []).append(cost)
    pair = Paired([one.cpu for one in costs["ours"]], [one.cpu for one in costs["httpx_gather"]])
    mine, theirs = pair.medians
    middle = {way: statistics.median(one.cpu for one in costs[way]) for way in NAMES if way in costs}
    missing = [NAMES[way] for way in NAMES if way not in costs]
    return Result(
        name="cost",
        question=f"What does one video cost the machine, with {VIDEOS} in flight?",
        columns=["way", "CPU ms / video", "x httpx", "requests", "of them looks", "bytes but for the file", "RSS MiB"],
        rows=[
            [
                NAMES[way],
                cpu,
                pair.ratio if way == "ours" else cpu / theirs,
                costs[way][0].requests,
                costs[way][0].looks,
                round(costs[way][0].wire),
                costs[way][0].rss / 1024,
            ]
            for way, cpu in middle.items()
        ],
        targets=[
            Target(
                f"{mine:.1f} ms of CPU per video, {pair.ratio:.2f} x httpx in a gather ({theirs:.1f} ms); at most 0.5",
                pair.ratio <= 0.5,
            )
        ],
        notes=[
            f"Renders of {RENDERS[0]:.0f} to {RENDERS[1]:.0f} s; ways other than ours look every 5 s, one by one.",
            "Only ours checks, flushes and renames files, retries, and bounds its connections.",
            "aiohttp's own code is in C; ours speaks through httpx, which is most of its cost.",
            *([f"Not measured here: {', '.join(missing)}."] if missing else []),
        ],
        plot=Plot(
            title=f"CPU time per video, {VIDEOS} in flight",
            x_label="ms",
            kind="bar",
            series=[Series("cpu", [(NAMES[way], cpu) for way, cpu in middle.items()])],
        ),
    )
