"""Hypothesis strategies for every request that the SDK can say."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from heygen_async import v2
from heygen_async.models import assets, parts, requests, studio, v2_parts

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip)
colors = st.from_regex(r"#([0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})", fullmatch=True)
urls = st.sampled_from(["https://example.com/a.mp3", "http://example.com:8080/b.png?Signature=s"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda children: st.lists(children, max_size=2) | st.dictionaries(words, children, max_size=2),
    max_leaves=4,
)
additions = st.dictionaries(st.sampled_from(["folder_id", "brand_glossary_id"]), json_values, max_size=2)


def may(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def word_of(literal: object) -> st.SearchStrategy[Any]:
    return may(st.sampled_from(get_args(literal)))


def between(low: float, high: float) -> st.SearchStrategy[Any]:
    return may(st.floats(low, high) | st.sampled_from([low, high]))


flags = may(st.booleans())
raw_parts = st.builds(assets.RawPart, st.fixed_dictionaries({"type": st.just("newer"), "x": json_values}))
asset_inputs = (
    st.builds(assets.AssetUrl, url=urls)
    | st.builds(assets.AssetId, asset_id=words)
    | st.builds(assets.AssetBase64, media_type=st.just("image/png"), data=st.just("iVBORw0KGgo="))
    | raw_parts
)
backgrounds = (
    st.builds(parts.Background, type=st.just("color"), value=colors)
    | st.builds(parts.Background, type=st.just("image"), url=urls)
    | st.builds(parts.Background, type=st.just("image"), asset_id=words)
)
captions = st.builds(parts.CaptionSettings, file_format=may(st.just("srt")), style=may(st.just("default")))
engine_settings = (
    st.builds(
        parts.ElevenLabsEngineSettings,
        model=word_of(parts.ElevenLabsModel),
        similarity_boost=between(0, 1),
        stability=st.sampled_from([None, 0, 0.5, 1]),
        style=between(0, 1),
        use_speaker_boost=flags,
    )
    | st.builds(parts.FishEngineSettings, model=word_of(parts.FishModel), similarity=between(0, 1))
    | st.builds(parts.StarfishEngineSettings)
    | st.builds(assets.RawPart, st.just({"engine_type": "newer"}))
)
voice_settings = st.builds(
    parts.VoiceSettings,
    speed=between(0.5, 1.5),
    pitch=between(-50, 50),
    volume=between(0, 1),
    locale=may(words),
    engine_settings=may(engine_settings),
)
watermarks = st.builds(
    parts.Watermark,
    image=asset_inputs,
    opacity=between(0, 1),
    scale=between(0.1, 2),
    placement=may(
        st.builds(parts.WatermarkPlacement, position=word_of(parts.WatermarkPosition), offset_x=between(-1, 1))
    ),
)
engines = (
    st.builds(parts.AvatarIVEngineConfig)
    | st.builds(parts.AvatarIIIEngineConfig)
    | st.builds(parts.AvatarVEngineConfig, reference_look_id=may(words))
    | raw_parts
)


@st.composite
def speech(draw: st.DrawFn, *, voice_required: bool = False) -> dict[str, Any]:
    """Draw exactly one audio source."""
    source = draw(st.sampled_from(["script", "audio_url", "audio_asset_id"]))
    fields = {source: draw(urls if source == "audio_url" else words)}
    if (source == "script" and voice_required) or draw(st.booleans()):
        fields["voice_id"] = draw(words)
    return fields | {"voice_settings": draw(may(voice_settings))}


@st.composite
def acting(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an engine, and motion and expression only where the engine takes them."""
    engine = draw(may(engines))
    fields: dict[str, Any] = {"engine": engine}
    if not isinstance(engine, parts.AvatarIIIEngineConfig):
        fields["motion_prompt"] = draw(may(words))
    if not isinstance(engine, parts.AvatarIIIEngineConfig | parts.AvatarVEngineConfig):
        fields["expressiveness"] = draw(word_of(parts.Expressiveness))
    return fields


@st.composite
def filming(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what `AvatarVideo` and `ImageVideo` share."""
    output_format = draw(word_of(parts.OutputFormat))
    return {
        "output_format": output_format,
        "background": None if output_format == "webm" else draw(may(backgrounds)),
        "remove_background": draw(flags),
        "fit": draw(word_of(parts.Fit)),
        **draw(delivery()),
    }


@st.composite
def delivery(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what every v3 request but the cinematic one has."""
    return {
        "aspect_ratio": draw(word_of(parts.AspectRatio)),
        "resolution": draw(word_of(parts.Resolution)),
        "caption": draw(may(captions)),
        "watermark": draw(may(watermarks)),
        "title": draw(may(words)),
        "callback_id": draw(may(words)),
        "callback_url": draw(may(urls)),
        "extra": draw(additions),
    }


@st.composite
def avatar_videos(draw: st.DrawFn) -> requests.AvatarVideo:
    return requests.AvatarVideo(avatar_id=draw(words), **draw(speech()), **draw(acting()), **draw(filming()))


@st.composite
def image_videos(draw: st.DrawFn) -> requests.ImageVideo:
    return requests.ImageVideo(
        image=draw(asset_inputs),
        expressiveness=draw(word_of(parts.Expressiveness)),
        **draw(speech(voice_required=True)),
        **draw(filming()),
    )


@st.composite
def studio_scenes(draw: st.DrawFn) -> studio.StudioScene:
    kind = draw(st.sampled_from(["avatar", "picture", "still", "narrated", "clip", "newer"]))
    if kind == "avatar":
        color = st.builds(studio.StudioColorBackground, color=st.just("#1a2b3C"))
        fields = {"avatar_id": draw(words), "background": draw(may(color)), **draw(speech()), **draw(acting())}
        return studio.StudioAvatarVideoScene(input=studio.StudioAvatarInput(**fields))
    if kind == "picture":
        fields = {"image": draw(asset_inputs), **draw(speech(voice_required=True))}
        return studio.StudioAvatarVideoScene(input=studio.StudioImageInput(**fields))
    if kind == "still":
        return studio.StudioImageScene(source=draw(asset_inputs), duration=draw(st.floats(0.1, 300)))
    if kind == "narrated":
        return studio.StudioImageScene(source=draw(asset_inputs), **draw(speech(voice_required=True)))
    if kind == "clip":
        playback = draw(may(st.builds(studio.StudioVideoPlayback, mute=flags, volume=between(0, 1))))
        return studio.StudioVideoScene(source=draw(asset_inputs), playback=playback)
    return draw(raw_parts)


@st.composite
def studio_videos(draw: st.DrawFn) -> requests.StudioVideo:
    return requests.StudioVideo(scenes=draw(st.lists(studio_scenes(), min_size=1, max_size=3)), **draw(delivery()))


@st.composite
def cinematic_videos(draw: st.DrawFn) -> requests.CinematicVideo:
    auto_duration = draw(flags)
    return requests.CinematicVideo(
        prompt=draw(words),
        avatar_id=draw(st.lists(words, min_size=1, max_size=3)),
        references=draw(may(st.lists(asset_inputs, max_size=4))),
        duration=None if auto_duration else draw(may(st.integers(4, 15))),
        auto_duration=auto_duration,
        enhance_prompt=draw(flags),
        aspect_ratio=draw(word_of(requests.CinematicAspectRatio)),
        resolution=draw(word_of(requests.CinematicResolution)),
        extra=draw(additions),
    )


v3_requests = avatar_videos() | image_videos() | studio_videos() | cinematic_videos()

figure = {
    "scale": between(0, 5),
    "offset": may(st.builds(v2.Offset, x=st.floats(-1, 1), y=st.floats(-1, 1))),
    "matting": flags,
    "circle_background_color": may(colors),
    "use_avatar_iv_model": flags,
    "prompt": may(words),
    "keep_original_prompt": flags,
    "custom_motion_prompt": may(words),
    "enhance_custom_motion_prompt": flags,
}
characters = st.builds(v2.Avatar, avatar_id=words, avatar_style=word_of(v2_parts.AvatarStyle), **figure) | st.builds(
    v2.TalkingPhoto,
    talking_photo_id=words,
    talking_photo_style=word_of(v2_parts.TalkingPhotoStyle),
    talking_style=word_of(v2_parts.TalkingStyle),
    expression=word_of(v2_parts.Expression),
    super_resolution=flags,
    **figure,
)
voices = (
    st.builds(
        v2.TextVoice,
        input_text=words,
        voice_id=may(words),
        speed=between(0.5, 2),
        pitch=between(-50, 50),
        emotion=word_of(v2_parts.Emotion),
        locale=may(words),
        elevenlabs_settings=may(
            st.builds(
                v2.ElevenLabsSettings,
                model=st.sampled_from([None, "eleven_v3", "eleven_turbo_v2_5", "eleven_monolingual_v1"]),
                similarity_boost=between(0, 1),
                stability=between(0, 1),
                style=between(0, 1),
            )
        ),
    )
    | st.builds(v2.AudioVoice, audio_url=urls)
    | st.builds(v2.AudioVoice, audio_asset_id=words)
    | st.builds(v2.SilenceVoice, duration=st.sampled_from([None, 1, 2.5, "1", "100"]))
)
fits = word_of(v2_parts.BackgroundFit)
scene_backgrounds = (
    st.builds(v2.ColorBackground, colors)
    | st.builds(v2.ImageBackground, url=urls, fit=fits)
    | st.builds(v2.ImageBackground, image_asset_id=words)
    | st.builds(v2.VideoBackground, url=urls, play_style=word_of(v2_parts.PlayStyle), fit=fits)
    | st.builds(v2.VideoBackground, video_asset_id=words)
)
positions = may(st.builds(v2.Position, x=st.floats(0, 1), y=st.integers(0, 500)))
overlays = st.builds(v2.TextOverlay, text=words, font_size=between(1, 90), color=may(colors), position=positions)
video_inputs = st.builds(
    v2.VideoInput, character=may(characters), voice=voices, background=may(scene_backgrounds), text=may(overlays)
)
sides = st.integers(64, 2048).map(lambda half: 2 * half)
v2_requests = st.builds(
    v2.VideoRequest,
    video_inputs=st.lists(video_inputs, min_size=1, max_size=3),
    dimension=may(st.builds(v2.Dimension, sides, sides)),
    aspect_ratio=st.sampled_from([None, "16:9", "9:16", "21:9"]),
    caption=flags,
    caption_mode=st.sampled_from([None, "file_only", "burn_in"]),
    subtitles=may(st.builds(v2.Subtitles, preset_name=words, font_size=between(1, 90), position=positions)),
    title=may(words),
    callback_id=may(words),
    callback_url=may(urls),
    folder_id=may(words),
    fps=st.sampled_from([None, 25, 30, 60]),
    enable_watermark=flags,
    test=flags,
    extra=additions.map(lambda fields: {name: item for name, item in fields.items() if name != "folder_id"}),
)
