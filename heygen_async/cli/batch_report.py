"""What became of a batch: pure, from outcomes to the table, the JSON object and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal

from attrs import define, field, frozen

from heygen_async._protocol.journal import Entry
from heygen_async.cli.failures import AUTH, DONE, FAILED, INTERRUPTED, TIMED_OUT, Failure, failure_of
from heygen_async.cli.resume import Resume
from heygen_async.models.outcomes import Failed, Outcome, Skipped, Succeeded

Result = Literal["succeeded", "failed", "skipped"]

# More rows than fit on a few screens are for --json and --status.
_MOST_ROWS: Final = 100
_WIDEST_CELL: Final = 100


@frozen(kw_only=True)
class RowResult:
    """What became of one row; `reason` says why it failed or was skipped."""

    line: int
    key: str
    result: Result
    video_id: str | None = None
    path: str | None = None
    size: int | None = None
    seconds: float | None = None
    usd: float | None = None
    reason: str | None = None
    failure: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the row's entry in `outcomes`."""
        error = self.failure
        return {
            "line": self.line,
            "key": self.key,
            "result": self.result,
            "video_id": self.video_id,
            "path": self.path,
            "size": self.size,
            "estimated_seconds": self.seconds,
            "estimated_usd": self.usd,
            "reason": self.reason,
            "error": None if error is None else {"type": error.type, "message": error.message, "code": error.code},
        }


def row_result(line: int, outcome: Outcome) -> RowResult:
    """Return what became of the row in `line`."""
    key = str(outcome.key)
    match outcome:
        case Succeeded(video=video, saved=saved):
            path, size = (None, None) if saved is None else (str(saved.path), saved.size)
            return RowResult(line=line, key=key, result="succeeded", video_id=video.id, path=path, size=size)
        case Failed(error=error, job_id=job_id):
            failure = failure_of(error, Resume())
            reason = f"{failure.type}: {failure.message}"
            return RowResult(line=line, key=key, result="failed", video_id=job_id, reason=reason, failure=failure)
        case Skipped(reason=reason):
            return RowResult(line=line, key=key, result="skipped", reason=reason)


@define(kw_only=True)
class Summary:
    """All that a batch has to tell; `spent` adds up what this run submitted, `unpriced` counts what has no price.

    In a dry run `spent` is what the rows would cost, and `seconds` how long the videos would be.
    """

    source: str
    journal: str | None
    dry_run: bool = False
    rows: list[RowResult] = field(factory=list[RowResult])
    spent: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    interrupted: bool = False

    def counts(self) -> dict[str, int]:
        """Return how many rows came to which end."""
        found = Counter(row.result for row in self.rows)
        ends: tuple[Result, ...] = ("succeeded", "failed", "skipped")
        return {"total": len(self.rows), **{name: found[name] for name in ends}}

    def exit_code(self) -> int:
        """Return 0 if all is well, and else what kind of trouble there was; see `heygen-async --help`."""
        if self.interrupted:
            return INTERRUPTED
        if self.dry_run:
            return FAILED if any(row.reason for row in self.rows) else DONE
        codes = [row.failure.exit_code for row in self.rows if row.failure is not None]
        skipped = any(row.result == "skipped" for row in self.rows)
        if not codes and not skipped:
            return DONE
        if AUTH in codes:
            return AUTH
        return TIMED_OUT if set(codes) == {TIMED_OUT} and not skipped else FAILED

    def next_step(self) -> str | None:
        """Return what to do about rows that did not succeed."""
        if self.dry_run or self.counts()["succeeded"] == len(self.rows):
            return None
        changes = " and ".join(self._changes())
        same = f"repeat the same command with {changes}" if changes else "repeat the same command"
        return f"{same}; it goes on from {self.journal} and pays for nothing twice"

    def _changes(self) -> Iterator[str]:
        if any(row.failure is not None and row.failure.type == FileExistsError.__name__ for row in self.rows):
            yield "--overwrite, to replace files that exist, or another --out"
        if any((row.reason or "").startswith("max_cost:") for row in self.rows):
            yield "a higher --max-cost"

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "input": self.source,
            "journal": self.journal,
            "dry_run": self.dry_run,
            "interrupted": self.interrupted,
            "counts": self.counts(),
            "estimated_usd": round(self.spent, 6),
            "unpriced": self.unpriced,
            "elapsed": round(self.elapsed, 3),
            "exit_code": self.exit_code(),
            "next": self.next_step(),
            "outcomes": [row.to_json() for row in sorted(self.rows, key=lambda row: row.line)],
        }

    def text(self) -> list[str]:
        """Return what people read: a table of the rows that need attention, and the counts."""
        troubled = [row for row in sorted(self.rows, key=lambda row: row.line) if row.reason]
        cells = [(str(row.line), row.key, row.result, row.reason or "") for row in troubled]
        return [*table(("LINE", "KEY", "RESULT", "REASON"), cells), self._totals()]

    def _totals(self) -> str:
        counts = self.counts()
        unpriced = f", without {self.unpriced} that cannot be priced" if self.unpriced else ""
        if self.dry_run:
            length = f"about {self.seconds:.0f} s of video"
            return f"{counts['total']} rows are good: {length}, about ${self.spent:.2f}{unpriced}. Nothing was sent."
        ends = ", ".join(f"{counts[name]} {name}" for name in ("succeeded", "failed", "skipped"))
        return f"{ends} of {counts['total']}; about ${self.spent:.2f} spent in this run{unpriced}"


def status_json(journal: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """Return a journal for scripts."""
    return {
        "journal": journal,
        "counts": {"total": len(entries), **_states(entries)},
        "estimated_usd": round(_spent(entries), 6),
        "items": [_entry_json(entry) for entry in entries],
    }


def status_text(entries: Sequence[Entry]) -> list[str]:
    """Return a journal for people: what is not saved yet, and the counts."""
    open_ones = [entry for entry in entries if entry.state != "saved"]
    cells = [(entry.key, entry.state, entry.video_id or "", entry.error_message or "") for entry in open_ones]
    counts = ", ".join(f"{count} {state}" for state, count in _states(entries).items() if count)
    total = f"{counts or 'no items yet'}; about ${_spent(entries):.2f} spent in all runs"
    return [*table(("KEY", "STATE", "VIDEO", "REASON"), cells), total]


def _states(entries: Iterable[Entry]) -> dict[str, int]:
    found = Counter(entry.state for entry in entries)
    return {state: found[state] for state in ("intended", "submitted", "completed", "saved", "failed")}


def _spent(entries: Iterable[Entry]) -> float:
    return sum(entry.usd or 0.0 for entry in entries if entry.state != "failed")


def _entry_json(entry: Entry) -> dict[str, Any]:
    failed = entry.state == "failed"
    error = {"code": entry.error_code, "message": entry.error_message, "retryable": entry.retryable}
    return {
        "key": entry.key,
        "state": entry.state,
        "video_id": entry.video_id,
        "api_version": entry.wire,
        "idempotency_key": entry.idempotency_key,
        "callback_id": entry.callback_id,
        "path": entry.saved_path,
        "size": entry.saved_size,
        "estimated_usd": entry.usd,
        "first_attempt_at": entry.first_attempt_at,
        "updated_at": entry.updated_at,
        "error": error if failed else None,
    }


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table whose columns are aligned; nothing if there are no rows."""
    shown = [tuple(map(_cell, row)) for row in rows[:_MOST_ROWS]]
    if not shown:
        return
    widths = [max(map(len, column)) for column in zip(header, *shown, strict=True)]
    for row in (header, *shown):
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    if len(rows) > _MOST_ROWS:
        yield f"... and {len(rows) - _MOST_ROWS} more (--json lists them all)"
    yield ""


def _cell(text: str) -> str:
    """Return a text on one line, without what would steer a terminal."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return line if len(line) <= _WIDEST_CELL else f"{line[: _WIDEST_CELL - 3]}..."
