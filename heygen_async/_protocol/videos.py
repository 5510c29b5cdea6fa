"""Turn the video shapes of both wires into `Video`.

The two wires name the same things differently: v1 has `video_url_caption`, `caption_url` and an `error` object, v3
`captioned_video_url`, `subtitle_url` and `failure_code`/`failure_message`. Only an id and a status are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from heygen_async._protocol.json_shapes import as_list, as_number, as_object, as_text, as_unix_seconds, as_word
from heygen_async._protocol.looks import BulkStatus, VideoPage
from heygen_async.models.video import Video, VideoFailure, VideoStatus


class UnreadableVideoError(ValueError):
    """Say that an answer holds no video that can be worked with; the transport turns it into an API error."""


def video_from(data: object, *, known_id: str | None = None) -> Video:
    """Return the video in an answer's `data`: an object, or an array of one; `known_id` stands in for a missing id."""
    fields = as_object(data)
    if fields is None and (items := as_list(data)) and len(items) == 1:
        fields = as_object(items[0])
    if fields is None:
        raise UnreadableVideoError("the answer's data is not a video")
    video_id = id_of(fields) or known_id
    word = as_word(fields.get("status"))
    if video_id is None or word is None:
        raise UnreadableVideoError("the answer's video has no " + ("status" if video_id else "id"))
    status = VideoStatus(word)
    return Video(
        id=video_id,
        status=status,
        title=as_text(fields.get("title")) or as_text(fields.get("video_title")),
        duration=as_number(fields.get("duration")),
        created_at=as_unix_seconds(fields.get("created_at")),
        completed_at=as_unix_seconds(fields.get("completed_at")),
        video_url=as_word(fields.get("video_url")),
        captioned_video_url=as_word(fields.get("captioned_video_url")) or as_word(fields.get("video_url_caption")),
        subtitle_url=as_word(fields.get("subtitle_url")) or as_word(fields.get("caption_url")),
        thumbnail_url=as_word(fields.get("thumbnail_url")),
        gif_url=as_word(fields.get("gif_url")),
        callback_id=as_text(fields.get("callback_id")),
        failure=_failure_of(fields, status),
        raw=fields,
    )


def id_of(fields: Mapping[str, Any]) -> str | None:
    """Return a video's id, which HeyGen calls `id` or `video_id`."""
    return as_text(fields.get("video_id")) or as_text(fields.get("id"))


def created_id_of(data: object) -> str | None:
    """Return the id in the answer to a submission, or None if it holds none."""
    fields = as_object(data)
    if fields is None and (items := as_list(data)) and len(items) == 1:
        fields = as_object(items[0])
    return id_of(fields) if fields is not None else None


def page_from(body: Mapping[str, Any], *, in_brief: bool = False) -> VideoPage:
    """Return a page of either list: v3 has an array beside the paging fields, v1 an object with `videos`, `token`.

    `in_brief`, only what has ended has more than its id and status: enough for waiting, and half of the work.
    """
    data = body.get("data")
    inner = as_object(data)
    items = as_list(data) if inner is None else as_list(inner.get("videos")) or as_list(inner.get("list"))
    if items is None and inner is None:
        raise UnreadableVideoError("the answer's data is not a list of videos")
    paging = body if inner is None else inner
    token = as_text(paging.get("next_token")) or as_text(paging.get("token"))
    read = _brief_video_from if in_brief else video_from
    return VideoPage(videos=_readable(items or [], read), next_token=None if paging.get("has_more") is False else token)


def _readable(items: Sequence[object], read: Callable[[object], Video]) -> tuple[Video, ...]:
    videos: list[Video] = []
    for item in items:
        try:
            videos.append(read(item))
        except UnreadableVideoError:
            continue
    return tuple(videos)


def _brief_video_from(item: object) -> Video:
    fields = as_object(item) or {}
    video_id, word = id_of(fields), as_word(fields.get("status"))
    if video_id is None or word is None or (status := VideoStatus(word)).is_terminal:
        return video_from(item)
    return Video(id=video_id, status=status, raw=fields)


def bulk_from(data: object) -> tuple[BulkStatus, ...]:
    """Return the rows of a bulk look; rows without a status are left out."""
    rows = as_list(data)
    if rows is None:
        raise UnreadableVideoError("the answer's data is not a list of statuses")
    fields = [row for item in rows if (row := as_object(item)) is not None]
    return tuple(
        BulkStatus(video_id=id_of(row), status=status) for row in fields if (status := as_word(row.get("status")))
    )


def _failure_of(fields: Mapping[str, Any], status: VideoStatus) -> VideoFailure | None:
    """Return why a video failed, from any of the shapes seen (scenario 21); a failed video always has one.

    A free account's completed video may carry a credit error beside a watermarked URL: the URL means success, the
    error stays visible in `raw` (scenario 61, third-party report).
    """
    if status != VideoStatus.FAILED and as_word(fields.get("video_url")):
        return None
    error, told = fields.get("error"), any(map(fields.get, ("error", "failure_code", "failure_message")))
    if status != VideoStatus.FAILED and not told:
        return None
    detail = as_object(error) or {}
    failure = VideoFailure(
        code=as_text(fields.get("failure_code")) or as_text(detail.get("code")),
        message=as_text(fields.get("failure_message")) or as_text(detail.get("message")) or as_text(error),
        detail=as_text(detail.get("detail")),
    )
    return failure.redacted() if failure != VideoFailure() or status == VideoStatus.FAILED else None
