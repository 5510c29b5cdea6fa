"""The progress bar of a batch, for terminals."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn
from rich.text import Text

from heygen_async.cli.batch_display import Tally


@define(eq=False)
class BatchBar:
    """One bar that fills with the rows that have ended, and the counts below it."""

    _console: Console
    _progress: Progress
    _tally: Tally
    _bar: TaskID
    _live: Live = field(init=False)
    _last_note: str | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._live = Live(console=self._console, get_renderable=self._shown)

    @classmethod
    def on(cls, stream: TextIO, tally: Tally) -> Self:
        """Make the bar on a terminal."""
        console = Console(file=stream, highlight=False)
        progress = Progress(BarColumn(bar_width=40), MofNCompleteColumn(), TimeElapsedColumn(), console=console)
        return cls(console, progress, tally, progress.add_task("", total=tally.total))

    def update(self) -> None:
        """Move the bar; the next refresh shows it, with the counts."""
        self._progress.update(self._bar, completed=self._tally.ended)

    def note(self, text: str) -> None:
        """Print the remark above the bar."""
        if text != self._last_note:
            self._last_note = text
            self._console.print(Text("".join(letter if letter.isprintable() else "?" for letter in text)))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def _shown(self) -> Group:
        return Group(self._progress, Text(self._tally.facts(), no_wrap=True, overflow="ellipsis"))
