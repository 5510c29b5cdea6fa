"""Measure everything against its peers, print it, and write RESULTS.md and a plot for each question.

    python -m benchmarks [--only NAME ...] [--folder DIR]

Each benchmark is a module with `run() -> Result`, or `run() -> list[Result]`; it starts what servers it needs on
loopback. Ratios are medians of paired runs. A machine that does other things at the same time spoils all but counts.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final

from benchmarks.plot import svg
from benchmarks.results import Result, as_markdown, as_text

HERE: Final = Path(__file__).parent
NAMES: Final = ("imports", "cost", "polling", "batch", "scale", "download")
# These count on a virtual clock, so they may run at the same time; the longest first.
VIRTUAL: Final = ("scale", "polling", "batch")


def results_of(name: str) -> Sequence[Result]:
    """Run one benchmark."""
    found = importlib.import_module(f"benchmarks.{name}").run()
    return [found] if isinstance(found, Result) else found


def in_turn(names: Sequence[str]) -> Iterator[Sequence[Result]]:
    """Run benchmarks and yield the results of each in the order of their names."""
    together = [name for name in VIRTUAL if name in names]
    with ThreadPoolExecutor(len(VIRTUAL)) as threads:
        running: dict[str, Future[Sequence[Result]]] = {}
        for name in names:
            if name in together and not running:
                running = {virtual: threads.submit(results_of, virtual) for virtual in together}
                wait(running.values())
            yield running[name].result() if name in running else results_of(name)


def machine() -> str:
    """Say in one line what ran the benchmarks."""
    import anyio
    import httpx

    versions = f"Python {platform.python_version()}, httpx {httpx.__version__}, anyio {_version_of(anyio.__name__)}"
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {versions}"


def _version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def write(results: Sequence[Result], folder: Path, seconds: float) -> None:
    """Write RESULTS.md and the plots."""
    plots = folder / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    for result in results:
        if result.plot is not None:
            (plots / f"{result.name}.svg").write_text(svg(result.plot))
    head = (
        "# Measured against everybody\n\n"
        "Written by `python -m benchmarks`. Ours and the peer's figure stand side by side; a ratio is the median over "
        f"paired runs.\n\n{machine()}; {seconds:.0f} s in all.\n"
    )
    targets = [f"- {target} ({result.name})" for result in results for target in result.targets]
    summary = "\n".join(targets) + "\n" if targets else ""
    (folder / "RESULTS.md").write_text("\n".join([head, summary, *map(as_markdown, results)]))


def main() -> None:
    """Run what is asked for; with --only, RESULTS.md is left alone and only plots are written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=[], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--folder", type=Path, default=HERE, help="where RESULTS.md and plots/ go")
    options = parser.parse_args()
    began = time.perf_counter()
    found: list[Result] = []
    for results in in_turn(options.only or NAMES):
        for result in results:
            print(as_text(result), flush=True)
            found.append(result)
        print(f"  ({time.perf_counter() - began:.0f} s until here)", flush=True)
    if options.only:
        for result in found:
            if result.plot is not None:
                (options.folder / "plots").mkdir(parents=True, exist_ok=True)
                (options.folder / "plots" / f"{result.name}.svg").write_text(svg(result.plot))
        return
    write(found, options.folder, time.perf_counter() - began)


if __name__ == "__main__":
    main()
