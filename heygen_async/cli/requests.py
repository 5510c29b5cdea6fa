"""From the options of `generate` to a request of either wire: pure, refused before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from attrs import asdict, frozen

from heygen_async import v2
from heygen_async.models.parts import AspectRatio, Background, CaptionSettings, Resolution
from heygen_async.models.requests import AvatarVideo
from heygen_async.models.video import ApiVersion

_SHORT_SIDES: Final = {"720p": 720, "1080p": 1080, "4k": 2160}
_RATIOS: Final = {"16:9": (16, 9), "9:16": (9, 16), "4:5": (4, 5), "5:4": (5, 4), "1:1": (1, 1)}


@frozen(kw_only=True)
class RequestOptions:
    """What the command line says about a video; None is an option that was not given."""

    avatar: str | None = None
    voice: str | None = None
    script: str | None = None
    title: str | None = None
    background: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    caption: bool = False

    def given(self) -> list[str]:
        """Return the names of the options that were given."""
        return [f"--{name.replace('_', '-')}" for name, value in asdict(self).items() if value not in (None, False)]


def build_request(options: RequestOptions, *, wire: ApiVersion) -> AvatarVideo | v2.VideoRequest:
    """Return the request that the options describe; raise `ValueError` that names the option or field."""
    if options.avatar is None:
        raise ValueError("--avatar is missing (or give a whole request with --request FILE.json)")
    if options.script is None:
        raise ValueError("--script is missing (or give a whole request with --request FILE.json)")
    if wire == "v2":
        return _on_v2(options, options.avatar, options.script)
    return _on_v3(options, options.avatar, options.script)


def parse_request(text: str, *, source: str) -> Mapping[str, Any]:
    """Return the JSON request of a file; whether it fits a wire is checked when it is submitted."""
    try:
        request = json.loads(text)
    except ValueError as error:
        raise ValueError(f"--request: {source} is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ValueError(f"--request: {source} must hold one JSON object, the body of HeyGen's create call")  # noqa: TRY004
    return cast("dict[str, Any]", request)


def refuse_mixture(options: RequestOptions) -> None:
    """Refuse options beside a whole request: one of the two would silently lose."""
    given = options.given()
    if given:
        raise ValueError(f"--request holds the whole request, so it cannot go with {', '.join(given)}")


def _on_v3(options: RequestOptions, avatar: str, script: str) -> AvatarVideo:
    return AvatarVideo(
        avatar_id=avatar,
        voice_id=options.voice,
        script=script,
        title=options.title,
        background=_background(options.background),
        aspect_ratio=cast("AspectRatio | None", options.aspect_ratio),
        resolution=cast("Resolution | None", options.resolution),
        caption=CaptionSettings(file_format="srt", style="default") if options.caption else None,
    )


def _background(color: str | None) -> Background | None:
    if color is None:
        return None
    try:
        return Background(type="color", value=color)
    except ValueError as error:
        raise ValueError(f"--background: {str(error).removeprefix('value: ')}") from error


def _on_v2(options: RequestOptions, avatar: str, script: str) -> v2.VideoRequest:
    color = _background(options.background)
    scene = v2.VideoInput(
        character=v2.Avatar(avatar_id=avatar, avatar_style="normal"),
        voice=v2.TextVoice(input_text=script, voice_id=options.voice),
        background=v2.ColorBackground(color.value) if color and color.value else None,
    )
    return v2.VideoRequest(
        video_inputs=[scene],
        dimension=_dimension(options),
        caption=True if options.caption else None,
        title=options.title,
    )


def _dimension(options: RequestOptions) -> v2.Dimension | None:
    """Return the canvas that stands for v3's two words; v2 has pixels only."""
    if options.aspect_ratio is None and options.resolution is None:
        return None
    short = _SHORT_SIDES.get(options.resolution or "720p")
    ratio = _RATIOS.get(options.aspect_ratio or "16:9")
    if short is None:
        raise ValueError(f"--resolution must be one of {', '.join(_SHORT_SIDES)}, not {options.resolution!r}")
    if ratio is None:
        raise ValueError(f"--aspect-ratio must be one of {', '.join(_RATIOS)} on v2, not {options.aspect_ratio!r}")
    unit = short // min(ratio)
    return v2.Dimension(ratio[0] * unit, ratio[1] * unit)
