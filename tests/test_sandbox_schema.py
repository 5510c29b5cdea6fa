"""What the sandbox refuses, and the field it names: both create bodies, without a server."""

from __future__ import annotations

import copy

import pytest

from heygen_async.sandbox.v2_schema import GENERATE_VIDEO
from heygen_async.sandbox.v3_schema import CREATE_VIDEO
from tests.sandbox_fakes import avatar_video, quick_start

ASSET = {"type": "url", "url": "https://example.com/a.png"}
STUDIO = {
    "type": "studio",
    "scenes": [
        {
            "type": "avatar_video",
            "input": {
                "type": "avatar",
                "avatar_id": "a",
                "script": "Hello.",
                "background": {"type": "color", "color": "#1a2b3c"},
                "engine": {"type": "avatar_v", "reference_look_id": None},
            },
        },
        {"type": "avatar_video", "input": {"type": "image", "image": ASSET, "script": "Hi", "voice_id": "v"}},
        {"type": "image", "source": {"type": "asset_id", "asset_id": "x"}, "duration": 3},
        {"type": "image", "source": ASSET, "script": "Told.", "voice_id": "v"},
        {"type": "video", "source": ASSET, "playback": {"mute": True, "volume": 0.5}},
    ],
}
CINEMATIC = {"type": "cinematic_avatar", "avatar_id": ["a", "b"], "prompt": "walks on a beach", "duration": 8}
IMAGE = {"type": "image", "image": ASSET, "script": "Hi", "voice_id": "v"}
FULL_AVATAR = avatar_video(
    title="t",
    callback_id="c",
    callback_url="https://example.com/hook",
    caption={"file_format": "srt", "style": "default"},
    aspect_ratio="9:16",
    resolution="4k",
    background={"type": "image", "url": "https://example.com/b.jpg"},
    engine={"type": "avatar_iv"},
    expressiveness="high",
    motion_prompt="waves",
    fit="cover",
    output_format="mp4",
    remove_background=False,
    voice_settings={
        "speed": 1.5,
        "pitch": -50,
        "volume": 0,
        "locale": "en-US",
        "engine_settings": {"engine_type": "elevenlabs", "model": "eleven_v3", "stability": 0.5},
    },
    watermark={"image": ASSET, "opacity": 0.5, "scale": 2, "placement": {"position": "top_left", "offset_x": -1}},
)


def faults(check, body) -> list[str]:
    return [fault.path for fault in check(body, "")]


def changed(body, path: str, value):
    """Return a deep copy with one value replaced; `...` deletes it."""
    result = copy.deepcopy(body)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target = result
    for step in way:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return result


@pytest.mark.parametrize("body", [avatar_video(), FULL_AVATAR, IMAGE, CINEMATIC, STUDIO])
def test_valid_v3_bodies_pass(body):
    """All four types, with every field of one of them."""
    assert faults(CREATE_VIDEO, body) == []


@pytest.mark.parametrize(
    ("body", "path", "value", "named"),
    [
        (avatar_video(), "type", ..., "type"),
        (avatar_video(), "type", "movie", "type"),
        (avatar_video(), "avatar_id", ..., "avatar_id"),
        (avatar_video(), "avatar_id", None, "avatar_id"),
        (avatar_video(), "avatar_id", 7, "avatar_id"),
        (avatar_video(), "script", ..., "script"),
        (avatar_video(), "script", " ", "script"),
        (avatar_video(), "script", "x" * 5001, "script"),
        (avatar_video(), "audio_url", "https://example.com/a.mp3", "audio_url"),
        (avatar_video(), "callback_url", "not a url", "callback_url"),
        (avatar_video(), "test", True, "test"),
        (avatar_video(), "dimension", {"width": 1, "height": 1}, "dimension"),
        (avatar_video(), "resolution", "8k", "resolution"),
        (avatar_video(), "output_format", None, "output_format"),
        (FULL_AVATAR, "output_format", "webm", "background"),
        (FULL_AVATAR, "background.asset_id", "x", "background.url"),
        (FULL_AVATAR, "background", {"type": "color"}, "background.value"),
        (FULL_AVATAR, "background", {"type": "color", "value": "green"}, "background.value"),
        (FULL_AVATAR, "background", {"type": "video", "url": "https://x/y"}, "background.type"),
        (FULL_AVATAR, "engine", {"type": "avatar_iv", "extra": 1}, "engine.extra"),
        (FULL_AVATAR, "engine", {"type": "avatar_v"}, "expressiveness"),
        (FULL_AVATAR, "voice_settings.speed", 1.51, "voice_settings.speed"),
        (FULL_AVATAR, "voice_settings.speed", True, "voice_settings.speed"),
        (FULL_AVATAR, "voice_settings.engine_settings.stability", 0.3, "voice_settings.engine_settings.stability"),
        (FULL_AVATAR, "watermark.scale", 0, "watermark.scale"),
        (FULL_AVATAR, "watermark.image", ..., "watermark.image"),
        (FULL_AVATAR, "remove_background", "yes", "remove_background"),
        (IMAGE, "voice_id", ..., "voice_id"),
        (IMAGE, "image", {"type": "url"}, "image.url"),
        (IMAGE, "image", "https://example.com/a.png", "image"),
        (IMAGE, "engine", {"type": "avatar_iv"}, "engine"),
        (CINEMATIC, "avatar_id", "a", "avatar_id"),
        (CINEMATIC, "avatar_id", [], "avatar_id"),
        (CINEMATIC, "avatar_id", ["a", "b", "c", "d"], "avatar_id"),
        (CINEMATIC, "duration", 4.5, "duration"),
        (CINEMATIC, "duration", 16, "duration"),
        (CINEMATIC, "auto_duration", True, "duration"),
        (CINEMATIC, "aspect_ratio", "4:5", "aspect_ratio"),
        (CINEMATIC, "callback_id", "x", "callback_id"),
        (STUDIO, "scenes", [], "scenes"),
        (STUDIO, "scenes", STUDIO["scenes"] * 11, "scenes"),
        (STUDIO, "scenes", {}, "scenes"),
        (STUDIO, "scenes.0", "intro", "scenes.0"),
        (FULL_AVATAR, "engine", {"type": ["avatar_iv"]}, "engine.type"),
        (FULL_AVATAR, "engine", {"type": "avatar_iii"}, "motion_prompt"),
        (STUDIO, "scenes.0.input.background.color", "#fff", "scenes.0.input.background.color"),
        (STUDIO, "scenes.0.input.script", ..., "scenes.0.input.script"),
        (STUDIO, "scenes.2.duration", 301, "scenes.2.duration"),
        (STUDIO, "scenes.2.script", "Hi", "scenes.2.duration"),
        (STUDIO, "scenes.3.voice_id", ..., "scenes.3.voice_id"),
        (STUDIO, "scenes.4.playback.volume", 2, "scenes.4.playback.volume"),
        (STUDIO, "output_format", "mp4", "output_format"),
    ],
)
def test_v3_names_the_wrong_field(body, path, value, named):
    """The first fault carries the dotted path of the field that must be changed."""
    assert faults(CREATE_VIDEO, changed(body, path, value))[0] == named


@pytest.mark.parametrize("body", [None, [], "text", 5])
def test_a_body_must_be_an_object(body):
    """Anything else is one fault without a path."""
    assert faults(CREATE_VIDEO, body) == [""]


@pytest.mark.parametrize(
    "scene",
    [
        {"voice": {"type": "silence", "duration": "1"}},
        {"voice": {"type": "audio", "audio_asset_id": "x"}, "background": None},
        {
            "character": {"type": "talking_photo", "talking_photo_id": "p", "scale": 2},
            "voice": {"type": "text", "input_text": "x" * 5000, "speed": 0.5, "emotion": "Friendly"},
            "background": {"type": "video", "url": "https://example.com/b.mp4", "play_style": "loop", "fit": "cover"},
            "text": {"type": "text", "text": "Overlay"},
        },
    ],
)
def test_valid_v2_scenes_pass(scene):
    """Every kind of voice and background, with what HeyGen's samples hold."""
    assert faults(GENERATE_VIDEO, quick_start(video_inputs=[scene])) == []


def test_v2_lets_unknown_fields_pass():
    """The old validators look only at what they know."""
    assert faults(GENERATE_VIDEO, quick_start(something_new=1)) == []


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("video_inputs", ..., "video_inputs"),
        ("video_inputs", [], "video_inputs"),
        ("video_inputs.0.voice", ..., "video_inputs.0.voice"),
        ("video_inputs.0.voice.type", "song", "video_inputs.0.voice.type"),
        ("video_inputs.0.voice.input_text", "", "video_inputs.0.voice.input_text"),
        ("video_inputs.0.voice.input_text", "x" * 5001, "video_inputs.0.voice.input_text"),
        ("video_inputs.0.voice.speed", 2, "video_inputs.0.voice.speed"),
        ("video_inputs.0.voice", {"type": "audio"}, "video_inputs.0.voice.audio_url"),
        ("video_inputs.0.voice", {"type": "silence", "duration": 101}, "video_inputs.0.voice.duration"),
        ("video_inputs.0.voice", {"type": "silence", "duration": "long"}, "video_inputs.0.voice.duration"),
        ("video_inputs.0.character.avatar_id", ..., "video_inputs.0.character.avatar_id"),
        ("video_inputs.0.character.avatar_style", "square", "video_inputs.0.character.avatar_style"),
        ("video_inputs.0.background.type", "smoke", "video_inputs.0.background.type"),
        ("video_inputs.0.background.value", ..., "video_inputs.0.background.value"),
        ("video_inputs.0.background", {"type": "image"}, "video_inputs.0.background.url"),
        ("dimension.width", 127, "dimension.width"),
        ("dimension.height", 4097, "dimension.height"),
        ("test", "yes", "test"),
    ],
)
def test_v2_names_the_wrong_field(path, value, named):
    """The first fault carries the dotted path of the field that must be changed."""
    assert faults(GENERATE_VIDEO, changed(quick_start(), path, value))[0] == named
