"""What becomes of the items of a batch."""

from __future__ import annotations

from collections.abc import Hashable

from attrs import field, frozen

from heygen_async.models.progress import SavedFile
from heygen_async.models.video import Video

_NAMED = 5


@frozen(kw_only=True)
class Succeeded:
    """An item's video is completed, and saved if files were wanted (`saved` is None if not).

    `video` is as HeyGen described it, with one exception: where a journal shows that an earlier run finished the
    item and its file is in place, nothing is asked again and only `id` and `status` are known.
    """

    key: Hashable
    video: Video
    saved: SavedFile | None = None


@frozen(kw_only=True)
class Failed:
    """An item did not work out; `job_id` is its video, if one was accepted: it may still be rendering, and is paid."""

    key: Hashable
    error: Exception
    job_id: str | None = None


@frozen(kw_only=True)
class Skipped:
    """An item was not submitted, for a reason that is not its own: no credit, the budget, a dry run."""

    key: Hashable
    reason: str


Outcome = Succeeded | Failed | Skipped
"""What became of one item."""


@frozen(kw_only=True)
class BatchReport:
    """What became of all items, each group in input order; `elapsed` is in seconds."""

    succeeded: tuple[Succeeded, ...] = field(repr=False)
    failed: tuple[Failed, ...]
    skipped: tuple[Skipped, ...] = field(repr=False)
    elapsed: float

    def raise_for_failures(self) -> None:
        """Raise an `ExceptionGroup` of the failed items' errors, if any; skipped items are no failures."""
        if not self.failed:
            return
        total = len(self.succeeded) + len(self.failed) + len(self.skipped)
        named = ", ".join(repr(item.key) for item in self.failed[:_NAMED])
        more = ", ..." if len(self.failed) > _NAMED else ""
        raise ExceptionGroup(
            f"{len(self.failed)} of {total} videos failed: {named}{more}", [item.error for item in self.failed]
        )
