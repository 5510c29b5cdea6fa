"""The benchmarks' own arithmetic, and the counts that they promise; nothing here is timed."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve

from benchmarks import __main__ as command
from benchmarks import scale
from benchmarks.plot import svg
from benchmarks.results import Paired, Plot, Result, Series, Target, as_markdown, as_text, shown

LINES = Plot(
    title="Time & <size>",
    x_label="videos",
    y_label="s",
    log_x=True,
    log_y=True,
    series=[Series("ours", [(10, 0.1), (1000, 9)]), Series("theirs", [(10, 0.3), (1000, 90)])],
)
BARS = Plot(title="Rates", x_label="MiB/s", kind="bar", series=[Series("rate", [("ours", 700.0), ("none", 0.0)])])
RESULT = Result(
    name="lines",
    question="How fast?",
    columns=["way", "ms"],
    rows=[["ours | us", 1.5], ["theirs", 12345]],
    targets=[Target("ours is 0.1 x theirs", met=True), Target("ours is less", met=False)],
    notes=["on loopback"],
    plot=LINES,
)


def test_a_ratio_is_the_median_over_pairs() -> None:
    """One bad pair does not spoil it, and a machine that slows down during the run cancels out."""
    assert Paired([1.0, 2.0, 30.0], [2.0, 4.0, 10.0]).ratio == 0.5
    assert Paired([1.0, 2.0, 30.0], [2.0, 4.0, 10.0]).medians == (2.0, 4.0)


@pytest.mark.parametrize(
    ("cell", "text"), [("way", "way"), (12345, "12,345"), (0.01234, "0.0123"), (0.0, "0"), (123.4, "123")]
)
def test_cells_show_digits_that_say_something(cell: str | float, text: str) -> None:
    """Three of them, and thousands apart."""
    assert shown(cell) == text


def test_a_result_reads_as_markdown_and_as_text() -> None:
    """With its table, its targets, kept or not, and its plot."""
    page = as_markdown(RESULT)
    assert "| ours \\| us | 1.5 |" in page
    assert "**met: ours is 0.1 x theirs**" in page
    assert "**NOT met: ours is less**" in page
    assert "![Time & <size>](plots/lines.svg)" in page
    assert "theirs     12,345" in as_text(RESULT)


def test_one_answer_of_several_is_repeated_by_the_name_of_its_benchmark() -> None:
    """Its picture has its own name."""
    page = as_markdown(evolve(RESULT, name="download-one"))
    assert "`python -m benchmarks --only download`" in page
    assert "plots/download-one.svg" in page


@pytest.mark.parametrize("plot", [LINES, BARS], ids=["lines", "bars"])
def test_a_plot_is_a_well_formed_picture_for_light_and_dark(plot: Plot) -> None:
    """Every point lies within the picture."""
    root = ET.fromstring(svg(plot))
    space = {"s": "http://www.w3.org/2000/svg"}
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    marks = root.findall(".//s:circle", space)
    bars = root.findall(".//s:rect[@class='mark s0']", space)
    assert len(marks) == (4 if plot.kind == "line" else 0)
    assert bars
    assert all(0 < float(mark.attrib["cx"]) < width and 0 < float(mark.attrib["cy"]) < height for mark in marks)
    assert all(float(bar.attrib["x"]) + float(bar.attrib["width"]) < width for bar in bars)
    assert "prefers-color-scheme:dark" in svg(plot)


def test_the_page_and_the_plots_are_written(tmp_path: Path) -> None:
    """Targets come first."""
    command.write([RESULT], tmp_path, 12.3)
    page = (tmp_path / "RESULTS.md").read_text()
    assert page.index("ours is 0.1 x theirs") < page.index("## How fast?")
    assert (tmp_path / "plots" / "lines.svg").read_text() == svg(LINES)


@pytest.mark.parametrize("name", command.NAMES)
def test_every_benchmark_can_be_asked_for(name: str) -> None:
    """Each name is a module beside the command."""
    assert (command.HERE / f"{name}.py").is_file()


@pytest.mark.parametrize("names", [command.NAMES, ["download", "batch", "cost"], ["imports"]])
def test_results_come_in_order_and_only_simulations_run_beside_others(
    names: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What measures time runs alone."""
    running: set[str] = set()
    alone = True

    def results_of(name: str) -> list[Result]:
        nonlocal alone
        running.add(name)
        alone = alone and (running == {name} or running <= {"polling", "batch", "scale"})
        time.sleep(0.01)
        running.discard(name)
        return [Result(name=name, question=name)]

    monkeypatch.setattr(command, "results_of", results_of)
    assert [result.name for results in command.in_turn(names) for result in results] == list(names)
    assert alone


@pytest.mark.parametrize("kind", ["wait", "batch"])
def test_requests_grow_no_faster_than_the_videos(kind: str) -> None:
    """Four times as many videos cost at most four times as many requests, beside a few that come once."""
    few, many = (scale.do(kind, count).requests for count in (25, 100))
    assert many <= 4 * few + 20
    assert few >= 25 if kind == "batch" else few > 0
