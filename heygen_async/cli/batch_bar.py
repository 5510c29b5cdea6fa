"""The progress bar of a batch, for terminals."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from attrs import define, field
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from heygen_async.cli.batch_display import Tally


@define(eq=False)
class BatchBar:
    """One bar that fills with the rows that have ended, and the counts below it."""

    _progress: Progress
    _tally: Tally
    _bar: TaskID
    _last_note: str | None = field(default=None, init=False)

    @classmethod
    def on(cls, stream: TextIO, tally: Tally) -> Self:
        """Make the bar on a terminal."""
        columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        progress = Progress(*columns, console=Console(file=stream, highlight=False))
        return cls(progress, tally, progress.add_task("", total=tally.total))

    def update(self) -> None:
        """Move the bar and change the counts."""
        self._progress.update(self._bar, completed=self._tally.ended, description=escape(self._tally.facts()))

    def note(self, text: str) -> None:
        """Print the remark above the bar."""
        if text != self._last_note:
            self._last_note = text
            shown = "".join(letter if letter.isprintable() else "?" for letter in text)
            self._progress.console.print(escape(shown))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()
