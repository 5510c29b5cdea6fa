"""What requests and scenes have in common: who speaks what, and where the result goes."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import optional

from heygen_async._protocol.redaction import redact_url
from heygen_async.models import _checks as check
from heygen_async.models import _shape_checks as shape
from heygen_async.models.parts import (
    AspectRatio,
    Background,
    CaptionSettings,
    Expressiveness,
    Fit,
    OutputFormat,
    Resolution,
    VoiceSettings,
    Watermark,
)


@frozen(kw_only=True)
class Spoken:
    """Hold one audio source: a script with a voice, or a finished recording."""

    script: str | None = field(default=None, validator=optional(check.text(max_length=check.MAX_SCRIPT)))
    voice_id: str | None = field(default=None, validator=optional(check.text()))
    voice_settings: VoiceSettings | None = field(default=None, validator=optional(shape.part(VoiceSettings)))
    audio_url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    audio_asset_id: str | None = field(default=None, validator=optional(check.text()))


@frozen(kw_only=True)
class Acted(Spoken):
    """Hold how the speaker moves."""

    motion_prompt: str | None = field(default=None, validator=optional(check.text(empty=True)))
    expressiveness: Expressiveness | None = field(default=None, validator=optional(check.choice(Expressiveness)))


@frozen(kw_only=True)
class Filmed(Acted):
    """Hold everything that the two single-speaker requests share."""

    background: Background | None = field(default=None, validator=optional(shape.part(Background)))
    remove_background: bool | None = field(default=None, validator=optional(check.flag))
    fit: Fit | None = field(default=None, validator=optional(check.choice(Fit)))
    aspect_ratio: AspectRatio | None = field(default=None, validator=optional(check.choice(AspectRatio)))
    resolution: Resolution | None = field(default=None, validator=optional(check.choice(Resolution)))
    output_format: OutputFormat | None = field(default=None, validator=optional(check.choice(OutputFormat)))
    caption: CaptionSettings | None = field(default=None, validator=optional(shape.part(CaptionSettings)))
    watermark: Watermark | None = field(default=None, validator=optional(shape.part(Watermark)))
    title: str | None = field(default=None, validator=optional(check.text(empty=True)))
    callback_id: str | None = field(default=None, validator=optional(check.text(empty=True)))
    callback_url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)


def check_film(filmed: Filmed) -> None:
    """Refuse a background behind a video that is to have none."""
    if filmed.output_format == "webm" and filmed.background is not None:
        check.refuse(
            "background", "cannot go with output_format 'webm', which is transparent; use 'mp4' or leave it out"
        )
