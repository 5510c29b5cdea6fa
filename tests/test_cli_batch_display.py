"""What is seen while a batch works, and what its end is counted as."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from heygen_async import AuthenticationError, VideoStatus, WaitTimeoutError, events
from heygen_async.cli import batch_display
from heygen_async.cli.batch_display import BatchLines, Tally, open_display, remark
from heygen_async.cli.batch_report import RowResult, Summary, row_result, table
from heygen_async.models.outcomes import Failed, Skipped

SUBMITTED = events.ItemSubmitted(key="a", video_id="v1", usd=0.5, resumed=False)
RENDERED = events.ItemRendered(key="a", video_id="v1")
FINISHED = events.ItemFinished(key="a", result="succeeded", video_id="v1", reason=None)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_row_is_counted_where_it_is() -> None:
    """Rendering, then downloading, then done; what an earlier run paid is not spent again."""
    tally = Tally(total=9, slots=lambda: (3, 10.0))
    seen = [tally.facts()]
    for event in (SUBMITTED, RENDERED, FINISHED):
        assert tally.hear(event) is None
        seen.append(tally.facts())
    assert seen == [
        "slots 3/10 | rendering 0 | downloading 0 | done 0 | failed 0 | skipped 0 | ~$0.00",
        "slots 3/10 | rendering 1 | downloading 0 | done 0 | failed 0 | skipped 0 | ~$0.50",
        "slots 3/10 | rendering 0 | downloading 1 | done 0 | failed 0 | skipped 0 | ~$0.50",
        "slots 3/10 | rendering 0 | downloading 0 | done 1 | failed 0 | skipped 0 | ~$0.50",
    ]
    tally.hear(events.ItemSubmitted(key="b", video_id="v2", usd=0.5, resumed=True))
    tally.hear(events.ItemSubmitted(key="c", video_id="v3", usd=None, resumed=False))
    assert (tally.spent, tally.unpriced, tally.under_way("b")) == (0.5, 1, "v2")
    assert tally.hear(events.ItemFinished(key="b", result="failed", video_id="v2", reason="bad")) == "b: failed: bad"
    assert tally.hear(events.ItemFinished(key="d", result="skipped", video_id=None, reason="no money")) is None
    assert (tally.ended, tally.failed, tally.skipped, tally.under_way("b")) == (3, 1, 1, None)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (events.AdmissionStopped(reason="no credit"), "no credit"),
        (events.AdmissionChanged(limit=4, in_flight=4, closed_for=1.0), "no more than 4"),
        (events.ItemStalled(key="a", video_id="v", status=VideoStatus.PENDING, unchanged_for=600.0), "a: no change"),
        (events.SubmissionReconciling(callback_id="c", idempotency_key=None, reason="reset"), "reset"),
        (events.LookFailed(video_ids=("v",), reason="502", failures_in_a_row=1, retry_in=1.0), "502"),
        (events.DownloadInterrupted(path=Path("x/a.mp4"), bytes_done=1, delay=1.0, reason="reset"), "a.mp4: "),
        (events.RequestRetried(method="GET", path="/", attempt=1, delay=1.0, reason="HTTP 500"), "HTTP 500"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_trouble_is_remarked_once(event: events.Event, said: str) -> None:
    """In words, on a terminal as in a log."""
    text = remark(event)
    assert text is not None
    assert said in text
    for stream in (io.StringIO(), Terminal()):
        with open_display(Tally(total=1), stream) as display:
            display.note(text)
            display.note(text)
        assert stream.getvalue().count(text.split("; ")[0]) == 1


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one per event."""
    now, stream = [100.0], io.StringIO()
    monkeypatch.setattr(batch_display.time, "monotonic", lambda: now[0])
    display = BatchLines(stream, Tally(total=2))
    for _ in range(61):
        display.update()
        now[0] += 1
    assert stream.getvalue().splitlines() == [f"0 of 2: {Tally(total=2).facts()}"] * 3


def test_a_terminal_gets_a_bar() -> None:
    """With the counts, whatever the keys hold."""
    tally, stream = Tally(total=2), Terminal()
    with open_display(tally, stream) as display:
        tally.hear(FINISHED)
        display.update()
        display.note("[red]a\x1b[2J: failed")
    seen = stream.getvalue()
    assert "1/2" in seen
    assert "done 1 | failed 0" in seen
    assert "[red]a?[2J: failed" in seen


def summary(*rows: RowResult, **options: bool) -> Summary:
    return Summary(source="in.csv", journal="j", rows=list(rows), **options)


def failed(error: Exception) -> RowResult:
    return row_result(2, Failed(key="a", error=error))


LATE = failed(WaitTimeoutError("late", job_id="v", last_status=None, elapsed=1.0))
REFUSED = failed(AuthenticationError("no", status_code=401))
BROKEN = failed(OSError("disk"))
LEFT = row_result(3, Skipped(key="b", reason="budget"))
GOOD = RowResult(line=4, key="c", result="succeeded")


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (summary(), 0),
        (summary(GOOD), 0),
        (summary(GOOD, BROKEN), 1),
        (summary(GOOD, LEFT), 1),
        (summary(REFUSED, LEFT), 3),
        (summary(GOOD, LATE), 4),
        (summary(LATE, LEFT), 1),
        (summary(LATE, BROKEN), 1),
        (summary(GOOD, interrupted=True), 130),
        (summary(RowResult(line=2, key="a", result="skipped"), dry_run=True), 0),
        (summary(LEFT, dry_run=True), 1),
    ],
)
def test_the_exit_code_tells_what_kind_of_end_it_was(made: Summary, code: int) -> None:
    """Scripts decide by it."""
    assert made.exit_code() == made.to_json()["exit_code"] == code


def test_a_table_is_aligned_short_and_harmless() -> None:
    """One line per row, without what steers a terminal; not thousands of them."""
    assert list(table(("KEY", "REASON"), [("long key", "two\nlines"), ("\x1b[2J", "x" * 200)])) == [
        "KEY       REASON",
        "long key  two lines",
        f"?[2J      {'x' * 97}...",
        "",
    ]
    many = list(table(("KEY",), [(str(number),) for number in range(500)]))
    assert len(many) == 103
    assert many[-2] == "... and 400 more (--json lists them all)"
    assert list(table(("KEY",), [])) == []
