"""Progress bars for terminals: one line per video with its status, the time it took and its bytes."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from attrs import define, field
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from heygen_async.cli.progress import bytes_text, size_text
from heygen_async.models.progress import DownloadProgress


@define(eq=False)
class BarDisplay:
    """Bars that pulse while a video renders and fill while it is downloaded."""

    _progress: Progress
    _bars: dict[str, TaskID] = field(factory=dict[str, TaskID], init=False)
    _last_note: str | None = field(default=None, init=False)

    @classmethod
    def on(cls, stream: TextIO) -> Self:
        """Make bars on a terminal."""
        console = Console(file=stream, highlight=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[word]:<12}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[size]}"),
        )
        return cls(Progress(*columns, console=console))

    def status(self, name: str, word: str) -> None:
        """Name the status beside the bar."""
        self._progress.update(self._bar(name), word=escape(word))

    def received(self, name: str, progress: DownloadProgress) -> None:
        """Fill the bar."""
        self._progress.update(
            self._bar(name),
            total=progress.bytes_total,
            completed=progress.bytes_done,
            word="downloading",
            size=bytes_text(progress),
        )

    def done(self, name: str, word: str, size: int | None = None) -> None:
        """Fill the bar and stop its clock."""
        total = 1 if size is None else max(size, 1)
        shown = "" if size is None else size_text(size)
        self._progress.update(self._bar(name), total=total, completed=total, word=escape(word), size=shown)

    def note(self, text: str) -> None:
        """Print the remark above the bars, unless it was the last one too."""
        if text != self._last_note:
            self._last_note = text
            self._progress.console.print(escape(text))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _bar(self, name: str) -> TaskID:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(escape(name), total=None, word="", size="")
        return self._bars[name]
