"""What is seen while a command works."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import pytest

from heygen_async import DownloadProgress, VideoStatus, events
from heygen_async.cli import progress as progress_module
from heygen_async.cli.bars import BarDisplay
from heygen_async.cli.progress import LineDisplay, open_display, size_text
from heygen_async.cli.resume import Resume
from heygen_async.cli.watching import Watcher, deprecations_shown
from heygen_async.errors import HeyGenDeprecationWarning


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def halfway() -> DownloadProgress:
    return DownloadProgress(bytes_done=1_500_000, bytes_total=3_000_000, resumed_from=0)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (1_500_000, "1.5 MB"), (5 * 10**12, "5000.0 GB")]
)
def test_sizes_in_words(count: int, text: str) -> None:
    """Powers of a thousand, as file managers and `ls --si` say it."""
    assert size_text(count) == text


def test_a_pipe_gets_plain_lines_without_colours() -> None:
    """One line per change, none per block of bytes."""
    stream = io.StringIO()
    with open_display(stream) as display:
        display.status("a", "pending")
        for _ in range(50):
            display.received("a", halfway())
        display.done("a", "saved", 3_000_000)
    assert stream.getvalue() == "a: pending (0 s)\na: saved, 3.0 MB (0 s)\n"


def test_a_long_download_shows_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log needs to show that it is alive."""
    now = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    display = LineDisplay(stream)
    for _ in range(60):
        now[0] += 1
        display.received("a", halfway())
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("a: 1.5 MB of 3.0 MB (")
    assert len(lines) == 5


def test_a_remark_is_not_repeated() -> None:
    """Four failed looks in a row are one line."""
    for stream in (io.StringIO(), Terminal()):
        with open_display(stream) as display:
            for text in ("down", "down", "up", "down"):
                display.note(text)
        assert stream.getvalue().count("down") == 2


def test_a_terminal_gets_a_bar_per_video(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, status and bytes are in its last picture; markup in a name stays text."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    display = open_display(stream)
    assert isinstance(display, BarDisplay)
    with display:
        display.status("[red]x", "processing")
        display.status("y", "pending")
        display.received("y", halfway())
        display.done("[red]x", "saved", 2_000_000)
    lines = re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()))
    (first,) = {line for line in lines if line.startswith("[red]x") and "saved" in line}
    (second,) = {line for line in lines if line.startswith("y ") and "downloading" in line}
    assert "2.0 MB" in first
    assert "1.5 MB of 3.0 MB" in second


def test_the_watcher_keeps_what_it_takes_to_go_on() -> None:
    """The id, the wire and the key of a submission are known from its first event on."""
    stream, resume = io.StringIO(), Resume(submits=True)
    watcher = Watcher("a.mp4", LineDisplay(stream), resume)
    watcher(events.SubmissionInterrupted(idempotency_key="k", callback_id=None))
    assert (resume.video_id, resume.idempotency_key) == (None, "k")
    watcher(events.VideoSubmitted(video_id="v1", api_version="v2", idempotency_key="k2", callback_id="c"))
    assert (resume.video_id, resume.api_version, resume.idempotency_key) == ("v1", "v2", "k2")
    watcher(events.StatusChanged(video_id="v1", status=VideoStatus("queued_up"), previous=None, elapsed=1.0))
    watcher(events.FileSaved(path=Path("a.mp4"), size=2500, resumed_from=0))
    assert stream.getvalue().splitlines() == [
        "Submitted: video v1",
        "a.mp4: submitted (0 s)",
        "a.mp4: queued_up (0 s)",
        "a.mp4: saved, 2.5 KB (0 s)",
    ]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (events.SubmissionReconciling(callback_id="c", idempotency_key="k", reason="reset"), "reset"),
        (
            events.RequestRetried(method="GET", path="/v3/videos/x", attempt=1, delay=0.5, reason="it broke"),
            "it broke; trying again",
        ),
        (events.LookFailed(video_ids=("v",), reason="502", failures_in_a_row=1, retry_in=3), "not affected"),
        (events.DownloadInterrupted(path=Path("a"), bytes_done=5, delay=1, reason="reset"), "reset"),
    ],
)
def test_trouble_is_a_remark(event: events.Event, text: str) -> None:
    """Each kind of trouble is one line."""
    stream = io.StringIO()
    Watcher("a", LineDisplay(stream), Resume())(event)
    assert text in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_announced_ends_are_shown_and_other_warnings_go_their_way() -> None:
    """Python hides deprecation warnings; this one matters to the person who runs the command."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as others:
        warnings.simplefilter("always")
        with deprecations_shown(notes.append):
            warnings.warn("POST /v2/video/generate: gone soon", HeyGenDeprecationWarning, stacklevel=1)
            warnings.warn("something else", UserWarning, stacklevel=1)
    assert notes == ["Note: POST /v2/video/generate: gone soon"]
    assert [str(other.message) for other in others] == ["something else"]
