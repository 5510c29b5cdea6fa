"""What webhooks tell: the kinds of events, and what each says about a job."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from attrs import asdict, field, frozen

from heygen_async.sandbox.answers import Link
from heygen_async.sandbox.batches import Batch, Item, counts, whole_status
from heygen_async.sandbox.core import Job
from heygen_async.sandbox.webhooks.signing import iso

Json = dict[str, Any]

_SUBJECTS: Final = {
    "avatar_video": "An avatar video",
    "avatar_video_gif": "The GIF of an avatar video",
    "video_translate": "A video translation",
    "instant_avatar": "An instant avatar",
    "photo_avatar_generation": "A photo avatar",
    "photo_avatar_train": "The training of a photo avatar",
    "photo_avatar_add_motion": "The motion of a photo avatar",
    "proofread_creation": "A proofread",
    "live_avatar": "A live avatar",
    "avatar_video_caption": "The captioned version of an avatar video",
    "video_agent": "A video of the video agent",
    "hyperframes_video": "A Hyperframes video",
    "ai_clipping": "An AI clipping",
}

EVENT_TYPES: Final[Mapping[str, str]] = {
    **{
        f"{name}.{end}": f"{subject} {'was completed' if end == 'success' else 'failed'}"
        for name, subject in _SUBJECTS.items()
        for end in ("success", "fail")
    },
    "video_translate.preflight.validation_failed": "The source of a translation cannot be translated",
    "video_translate.preflight.download_failed": "The source of a translation cannot be downloaded",
    "personalized_video": "A personalized video was completed",
    "batch.finished": "All items of a batch have ended",
}
"""The thirty types that endpoints can subscribe to. By itself the sandbox emits the end of videos and of batches."""

_ENTITY_KEYS: Final = ("video_id", "video_translate_id", "batch_id", "project_id", "id")


@frozen(kw_only=True)
class WebhookEvent:
    """One thing that happened; `created_at` is virtual, in unix seconds. `data` is what `event_data` says."""

    number: int
    id: str
    type: str
    created_at: float
    data: Json = field(factory=dict[str, Any], repr=False)

    @property
    def video_id(self) -> str | None:
        """Return the id of the video, if the event is about one."""
        return self.data.get("video_id")

    @property
    def entity_id(self) -> str | None:
        """Return the id of whatever it is about."""
        return next((self.data[key] for key in _ENTITY_KEYS if self.data.get(key)), None)

    def to_json(self) -> Json:
        """Return everything it is made from."""
        return asdict(self)

    def on_v3(self) -> Json:
        """Return the event as v3 delivers and lists it."""
        return {
            "event_id": self.id,
            "event_type": self.type,
            "event_data": self.data,
            "created_at": iso(self.created_at),
        }

    def on_v1(self) -> Json:
        """Return the event as v1 delivers it."""
        return {"event_type": self.type, "event_data": self.data}


def event_id(seed: int, number: int) -> str:
    """Return an id that is the same in every run with the same seed."""
    return f"evt_{hashlib.sha256(f'{seed}:event:{number}'.encode()).hexdigest()[:24]}"


def end_of(job: Job) -> str:
    """Return the type of event that a finished job causes."""
    return "avatar_video.fail" if job.failure else "avatar_video.success"


def data_of(job: Job, event_type: str, link: Link | None) -> Json:
    """Return what an event says about a job; URLs are null if nobody has called the sandbox yet."""
    if not event_type.endswith(".success"):
        message = job.failure.message if job.failure else "The video could not be made"
        return {"video_id": job.id, "msg": message, "callback_id": job.order.callback_id}
    return {
        "video_id": job.id,
        "url": link(job, "video") if link else None,
        "gif_download_url": link(job, "gif") if link else None,
        "video_page_url": None,
        "video_share_page_url": None,
        "folder_id": job.order.folder_id,
        "callback_id": job.order.callback_id,
    }


def batch_data(batch: Batch, jobs: Mapping[str, Job]) -> Json | None:
    """Return what the end of a batch says, None while an item runs. The keys are an assumption: none are documented."""
    words = [_word(item, jobs) for item in batch.items]
    if "processing" in words:
        return None
    items = [{"status": word} for word in words]
    return {"batch_id": batch.id, "title": batch.title, "status": whole_status(items), "counts": counts(items)}


def _word(item: Item, jobs: Mapping[str, Job]) -> str:
    job = jobs.get(item.resource_id or "")
    if job is None or job.deleted:
        return "failed"
    if job.finished_at is None:
        return "processing"
    return "failed" if job.failure else "completed"


def sample_data(event_type: str, video_id: str | None) -> Json:
    """Return what an event that no job caused says: the documented keys, with made-up values."""
    subject, _, end = event_type.partition(".")
    some_id = video_id or "0" * 32
    file = f"https://example.com/{some_id}.mp4"
    if subject == "video_translate" and end in {"success", "fail"}:
        outcome = {"url": file} if end == "success" else {"message": "The video could not be translated"}
        return {"video_translate_id": some_id, **outcome, "output_language": "Spanish", "callback_id": None}
    if subject == "personalized_video":
        return {"project_id": "1" * 32, "video_id": some_id, "video_url": file, "contact_info": {}}
    if subject.startswith("avatar_video"):
        outcome = {"url": file} if end == "success" else {"msg": "The video could not be made"}
        return {"video_id": some_id, **outcome, "folder_id": None, "callback_id": None}
    if subject == "batch":
        return {"batch_id": some_id}
    return {"video_id": video_id} if video_id else {}
