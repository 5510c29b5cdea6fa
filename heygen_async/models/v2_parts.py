"""Parts of the v2 (Quick Start) request.

HeyGen's v2 documents contradict each other in places; where they do, the wider form is accepted here and HeyGen
decides. A field left at None is not sent.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from attrs import Attribute, field, frozen
from attrs.validators import optional

from heygen_async._protocol.redaction import redact_url
from heygen_async.models import _checks as check
from heygen_async.models import _shape_checks as shape

AvatarStyle = Literal["normal", "circle", "closeUp", "voice_only", "voiceOnly"]
TalkingPhotoStyle = Literal["square", "circle"]
TalkingStyle = Literal["stable", "expressive"]
Expression = Literal["default", "happy"]
Emotion = Literal["Excited", "Friendly", "Serious", "Soothing", "Broadcaster"]
BackgroundFit = Literal["cover", "crop", "contain", "none"]
PlayStyle = Literal["fit_to_scene", "freeze", "loop", "once", "full_video"]


@frozen(kw_only=True)
class Offset:
    """How far the character is moved, in fractions of the canvas."""

    x: float = field(default=0, validator=check.number())
    y: float = field(default=0, validator=check.number())


@frozen(kw_only=True)
class _Figure:
    """Hold what both kinds of character have."""

    scale: float | None = field(default=None, validator=optional(check.number(0, 5)))
    offset: Offset | None = field(default=None, validator=optional(shape.part(Offset)))
    matting: bool | None = field(default=None, validator=optional(check.flag))
    circle_background_color: str | None = field(default=None, validator=optional(check.color))
    use_avatar_iv_model: bool | None = field(default=None, validator=optional(check.flag))
    prompt: str | None = field(default=None, validator=optional(check.text(empty=True)))
    keep_original_prompt: bool | None = field(default=None, validator=optional(check.flag))
    custom_motion_prompt: str | None = field(default=None, validator=optional(check.text(empty=True)))
    enhance_custom_motion_prompt: bool | None = field(default=None, validator=optional(check.flag))


@frozen(kw_only=True)
class Avatar(_Figure):
    """An avatar: `avatar_id` is a look's id, not a group's.

    `scale` 0 to 5; `matting` removes the avatar's own background; `use_avatar_iv_model` renders with Avatar IV
    instead of III, and only then the prompts count. The two `custom_motion_prompt` fields are uncertain.
    """

    type: Literal["avatar"] = field(default="avatar", validator=check.choice(Literal["avatar"]), repr=False)
    avatar_id: str = field(validator=check.text())
    avatar_style: AvatarStyle | None = field(default=None, validator=optional(check.choice(AvatarStyle)))


@frozen(kw_only=True)
class TalkingPhoto(_Figure):
    """A photo that speaks; the other fields are as with `Avatar`."""

    type: Literal["talking_photo"] = field(
        default="talking_photo", validator=check.choice(Literal["talking_photo"]), repr=False
    )
    talking_photo_id: str = field(validator=check.text())
    talking_photo_style: TalkingPhotoStyle | None = field(
        default=None, validator=optional(check.choice(TalkingPhotoStyle))
    )
    talking_style: TalkingStyle | None = field(default=None, validator=optional(check.choice(TalkingStyle)))
    expression: Expression | None = field(default=None, validator=optional(check.choice(Expression)))
    super_resolution: bool | None = field(default=None, validator=optional(check.flag))


Character: TypeAlias = Avatar | TalkingPhoto
"""Who speaks in a scene."""


@frozen(kw_only=True)
class ElevenLabsSettings:
    """Settings for voices that run on ElevenLabs, each from 0 to 1."""

    model: str | None = field(default=None, validator=optional(check.text()))
    similarity_boost: float | None = field(default=None, validator=optional(check.number(0, 1)))
    stability: float | None = field(default=None, validator=optional(check.number(0, 1)))
    style: float | None = field(default=None, validator=optional(check.number(0, 1)))


@frozen(kw_only=True)
class TextVoice:
    """A text to speak, of at most 5,000 characters; `<break time="1.5s"/>` makes a pause.

    `voice_id` may be left out for looks with a voice of their own (uncertain). `speed` 0.5 to 1.5, in older documents
    to 2; `pitch` -50 to 50, in older documents -20 to 20.
    """

    type: Literal["text"] = field(default="text", validator=check.choice(Literal["text"]), repr=False)
    input_text: str = field(validator=check.text(max_length=check.MAX_SCRIPT))
    voice_id: str | None = field(default=None, validator=optional(check.text()))
    speed: float | None = field(default=None, validator=optional(check.number(0.5, 2)))
    pitch: float | None = field(default=None, validator=optional(check.number(-50, 50)))
    emotion: Emotion | None = field(default=None, validator=optional(check.choice(Emotion)))
    locale: str | None = field(default=None, validator=optional(check.text()))
    elevenlabs_settings: ElevenLabsSettings | None = field(
        default=None, validator=optional(shape.part(ElevenLabsSettings))
    )


@frozen(kw_only=True)
class AudioVoice:
    """A recording of at most 10 minutes to speak: exactly one of `audio_url` and `audio_asset_id`."""

    type: Literal["audio"] = field(default="audio", validator=check.choice(Literal["audio"]), repr=False)
    audio_url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    audio_asset_id: str | None = field(default=None, validator=optional(check.text()))

    def __attrs_post_init__(self) -> None:
        _one_of(self, "audio_url", "audio_asset_id")


def _seconds_of_silence(_instance: object, attribute: Attribute[Any], value: object) -> None:
    seconds = value
    if isinstance(value, str):
        try:
            seconds = float(value)
        except ValueError:
            check.refuse(attribute.name, f"must be a number of seconds, not {check.shown(value)}")
    check.check_number(attribute.name, seconds, 1, 100)


@frozen(kw_only=True)
class SilenceVoice:
    """Silence for `duration` seconds, 1 to 100; HeyGen's sample sends it as a string, so both forms are taken."""

    type: Literal["silence"] = field(default="silence", validator=check.choice(Literal["silence"]), repr=False)
    duration: float | str | None = field(default=None, validator=optional(_seconds_of_silence))


Voice: TypeAlias = TextVoice | AudioVoice | SilenceVoice
"""What is heard in a scene."""


@frozen
class ColorBackground:
    """A plain background in a hex colour such as `#008000`."""

    type: Literal["color"] = field(default="color", validator=check.choice(Literal["color"]), repr=False, kw_only=True)
    value: str = field(validator=check.color)


@frozen(kw_only=True)
class ImageBackground:
    """A picture behind the character: exactly one of `url` and `image_asset_id`."""

    type: Literal["image"] = field(default="image", validator=check.choice(Literal["image"]), repr=False)
    url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    image_asset_id: str | None = field(default=None, validator=optional(check.text()))
    fit: BackgroundFit | None = field(default=None, validator=optional(check.choice(BackgroundFit)))

    def __attrs_post_init__(self) -> None:
        _one_of(self, "url", "image_asset_id")


@frozen(kw_only=True)
class VideoBackground:
    """A clip behind the character: exactly one of `url` and `video_asset_id`."""

    type: Literal["video"] = field(default="video", validator=check.choice(Literal["video"]), repr=False)
    url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    video_asset_id: str | None = field(default=None, validator=optional(check.text()))
    play_style: PlayStyle | None = field(default=None, validator=optional(check.choice(PlayStyle)))
    fit: BackgroundFit | None = field(default=None, validator=optional(check.choice(BackgroundFit)))

    def __attrs_post_init__(self) -> None:
        _one_of(self, "url", "video_asset_id")


SceneBackground: TypeAlias = ColorBackground | ImageBackground | VideoBackground
"""What is behind the character."""


def _one_of(part: object, *names: str) -> None:
    given = [name for name in names if getattr(part, name) is not None]
    if not given:
        check.refuse(names[0], f"is missing; give exactly one of {' and '.join(names)}")
    if len(given) > 1:
        check.refuse(given[1], f"cannot go with {given[0]}; give exactly one of them")
