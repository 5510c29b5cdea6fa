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
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.plot import svg
from benchmarks.results import Result, as_markdown, as_text

HERE: Final = Path(__file__).parent
NAMES: Final = ("imports", "cost", "polling", "batch", "scale", "download")


def results_of(name: str) -> Sequence[Result]:
    """Run one benchmark."""
    found = importlib.import_module(f"benchmarks.{name}").run()
    return [found] if isinstance(found, Result) else found


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
    for name in options.only or NAMES:
        started = time.perf_counter()
        for result in results_of(name):
            print(as_text(result), flush=True)
            found.append(result)
        print(f"  ({time.perf_counter() - started:.0f} s)", flush=True)
    if options.only:
        for result in found:
            if result.plot is not None:
                (options.folder / "plots").mkdir(parents=True, exist_ok=True)
                (options.folder / "plots" / f"{result.name}.svg").write_text(svg(result.plot))
        return
    write(found, options.folder, time.perf_counter() - began)


if __name__ == "__main__":
    main()
