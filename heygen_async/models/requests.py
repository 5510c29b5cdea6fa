"""The four kinds of video that v3 makes.

Field names, defaults and limits are those of `POST /v3/videos`. A field left at None is not sent; any other value is
sent as given. What HeyGen would refuse is a `ValueError` that names the field, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen
from attrs.validators import optional

from heygen_async._protocol.redaction import redact_url
from heygen_async.models import _checks as check
from heygen_async.models import _shape_checks as shape
from heygen_async.models._spoken import Filmed, check_film
from heygen_async.models.assets import AssetBase64, AssetInput, AssetUrl
from heygen_async.models.parts import (
    AspectRatio,
    CaptionSettings,
    EngineConfig,
    Resolution,
    Watermark,
    check_engine,
)
from heygen_async.models.studio import StudioScene

CinematicAspectRatio = Literal["16:9", "9:16", "1:1"]
CinematicResolution = Literal["720p", "1080p"]

_MAX_LOOKS = 3
_MAX_VIDEOS = 3
_MAX_IMAGES = 9
_VIDEO_SUFFIXES = frozenset({".mp4", ".webm", ".mov"})
_IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})


def _looks(value: Sequence[str]) -> tuple[str, ...]:
    return shape.as_tuple(value)


def _references(value: Sequence[AssetInput] | None) -> tuple[AssetInput, ...] | None:
    return None if value is None else shape.as_tuple(value)


def _scenes(value: Sequence[StudioScene]) -> tuple[StudioScene, ...]:
    return shape.as_tuple(value)


@frozen(kw_only=True)
class AvatarVideo(Filmed):
    """Ask for a video of one avatar look that speaks.

    Exactly one of `script`, `audio_url` and `audio_asset_id`; without `voice_id` the look's own voice speaks.
    `avatar_id` is a look's id, never a group's. `engine` decides the price; HeyGen takes Avatar IV when it is left
    out. `output_format="webm"` is transparent and takes no `background`. `extra` holds fields that this version does
    not know; they are sent as they are.

    Raise `ValueError`, naming the field, for what HeyGen would refuse.
    """

    type: Literal["avatar"] = field(default="avatar", validator=check.choice(Literal["avatar"]), repr=False)
    avatar_id: str = field(validator=check.text())
    engine: EngineConfig | None = field(default=None, validator=optional(shape.part(EngineConfig)))
    extra: Mapping[str, Any] = field(
        factory=dict[str, Any], converter=shape.own_copy, validator=shape.additions, hash=False
    )

    def __attrs_post_init__(self) -> None:
        shape.check_speech(self)
        check_engine(self)
        check_film(self)


@frozen(kw_only=True)
class ImageVideo(Filmed):
    """Ask for a video of a picture that is brought to speak, always with Avatar IV.

    Exactly one of `script` (with `voice_id`), `audio_url` and `audio_asset_id`. `output_format="webm"` is transparent
    and takes no `background`. `extra` holds fields that this version does not know; they are sent as they are.

    Raise `ValueError`, naming the field, for what HeyGen would refuse.
    """

    type: Literal["image"] = field(default="image", validator=check.choice(Literal["image"]), repr=False)
    image: AssetInput = field(validator=shape.part(AssetInput))
    extra: Mapping[str, Any] = field(
        factory=dict[str, Any], converter=shape.own_copy, validator=shape.additions, hash=False
    )

    def __attrs_post_init__(self) -> None:
        shape.check_speech(self, voice_required=True)
        check_film(self)


@frozen(kw_only=True)
class CinematicVideo:
    """Ask for a scene of 4 to 15 seconds that a prompt describes, with 1 to 3 avatar looks and no speech.

    `duration` is in whole seconds and goes without `auto_duration`. Looks and `references` together may be at most 3
    videos and 9 pictures. This kind takes no callback. `extra` holds fields that this version does not know; they are
    sent as they are.

    Raise `ValueError`, naming the field, for what HeyGen would refuse.
    """

    type: Literal["cinematic_avatar"] = field(
        default="cinematic_avatar", validator=check.choice(Literal["cinematic_avatar"]), repr=False
    )
    prompt: str = field(validator=check.text(max_length=10_000))
    avatar_id: tuple[str, ...] = field(converter=_looks, validator=shape.texts(low=1, high=_MAX_LOOKS))
    references: tuple[AssetInput, ...] | None = field(
        default=None,
        converter=_references,
        validator=optional(shape.parts(AssetInput, low=0, high=_MAX_VIDEOS + _MAX_IMAGES)),
    )
    duration: int | None = field(default=None, validator=optional(check.integer(4, 15)))
    auto_duration: bool | None = field(default=None, validator=optional(check.flag))
    enhance_prompt: bool | None = field(default=None, validator=optional(check.flag))
    aspect_ratio: CinematicAspectRatio | None = field(
        default=None, validator=optional(check.choice(CinematicAspectRatio))
    )
    resolution: CinematicResolution | None = field(default=None, validator=optional(check.choice(CinematicResolution)))
    title: str | None = field(default=None, validator=optional(check.text(empty=True)))
    extra: Mapping[str, Any] = field(
        factory=dict[str, Any], converter=shape.own_copy, validator=shape.additions, hash=False
    )

    def __attrs_post_init__(self) -> None:
        if self.auto_duration and self.duration is not None:
            check.refuse("duration", "cannot go with auto_duration=True; leave one of them out")
        kinds = [_media_kind(reference) for reference in self.references or ()]
        if kinds.count("video") > _MAX_VIDEOS:
            check.refuse("references", f"must have at most {_MAX_VIDEOS} videos, not {kinds.count('video')}")
        if kinds.count("image") > _MAX_IMAGES:
            check.refuse("references", f"must have at most {_MAX_IMAGES} pictures, not {kinds.count('image')}")
        if len(kinds) + len(self.avatar_id) > _MAX_VIDEOS + _MAX_IMAGES:
            check.refuse("references", "must, together with avatar_id, be at most 3 videos and 9 pictures")


def _media_kind(asset: AssetInput) -> Literal["video", "image"] | None:
    """Tell what a reference is, where the request itself says so."""
    if isinstance(asset, AssetBase64):
        kind = asset.media_type.partition("/")[0]
        return "video" if kind == "video" else "image" if kind == "image" else None
    suffix = PurePosixPath(urlsplit(asset.url).path).suffix.lower() if isinstance(asset, AssetUrl) else ""
    return "video" if suffix in _VIDEO_SUFFIXES else "image" if suffix in _IMAGE_SUFFIXES else None


@frozen(kw_only=True)
class StudioVideo:
    """Ask for an mp4 of 1 to 50 scenes on one canvas; it is rendered whole or not at all.

    `extra` holds fields that this version does not know; they are sent as they are.

    Raise `ValueError`, naming the field, for what HeyGen would refuse.
    """

    type: Literal["studio"] = field(default="studio", validator=check.choice(Literal["studio"]), repr=False)
    scenes: tuple[StudioScene, ...] = field(
        converter=_scenes, validator=shape.parts(StudioScene, low=1, high=check.MAX_SCENES)
    )
    aspect_ratio: AspectRatio | None = field(default=None, validator=optional(check.choice(AspectRatio)))
    resolution: Resolution | None = field(default=None, validator=optional(check.choice(Resolution)))
    caption: CaptionSettings | None = field(default=None, validator=optional(shape.part(CaptionSettings)))
    watermark: Watermark | None = field(default=None, validator=optional(shape.part(Watermark)))
    title: str | None = field(default=None, validator=optional(check.text(empty=True)))
    callback_id: str | None = field(default=None, validator=optional(check.text(empty=True)))
    callback_url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    extra: Mapping[str, Any] = field(
        factory=dict[str, Any], converter=shape.own_copy, validator=shape.additions, hash=False
    )


V3Request: TypeAlias = AvatarVideo | ImageVideo | CinematicVideo | StudioVideo
"""Any video that v3 makes."""
