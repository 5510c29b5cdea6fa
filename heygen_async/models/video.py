"""A video as HeyGen describes it, the same on both wires."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Literal, Self

from attrs import evolve, field, frozen

from heygen_async._protocol.redaction import redact_json, redact_text, redact_url

Asset = Literal["video", "captioned", "subtitle", "thumbnail", "gif"]
"""The files that belong to a video."""

ApiVersion = Literal["v2", "v3"]
"""A wire: `v2` is the Quick Start API with its v1 status calls."""

ASSETS: Final[Mapping[Asset, str]] = {
    "video": "video_url",
    "captioned": "captioned_video_url",
    "subtitle": "subtitle_url",
    "thumbnail": "thumbnail_url",
    "gif": "gif_url",
}


class VideoStatus(StrEnum):
    """Name a video's state; any word that HeyGen invents is a valid value and counts as not terminal.

    A known word in other letters, such as `Completed`, is the known state: it must not be waited on for ever.
    """

    WAITING = "waiting"
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        known: Self | None = cls._value2member_map_.get(value.lower())  # type: ignore[assignment]
        if known is not None:
            return known
        invented = str.__new__(cls, value)
        invented._name_ = value.upper()
        invented._value_ = value
        return invented

    @property
    def is_terminal(self) -> bool:
        """Say whether the video will not change any more."""
        return self in {VideoStatus.COMPLETED, VideoStatus.FAILED}


@frozen(kw_only=True)
class VideoFailure:
    """Why a video failed; every part may be missing, `code` is a string on both wires."""

    code: str | None = None
    message: str | None = None
    detail: str | None = None

    def __str__(self) -> str:
        words = [part for part in (self.message, self.detail) if part]
        said = ": ".join(dict.fromkeys(words)) or "no reason given"
        return f"{said} ({self.code})" if self.code else said

    def redacted(self) -> Self:
        """Return a copy in which URLs have lost their signed query strings: HeyGen quotes those it could not read."""
        return evolve(
            self,
            message=redact_text(self.message) if self.message else self.message,
            detail=redact_text(self.detail) if self.detail else self.detail,
        )


@frozen(kw_only=True)
class Video:
    """A video's state at the moment of the answer.

    `duration` is in seconds and is what HeyGen bills; `created_at` and `completed_at` are unix seconds. The URLs are
    presigned and expire (7 days on v1, unstated on v3): keep the id, not the URL. `raw` is the decoded JSON as
    received, unknown fields included.
    """

    id: str
    status: VideoStatus
    title: str | None = None
    duration: float | None = None
    created_at: float | None = None
    completed_at: float | None = None
    video_url: str | None = field(default=None, repr=redact_url)
    captioned_video_url: str | None = field(default=None, repr=redact_url)
    subtitle_url: str | None = field(default=None, repr=redact_url)
    thumbnail_url: str | None = field(default=None, repr=redact_url)
    gif_url: str | None = field(default=None, repr=redact_url)
    callback_id: str | None = None
    failure: VideoFailure | None = None
    raw: Mapping[str, Any] = field(factory=dict[str, Any], repr=False, eq=False)

    def url_of(self, asset: Asset) -> str | None:
        """Return the presigned URL of one of the video's files, if there is one."""
        url: str | None = getattr(self, ASSETS[asset])
        return url

    def without_signatures(self) -> Self:
        """Return a copy whose URLs have lost their signed query strings: fit for errors and logs."""
        urls: dict[str, Any] = {name: redact_url(url) for name in ASSETS.values() if (url := getattr(self, name))}
        failure = self.failure.redacted() if self.failure else None
        return evolve(self, **urls, failure=failure, raw=redact_json(dict(self.raw)))
