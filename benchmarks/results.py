"""What a benchmark found, as plain values, and how it reads in a terminal and in RESULTS.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Literal

from attrs import frozen

Cell = str | int | float


@frozen
class Target:
    """A figure that was promised beforehand, and whether it was kept."""

    text: str
    met: bool

    def __str__(self) -> str:
        return f"{'met' if self.met else 'NOT met'}: {self.text}"


@frozen
class Series:
    """One line of a plot, or one bar per point; `x` of a bar is its label."""

    name: str
    points: Sequence[tuple[float | str, float]]


@frozen(kw_only=True)
class Plot:
    """One picture. Lines have numbers on both axes; bars lie, one below the other, and their first one is ours."""

    title: str
    x_label: str
    y_label: str = ""
    series: Sequence[Series]
    kind: Literal["line", "bar"] = "line"
    log_x: bool = False
    log_y: bool = False


@frozen(kw_only=True)
class Result:
    """The answer to one question: a table, what to know about it, targets, a picture.

    `name` is that of the benchmark, and of the picture; what follows a hyphen tells several answers apart.
    """

    name: str
    question: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    notes: Sequence[str] = ()
    targets: Sequence[Target] = ()
    plot: Plot | None = None


@frozen
class Paired:
    """Figures of two ways that were measured in turn; the ratio is the median over the pairs, not of the medians."""

    ours: Sequence[float]
    peer: Sequence[float]

    @property
    def ratio(self) -> float:
        """Return how many times the peer's figure ours is."""
        return statistics.median(a / b for a, b in zip(self.ours, self.peer, strict=True))

    @property
    def medians(self) -> tuple[float, float]:
        """Return the median of ours and of the peer's."""
        return statistics.median(self.ours), statistics.median(self.peer)


def shown(cell: Cell) -> str:
    """Return a cell as text: numbers with three digits that say something, and thousands apart."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 1000:
        return f"{round(cell):,}"
    if cell == 0:
        return "0"
    return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"


def as_markdown(result: Result) -> str:
    """Return the section of RESULTS.md."""
    parts = [f"## {result.question}", ""]
    if result.rows:
        parts += [_row(result.columns), _row(["---", *["---:"] * (len(result.columns) - 1)])]
        parts += [_row([shown(cell) for cell in row]) for row in result.rows]
        parts.append("")
    parts += [f"- **{target}**" for target in result.targets]
    parts += [f"- {note}" for note in result.notes]
    if result.targets or result.notes:
        parts.append("")
    if result.plot is not None:
        parts += [f"![{result.plot.title}](plots/{result.name}.svg)", ""]
    parts.append(f"`python -m benchmarks --only {result.name.partition('-')[0]}`")
    return "\n".join(parts) + "\n"


def as_text(result: Result) -> str:
    """Return the same for a terminal."""
    table = [list(result.columns), *[[shown(cell) for cell in row] for row in result.rows]] if result.rows else []
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["", result.question]
    for row in table:
        first, *others = [
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join([first, *others]))
    lines += [f"  {target}" for target in result.targets]
    lines += [f"  {note}" for note in result.notes]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
