"""What a batch journal says about an item, how that changes, and what a later run does about it.

::

    (nothing) --intended--> intended --submitted--> submitted --completed--> completed --saved--> saved
                               |                        |
                               +--------failed----------+--> failed --intended (another key)--> intended

An intent is written before the POST, so an item that is only `intended` may have been paid for. Wall-clock time
decides one thing only: whether HeyGen still remembers an idempotency key.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from attrs import evolve, frozen

from heygen_async.errors import JournalError
from heygen_async.models.video import ApiVersion

State = Literal["intended", "submitted", "completed", "failed", "saved"]
"""How far an item has come, as far as is known for sure."""

# HeyGen keeps keys for 24 h. The margin covers a submission that was under way, and clocks that were set right.
_KEY_LIFETIME: Final = 24 * 3600.0
_MARGIN: Final = 3600.0
# Clocks are corrected by seconds all the time; further back than this, an age is not known at all.
_CLOCK_SLACK: Final = 300.0


@frozen(kw_only=True)
class Entry:
    """What a journal knows about one item.

    Times are unix seconds: `first_attempt_at` is when `idempotency_key` was first intended, `updated_at` when the
    entry last changed. `usd` is the estimated price, None if unknown. `retryable` is about the error.
    """

    key: str
    idempotency_key: str
    payload_hash: str
    wire: ApiVersion
    callback_id: str | None = None
    state: State = "intended"
    video_id: str | None = None
    first_attempt_at: float
    error_code: str | None = None
    error_message: str | None = None
    retryable: bool = False
    saved_path: str | None = None
    saved_size: int | None = None
    usd: float | None = None
    updated_at: float


@frozen
class Submit:
    """Submit under a new idempotency key: nothing of this item can exist, or what existed failed."""


@frozen
class Repeat:
    """Submit again under the same key: HeyGen answers with the first submission's video if there is one (v3)."""

    idempotency_key: str


@frozen
class Reconcile:
    """Look for the video of an earlier submission, and never submit: not finding it proves nothing."""

    idempotency_key: str
    callback_id: str | None
    wire: ApiVersion


@frozen
class Watch:
    """Pick up an accepted video: wait if need be, and save what is missing."""

    video_id: str


@frozen
class Done:
    """Do nothing: the video is finished, and its file is there if one is wanted."""

    video_id: str


@frozen
class Gone:
    """Do nothing: the item failed for a reason that trying again does not change."""

    code: str | None
    message: str
    video_id: str | None


@frozen
class Refuse:
    """Send nothing: the item does not fit what the journal holds."""

    message: str


Step: TypeAlias = Submit | Repeat | Reconcile | Watch | Done | Gone | Refuse
"""What a run does about an item."""


def next_step(entry: Entry | None, *, payload_hash: str, now: float, target: str | None, target_is_whole: bool) -> Step:
    """Return what to do about an item, given what the journal knows about its key.

    `now` is unix time. `target` is the path that the file is wanted at, None if no file is wanted.
    """
    if entry is None:
        return Submit()
    if entry.payload_hash != payload_hash:
        return Refuse(_changed(entry))
    if entry.state == "failed":
        return Submit() if entry.retryable else Gone(entry.error_code, _failure(entry), entry.video_id)
    if entry.state == "intended" or entry.video_id is None:
        return _after_intent(entry, now)
    if entry.state == "submitted" or (target is not None and not target_is_whole):
        return Watch(entry.video_id)
    return Done(entry.video_id)


def _after_intent(entry: Entry, now: float) -> Repeat | Reconcile:
    if entry.wire == "v3" and key_is_remembered(entry.first_attempt_at, now):
        return Repeat(entry.idempotency_key)
    return Reconcile(entry.idempotency_key, entry.callback_id, entry.wire)


def key_is_remembered(first_attempt_at: float, now: float) -> bool:
    """Say whether HeyGen surely still knows a key (scenarios 5 and 54); after a clock that went back, nobody knows."""
    return -_CLOCK_SLACK <= now - first_attempt_at < _KEY_LIFETIME - _MARGIN


def is_whole(entry: Entry | None, size: int | None) -> bool:
    """Say whether a file of `size` bytes (None: there is no file) is the one that was saved for an item."""
    return entry is not None and entry.state == "saved" and size is not None and size == entry.saved_size


def intended(known: Entry | None, wanted: Entry) -> Entry:
    """Return the entry for an attempt that is about to begin; the same key intended again keeps its first time.

    Raise `JournalError` where that would forget a video or change what a key stands for.
    """
    if known is None:
        return wanted
    if known.payload_hash != wanted.payload_hash:
        raise JournalError(_changed(known))
    if known.state == "failed" and known.idempotency_key != wanted.idempotency_key:
        return wanted
    if known.state == "intended" and known.idempotency_key == wanted.idempotency_key:
        return evolve(wanted, first_attempt_at=known.first_attempt_at)
    raise JournalError(f"{known.key!r} is {known.state} in the journal: submitting it now could pay for it twice.")


def withdrawn(known: Entry | None) -> None:
    """Forget an attempt of which nothing was sent, or nothing was accepted for sure; raise for any other entry."""
    if known is not None and known.state != "intended":
        raise JournalError(f"{known.key!r} is {known.state} in the journal: there is no intent to take back.")


def submitted(known: Entry, video_id: str, wire: ApiVersion, now: float) -> Entry:
    """Return the entry of an accepted submission."""
    if known.state not in {"intended", "submitted"}:
        raise JournalError(f"{known.key!r} is {known.state} in the journal: it was submitted before.")
    if known.video_id not in {None, video_id}:
        raise JournalError(f"{known.key!r} is video {known.video_id} in the journal, not {video_id}.")
    return evolve(known, state="submitted", video_id=video_id, wire=wire, updated_at=now)


def completed(known: Entry, now: float) -> Entry:
    """Return the entry of a finished video; one that was saved already stays so."""
    if known.state == "saved":
        return known
    return evolve(_with_video(known), state="completed", updated_at=now)


def failed(known: Entry, code: str | None, message: str, now: float, *, retryable: bool) -> Entry:
    """Return the entry of an item that failed for sure: refused, or accepted and not rendered."""
    if known.state in {"completed", "saved"}:
        raise JournalError(f"{known.key!r} is {known.state} in the journal: it cannot fail any more.")
    return evolve(known, state="failed", error_code=code, error_message=message, retryable=retryable, updated_at=now)


def saved(known: Entry, path: str, size: int, now: float) -> Entry:
    """Return the entry of a finished video whose file of `size` bytes is at `path`."""
    return evolve(_with_video(known), state="saved", saved_path=path, saved_size=size, updated_at=now)


def _with_video(known: Entry) -> Entry:
    if known.video_id is None or known.state == "failed":
        raise JournalError(f"{known.key!r} is {known.state} in the journal: there is no video that could be finished.")
    return known


def _changed(entry: Entry) -> str:
    return (
        f"The request under key {entry.key!r} is not the one that the journal knows ({entry.state}), and HeyGen would "
        "answer with the old video. Nothing was sent. Give a changed request a key of its own."
    )


def _failure(entry: Entry) -> str:
    return entry.error_message or "It failed in an earlier run; the journal holds no reason."
