"""Plots as SVG text, written by hand: lines or lying bars, linear or logarithmic, for light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from attrs import frozen

from benchmarks.results import Plot, Series

WIDTH: Final = 720
_LEFT, _RIGHT, _TOP, _FOOT, _HEIGHT = 74, 20, 44, 52, 300
_BAR, _NAMES, _VALUES = 24, 250, 90
# Distinct in hue and in lightness, on white and on near-black alike.
_LIGHT: Final = ("#1a66d0", "#b4540a", "#12805c", "#8a3ea8", "#5b6470", "#a3263d")
_DARK: Final = ("#6ea8ff", "#f2a65a", "#4fd1a5", "#cf9bea", "#a9b3bf", "#ff8fa0")


def _style() -> str:
    light = "".join(f".s{n}{{color:{colour}}}" for n, colour in enumerate(_LIGHT))
    dark = "".join(f".s{n}{{color:{colour}}}" for n, colour in enumerate(_DARK))
    return (
        "text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:14px;font-weight:600}.grid{stroke:#d0d7de}"
        ".paper{fill:#ffffff}.line{fill:none;stroke:currentColor;stroke-width:2}.mark{fill:currentColor}"
        f"{light}@media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}.grid{{stroke:#3d444d}}.paper{{fill:#0d1117}}"
        f"{dark}}}"
    )


@frozen
class Axis:
    """A scale from values to places, with ticks at round numbers."""

    low: float
    high: float
    start: float
    stop: float
    log: bool

    def place(self, value: float) -> float:
        """Return where a value lies."""
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return float(self.start + (at - low) / (high - low) * (self.stop - self.start))

    def ticks(self) -> Iterator[float]:
        """Yield the values to mark: powers of ten, or about five round steps."""
        if self.log:
            powers = range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
            yield from (10.0**power for power in powers)
            return
        step = _round_step((self.high - self.low) / 5)
        for number in range(math.ceil(self.low / step), math.floor(self.high / step + 1e-9) + 1):
            yield number * step


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _axis(values: Sequence[float], start: float, stop: float, *, log: bool) -> Axis:
    if log:
        low = 10.0 ** math.floor(math.log10(min(values)))
        return Axis(low, max(10.0 ** math.ceil(math.log10(max(values))), low * 10), start, stop, log)
    return Axis(min(0.0, *values), max(values) * 1.05 or 1.0, start, stop, log)


def svg(plot: Plot) -> str:
    """Return the picture."""
    height, body = _bars(plot) if plot.kind == "bar" else _lines(plot)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(plot.title, {chr(34): "&quot;"})}"><style>{_style()}</style>'
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>{_text(16, 22, plot.title, "title")}'
        f"{''.join(body)}</svg>\n"
    )


def _lines(plot: Plot) -> tuple[int, list[str]]:
    points = [(float(x), y) for series in plot.series for x, y in series.points]
    legend = 18 * len(plot.series)
    bottom = _TOP + _HEIGHT
    x_axis = _axis([x for x, _ in points], _LEFT, WIDTH - _RIGHT, log=plot.log_x)
    y_axis = _axis([y for _, y in points], bottom, _TOP, log=plot.log_y)
    body = [*_vertical_grid(x_axis, _TOP, bottom), *_level_grid(y_axis)]
    for number, series in enumerate(plot.series):
        body += _line(series, number % len(_LIGHT), x_axis, y_axis)
        at = bottom + _FOOT + 18 * number
        body += [f'<rect class="mark s{number % len(_LIGHT)}" x="{_LEFT}" y="{at - 10}" width="14" height="10"/>']
        body += [_text(_LEFT + 20, at, series.name)]
    body += [_text((_LEFT + WIDTH) / 2, bottom + 34, plot.x_label, anchor="middle")]
    body += [_text(16, _TOP - 6, plot.y_label)]
    return bottom + _FOOT + legend + 6, body


def _line(series: Series, number: int, x_axis: Axis, y_axis: Axis) -> list[str]:
    places = [(x_axis.place(float(x)), y_axis.place(y)) for x, y in series.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f'<circle class="mark s{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places]
    return [f'<polyline class="line s{number}" points="{path}"/>', *dots]


def _bars(plot: Plot) -> tuple[int, list[str]]:
    bars = [point for series in plot.series for point in series.points]
    bottom = _TOP + (_BAR + 6) * len(bars)
    axis = _axis([value for _, value in bars if value > 0], _NAMES, WIDTH - _VALUES, log=plot.log_x)
    body = _vertical_grid(axis, _TOP, bottom)
    for number, (label, value) in enumerate(bars):
        top = _TOP + number * (_BAR + 6)
        end = axis.place(value) if value > 0 or not axis.log else axis.start
        width, mark = max(end - _NAMES, 1), f"mark s{0 if number == 0 else 4}"
        body += [
            f'<rect class="{mark}" x="{_NAMES}" y="{top}" width="{width:.1f}" height="{_BAR}"/>',
            _text(_NAMES - 8, top + 16, str(label), anchor="end"),
            _text(max(end, _NAMES) + 6, top + 16, _tick(value)),
        ]
    body += [_text((_NAMES + WIDTH - _VALUES) / 2, bottom + 34, plot.x_label, anchor="middle")]
    return bottom + 44, body


def _vertical_grid(axis: Axis, top: float, bottom: float) -> list[str]:
    body: list[str] = []
    for value in axis.ticks():
        x = axis.place(value)
        body += [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>']
        body += [_text(x, bottom + 16, _tick(value), anchor="middle")]
    return body


def _level_grid(axis: Axis) -> list[str]:
    body: list[str] = []
    for value in axis.ticks():
        y = axis.place(value)
        body += [f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>']
        body += [_text(_LEFT - 6, y + 4, _tick(value), anchor="end")]
    return body


def _text(x: float, y: float, words: str, style: str = "", *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def _tick(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
