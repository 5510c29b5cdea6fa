"""What is put in the place of a template's variables; field names are those of v3."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import optional

from heygen_async._protocol.redaction import redact_url
from heygen_async.models import _checks as check
from heygen_async.models.assets import RawPart

TemplateFit = Literal["cover", "crop", "contain", "none"]
TemplatePlayStyle = Literal["fit_to_scene", "freeze", "loop", "once"]
CharacterType = Literal["avatar", "talking_photo"]


@frozen(kw_only=True)
class _Media:
    """Hold a file: exactly one of `url` and `asset_id`."""

    url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    asset_id: str | None = field(default=None, validator=optional(check.text()))

    def __attrs_post_init__(self) -> None:
        if (self.url is None) == (self.asset_id is None):
            check.refuse("url", "must be given, or asset_id, and only one of them")


@frozen
class TextVariable:
    """A text; in a script it is spoken."""

    type: Literal["text"] = field(default="text", validator=check.choice(Literal["text"]), repr=False, kw_only=True)
    content: str = field(validator=check.text(empty=True))


@frozen(kw_only=True)
class ImageVariable(_Media):
    """A picture: exactly one of `url` and `asset_id`."""

    type: Literal["image"] = field(default="image", validator=check.choice(Literal["image"]), repr=False)
    fit: TemplateFit | None = field(default=None, validator=optional(check.choice(TemplateFit)))


@frozen(kw_only=True)
class VideoVariable(_Media):
    """A clip: exactly one of `url` and `asset_id`."""

    type: Literal["video"] = field(default="video", validator=check.choice(Literal["video"]), repr=False)
    play_style: TemplatePlayStyle | None = field(default=None, validator=optional(check.choice(TemplatePlayStyle)))
    fit: TemplateFit | None = field(default=None, validator=optional(check.choice(TemplateFit)))


@frozen(kw_only=True)
class AudioVariable(_Media):
    """A sound: exactly one of `url` and `asset_id`."""

    type: Literal["audio"] = field(default="audio", validator=check.choice(Literal["audio"]), repr=False)


@frozen
class CharacterVariable:
    """Who speaks: the id of an avatar look, or of a talking photo."""

    type: Literal["character"] = field(
        default="character", validator=check.choice(Literal["character"]), repr=False, kw_only=True
    )
    character_id: str = field(validator=check.text())
    character_type: CharacterType = field(default="avatar", validator=check.choice(CharacterType), kw_only=True)


@frozen
class VoiceVariable:
    """A voice."""

    type: Literal["voice"] = field(default="voice", validator=check.choice(Literal["voice"]), repr=False, kw_only=True)
    voice_id: str = field(validator=check.text())


TemplateVariable: TypeAlias = (
    TextVariable | ImageVariable | VideoVariable | AudioVariable | CharacterVariable | VoiceVariable | RawPart
)
"""What is put in the place of one variable; `RawPart` holds the v3 JSON of a kind that this version does not know."""

VARIABLE_CLASSES: dict[str, Any] = {
    "text": TextVariable,
    "image": ImageVariable,
    "video": VideoVariable,
    "audio": AudioVariable,
    "character": CharacterVariable,
    "voice": VoiceVariable,
}
