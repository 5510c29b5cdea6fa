"""Say a v2 request in v3's words: what a client does when HeyGen has retired v2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, get_args

from heygen_async._protocol.arguments import check_kind
from heygen_async._protocol.encoding import from_mapping_v2
from heygen_async._protocol.scene_translation import Fields, avatar_fields, lost_fields, studio_scene
from heygen_async.errors import TranslationError
from heygen_async.models._canvas import Dimension
from heygen_async.models.parts import AspectRatio, CaptionSettings, Resolution
from heygen_async.models.requests import AvatarVideo, ImageVideo, StudioVideo
from heygen_async.models.v2_request import VideoRequest

Translated: TypeAlias = AvatarVideo | ImageVideo | StudioVideo
"""What a v2 request becomes. Its scenes have no field for a picture that speaks, so `ImageVideo` does not occur yet."""

# Fields without a counterpart, and the value of each that says nothing.
_LOST_OF_REQUEST: Final[Mapping[str, object]] = {
    "folder_id": None,
    "fps": 25,
    "enable_watermark": False,
    "test": False,
}
_LOST_OF_SUBTITLES: Final[Mapping[str, object]] = {
    "preset_name": "default",
    "alignment": None,
    "font_size": None,
    "position": None,
    "disable_highlight": False,
}
_RATIOS: Final[Mapping[AspectRatio, float]] = {
    "16:9": 16 / 9,
    "9:16": 9 / 16,
    "1:1": 1.0,
    "4:5": 4 / 5,
    "5:4": 5 / 4,
}


def to_v3(request: VideoRequest | Mapping[str, Any], *, allow_loss: bool = False) -> Translated:
    """Translate a v2 request (or its JSON) to v3.

    One scene with a character becomes an `AvatarVideo`, anything else a `StudioVideo`. The engine is said explicitly,
    Avatar III unless `use_avatar_iv_model` is True, so that the price class stays. `dimension` becomes the nearest
    aspect ratio and a resolution; captions come as SRT instead of ASS.

    Raise `TranslationError`, whose `losses` names the path of every field that says something v3 cannot say. A field
    at its default is no loss; `test=True` always is one, because v3 would charge. A motion prompt without Avatar IV is
    one too, because Avatar III takes none. With `allow_loss=True` these fields are dropped, and with them scenes of
    which nothing remains (an avatar that is silent, a voice over a plain colour); if no scene remains, the error comes
    all the same. Raise `ValueError` for JSON that is no valid v2 request.
    """
    typed, unknown = _understood(request)
    lost: list[str] = []
    translated = _translated(typed, lost)
    lost += unknown
    if translated is None or (lost and not allow_loss):
        raise TranslationError(_explained(lost, hopeless=translated is None), losses=lost)
    return translated


def _understood(request: VideoRequest | Mapping[str, Any]) -> tuple[VideoRequest, list[str]]:
    if isinstance(request, VideoRequest):
        return request, [name for name, value in request.extra.items() if value is not None]
    check_kind("request", request, Mapping, "a v2.VideoRequest or its JSON as a mapping")
    return from_mapping_v2(request)


def _translated(request: VideoRequest, lost: list[str]) -> Translated | None:
    common = _common(request, lost)
    first = request.video_inputs[0]
    if len(request.video_inputs) == 1 and first.character is not None:
        fields = avatar_fields(first, first.character, "video_inputs[0]", lost)
        return None if fields is None else AvatarVideo(**fields, **common)
    found = [studio_scene(scene, f"video_inputs[{i}]", lost) for i, scene in enumerate(request.video_inputs)]
    scenes = [scene for scene in found if scene is not None]
    return StudioVideo(scenes=scenes, **common) if scenes else None


def _common(request: VideoRequest, lost: list[str]) -> Fields:
    lost += lost_fields(request, "", _LOST_OF_REQUEST)
    ratio, resolution = canvas_of(request.dimension) if request.dimension else (None, None)
    if request.aspect_ratio is not None and request.aspect_ratio != ratio:
        if ratio is None and request.aspect_ratio in get_args(AspectRatio):
            said: Any = request.aspect_ratio
            ratio = said
        else:
            lost.append("aspect_ratio")
    return {
        "title": request.title,
        "callback_id": request.callback_id,
        "callback_url": request.callback_url,
        "aspect_ratio": ratio,
        "resolution": resolution,
        "caption": _caption(request, lost),
    }


def canvas_of(dimension: Dimension) -> tuple[AspectRatio, Resolution]:
    """Return the nearest of v3's aspect ratios, and the resolution that the longer side asks for."""
    shape = math.log(dimension.width / dimension.height)
    ratio: AspectRatio = min(_RATIOS, key=lambda name: abs(math.log(_RATIOS[name]) - shape))
    longer = max(dimension.width, dimension.height)
    return ratio, "4k" if longer >= 3840 else "1080p" if longer >= 1920 else "720p"


def _caption(request: VideoRequest, lost: list[str]) -> CaptionSettings | None:
    """Return the captions: v2 gave ASS files, v3 gives SRT; v3 knows one style of burned-in captions."""
    if request.subtitles is not None:
        lost += lost_fields(request.subtitles, "subtitles.", _LOST_OF_SUBTITLES)
    if request.subtitles is not None or request.caption_mode == "burn_in":
        return CaptionSettings(file_format="srt", style="default")
    return CaptionSettings(file_format="srt") if request.caption or request.caption_mode else None


def _explained(lost: list[str], *, hopeless: bool) -> str:
    fields = ", ".join(lost)
    if hopeless:
        return (
            f"This v2 request has no counterpart on v3: nothing would remain without {fields}. Nothing was sent. "
            "Give every scene a speaking avatar, a picture with a voice, or a clip."
        )
    free = " v3 has no test mode and would charge for the video." if "test" in lost else ""
    return (
        f"This v2 request says what v3 cannot: {fields}.{free} Nothing was sent. Leave these fields out, or drop them "
        "with v2.to_v3(request, allow_loss=True)."
    )
