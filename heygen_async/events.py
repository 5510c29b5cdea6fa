"""What the client reports to `on_event` while it works: plain frozen values without keys or signed URLs.

`on_event` is called in the event loop, between two steps of the work it reports. An exception in it is logged to
the `heygen_async` logger and otherwise ignored: an observer must not lose a paid video.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Literal

from attrs import frozen

from heygen_async.models.video import ApiVersion, VideoStatus


@frozen(kw_only=True)
class Event:
    """Be the root of everything that `on_event` receives."""


@frozen(kw_only=True)
class RequestRetried(Event):
    """A call is repeated after `delay` seconds; `attempt` counts from 1 and is the one that failed."""

    method: str
    path: str
    attempt: int
    delay: float
    reason: str
    idempotency_key: str | None = None


@frozen(kw_only=True)
class VideoSubmitted(Event):
    """A submission was accepted: from here on the video is rendered and charged."""

    video_id: str
    api_version: ApiVersion
    idempotency_key: str | None
    callback_id: str | None


@frozen(kw_only=True)
class SubmissionReconciling(Event):
    """The outcome of a submission is unknown; it is looked for by its `callback_id`, not sent again."""

    callback_id: str
    idempotency_key: str | None
    reason: str


@frozen(kw_only=True)
class SubmissionInterrupted(Event):
    """A submission was cancelled, or broken off otherwise, while its outcome was unknown.

    `create(request, idempotency_key=event.idempotency_key)` leads back to it without paying twice.
    """

    idempotency_key: str | None
    callback_id: str | None


@frozen(kw_only=True)
class StatusChanged(Event):
    """A look found another status than the look before."""

    video_id: str
    status: VideoStatus
    previous: VideoStatus | None
    elapsed: float


@frozen(kw_only=True)
class LookFailed(Event):
    """A look at `video_ids` failed; the videos are not affected, the next look comes in `retry_in` seconds."""

    video_ids: tuple[str, ...]
    reason: str
    failures_in_a_row: int
    retry_in: float


@frozen(kw_only=True)
class DownloadInterrupted(Event):
    """A download broke off at `bytes_done` and goes on after `delay` seconds."""

    path: Path
    bytes_done: int
    delay: float
    reason: str


@frozen(kw_only=True)
class FileSaved(Event):
    """A verified file is in place."""

    path: Path
    size: int
    resumed_from: int


@frozen(kw_only=True)
class AdmissionChanged(Event):
    """HeyGen refused a submission because the account renders as many videos as it may.

    At most `limit` videos are kept in flight from here on, `in_flight` are; nothing is submitted for `closed_for`
    seconds, None if HeyGen asked for more than is waited for.
    """

    limit: int
    in_flight: int
    closed_for: float | None


@frozen(kw_only=True)
class AdmissionStopped(Event):
    """A batch submits nothing more, for a reason that is not one item's own; what runs goes on."""

    reason: str


@frozen(kw_only=True)
class WaitingForSlot(Event):
    """An item of a batch waits for a free slot; `position` 1 is the next in this client's queue."""

    key: Hashable
    position: int


@frozen(kw_only=True)
class ItemRetried(Event):
    """An item of a batch is submitted again: it was turned away, or failed in an earlier run."""

    key: Hashable
    reason: str


@frozen(kw_only=True)
class ItemSubmitted(Event):
    """An item of a batch has its video; `usd` is the estimated price, None if nobody asked for it.

    `resumed` says that an earlier run submitted it: nothing was paid now.
    """

    key: Hashable
    video_id: str
    usd: float | None
    resumed: bool


@frozen(kw_only=True)
class ItemStalled(Event):
    """The video of an item has not changed its status for `unchanged_for` seconds; it is waited for all the same."""

    key: Hashable
    video_id: str
    status: VideoStatus | None
    unchanged_for: float


@frozen(kw_only=True)
class ItemRendered(Event):
    """The video of an item is completed; its slot is free for the next one, its file is still to be fetched."""

    key: Hashable
    video_id: str


@frozen(kw_only=True)
class ItemDownloading(Event):
    """The file of an item has come this far; at most about ten times a second per file."""

    key: Hashable
    video_id: str
    bytes_done: int
    bytes_total: int | None


@frozen(kw_only=True)
class ItemFinished(Event):
    """An item of a batch has its outcome; `reason` says why it failed or was skipped."""

    key: Hashable
    result: Literal["succeeded", "failed", "skipped"]
    video_id: str | None
    reason: str | None
