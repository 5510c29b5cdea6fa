"""Say one v2 scene in v3's words, and note the fields for which v3 has none.

Each function adds the paths of what gets lost to `lost`. One that returns None found nothing in v3 for the whole part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, get_args

from heygen_async.models.assets import AssetId, AssetInput, AssetUrl
from heygen_async.models.parts import (
    AvatarIIIEngineConfig,
    AvatarIVEngineConfig,
    Background,
    ElevenLabsEngineSettings,
    ElevenLabsModel,
    VoiceSettings,
)
from heygen_async.models.studio import (
    StudioAvatarInput,
    StudioAvatarVideoScene,
    StudioColorBackground,
    StudioImageScene,
    StudioScene,
    StudioVideoScene,
)
from heygen_async.models.v2_parts import (
    Avatar,
    Character,
    ColorBackground,
    ElevenLabsSettings,
    ImageBackground,
    Offset,
    SceneBackground,
    SilenceVoice,
    TextVoice,
    VideoBackground,
    Voice,
)
from heygen_async.models.v2_request import VideoInput

Fields: TypeAlias = dict[str, Any]

# Fields without a counterpart, and the value of each that says nothing.
_LOST_OF_CHARACTER: Final[Mapping[str, object]] = {
    "avatar_style": "normal",
    "talking_photo_style": None,
    "scale": 1,
    "offset": Offset(),
    "circle_background_color": None,
    "talking_style": None,
    "expression": "default",
    "super_resolution": False,
    "keep_original_prompt": False,
    "enhance_custom_motion_prompt": False,
}
_FASTEST: Final = 1.5
_DEFAULT_SILENCE: Final = 1.0


def lost_fields(part: object, path: str, silent: Mapping[str, object]) -> list[str]:
    """Return the paths of the fields that say something: neither None, nor empty, nor their silent value."""
    said = {name: getattr(part, name, None) for name in silent}
    return [f"{path}{name}" for name, value in said.items() if value not in (None, "", silent[name])]


def avatar_fields(scene: VideoInput, character: Character, path: str, lost: list[str]) -> Fields | None:
    """Return the fields of an `AvatarVideo` that a scene sets."""
    fields = _speaker(scene, character, path, lost)
    if fields is None:
        return None
    background = scene.background
    if isinstance(background, VideoBackground):
        lost.append(f"{path}.background")
    elif background is not None:
        fields["background"] = _background(background, path, lost)
    return fields | {"remove_background": True if character.matting else None}


def studio_scene(scene: VideoInput, path: str, lost: list[str]) -> StudioScene | None:
    """Return a scene of a `StudioVideo`, or None if v3 has none of this kind."""
    if scene.character is not None:
        return _avatar_scene(scene, scene.character, path, lost)
    if isinstance(scene.background, ImageBackground):
        return _image_scene(scene, scene.background, path, lost)
    if isinstance(scene.background, VideoBackground):
        return _video_scene(scene, scene.background, path, lost)
    # v3 shows an avatar, a picture or a clip; a voice over a plain colour is none of them.
    lost.append(f"{path}.background" if scene.background else f"{path}.voice")
    return None


def _speaker(scene: VideoInput, character: Character, path: str, lost: list[str]) -> Fields | None:
    """Return what both wires' speaking avatars have in common; a silent avatar is not possible on v3."""
    lost += _lost_text(scene, path) + lost_fields(character, f"{path}.character.", _LOST_OF_CHARACTER)
    speech = _speech(scene.voice, f"{path}.voice", lost)
    if speech is None:
        lost.append(f"{path}.voice")
        return None
    return speech | {
        "avatar_id": character.avatar_id if isinstance(character, Avatar) else character.talking_photo_id,
        # Said explicitly: left out, v3 takes Avatar IV, which costs more than v2's default.
        "engine": AvatarIVEngineConfig() if character.use_avatar_iv_model else AvatarIIIEngineConfig(),
        "motion_prompt": _motion_prompt(character, f"{path}.character.", lost),
    }


def _motion_prompt(character: Character, path: str, lost: list[str]) -> str | None:
    """Return the one prompt that v3 takes; Avatar III takes none."""
    said = {name: text for name in ("prompt", "custom_motion_prompt") if (text := getattr(character, name))}
    kept = next(iter(said.values()), None) if character.use_avatar_iv_model else None
    lost += [f"{path}{name}" for name, text in said.items() if text != kept]
    return kept


def _speech(voice: Voice, path: str, lost: list[str]) -> Fields | None:
    """Return the audio source, or None for silence."""
    if isinstance(voice, SilenceVoice):
        return None
    if isinstance(voice, TextVoice):
        settings = _voice_settings(voice, path, lost)
        return {"script": voice.input_text, "voice_id": voice.voice_id, "voice_settings": settings}
    return {"audio_url": voice.audio_url, "audio_asset_id": voice.audio_asset_id}


def _voice_settings(voice: TextVoice, path: str, lost: list[str]) -> VoiceSettings | None:
    lost += lost_fields(voice, f"{path}.", {"emotion": None})
    speed = voice.speed
    if speed is not None and speed > _FASTEST:
        lost.append(f"{path}.speed")
        speed = None
    engine = voice.elevenlabs_settings
    settings = VoiceSettings(
        speed=speed,
        pitch=voice.pitch,
        locale=voice.locale,
        engine_settings=_elevenlabs(engine, f"{path}.elevenlabs_settings", lost) if engine else None,
    )
    return None if settings == VoiceSettings() else settings


def _elevenlabs(settings: ElevenLabsSettings, path: str, lost: list[str]) -> ElevenLabsEngineSettings:
    model, stability = settings.model, settings.stability
    if model is not None and model not in get_args(ElevenLabsModel):
        lost.append(f"{path}.model")
        model = None
    if model == "eleven_v3" and stability not in {None, 0, 0.5, 1}:
        lost.append(f"{path}.stability")
        stability = None
    known: Any = model
    return ElevenLabsEngineSettings(
        model=known, stability=stability, similarity_boost=settings.similarity_boost, style=settings.style
    )


def _background(background: ColorBackground | ImageBackground, path: str, lost: list[str]) -> Background:
    if isinstance(background, ColorBackground):
        return Background(type="color", value=background.value)
    lost += lost_fields(background, f"{path}.background.", {"fit": None})
    return Background(type="image", url=background.url, asset_id=background.image_asset_id)


def _avatar_scene(scene: VideoInput, character: Character, path: str, lost: list[str]) -> StudioScene | None:
    fields = _speaker(scene, character, path, lost)
    lost += lost_fields(character, f"{path}.character.", {"matting": False})
    background = _scene_background(scene.background, f"{path}.background", lost)
    if fields is None:
        return None
    return StudioAvatarVideoScene(input=StudioAvatarInput(background=background, **fields))


def _scene_background(background: SceneBackground | None, path: str, lost: list[str]) -> StudioColorBackground | None:
    if background is None:
        return None
    if isinstance(background, ColorBackground):
        if color := six_digits(background.value):
            return StudioColorBackground(color=color)
        lost.append(f"{path}.value")
        return None
    lost.append(path)
    return None


def six_digits(color: str) -> str | None:
    """Return a hex colour in six digits, or None if it is translucent."""
    digits = color.removeprefix("#")
    if len(digits) in {3, 4}:
        digits = "".join(digit * 2 for digit in digits)
    opaque = len(digits) == 6 or digits[6:].lower() == "ff"
    return f"#{digits[:6]}" if opaque else None


def _image_scene(scene: VideoInput, background: ImageBackground, path: str, lost: list[str]) -> StudioScene | None:
    lost += _lost_text(scene, path) + lost_fields(background, f"{path}.background.", {"fit": None})
    source = _source(background.url, background.image_asset_id)
    if isinstance(scene.voice, SilenceVoice):
        duration = scene.voice.duration
        return StudioImageScene(source=source, duration=_DEFAULT_SILENCE if duration is None else float(duration))
    if isinstance(scene.voice, TextVoice) and scene.voice.voice_id is None:
        lost.append(f"{path}.voice.voice_id")  # a picture has no voice of its own
        return None
    speech = _speech(scene.voice, f"{path}.voice", lost)
    return StudioImageScene(source=source, **(speech or {}))


def _video_scene(scene: VideoInput, background: VideoBackground, path: str, lost: list[str]) -> StudioScene:
    """Return the clip alone: v3 takes no narration over it and always plays it whole."""
    lost += _lost_text(scene, path) + lost_fields(background, f"{path}.background.", {"play_style": None, "fit": None})
    if isinstance(scene.voice, SilenceVoice):
        lost += lost_fields(scene.voice, f"{path}.voice.", {"duration": None})
    else:
        lost.append(f"{path}.voice")
    return StudioVideoScene(source=_source(background.url, background.video_asset_id))


def _source(url: str | None, asset_id: str | None) -> AssetInput:
    return AssetUrl(url=url) if url is not None else AssetId(asset_id=asset_id or "")


def _lost_text(scene: VideoInput, path: str) -> list[str]:
    return [f"{path}.text"] if scene.text is not None else []
