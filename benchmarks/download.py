"""How fast files reach the disk, and what that does to the program beside. Run `python -m benchmarks --only download`.

nginx serves one large file on loopback. Every way runs in a process of its own; every round runs every way once,
another one first each time, so that ratios compare neighbours. All but ours and curl are run once. On a machine with
few cores the server competes with the client.

Before each run as much is written, flushed and removed as the run will write: a virtual machine that gave memory back
to its host gets it page by page, at a tenth of the speed, and a disk is busy with what the run before has left.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks.file_hosts import MIB, PACE, Host, nginx, serving
from benchmarks.file_ways import WAYS, is_there
from benchmarks.results import Paired, Plot, Result, Series, Target

SIZE: Final = 1024 * MIB
SMALLER: Final = 256 * MIB
# Long enough that the seconds in which a pace is measured hardly count.
PACED: Final = 512 * MIB
ONCE: Final = frozenset({"aiohttp", "httpx", "httpx_blocking", "quick_start", "wget", "aria2"})


@frozen(kw_only=True)
class Run:
    """One way, once: seconds, growth in bytes, stalls of the event loop and the worst answer in milliseconds."""

    seconds: float
    grown: float
    p99: float
    worst: float
    answer: float


_STALLS: Final = (
    "A stall is how much longer than asked a sleep of 1 ms took. curl's row is what the machine itself adds: the event "
    "loop only sleeps and answers there, and where its worst stall is beyond the limit, no way can stay below (virtual "
    "machines are stopped for tens of milliseconds when they use much of what their host has)."
)
_STARTER: Final = "For curl, wget and aria2c the growth is that of the process that starts them."
_ON_DISK: Final = (
    "Ours are on the disk when their time ends, as are those of curl followed by sync. What all the others wrote is in "
    "memory then, much of it still to be written: where the disk is slower than loopback, they are ahead by that."
)
_IN_MEMORY: Final = "Ours is on the disk when its time ends, what the others wrote is in memory then."


def run(size: int = SIZE, smaller: int = SMALLER, paced: int = PACED, rounds: int = 3) -> list[Result]:
    """Answer the four questions about files."""
    if nginx() is None:
        return [Result(name="download", question="How fast do files reach the disk?", notes=["Skipped: no nginx."])]
    results: list[Result] = []
    for question, length, times in (
        (one_file, size, rounds),
        (one_over_tls, smaller, max(1, rounds - 1)),
        (four_files, smaller, rounds),
        (paced_host, paced, 1),
    ):
        with tempfile.TemporaryDirectory() as name, serving(Path(name), size=length) as host:
            results.append(question(host, times))
    return results


def one_file(host: Host, rounds: int) -> Result:
    """Save one large file over plain HTTP."""
    ways = ["ours", "curl", "curl_sync", "wget", "aria2", "aiohttp", "httpx", "httpx_blocking", "quick_start"]
    runs = measure(ways, host.plain, 1, host.size, rounds)
    targets = [
        at_least("1.0 x curl, which leaves the file in memory", runs, "curl", 1.0),
        at_least("1.0 x curl with the file on the disk", runs, "curl_sync", 1.0),
        at_least("2 x the obvious async httpx loop", runs, "httpx", 2.0),
        below("memory growth under 32 MiB", max(one.grown for one in runs["ours"]) / MIB, 32, "MiB"),
    ]
    columns = ["way", "MiB/s", "ours is ... x as fast", "grows by MiB"]
    rows = [[*speed(runs, way, host.size), statistics.median(one.grown for one in runs[way]) / MIB] for way in runs]
    return Result(
        name="download-one",
        question=f"How long does one file of {host.size // MIB:,} MiB take?",
        columns=columns,
        rows=rows,
        notes=[*missing(ways), _STARTER, _ON_DISK],
        targets=targets,
        plot=bars(f"One file of {host.size // MIB:,} MiB over loopback, MiB/s", runs, host.size),
    )


def one_over_tls(host: Host, rounds: int) -> Result:
    """Save one large file over HTTPS, where the cipher is most of the work."""
    ways = ["ours", "curl", "aria2", "aiohttp", "httpx", "quick_start"]
    runs = measure(ways, host.tls, 1, host.size, rounds)
    return Result(
        name="download-tls",
        question="And over TLS?",
        columns=["way", "MiB/s", "ours is ... x as fast"],
        rows=[speed(runs, way, host.size) for way in runs],
        notes=[*missing(ways), _IN_MEMORY],
        plot=bars(f"One file of {host.size // MIB:,} MiB over loopback TLS, MiB/s", runs, host.size),
    )


def four_files(host: Host, rounds: int) -> Result:
    """Save four large files at once, in a process that also answers web requests."""
    ways = ["ours", "curl", "curl_sync", "aiohttp", "httpx"]
    runs = measure(ways, host.plain, 4, host.size, rounds, "--handler")
    mine = runs["ours"]
    targets = [
        at_least("1.0 x four curls, which leave the files in memory", runs, "curl", 1.0),
        at_least("1.0 x four curls with the files on the disk", runs, "curl_sync", 1.0),
        below("worst stall of the event loop under 25 ms", statistics.median(one.worst for one in mine), 25, "ms"),
        below("99th percentile under 8 ms", statistics.median(one.p99 for one in mine), 8, "ms"),
    ]
    rows = [
        [
            *speed(runs, way, 4 * host.size),
            statistics.median(one.p99 for one in runs[way]),
            statistics.median(one.worst for one in runs[way]),
            statistics.median(one.answer for one in runs[way]),
        ]
        for way in runs
    ]
    return Result(
        name="download-four",
        question=f"And four of them at once, beside a FastAPI handler? ({host.size // MIB:,} MiB each)",
        columns=["way", "MiB/s together", "ours is ... x as fast", "p99 stall ms", "worst stall ms", "worst answer ms"],
        rows=rows,
        notes=[*missing(ways), _STALLS, _ON_DISK],
        targets=targets,
        plot=bars("Worst stall of the event loop with four downloads, ms", runs, 0),
    )


def paced_host(host: Host, rounds: int) -> Result:
    """Save a file from a host that holds every connection to a pace."""
    ways = ["ours", "curl", "aria2_x4"]
    runs = measure(ways, host.paced, 1, host.size, rounds)
    targets = [at_least("3.5 x curl with four segments", runs, "curl", 3.5)]
    if "aria2_x4" in runs:
        targets.append(at_least("0.95 x aria2c -x4", runs, "aria2_x4", 0.95))
    return Result(
        name="download-paced",
        question=f"And from a host that gives every connection {PACE} MB/s?",
        columns=["way", "MiB/s", "ours is ... x as fast"],
        rows=[speed(runs, way, host.size) for way in runs],
        notes=[
            *missing(ways),
            "Further connections are opened only after the first one's pace was measured, and stay while they help.",
        ],
        targets=targets,
        plot=bars(f"{host.size // MIB:,} MiB at {PACE} MB/s per connection, MiB/s", runs, host.size),
    )


def measure(ways: Sequence[str], url: str, files: int, size: int, rounds: int, *options: str) -> dict[str, list[Run]]:
    """Run every way once per round, and some in the first one only."""
    there = [way for way in ways if is_there(way)]
    found: dict[str, list[Run]] = {way: [] for way in there}
    for number in range(rounds):
        first = number % len(there)
        for way in there[first:] + there[:first]:
            if not number or way not in ONCE:
                settle(files * size)
                found[way].append(once(way, url, files, size, *options))
    return found


def settle(size: int) -> None:
    """Leave memory and disk as if `size` bytes had just been written."""
    with tempfile.TemporaryFile() as file:
        for _ in range(size // MIB):
            file.write(bytes(MIB))
        # Last of all the memory is freed: a moment later the machine would begin to give it back to its host.
        os.sync()


def once(way: str, url: str, files: int, size: int, *options: str) -> Run:
    """Run one way in a process of its own, and check that the files are whole."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.file_ways", way, url, str(files), folder, *options]
        done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{way} failed:\n{done.stderr}")
        saved = [path.stat().st_size for path in Path(folder).iterdir()]
        if saved != [size] * files:
            raise SystemExit(f"{way} saved {saved}")
        return Run(**json.loads(done.stdout))


def ratio(runs: dict[str, list[Run]], peer: str) -> float:
    """Return how many times as fast as a peer we are."""
    # Some ways were run in the first round only.
    theirs = [one.seconds for one in runs[peer]]
    return Paired(theirs, [one.seconds for one in runs["ours"]][: len(theirs)]).ratio


def speed(runs: dict[str, list[Run]], way: str, size: int) -> list[str | float]:
    """Return the first cells of a row."""
    rate = size / MIB / statistics.median(one.seconds for one in runs[way])
    return [WAYS[way][0], rate, "" if way == "ours" else ratio(runs, way)]


def at_least(text: str, runs: dict[str, list[Run]], peer: str, wanted: float) -> Target:
    """Return a target about speed; a peer that is not here cannot be beaten."""
    if peer not in runs:
        return Target(f"{text} (not measured: it is not installed)", met=False)
    found = ratio(runs, peer)
    return Target(f"{text} (measured {found:.2f} x)", met=found >= wanted)


def below(text: str, found: float, limit: float, unit: str) -> Target:
    """Return a target that is an upper bound."""
    return Target(f"{text} (measured {found:.1f} {unit})", met=found < limit)


def missing(ways: Sequence[str]) -> list[str]:
    """Return notes about ways that are not here."""
    return [f"{WAYS[way][0]} is not installed here and was left out." for way in ways if not is_there(way)]


def bars(title: str, runs: dict[str, list[Run]], size: int) -> Plot:
    """Return a picture: speeds, or without a size stalls."""
    points = [
        (
            WAYS[way][0],
            size / MIB / statistics.median(one.seconds for one in found)
            if size
            else statistics.median(one.worst for one in found),
        )
        for way, found in runs.items()
    ]
    return Plot(title=title, x_label="MiB/s" if size else "ms", kind="bar", series=[Series("median", points)])
