"""Scenes of a v3 studio video."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import optional

from heygen_async.models import _checks as check
from heygen_async.models import _shape_checks as shape
from heygen_async.models._spoken import Acted, Spoken
from heygen_async.models.assets import AssetInput, RawPart
from heygen_async.models.parts import EngineConfig, check_engine


@frozen(kw_only=True)
class StudioColorBackground:
    """The colour behind a scene's avatar, of six hex digits; scenes take no pictures there."""

    type: Literal["color"] = field(default="color", validator=check.choice(Literal["color"]), repr=False)
    color: str = field(validator=check.six_digit_color)


@frozen(kw_only=True)
class StudioAvatarInput(Acted):
    """An avatar look that speaks: exactly one of `script`, `audio_url` and `audio_asset_id`."""

    type: Literal["avatar"] = field(default="avatar", validator=check.choice(Literal["avatar"]), repr=False)
    avatar_id: str = field(validator=check.text())
    engine: EngineConfig | None = field(default=None, validator=optional(shape.part(EngineConfig)))
    background: StudioColorBackground | None = field(
        default=None, validator=optional(shape.part(StudioColorBackground))
    )

    def __attrs_post_init__(self) -> None:
        shape.check_speech(self)
        check_engine(self)


@frozen(kw_only=True)
class StudioImageInput(Acted):
    """A picture that is brought to speak: exactly one of `script` (with `voice_id`), `audio_url`, `audio_asset_id`."""

    type: Literal["image"] = field(default="image", validator=check.choice(Literal["image"]), repr=False)
    image: AssetInput = field(validator=shape.part(AssetInput))

    def __attrs_post_init__(self) -> None:
        shape.check_speech(self, voice_required=True)


StudioSceneInput: TypeAlias = StudioAvatarInput | StudioImageInput | RawPart
"""Who speaks in a scene."""


@frozen(kw_only=True)
class StudioAvatarVideoScene:
    """A scene with a speaker."""

    type: Literal["avatar_video"] = field(
        default="avatar_video", validator=check.choice(Literal["avatar_video"]), repr=False
    )
    input: StudioSceneInput = field(validator=shape.part(StudioSceneInput))


@frozen(kw_only=True)
class StudioImageScene(Spoken):
    """A still picture: silent for `duration` seconds (above 0 to 300), or narrated by one audio source, not both."""

    type: Literal["image"] = field(default="image", validator=check.choice(Literal["image"]), repr=False)
    source: AssetInput = field(validator=shape.part(AssetInput))
    duration: float | None = field(default=None, validator=optional(check.number(0, 300, above=True)))

    def __attrs_post_init__(self) -> None:
        if self.duration is None:
            if self.script is None and self.audio_url is None and self.audio_asset_id is None:
                check.refuse("duration", "is missing; give it, or a script, audio_url or audio_asset_id")
            shape.check_speech(self, voice_required=True)
        elif self.script is not None or self.audio_url is not None or self.audio_asset_id is not None:
            check.refuse("duration", "cannot go with script, audio_url or audio_asset_id, which set the length")


@frozen(kw_only=True)
class StudioVideoPlayback:
    """How a clip sounds: `volume` 0 to 1; `mute` wins over it."""

    mute: bool | None = field(default=None, validator=optional(check.flag))
    volume: float | None = field(default=None, validator=optional(check.number(0, 1)))


@frozen(kw_only=True)
class StudioVideoScene:
    """A clip, played as it is."""

    type: Literal["video"] = field(default="video", validator=check.choice(Literal["video"]), repr=False)
    source: AssetInput = field(validator=shape.part(AssetInput))
    playback: StudioVideoPlayback | None = field(default=None, validator=optional(shape.part(StudioVideoPlayback)))


StudioScene: TypeAlias = StudioAvatarVideoScene | StudioImageScene | StudioVideoScene | RawPart
"""One of the 1 to 50 scenes of a studio video."""
