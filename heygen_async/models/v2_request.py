"""The v2 (Quick Start) request itself: `POST /v2/video/generate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import field, frozen
from attrs.validators import optional

from heygen_async._protocol.redaction import redact_url
from heygen_async.models import _checks as check
from heygen_async.models import _shape_checks as shape
from heygen_async.models._canvas import Dimension, Position
from heygen_async.models.v2_parts import Character, SceneBackground, Voice

CaptionMode = Literal["file_only", "burn_in"]


@frozen(kw_only=True)
class TextOverlay:
    """A text over a scene; only `text` is required, HeyGen's documents give samples rather than limits for the rest."""

    type: Literal["text"] = field(default="text", validator=check.choice(Literal["text"]), repr=False)
    text: str = field(validator=check.text())
    font_family: str | None = field(default=None, validator=optional(check.text()))
    font_size: float | None = field(default=None, validator=optional(check.number(0, above=True)))
    font_weight: str | None = field(default=None, validator=optional(check.text()))
    color: str | None = field(default=None, validator=optional(check.color))
    position: Position | None = field(default=None, validator=optional(shape.part(Position)))
    text_align: str | None = field(default=None, validator=optional(check.text()))
    line_height: float | None = field(default=None, validator=optional(check.number(0, above=True)))
    width: float | None = field(default=None, validator=optional(check.number(0, above=True)))


@frozen(kw_only=True)
class Subtitles:
    """The style of burned-in subtitles; uncertain, in the form that HeyGen documents for templates."""

    preset_name: str = field(validator=check.text())
    alignment: str | None = field(default=None, validator=optional(check.text()))
    font_size: float | None = field(default=None, validator=optional(check.number(0, above=True)))
    position: Position | None = field(default=None, validator=optional(shape.part(Position)))
    disable_highlight: bool | None = field(default=None, validator=optional(check.flag))


@frozen(kw_only=True)
class VideoInput:
    """One scene: a voice, and usually a character in front of a background."""

    character: Character | None = field(default=None, validator=optional(shape.part(Character)))
    voice: Voice = field(validator=shape.part(Voice))
    background: SceneBackground | None = field(default=None, validator=optional(shape.part(SceneBackground)))
    text: TextOverlay | None = field(default=None, validator=optional(shape.part(TextOverlay)))


def _scenes(value: Sequence[VideoInput]) -> tuple[VideoInput, ...]:
    return shape.as_tuple(value)


@frozen(kw_only=True)
class VideoRequest:
    """Ask for a video of 1 to 50 scenes on the v2 wire, as in HeyGen's Quick Start.

    Without `dimension` HeyGen takes 1920x1080, in older documents 1280x720. `test=True` asks for a watermarked video
    that costs nothing, on plans that have it. `caption_mode` overrides `caption`. `subtitles` and `aspect_ratio` are
    uncertain. `extra` holds fields that this version does not know; they are sent as they are.

    Raise `ValueError`, naming the field, for what HeyGen would refuse.
    """

    video_inputs: tuple[VideoInput, ...] = field(
        converter=_scenes, validator=shape.parts(VideoInput, low=1, high=check.MAX_SCENES)
    )
    dimension: Dimension | None = field(default=None, validator=optional(shape.part(Dimension)))
    aspect_ratio: str | None = field(default=None, validator=optional(check.text()))
    caption: bool | None = field(default=None, validator=optional(check.flag))
    caption_mode: CaptionMode | None = field(default=None, validator=optional(check.choice(CaptionMode)))
    subtitles: Subtitles | None = field(default=None, validator=optional(shape.part(Subtitles)))
    title: str | None = field(default=None, validator=optional(check.text(empty=True)))
    callback_id: str | None = field(default=None, validator=optional(check.text(empty=True)))
    callback_url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    folder_id: str | None = field(default=None, validator=optional(check.text(empty=True)))
    fps: float | None = field(default=None, validator=optional(check.number(0, above=True)))
    enable_watermark: bool | None = field(default=None, validator=optional(check.flag))
    test: bool | None = field(default=None, validator=optional(check.flag))
    extra: Mapping[str, Any] = field(
        factory=dict[str, Any], converter=shape.own_copy, validator=shape.additions, hash=False
    )
