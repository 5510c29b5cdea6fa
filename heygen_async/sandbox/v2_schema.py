"""The body of `POST /v2/video/generate` as HeyGen documents it; unknown fields pass, as they do there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from heygen_async.sandbox.schema import Fault, flag, items, nullable, number, record, required, tagged, text, url
from heygen_async.sandbox.v3_schema import HEX, SCRIPT_CHARACTERS


def _one_of(*names: str) -> Any:
    def rule(body: dict[str, Any], path: str) -> Iterator[Fault]:
        if sum(body.get(name) is not None for name in names) != 1:
            yield Fault(f"{path}.{names[0]}", f"exactly one of {', '.join(names)} is required")

    return rule


def _seconds(value: Any, path: str) -> Iterator[Fault]:
    """Check the length of a silence, a number or (as in HeyGen's sample) a string with one."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        yield Fault(path, "Input should be a valid number")
        return
    if not 1 <= seconds <= 100:
        yield Fault(path, "Input should be between 1 and 100")


_OFFSET: Final = record({"x": number(), "y": number()})

_CHARACTER: Final = tagged(
    "type",
    {
        "avatar": record(
            {
                "avatar_id": required(text(shortest=1)),
                "avatar_style": nullable(text(one_of=["normal", "circle", "closeUp", "voice_only", "voiceOnly"])),
                "scale": nullable(number(0, 5)),
                "offset": nullable(_OFFSET),
                "matting": nullable(flag),
                "circle_background_color": nullable(text(pattern=HEX)),
            }
        ),
        "talking_photo": record(
            {
                "talking_photo_id": required(text(shortest=1)),
                "talking_photo_style": nullable(text(one_of=["square", "circle"])),
                "talking_style": nullable(text(one_of=["stable", "expressive"])),
                "expression": nullable(text(one_of=["default", "happy"])),
                "super_resolution": nullable(flag),
                "scale": nullable(number(0, 5)),
                "offset": nullable(_OFFSET),
                "matting": nullable(flag),
            }
        ),
    },
)

_VOICE: Final = tagged(
    "type",
    {
        "text": record(
            {
                "input_text": required(text(shortest=1, longest=SCRIPT_CHARACTERS)),
                "voice_id": nullable(text(shortest=1)),
                "speed": nullable(number(0.5, 1.5)),
                "pitch": nullable(number(-50, 50)),
                "emotion": nullable(text(one_of=["Excited", "Friendly", "Serious", "Soothing", "Broadcaster"])),
                "locale": nullable(text()),
                "elevenlabs_settings": nullable(record({})),
            }
        ),
        "audio": record(
            {"audio_url": nullable(url), "audio_asset_id": nullable(text(shortest=1))},
            rules=[_one_of("audio_url", "audio_asset_id")],
        ),
        "silence": record({"duration": nullable(_seconds)}),
    },
)

_FIT: Final = nullable(text(one_of=["cover", "crop", "contain", "none"]))

_BACKGROUND: Final = tagged(
    "type",
    {
        "color": record({"value": required(text(pattern=HEX))}),
        "image": record(
            {"url": nullable(url), "image_asset_id": nullable(text(shortest=1)), "fit": _FIT},
            rules=[_one_of("url", "image_asset_id")],
        ),
        "video": record(
            {
                "url": nullable(url),
                "video_asset_id": nullable(text(shortest=1)),
                "play_style": nullable(text(one_of=["fit_to_scene", "freeze", "loop", "once", "full_video"])),
                "fit": _FIT,
            },
            rules=[_one_of("url", "video_asset_id")],
        ),
    },
)

_TEXT: Final = record(
    {
        "text": required(text()),
        "font_size": nullable(number(above=0)),
        "font_weight": nullable(text()),
        "color": nullable(text(pattern=HEX)),
        "position": nullable(_OFFSET),
        "text_align": nullable(text()),
        "line_height": nullable(number(above=0)),
        "width": nullable(number(above=0)),
    }
)

_SCENE: Final = record(
    {
        "character": nullable(_CHARACTER),
        "voice": required(_VOICE),
        "background": nullable(_BACKGROUND),
        "text": nullable(_TEXT),
    }
)

GENERATE_VIDEO: Final = record(
    {
        "video_inputs": required(items(_SCENE, fewest=1, most=50)),
        "dimension": nullable(
            record(
                {"width": required(number(128, 4096, whole=True)), "height": required(number(128, 4096, whole=True))}
            )
        ),
        "caption": nullable(flag),
        "caption_mode": nullable(text(one_of=["file_only", "burn_in"])),
        "title": nullable(text()),
        "callback_id": nullable(text()),
        "callback_url": nullable(url),
        "folder_id": nullable(text()),
        "fps": nullable(number(1, 60)),
        "enable_watermark": nullable(flag),
        "test": nullable(flag),
    }
)
"""Checks a whole generate body."""
