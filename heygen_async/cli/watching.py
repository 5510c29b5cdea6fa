"""From what the client reports to what people see and what it takes to go on later."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO

from attrs import define, field

from heygen_async import events
from heygen_async.cli.progress import Display
from heygen_async.cli.resume import Resume
from heygen_async.errors import HeyGenDeprecationWarning


@define(eq=False)
class Watcher:
    """Listen to the client of a command that is about one video, shown under `name`."""

    name: str
    display: Display
    resume: Resume
    saved: events.FileSaved | None = field(default=None, init=False)

    def __call__(self, event: events.Event) -> None:
        """Note what the event tells; notes leave out delays, so that repetitions are shown once."""
        match event:
            case events.VideoSubmitted():
                self.resume.video_id, self.resume.api_version = event.video_id, event.api_version
                self.resume.idempotency_key = event.idempotency_key
                self.display.note(f"Submitted: video {event.video_id}")
                self.display.status(self.name, "submitted")
            case events.SubmissionInterrupted():
                self.resume.idempotency_key = event.idempotency_key
            case events.StatusChanged():
                self.display.status(self.name, event.status)
            case events.FileSaved():
                self.saved = event
                self.display.done(self.name, "saved", event.size)
            case _:
                self._remark(event)

    def _remark(self, event: events.Event) -> None:
        match event:
            case events.SubmissionReconciling():
                self.display.note(f"It is not known whether the video was created ({event.reason}); looking for it")
            case events.RequestRetried():
                self.display.note(f"{event.reason}; trying again")
            case events.LookFailed():
                self.display.note(f"A look failed ({event.reason}); the video is not affected")
            case events.DownloadInterrupted():
                self.display.note(f"The download broke off ({event.reason}); going on from there")
            case _:
                return


@contextmanager
def deprecations_shown(note: Callable[[str], None]) -> Generator[None]:
    """Show HeyGen's announcements of the end of an endpoint, which Python hides by default."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, HeyGenDeprecationWarning):
            note(f"Note: {message}")
        else:
            ordinary(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", HeyGenDeprecationWarning)
        ordinary = warnings.showwarning
        warnings.showwarning = show
        yield
