"""How a batch gets on: counted from its events, shown as one bar on a terminal and as a few plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from attrs import define, field

from heygen_async import events

# A log of a batch of hours should be a few screens long.
_LINE_EVERY: Final = 30.0


@define(kw_only=True)
class Tally:
    """Count what the rows of a batch are at; `slots` are those held and those that may be held."""

    total: int
    slots: Callable[[], tuple[int, float]] = field(default=lambda: (0, 0.0))
    rendering: dict[Hashable, str] = field(factory=dict[Hashable, str])
    downloading: dict[Hashable, str] = field(factory=dict[Hashable, str])
    done: int = 0
    failed: int = 0
    skipped: int = 0
    spent: float = 0.0
    unpriced: int = 0

    def hear(self, event: events.Event) -> str | None:
        """Count an event, and return the remark that it is worth, if any."""
        match event:
            case events.ItemSubmitted():
                self._submitted(event)
            case events.ItemRendered(key=key, video_id=video_id):
                self.rendering.pop(key, None)
                self.downloading[key] = video_id
            case events.ItemFinished():
                return self._finished(event)
            case _:
                return remark(event)
        return None

    def facts(self) -> str:
        """Return the counts in one line."""
        held, limit = self.slots()
        return " | ".join(
            [
                f"slots {held}/{limit:g}",
                f"rendering {len(self.rendering)}",
                f"downloading {len(self.downloading)}",
                f"done {self.done}",
                f"failed {self.failed}",
                f"skipped {self.skipped}",
                f"~${self.spent:.2f}",
            ]
        )

    def under_way(self, key: Hashable) -> str | None:
        """Return the video of a row that is being rendered or downloaded."""
        return self.rendering.get(key) or self.downloading.get(key)

    @property
    def ended(self) -> int:
        """Return how many rows have come to an end."""
        return self.done + self.failed + self.skipped

    def _submitted(self, event: events.ItemSubmitted) -> None:
        self.rendering[event.key] = event.video_id
        if not event.resumed:
            self.spent += event.usd or 0.0
            self.unpriced += event.usd is None

    def _finished(self, event: events.ItemFinished) -> str | None:
        self.rendering.pop(event.key, None)
        self.downloading.pop(event.key, None)
        self.done += event.result == "succeeded"
        self.failed += event.result == "failed"
        self.skipped += event.result == "skipped"
        return f"{event.key}: failed: {event.reason}" if event.result == "failed" else None


def remark(event: events.Event) -> str | None:
    """Return an event in words for people, None for those that only move the counts."""
    said = None
    match event:
        case events.AdmissionStopped(reason=reason):
            said = f"Nothing more is submitted: {reason}"
        case events.AdmissionChanged(limit=limit):
            said = f"HeyGen renders no more than {limit} at a time for now"
        case events.ItemStalled(key=key, unchanged_for=seconds):
            said = f"{key}: no change of status for {seconds:.0f} s; still waiting"
        case events.SubmissionReconciling(reason=reason):
            said = f"It is not known whether a video was created ({reason}); looking for it"
        case events.LookFailed(reason=reason):
            said = f"A look failed ({reason}); the videos are not affected"
        case events.DownloadInterrupted(path=path, reason=reason):
            said = f"{path.name}: the download broke off ({reason}); going on from there"
        case events.RequestRetried(reason=reason):
            said = f"{reason}; trying again"
        case _:
            pass
    return said


class BatchDisplay(AbstractContextManager["BatchDisplay"], Protocol):
    """Show a tally."""

    def update(self) -> None:
        """Show what the tally says now."""

    def note(self, text: str) -> None:
        """Show a remark, unless it was the last one too."""


def open_display(tally: Tally, stream: TextIO | None = None) -> BatchDisplay:
    """Return the display that suits stderr."""
    target: TextIO = sys.stderr if stream is None else stream
    if target.isatty():
        from heygen_async.cli.batch_bar import BatchBar

        return BatchBar.on(target, tally)
    return BatchLines(target, tally)


@define(eq=False)
class BatchLines:
    """One plain line every now and then, for logs and pipes."""

    _stream: TextIO
    _tally: Tally
    _said_at: float = field(default=float("-inf"), init=False)
    _last_note: str | None = field(default=None, init=False)

    def update(self) -> None:
        """Print the counts, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._said_at >= _LINE_EVERY:
            self._said_at = now
            self._say(f"{self._tally.ended} of {self._tally.total}: {self._tally.facts()}")

    def note(self, text: str) -> None:
        """Print the remark."""
        if text != self._last_note:
            self._last_note = text
            self._say(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.flush()

    def _say(self, text: str) -> None:
        print("".join(letter if letter.isprintable() else "?" for letter in text), file=self._stream, flush=True)
