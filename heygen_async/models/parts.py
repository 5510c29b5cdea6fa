"""Parts that v3 requests share: background, captions, voice, engine, watermark."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import optional

from heygen_async._protocol.redaction import redact_url
from heygen_async.models import _checks as check
from heygen_async.models import _shape_checks as shape
from heygen_async.models.assets import AssetInput, RawPart

AspectRatio = Literal["16:9", "9:16", "4:5", "5:4", "1:1", "auto"]
Resolution = Literal["4k", "1080p", "720p"]
Fit = Literal["contain", "cover"]
Expressiveness = Literal["high", "medium", "low"]
OutputFormat = Literal["mp4", "webm"]
WatermarkPosition = Literal["top_left", "top_right", "bottom_left", "bottom_right"]
ElevenLabsModel = Literal["eleven_multilingual_v2", "eleven_turbo_v2_5", "eleven_flash_v2_5", "eleven_v3"]
FishModel = Literal["s1", "s2-pro"]


@frozen(kw_only=True)
class Background:
    """What is behind the avatar: `type="color"` with a hex `value`, or `type="image"` with `url` or `asset_id`."""

    type: Literal["color", "image"] = field(validator=check.choice(Literal["color", "image"]))
    value: str | None = field(default=None, validator=optional(check.color))
    url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    asset_id: str | None = field(default=None, validator=optional(check.text()))

    def __attrs_post_init__(self) -> None:
        sources = [name for name in ("url", "asset_id") if getattr(self, name) is not None]
        if self.type == "color":
            if self.value is None:
                check.refuse("value", "is missing; a color background needs a hex colour such as '#008000'")
            if sources:
                check.refuse(sources[0], "is for image backgrounds only")
        elif self.value is not None:
            check.refuse("value", "is for color backgrounds only")
        elif len(sources) != 1:
            check.refuse("url", "must be given for an image background, or asset_id, and only one of them")


@frozen(kw_only=True)
class CaptionSettings:
    """Captions: a subtitle file beside the video, and with `style="default"` also burned into a copy of it."""

    file_format: Literal["srt"] | None = field(default=None, validator=optional(check.choice(Literal["srt"])))
    style: Literal["default"] | None = field(default=None, validator=optional(check.choice(Literal["default"])))


@frozen(kw_only=True)
class ElevenLabsEngineSettings:
    """Settings for voices that run on ElevenLabs; with `eleven_v3`, `stability` is 0, 0.5 or 1."""

    engine_type: Literal["elevenlabs"] = field(
        default="elevenlabs", validator=check.choice(Literal["elevenlabs"]), repr=False
    )
    model: ElevenLabsModel | None = field(default=None, validator=optional(check.choice(ElevenLabsModel)))
    similarity_boost: float | None = field(default=None, validator=optional(check.number(0, 1)))
    stability: float | None = field(default=None, validator=optional(check.number(0, 1)))
    style: float | None = field(default=None, validator=optional(check.number(0, 1)))
    use_speaker_boost: bool | None = field(default=None, validator=optional(check.flag))

    def __attrs_post_init__(self) -> None:
        if self.model == "eleven_v3" and self.stability not in {None, 0, 0.5, 1}:
            check.refuse("stability", f"must be 0, 0.5 or 1 with model 'eleven_v3', not {self.stability}")


@frozen(kw_only=True)
class FishEngineSettings:
    """Settings for voices that run on Fish."""

    engine_type: Literal["fish"] = field(default="fish", validator=check.choice(Literal["fish"]), repr=False)
    model: FishModel | None = field(default=None, validator=optional(check.choice(FishModel)))
    similarity: float | None = field(default=None, validator=optional(check.number(0, 1)))
    stability: float | None = field(default=None, validator=optional(check.number(0, 1)))


@frozen(kw_only=True)
class StarfishEngineSettings:
    """Say that the voice runs on Starfish, which has no settings."""

    engine_type: Literal["starfish"] = field(
        default="starfish", validator=check.choice(Literal["starfish"]), repr=False
    )


VoiceEngineSettings: TypeAlias = ElevenLabsEngineSettings | FishEngineSettings | StarfishEngineSettings | RawPart
"""Settings of a voice's own engine; HeyGen refuses those of another engine."""


@frozen(kw_only=True)
class VoiceSettings:
    """How a script is spoken: `speed` 0.5 to 1.5, `pitch` -50 to 50, `volume` 0 to 1; ignored with uploaded audio."""

    speed: float | None = field(default=None, validator=optional(check.number(0.5, 1.5)))
    pitch: float | None = field(default=None, validator=optional(check.number(-50, 50)))
    volume: float | None = field(default=None, validator=optional(check.number(0, 1)))
    locale: str | None = field(default=None, validator=optional(check.text()))
    engine_settings: VoiceEngineSettings | None = field(
        default=None, validator=optional(shape.part(VoiceEngineSettings))
    )


@frozen(kw_only=True)
class AvatarIIIEngineConfig:
    """Render with Avatar III: cheapest, without `motion_prompt` and `expressiveness`."""

    type: Literal["avatar_iii"] = field(default="avatar_iii", validator=check.choice(Literal["avatar_iii"]), repr=False)


@frozen(kw_only=True)
class AvatarIVEngineConfig:
    """Render with Avatar IV, which is also what HeyGen takes when no engine is given."""

    type: Literal["avatar_iv"] = field(default="avatar_iv", validator=check.choice(Literal["avatar_iv"]), repr=False)


@frozen(kw_only=True)
class AvatarVEngineConfig:
    """Render with Avatar V, without `expressiveness`; `reference_look_id` is a look of the same group to move like."""

    type: Literal["avatar_v"] = field(default="avatar_v", validator=check.choice(Literal["avatar_v"]), repr=False)
    reference_look_id: str | None = field(default=None, validator=optional(check.text()))


EngineConfig: TypeAlias = AvatarIIIEngineConfig | AvatarIVEngineConfig | AvatarVEngineConfig | RawPart
"""The engine that animates an avatar; it decides the price."""


def check_engine(acted: Any) -> None:
    """Refuse motion and expression fields that the request's engine does not take."""
    if isinstance(acted.engine, AvatarIIIEngineConfig) and acted.motion_prompt is not None:
        check.refuse("motion_prompt", "cannot go with engine avatar_iii; use avatar_iv or avatar_v")
    if isinstance(acted.engine, AvatarIIIEngineConfig | AvatarVEngineConfig) and acted.expressiveness is not None:
        check.refuse("expressiveness", f"cannot go with engine {acted.engine.type}; use avatar_iv")


@frozen(kw_only=True)
class WatermarkPlacement:
    """Where a watermark is: a corner, and offsets from -1 to 1."""

    position: WatermarkPosition | None = field(default=None, validator=optional(check.choice(WatermarkPosition)))
    offset_x: float | None = field(default=None, validator=optional(check.number(-1, 1)))
    offset_y: float | None = field(default=None, validator=optional(check.number(-1, 1)))


@frozen(kw_only=True)
class Watermark:
    """A picture laid over the video, for selected Enterprise accounts: `opacity` 0 to 1, `scale` above 0 to 2."""

    image: AssetInput = field(validator=shape.part(AssetInput))
    opacity: float | None = field(default=None, validator=optional(check.number(0, 1)))
    scale: float | None = field(default=None, validator=optional(check.number(0, 2, above=True)))
    placement: WatermarkPlacement | None = field(default=None, validator=optional(shape.part(WatermarkPlacement)))
