"""The body of `POST /v3/videos` as HeyGen documents it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from heygen_async.sandbox.schema import (
    Check,
    Fault,
    Field,
    as_object,
    flag,
    items,
    nullable,
    number,
    record,
    required,
    tagged,
    text,
    url,
)

SCRIPT_CHARACTERS: Final = 5000
AUDIO_SOURCES: Final = ("script", "audio_url", "audio_asset_id")
HEX: Final = r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})"


def _type(name: str) -> Field:
    return required(text(one_of=[name]))


def _given(body: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [name for name in names if body.get(name) is not None]


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _one_audio_source(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if len(given := _given(body, AUDIO_SOURCES)) != 1:
        where = given[-1] if given else "script"
        yield Fault(_at(path, where), "Exactly one audio source required: script, audio_url, or audio_asset_id.")


def _voice_for_script(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if body.get("script") is not None and body.get("voice_id") is None:
        yield Fault(_at(path, "voice_id"), "voice_id is required with script")


def _engine_fits(body: dict[str, Any], path: str) -> Iterator[Fault]:
    kind = (as_object(body.get("engine")) or {}).get("type")
    if kind == "avatar_iii" and body.get("motion_prompt") is not None:
        yield Fault(_at(path, "motion_prompt"), "motion_prompt is not supported by avatar_iii")
    if kind in {"avatar_iii", "avatar_v"} and body.get("expressiveness") is not None:
        yield Fault(_at(path, "expressiveness"), f"expressiveness is not supported by {kind}")


def _webm_has_no_background(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if body.get("output_format") == "webm" and body.get("background") is not None:
        yield Fault(_at(path, "background"), "background is not supported with output_format webm")


def _background_is_whole(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if body.get("type") == "color" and body.get("value") is None:
        yield Fault(_at(path, "value"), "value is required for a color background")
    if body.get("type") == "image" and len(_given(body, ("url", "asset_id"))) != 1:
        yield Fault(_at(path, "url"), "Exactly one of url, asset_id is required for an image background")


def _duration_or_audio(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if len(given := _given(body, (*AUDIO_SOURCES, "duration"))) != 1:
        where = given[-1] if given else "duration"
        yield Fault(_at(path, where), "Exactly one of duration, script, audio_url, audio_asset_id is required")


def _duration_is_open(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if body.get("auto_duration") is True and body.get("duration") is not None:
        yield Fault(_at(path, "duration"), "duration must be omitted when auto_duration is true")


def _v3_model_is_stable(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if body.get("model") == "eleven_v3" and body.get("stability") not in {None, 0, 0.5, 1}:
        yield Fault(_at(path, "stability"), "stability must be 0, 0.5 or 1 with eleven_v3")


ASSET: Final = tagged(
    "type",
    {
        "url": record({"type": _type("url"), "url": required(url)}, closed=True),
        "asset_id": record({"type": _type("asset_id"), "asset_id": required(text(shortest=1))}, closed=True),
        "base64": record(
            {"type": _type("base64"), "media_type": required(text()), "data": required(text(shortest=1))}, closed=True
        ),
    },
)

_ENGINE: Final = tagged(
    "type",
    {
        "avatar_iii": record({"type": _type("avatar_iii")}, closed=True),
        "avatar_iv": record({"type": _type("avatar_iv")}, closed=True),
        "avatar_v": record({"type": _type("avatar_v"), "reference_look_id": nullable(text())}, closed=True),
    },
)

_SHARE: Final = nullable(number(0, 1))

_VOICE_ENGINE: Final = tagged(
    "engine_type",
    {
        "elevenlabs": record(
            {
                "model": nullable(
                    text(one_of=["eleven_multilingual_v2", "eleven_turbo_v2_5", "eleven_flash_v2_5", "eleven_v3"])
                ),
                "similarity_boost": _SHARE,
                "stability": _SHARE,
                "style": _SHARE,
                "use_speaker_boost": nullable(flag),
            },
            rules=[_v3_model_is_stable],
        ),
        "fish": record({"model": nullable(text(one_of=["s1", "s2-pro"])), "similarity": _SHARE, "stability": _SHARE}),
        "starfish": record({}),
    },
)

_VOICE: Final = record(
    {
        "engine_settings": nullable(_VOICE_ENGINE),
        "locale": nullable(text()),
        "pitch": number(-50, 50),
        "speed": number(0.5, 1.5),
        "volume": number(0, 1),
    }
)

_BACKGROUND: Final = record(
    {
        "type": required(text(one_of=["color", "image"])),
        "value": nullable(text(pattern=HEX)),
        "url": nullable(url),
        "asset_id": nullable(text(shortest=1)),
    },
    rules=[_background_is_whole],
)

_STUDIO_BACKGROUND: Final = tagged(
    "type", {"color": record({"type": _type("color"), "color": required(text(pattern=r"#[0-9a-fA-F]{6}"))})}
)

_CAPTION: Final = record({"file_format": text(one_of=["srt"]), "style": nullable(text(one_of=["default"]))})

_OFFSET: Final = nullable(number(-1, 1))

_WATERMARK: Final = record(
    {
        "image": required(ASSET),
        "opacity": number(0, 1),
        "scale": number(above=0, high=2),
        "placement": nullable(
            record(
                {
                    "offset_x": _OFFSET,
                    "offset_y": _OFFSET,
                    "position": text(one_of=["top_left", "top_right", "bottom_left", "bottom_right"]),
                }
            )
        ),
    }
)

_RATIO: Final = text(one_of=["16:9", "9:16", "4:5", "5:4", "1:1", "auto"])
_RESOLUTION: Final = text(one_of=["4k", "1080p", "720p"])

_SPOKEN: Final[dict[str, Field | Check]] = {
    "script": nullable(text(shortest=1, longest=SCRIPT_CHARACTERS)),
    "voice_id": nullable(text(shortest=1)),
    "voice_settings": nullable(_VOICE),
    "audio_url": nullable(url),
    "audio_asset_id": nullable(text(shortest=1)),
}
_MOVED: Final[dict[str, Field | Check]] = {
    "motion_prompt": nullable(text()),
    "expressiveness": nullable(text(one_of=["high", "medium", "low"])),
}
_COMMON: Final[dict[str, Field | Check]] = {
    "title": nullable(text()),
    "callback_id": nullable(text()),
    "callback_url": nullable(url),
    "caption": nullable(_CAPTION),
    "aspect_ratio": nullable(_RATIO),
    "resolution": nullable(_RESOLUTION),
    "watermark": nullable(_WATERMARK),
}
_SINGLE: Final[dict[str, Field | Check]] = {
    **_COMMON,
    **_SPOKEN,
    **_MOVED,
    "background": nullable(_BACKGROUND),
    "fit": nullable(text(one_of=["contain", "cover"])),
    "output_format": text(one_of=["mp4", "webm"]),
    "remove_background": nullable(flag),
}

_STUDIO_AVATAR: Final = record(
    {
        **_SPOKEN,
        **_MOVED,
        "type": _type("avatar"),
        "avatar_id": required(text(shortest=1)),
        "background": nullable(_STUDIO_BACKGROUND),
        "engine": nullable(_ENGINE),
    },
    rules=[_one_audio_source, _engine_fits],
)
_STUDIO_IMAGE: Final = record(
    {**_SPOKEN, **_MOVED, "type": _type("image"), "image": required(ASSET)},
    rules=[_one_audio_source, _voice_for_script],
)
_PLAYBACK: Final = record({"mute": flag, "volume": number(0, 1)})

_SCENE: Final = tagged(
    "type",
    {
        "avatar_video": record(
            {
                "type": _type("avatar_video"),
                "input": required(tagged("type", {"avatar": _STUDIO_AVATAR, "image": _STUDIO_IMAGE})),
            }
        ),
        "image": record(
            {
                **_SPOKEN,
                "type": _type("image"),
                "source": required(ASSET),
                "duration": nullable(number(above=0, high=300)),
            },
            rules=[_duration_or_audio, _voice_for_script],
        ),
        "video": record({"type": _type("video"), "source": required(ASSET), "playback": nullable(_PLAYBACK)}),
    },
)

CREATE_VIDEO: Final = tagged(
    "type",
    {
        "avatar": record(
            {
                **_SINGLE,
                "type": _type("avatar"),
                "avatar_id": required(text(shortest=1)),
                "engine": nullable(_ENGINE),
            },
            closed=True,
            rules=[_one_audio_source, _engine_fits, _webm_has_no_background],
        ),
        "image": record(
            {**_SINGLE, "type": _type("image"), "image": required(ASSET)},
            closed=True,
            rules=[_one_audio_source, _voice_for_script, _webm_has_no_background],
        ),
        "cinematic_avatar": record(
            {
                "type": _type("cinematic_avatar"),
                "avatar_id": required(items(text(shortest=1), fewest=1, most=3)),
                "prompt": required(text(shortest=1, longest=10_000)),
                "aspect_ratio": text(one_of=["16:9", "9:16", "1:1"]),
                "resolution": text(one_of=["720p", "1080p"]),
                "duration": nullable(number(4, 15, whole=True)),
                "auto_duration": flag,
                "enhance_prompt": flag,
                "references": nullable(items(ASSET, most=12)),
                "title": nullable(text()),
            },
            closed=True,
            rules=[_duration_is_open],
        ),
        "studio": record(
            {**_COMMON, "type": _type("studio"), "scenes": required(items(_SCENE, fewest=1, most=50))}, closed=True
        ),
    },
)
"""Checks a whole create body; the four arms refuse fields they do not know."""
