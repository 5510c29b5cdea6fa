"""Many requests sent as one: which resource each item became, and how far the whole is. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal

from attrs import frozen

Json = dict[str, Any]

Kind = Literal["video", "asset"]
BatchStatus = Literal["processing", "completed", "failed"]

MOST_ITEMS: Final = 100


@frozen(kw_only=True)
class State:
    """How far a resource is in the words of batches: `queued`, `processing`, `completed`, `failed` or `not_found`.

    `begun` False means that it has no id yet, because it waits for a free slot.
    """

    word: str
    error: Json | None = None
    begun: bool = True


NOT_FOUND: Final = State(word="not_found")


@frozen(kw_only=True)
class Item:
    """What one entry of a batch became: a resource, or the refusal that it met."""

    resource_id: str | None
    error: Json | None = None


@frozen(kw_only=True)
class Batch:
    """Up to 100 items that were sent together; `created_at` in virtual unix seconds."""

    id: str
    kind: Kind
    created_at: float
    items: tuple[Item, ...]
    title: str | None = None
    callback_url: str | None = None


def item_json(item: Item, state: State | None) -> Json:
    """Return status, id and error of an item; `state` is None for one that was refused."""
    if state is None:
        return {"status": "failed", "video_id": None, "error": item.error}
    if state.word == "not_found":  # deleted since; a batch has no word for that
        error = {"code": "not_found", "message": "The resource was deleted"}
        return {"status": "failed", "video_id": item.resource_id, "error": error}
    return {"status": state.word, "video_id": item.resource_id if state.begun else None, "error": state.error}


def whole_status(items: Sequence[Json]) -> BatchStatus:
    """Return the status of a batch: `failed` only if all of its items failed."""
    words = {item["status"] for item in items}
    if words & {"queued", "processing"}:
        return "processing"
    return "failed" if words == {"failed"} else "completed"


def counts(items: Sequence[Json]) -> dict[str, int]:
    """Return how many items have each status."""
    return dict(Counter(item["status"] for item in items))
