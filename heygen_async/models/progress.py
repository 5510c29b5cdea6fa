"""What a job and a download report while they go on, and what is left when they are done."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from heygen_async.models.video import Video, VideoStatus


@frozen(kw_only=True)
class JobUpdate:
    """A change of a video's status: `elapsed` seconds after submission (or after the handle was made)."""

    status: VideoStatus
    elapsed: float
    video: Video


@frozen(kw_only=True)
class DownloadProgress:
    """How far a download is: bytes now in the part file, bytes in all (None if the server does not say).

    `resumed_from` bytes were already there when this save began.
    """

    bytes_done: int
    bytes_total: int | None
    resumed_from: int


@frozen(kw_only=True)
class SavedFile:
    """A file that was verified and is in place.

    `elapsed` seconds were spent downloading, `resumed_from` bytes were there from an earlier attempt, `digest` is
    the hex digest if one was asked for.
    """

    path: Path
    size: int
    elapsed: float
    resumed_from: int = 0
    digest: str | None = None
