"""Progress on stderr: bars on a terminal, a few plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from attrs import define, field

from heygen_async.models.progress import DownloadProgress

# A log needs to show that a long download is alive, not every megabyte of it.
_BYTES_EVERY: Final = 10.0
_UNITS: Final = ("B", "KB", "MB", "GB")


class Display(AbstractContextManager["Display"], Protocol):
    """Show how several videos get on; each is known by a short name."""

    def status(self, name: str, word: str) -> None:
        """Show a video's new status; the first one makes its line."""

    def received(self, name: str, progress: DownloadProgress) -> None:
        """Show how far a video's download is."""

    def done(self, name: str, word: str, size: int | None = None) -> None:
        """Show how a video ended, with the size of its file."""

    def note(self, text: str) -> None:
        """Show a remark, such as that a call is repeated."""


def open_display(stream: TextIO | None = None) -> Display:
    """Return the display that suits stderr."""
    target: TextIO = sys.stderr if stream is None else stream
    if target.isatty():
        from heygen_async.cli.bars import BarDisplay

        return BarDisplay.on(target)
    return LineDisplay(target)


def size_text(count: int) -> str:
    """Return a number of bytes in words: `1.5 MB`."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def bytes_text(progress: DownloadProgress) -> str:
    """Return how far a download is in words: `1.5 MB of 3.0 MB`."""
    total = f" of {size_text(progress.bytes_total)}" if progress.bytes_total is not None else ""
    return size_text(progress.bytes_done) + total


@define(eq=False)
class LineDisplay:
    """One plain line per change, for logs and pipes."""

    _stream: TextIO
    _started: dict[str, float] = field(factory=dict[str, float], init=False)
    _said_at: dict[str, float] = field(factory=dict[str, float], init=False)
    _last_note: str | None = field(default=None, init=False)

    def status(self, name: str, word: str) -> None:
        """Print the status."""
        self._said_at[name] = time.monotonic()
        self._line(name, word)

    def received(self, name: str, progress: DownloadProgress) -> None:
        """Print how far the download is, every now and then."""
        now = time.monotonic()
        if now - self._said_at.setdefault(name, now) >= _BYTES_EVERY:
            self._said_at[name] = now
            self._line(name, bytes_text(progress))

    def done(self, name: str, word: str, size: int | None = None) -> None:
        """Print how it ended."""
        self._line(name, word if size is None else f"{word}, {size_text(size)}")

    def note(self, text: str) -> None:
        """Print the remark, unless it was the last one too."""
        if text != self._last_note:
            self._last_note = text
            self._say(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.flush()

    def _line(self, name: str, text: str) -> None:
        now = time.monotonic()
        self._say(f"{name}: {text} ({now - self._started.setdefault(name, now):.0f} s)")

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
