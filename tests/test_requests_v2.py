"""v2 requests say the Quick Start and every other field of the v2 wire."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from heygen_async import v2
from heygen_async._protocol.encoding import encode, prepare
from tests.strategies import v2_requests

# HeyGen's Quick Start, the two ways to speak.
QUICK_START: dict[str, Any] = {
    "video_inputs": [
        {
            "character": {"type": "avatar", "avatar_id": "Daisy-inskirt-20220818", "avatar_style": "normal"},
            "voice": {
                "type": "text",
                "input_text": "Welcome to the HeyGen API!",
                "voice_id": "2d5b0e6cf36f460aa7fc47e3eee4ba54",
            },
            "background": {"type": "color", "value": "#008000"},
        }
    ],
    "dimension": {"width": 1280, "height": 720},
    "test": True,
}

WIRE_FIELDS: dict[type[Any], str] = {
    v2.VideoRequest: "video_inputs dimension aspect_ratio caption caption_mode subtitles title callback_id "
    "callback_url folder_id fps enable_watermark test",
    v2.VideoInput: "character voice background text",
    v2.Avatar: "type avatar_id avatar_style scale offset matting circle_background_color use_avatar_iv_model prompt "
    "keep_original_prompt custom_motion_prompt enhance_custom_motion_prompt",
    v2.TalkingPhoto: "type talking_photo_id talking_photo_style scale offset matting circle_background_color "
    "talking_style expression super_resolution use_avatar_iv_model prompt keep_original_prompt custom_motion_prompt "
    "enhance_custom_motion_prompt",
    v2.TextVoice: "type voice_id input_text speed pitch emotion locale elevenlabs_settings",
    v2.ElevenLabsSettings: "model similarity_boost stability style",
    v2.AudioVoice: "type audio_url audio_asset_id",
    v2.SilenceVoice: "type duration",
    v2.ColorBackground: "type value",
    v2.ImageBackground: "type url image_asset_id fit",
    v2.VideoBackground: "type url video_asset_id play_style fit",
    v2.TextOverlay: "type text font_family font_size font_weight color position text_align line_height width",
    v2.Subtitles: "preset_name alignment font_size position disable_highlight",
    v2.Dimension: "width height",
    v2.Offset: "x y",
    v2.Position: "x y",
}


def scene(**fields: Any) -> v2.VideoInput:
    return v2.VideoInput(**{"voice": v2.TextVoice(input_text="Hello", voice_id="v")} | fields)


def request_of(**fields: Any) -> v2.VideoRequest:
    return v2.VideoRequest(**{"video_inputs": [scene()]} | fields)


def avatar(**fields: Any) -> v2.Avatar:
    return v2.Avatar(**{"avatar_id": "a"} | fields)


def text(**fields: Any) -> v2.TextVoice:
    return v2.TextVoice(**{"input_text": "Hello"} | fields)


@pytest.mark.parametrize("cls", WIRE_FIELDS, ids=lambda cls: cls.__name__)
def test_every_field_of_the_wire_has_its_name_here(cls: type[Any]) -> None:
    """Nobody needs a raw dictionary for a documented field; `extra` is the only name of our own."""
    assert {field.name for field in attrs.fields(cls)} - {"extra"} == set(WIRE_FIELDS[cls].split())


def test_the_quick_start_is_encoded_exactly_as_heygen_shows_it() -> None:
    """Character, text voice, background, dimension and test mode, in HeyGen's order, and nothing else."""
    request = v2.VideoRequest(
        video_inputs=[
            v2.VideoInput(
                character=v2.Avatar(avatar_id="Daisy-inskirt-20220818", avatar_style="normal"),
                voice=v2.TextVoice(
                    input_text="Welcome to the HeyGen API!", voice_id="2d5b0e6cf36f460aa7fc47e3eee4ba54"
                ),
                background=v2.ColorBackground("#008000"),
            )
        ],
        dimension=v2.Dimension(1280, 720),
        test=True,
    )
    assert json.dumps(encode(request)) == json.dumps(QUICK_START)


def test_the_quick_start_with_audio_is_encoded_exactly() -> None:
    """The same with a recording instead of a text."""
    request = request_of(video_inputs=[scene(voice=v2.AudioVoice(audio_url="https://example.com/a.mp3"))])
    assert encode(request) == {"video_inputs": [{"voice": {"type": "audio", "audio_url": "https://example.com/a.mp3"}}]}
    assert encode(request_of(video_inputs=[scene(voice=v2.AudioVoice(audio_asset_id="a1"))])) == {
        "video_inputs": [{"voice": {"type": "audio", "audio_asset_id": "a1"}}]
    }


def test_every_other_part_reaches_the_wire() -> None:
    """A scene of each other kind, with all that v2 knows about it."""
    request = v2.VideoRequest(
        video_inputs=[
            v2.VideoInput(
                character=v2.TalkingPhoto(
                    talking_photo_id="p",
                    talking_photo_style="circle",
                    scale=0.5,
                    offset=v2.Offset(x=0.1),
                    matting=True,
                    circle_background_color="#fff",
                    talking_style="expressive",
                    expression="happy",
                    super_resolution=True,
                    use_avatar_iv_model=True,
                    prompt="waves",
                    keep_original_prompt=False,
                ),
                voice=v2.TextVoice(
                    input_text='Wait <break time="1.5s"/> here',
                    voice_id="v",
                    speed=1.1,
                    pitch=-20,
                    emotion="Friendly",
                    locale="en-US",
                    elevenlabs_settings=v2.ElevenLabsSettings(model="eleven_v3", stability=0.4),
                ),
                background=v2.ImageBackground(image_asset_id="i", fit="cover"),
                text=v2.TextOverlay(
                    text="Title",
                    font_family="Arial",
                    font_size=12,
                    font_weight="bold",
                    color="#FFFFFF",
                    position=v2.Position(x=10),
                    text_align="left",
                    line_height=1,
                    width=500,
                ),
            ),
            v2.VideoInput(
                voice=v2.SilenceVoice(duration="1"),
                background=v2.VideoBackground(url="https://example.com/b.mp4", play_style="loop", fit="contain"),
            ),
        ],
        aspect_ratio="16:9",
        caption=True,
        caption_mode="burn_in",
        subtitles=v2.Subtitles(preset_name="bold", position=v2.Position(y=0.5), disable_highlight=True),
        title="demo",
        callback_id="job-1",
        callback_url="https://example.com/hook",
        folder_id="f",
        fps=30,
        enable_watermark=False,
        test=False,
        extra={"newer": 1},
    )
    assert encode(request) == {
        "video_inputs": [
            {
                "character": {
                    "type": "talking_photo",
                    "talking_photo_id": "p",
                    "talking_photo_style": "circle",
                    "scale": 0.5,
                    "offset": {"x": 0.1, "y": 0},
                    "matting": True,
                    "circle_background_color": "#fff",
                    "talking_style": "expressive",
                    "expression": "happy",
                    "super_resolution": True,
                    "use_avatar_iv_model": True,
                    "prompt": "waves",
                    "keep_original_prompt": False,
                },
                "voice": {
                    "type": "text",
                    "input_text": 'Wait <break time="1.5s"/> here',
                    "voice_id": "v",
                    "speed": 1.1,
                    "pitch": -20,
                    "emotion": "Friendly",
                    "locale": "en-US",
                    "elevenlabs_settings": {"model": "eleven_v3", "stability": 0.4},
                },
                "background": {"type": "image", "image_asset_id": "i", "fit": "cover"},
                "text": {
                    "type": "text",
                    "text": "Title",
                    "font_family": "Arial",
                    "font_size": 12,
                    "font_weight": "bold",
                    "color": "#FFFFFF",
                    "position": {"x": 10, "y": 0},
                    "text_align": "left",
                    "line_height": 1,
                    "width": 500,
                },
            },
            {
                "voice": {"type": "silence", "duration": "1"},
                "background": {
                    "type": "video",
                    "url": "https://example.com/b.mp4",
                    "play_style": "loop",
                    "fit": "contain",
                },
            },
        ],
        "aspect_ratio": "16:9",
        "caption": True,
        "caption_mode": "burn_in",
        "subtitles": {"preset_name": "bold", "position": {"x": 0, "y": 0.5}, "disable_highlight": True},
        "title": "demo",
        "callback_id": "job-1",
        "callback_url": "https://example.com/hook",
        "folder_id": "f",
        "fps": 30,
        "enable_watermark": False,
        "test": False,
        "newer": 1,
    }


REFUSED: dict[str, Any] = {
    "width: must be at least 128 and at most 4096, not 126": lambda: v2.Dimension(126, 720),
    "height: must be at least 128 and at most 4096, not 4098": lambda: v2.Dimension(1280, 4098),
    "width: must be even, not 1281": lambda: v2.Dimension(1281, 720),
    "height: must be even, not 721": lambda: v2.Dimension(1280, 721),
    "width: must be a whole number, not 1280.0": lambda: v2.Dimension(1280.0, 720),
    "height: must be a whole number, not '720'": lambda: v2.Dimension(1280, "720"),
    "video_inputs: must have 1 to 50 items, not 0": lambda: request_of(video_inputs=[]),
    "video_inputs: must have 1 to 50 items, not 51": lambda: request_of(video_inputs=[scene()] * 51),
    "video_inputs: must be a list, not dict": lambda: request_of(video_inputs={}),
    "video_inputs[0]: must be VideoInput, not dict": lambda: request_of(video_inputs=[{}]),
    "dimension: must be Dimension, not tuple": lambda: request_of(dimension=(1280, 720)),
    "caption_mode: must be 'file_only' or 'burn_in'": lambda: request_of(caption_mode="srt"),
    "fps: must be more than 0, not 0": lambda: request_of(fps=0),
    "test: must be True or False, not 'true'": lambda: request_of(test="true"),
    "callback_url: must be an http:// or https:// URL": lambda: request_of(callback_url="hook"),
    "extra: must not hold 'title'": lambda: request_of(extra={"title": "x"}),
    "voice: must be TextVoice, AudioVoice or SilenceVoice, not type": lambda: scene(voice=object),
    "character: must be Avatar or TalkingPhoto": lambda: scene(character="Daisy"),
    "background: must be ColorBackground, ImageBackground or VideoBackground": lambda: scene(background="#008000"),
    "avatar_id: must not be empty": lambda: avatar(avatar_id=""),
    "avatar_style: must be": lambda: avatar(avatar_style="big"),
    "scale: must be at least 0 and at most 5": lambda: avatar(scale=5.1),
    "matting: must be True or False": lambda: avatar(matting=1),
    "circle_background_color: must be a hex colour": lambda: avatar(circle_background_color="white"),
    "offset: must be Offset, not dict": lambda: avatar(offset={"x": 0}),
    "x: must be a number, not inf": lambda: v2.Offset(x=math.inf),
    "talking_photo_id: must be a string": lambda: v2.TalkingPhoto(talking_photo_id=None),
    "talking_style: must be 'stable' or 'expressive'": lambda: v2.TalkingPhoto(talking_photo_id="p", talking_style="x"),
    "input_text: must not be empty or blank": lambda: text(input_text="  "),
    "input_text: must have at most 5,000 characters, not 5,001": lambda: text(input_text="x" * 5001),
    "speed: must be at least 0.5 and at most 2": lambda: text(speed=2.1),
    "pitch: must be at least -50 and at most 50": lambda: text(pitch=51),
    "emotion: must be": lambda: text(emotion="Angry"),
    "stability: must be at least 0 and at most 1": lambda: v2.ElevenLabsSettings(stability=2),
    "audio_url: is missing; give exactly one of audio_url and audio_asset_id": v2.AudioVoice,
    "audio_asset_id: cannot go with audio_url": lambda: v2.AudioVoice(audio_url="https://h/a.mp3", audio_asset_id="a"),
    "audio_url: must be an http:// or https:// URL, not 'a.mp3'": lambda: v2.AudioVoice(audio_url="a.mp3"),
    "duration: must be at least 1 and at most 100, not 0.5": lambda: v2.SilenceVoice(duration=0.5),
    "duration: must be at least 1 and at most 100, not 101.0": lambda: v2.SilenceVoice(duration="101"),
    "duration: must be a number of seconds, not 'long'": lambda: v2.SilenceVoice(duration="long"),
    "duration: must be a number, not nan": lambda: v2.SilenceVoice(duration="nan"),
    "duration: must be a number, not list": lambda: v2.SilenceVoice(duration=[1]),
    "value: must be a hex colour such as '#008000', not 'green'": lambda: v2.ColorBackground("green"),
    "value: must be a string, not 0": lambda: v2.ColorBackground(0),
    "url: is missing; give exactly one of url and image_asset_id": v2.ImageBackground,
    "image_asset_id: cannot go with url": lambda: v2.ImageBackground(url="https://h/a.png", image_asset_id="a"),
    "fit: must be 'cover', 'crop', 'contain' or 'none'": lambda: v2.ImageBackground(image_asset_id="a", fit="fill"),
    "url: is missing; give exactly one of url and video_asset_id": v2.VideoBackground,
    "play_style: must be": lambda: v2.VideoBackground(video_asset_id="a", play_style="reverse"),
    "text: must not be empty": lambda: v2.TextOverlay(text=""),
    "font_size: must be more than 0": lambda: v2.TextOverlay(text="x", font_size=0),
    "preset_name: must not be empty": lambda: v2.Subtitles(preset_name=""),
}


@pytest.mark.parametrize(("problem", "make"), REFUSED.items(), ids=list(REFUSED))
def test_what_heygen_would_refuse_is_refused_by_name(problem: str, make: Any) -> None:
    """Each refusal is a plain ValueError that starts with the field's name and says what is wrong."""
    with pytest.raises(ValueError) as refusal:
        make()
    assert type(refusal.value) is ValueError
    assert str(refusal.value).startswith(problem)


def test_limits_are_inclusive_and_wide_where_the_documents_differ() -> None:
    """HeyGen's documents contradict each other; the wider form is left to the server."""
    v2.Dimension(128, 4096)
    request_of(video_inputs=[scene()] * 50)
    text(input_text="x" * 5000, speed=2, pitch=-50)
    text(speed=0.5, pitch=50)
    avatar(scale=5, avatar_style="voiceOnly")
    v2.VideoBackground(video_asset_id="a", play_style="full_video")
    assert v2.SilenceVoice(duration="100").duration == "100"
    assert v2.SilenceVoice().duration is None


def test_only_the_obvious_arguments_are_positional() -> None:
    """A colour and a size need no names; everything else does."""
    assert v2.ColorBackground("#008000") == v2.ColorBackground(value="#008000")
    assert v2.Dimension(1280, 720) == v2.Dimension(width=1280, height=720)
    with pytest.raises(TypeError):
        v2.Avatar("Daisy")  # type: ignore[misc]


def test_requests_are_values() -> None:
    """They are frozen, hash, compare, pickle and keep lists as tuples; a repr shows no signatures."""
    request = request_of(callback_url="https://example.com/hook?token=s3cr3t", extra={"newer": [1]})
    assert isinstance(request.video_inputs, tuple)
    assert pickle.loads(pickle.dumps(request)) == request
    assert hash(request) == hash(attrs.evolve(request))
    assert "s3cr3t" not in repr(request)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.test = True  # type: ignore[misc]


def test_the_module_exports_what_it_names() -> None:
    """`v2.__all__` is sorted and true."""
    assert v2.__all__ == sorted(v2.__all__)
    assert all(hasattr(v2, name) for name in v2.__all__)


def nulls(value: object) -> bool:
    if isinstance(value, dict):
        return any(nulls(item) for item in value.values())
    return any(nulls(item) for item in value) if isinstance(value, list) else value is None


@given(v2_requests)
@settings(max_examples=100, deadline=None)
def test_every_request_becomes_json_and_comes_back(request: v2.VideoRequest) -> None:
    """Encoding gives JSON without null, and reading it again gives the same request."""
    payload = encode(request)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert request.extra or not nulls(payload)
    again = prepare(payload)
    assert again.wire == "v2"
    assert again.payload == payload
    assert again.request == attrs.evolve(request, extra={})
