"""Jobs as the wires show them: the same job in the words and keys of v1, v3 and the bulk look."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from heygen_async.sandbox.core import Job, Status

Json = dict[str, Any]

Link = Callable[[Job, str], str | None]
"""Makes a fresh presigned URL for one of a job's files, None while a fault holds it back."""

_V3_WORDS: Final = {"waiting": "pending"}
_BULK_WORDS: Final = {"waiting": "queued", "pending": "queued"}


def created_v3(job: Job) -> Json:
    """Return the answer to a create call; its `waiting` is not a word of the status calls."""
    return {"data": {"video_id": job.id, "status": "waiting", "output_format": job.order.plan.suffix}}


def video_v3(job: Job, status: Status, link: Link) -> Json:
    """Return the video object of v3."""
    order, done = job.order, status == "completed"
    failure = job.failure if status == "failed" else None
    return {
        "id": job.id,
        "title": order.title,
        "status": _V3_WORDS.get(status, status),
        "created_at": int(job.created_at),
        "completed_at": int(job.finished_at) if done and job.finished_at is not None else None,
        "duration": job.told_seconds if done else None,
        "video_url": link(job, "video") if done else None,
        "captioned_video_url": link(job, "captioned") if done and order.burned_in else None,
        "subtitle_url": link(job, "srt") if done and order.subtitles else None,
        "thumbnail_url": link(job, "thumbnail") if done else None,
        "gif_url": link(job, "gif") if done else None,
        "video_page_url": None,
        "folder_id": order.folder_id,
        "output_language": None,
        "failure_code": failure.code if failure else None,
        "failure_message": failure.message if failure else None,
    }


def bulk_word(status: Status) -> str:
    """Return the word of batches and bulk statuses for a state."""
    return _BULK_WORDS.get(status, status)


def status_v1(job: Job, status: Status, link: Link) -> Json:
    """Return the data of `video_status.get`: every key is always there."""
    order, done = job.order, status == "completed"
    return {
        "id": job.id,
        "status": status,
        "created_at": int(job.created_at),
        "callback_id": order.callback_id,
        "duration": job.told_seconds if done else None,
        "video_url": link(job, "video") if done else None,
        "video_url_caption": link(job, "captioned") if done and order.burned_in else None,
        "caption_url": link(job, "ass") if done and order.subtitles else None,
        "gif_url": link(job, "gif") if done else None,
        "thumbnail_url": link(job, "thumbnail") if done else None,
        "error": job.failure.on_v1() if status == "failed" and job.failure else None,
    }


def video_v2(job: Job, status: Status, link: Link) -> Json:
    """Return the data of `GET /v2/videos/{id}`: v3's video, with times as text."""
    video = video_v3(job, status, link)
    del video["video_page_url"]
    for name in ("created_at", "completed_at"):
        if video[name] is not None:
            video[name] = datetime.fromtimestamp(video[name], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return video


def list_item_v1(job: Job, status: Status) -> Json:
    """Return one entry of `video.list`."""
    return {
        "video_id": job.id,
        "video_title": job.order.title,
        "status": status,
        "created_at": int(job.created_at),
        "type": "GENERATED",
    }


def token_after(job: Job) -> str:
    """Return an opaque token that continues a list behind the job."""
    return base64.urlsafe_b64encode(f"before:{job.number}".encode()).decode().rstrip("=")


def number_in(token: str) -> int:
    """Read a token back; raise `ValueError` if it is not one of ours."""
    words = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    kind, _, number = words.partition(":")
    if kind != "before":
        raise ValueError("not a token of this list")
    return int(number)
