"""A v2 request in v3's words: what carries over, what gets lost, and what cannot be said at all."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async import v2
from heygen_async._protocol.encoding import encode, prepare
from heygen_async._protocol.scene_translation import six_digits
from heygen_async._protocol.translation import canvas_of, to_v3
from heygen_async.errors import TranslationError
from heygen_async.models.requests import AvatarVideo, StudioVideo
from tests.strategies import v2_requests
from tests.test_requests_v2 import QUICK_START

SPEECH = v2.TextVoice(input_text="Hello", voice_id="v")
SILENCE = v2.SilenceVoice(duration=2)
PICTURE = v2.ImageBackground(url="https://example.com/b.png")
CLIP = v2.VideoBackground(url="https://example.com/b.mp4")
GREEN = v2.ColorBackground("#008000")


def figure(**fields: Any) -> v2.Avatar:
    return v2.Avatar(avatar_id="a", **fields)


def photo(**fields: Any) -> v2.TalkingPhoto:
    return v2.TalkingPhoto(talking_photo_id="p", **fields)


def scene(**fields: Any) -> v2.VideoInput:
    return v2.VideoInput(**{"character": figure(), "voice": SPEECH} | fields)


def one(**fields: Any) -> v2.VideoRequest:
    """Return a request of one scene; fields of the scene and of the request are told apart by name."""
    of_scene = {name: fields.pop(name) for name in ("character", "voice", "background", "text") if name in fields}
    return v2.VideoRequest(video_inputs=[scene(**of_scene)], **fields)


def two(**fields: Any) -> v2.VideoRequest:
    """Return a request whose first scene is plain and whose second one has the given fields."""
    return v2.VideoRequest(video_inputs=[scene(), scene(**fields)])


def json_of(request: v2.VideoRequest, *, allow_loss: bool = False) -> dict[str, Any]:
    return encode(to_v3(request, allow_loss=allow_loss))


def losses_of(request: Any, *, allow_loss: bool = False) -> list[str]:
    with pytest.raises(TranslationError) as refusal:
        to_v3(request, allow_loss=allow_loss)
    return refusal.value.losses


# What carries over


def test_the_quick_start_translates_field_by_field() -> None:
    """One scene with an avatar becomes an avatar video; Avatar III is said, so that the price class stays."""
    request = {name: value for name, value in QUICK_START.items() if name != "test"}
    assert encode(to_v3(request)) == {
        "type": "avatar",
        "avatar_id": "Daisy-inskirt-20220818",
        "engine": {"type": "avatar_iii"},
        "voice_id": "2d5b0e6cf36f460aa7fc47e3eee4ba54",
        "script": "Welcome to the HeyGen API!",
        "background": {"type": "color", "value": "#008000"},
        "aspect_ratio": "16:9",
        "resolution": "720p",
    }


def test_the_typed_request_and_its_json_translate_alike() -> None:
    """A pasted mapping is as good as the classes."""
    request = one(voice=v2.AudioVoice(audio_asset_id="x"), background=PICTURE, dimension=v2.Dimension(720, 1280))
    assert to_v3(encode(request)) == to_v3(request)


@pytest.mark.parametrize(("use", "engine"), [(None, "avatar_iii"), (False, "avatar_iii"), (True, "avatar_iv")])
def test_the_engine_is_said_explicitly(use: bool | None, engine: str) -> None:
    """v3's own default would change the price."""
    assert json_of(one(character=figure(use_avatar_iv_model=use)))["engine"] == {"type": engine}
    scenes = json_of(two(character=photo(use_avatar_iv_model=use)))["scenes"]
    assert scenes[1]["input"]["engine"] == {"type": engine}


def test_a_talking_photo_is_a_look() -> None:
    """Its id goes into `avatar_id`."""
    assert json_of(one(character=photo()))["avatar_id"] == "p"


@pytest.mark.parametrize("name", ["prompt", "custom_motion_prompt"])
def test_a_motion_prompt_carries_over_with_avatar_iv(name: str) -> None:
    """Both of v2's names become v3's one."""
    request = one(character=photo(use_avatar_iv_model=True, **{name: "waves"}))
    assert json_of(request)["motion_prompt"] == "waves"
    assert losses_of(one(character=photo(**{name: "waves"}))) == [f"video_inputs[0].character.{name}"]
    assert "motion_prompt" not in json_of(one(character=photo(**{name: "waves"})), allow_loss=True)


def test_two_different_motion_prompts_are_one_too_many() -> None:
    """The second one is a loss, unless it says the same."""
    both = {"prompt": "waves", "custom_motion_prompt": "nods", "use_avatar_iv_model": True}
    assert losses_of(one(character=photo(**both))) == ["video_inputs[0].character.custom_motion_prompt"]
    assert json_of(one(character=photo(**both)), allow_loss=True)["motion_prompt"] == "waves"
    assert json_of(one(character=photo(**both | {"custom_motion_prompt": "waves"})))["motion_prompt"] == "waves"


def test_matting_becomes_remove_background() -> None:
    """Only in an avatar video; a studio scene has nothing like it."""
    assert json_of(one(character=figure(matting=True)))["remove_background"] is True
    assert "remove_background" not in json_of(one(character=figure(matting=False)))
    assert losses_of(two(character=figure(matting=True))) == ["video_inputs[1].character.matting"]


def test_voice_settings_carry_over() -> None:
    """Speed, pitch, locale and the ElevenLabs settings; nothing is sent when nothing is said."""
    voice = v2.TextVoice(
        input_text="Hello",
        voice_id="v",
        speed=1.5,
        pitch=-50,
        locale="en-US",
        elevenlabs_settings=v2.ElevenLabsSettings(model="eleven_v3", stability=0.5, similarity_boost=0.1, style=1),
    )
    assert json_of(one(voice=voice))["voice_settings"] == {
        "speed": 1.5,
        "pitch": -50,
        "locale": "en-US",
        "engine_settings": {
            "engine_type": "elevenlabs",
            "model": "eleven_v3",
            "stability": 0.5,
            "similarity_boost": 0.1,
            "style": 1,
        },
    }
    assert "voice_settings" not in json_of(one())


@pytest.mark.parametrize("source", [{"audio_url": "https://example.com/a.mp3"}, {"audio_asset_id": "x"}])
def test_a_recording_keeps_its_names(source: dict[str, str]) -> None:
    """In an avatar video, in a studio scene with an avatar, and over a still picture."""
    voice = v2.AudioVoice(**source)  # type: ignore[arg-type]
    assert json_of(one(voice=voice)).items() >= source.items()
    request = v2.VideoRequest(
        video_inputs=[scene(voice=voice), v2.VideoInput(voice=voice, background=PICTURE)],
    )
    avatar, picture = json_of(request)["scenes"]
    assert avatar["input"].items() >= source.items()
    assert picture.items() >= source.items()


def test_backgrounds_of_an_avatar_video() -> None:
    """A colour and a picture, by URL or asset."""
    assert json_of(one(background=GREEN))["background"] == {"type": "color", "value": "#008000"}
    assert json_of(one(background=PICTURE))["background"] == {"type": "image", "url": "https://example.com/b.png"}
    asset = v2.ImageBackground(image_asset_id="i")
    assert json_of(one(background=asset))["background"] == {"type": "image", "asset_id": "i"}


def test_several_scenes_become_a_studio_video() -> None:
    """Each avatar sits in an `avatar_video` scene, and the colour's key changes."""
    assert json_of(two(character=photo(), background=v2.ColorBackground("#abc"))) == {
        "type": "studio",
        "scenes": [
            {
                "type": "avatar_video",
                "input": {
                    "type": "avatar",
                    "avatar_id": "a",
                    "script": "Hello",
                    "voice_id": "v",
                    "engine": {"type": "avatar_iii"},
                },
            },
            {
                "type": "avatar_video",
                "input": {
                    "type": "avatar",
                    "avatar_id": "p",
                    "script": "Hello",
                    "voice_id": "v",
                    "engine": {"type": "avatar_iii"},
                    "background": {"type": "color", "color": "#aabbcc"},
                },
            },
        ],
    }


@pytest.mark.parametrize(
    ("background", "voice", "expected"),
    [
        (PICTURE, SPEECH, {"type": "image", "source": "url", "script": "Hello", "voice_id": "v"}),
        (PICTURE, SILENCE, {"type": "image", "source": "url", "duration": 2}),
        (PICTURE, v2.SilenceVoice(duration="2.5"), {"type": "image", "source": "url", "duration": 2.5}),
        (v2.ImageBackground(image_asset_id="i"), v2.SilenceVoice(), {"type": "image", "source": "id", "duration": 1}),
        (CLIP, v2.SilenceVoice(), {"type": "video", "source": "url"}),
        (v2.VideoBackground(video_asset_id="i"), v2.SilenceVoice(), {"type": "video", "source": "id"}),
    ],
)
def test_a_scene_without_a_character_becomes_a_picture_or_clip(background: Any, voice: Any, expected: Any) -> None:
    """Also when it is the only one: v3's single videos always have somebody who speaks."""
    request = one(character=None, background=background, voice=voice)
    kind = "png" if expected["type"] == "image" else "mp4"
    sources = {
        "url": {"type": "url", "url": f"https://example.com/b.{kind}"},
        "id": {"type": "asset_id", "asset_id": "i"},
    }
    assert json_of(request) == {"type": "studio", "scenes": [expected | {"source": sources[expected["source"]]}]}


@pytest.mark.parametrize("make", [one, lambda **fields: attrs.evolve(two(), **fields)])
def test_title_and_callbacks_carry_over(make: Any) -> None:
    """Whoever waits for the callback still gets it."""
    common = {"title": "t", "callback_id": "c", "callback_url": "https://example.com/hook"}
    assert json_of(make(**common)).items() >= common.items()


@pytest.mark.parametrize(
    ("fields", "caption"),
    [
        ({"caption": True}, {"file_format": "srt"}),
        ({"caption_mode": "file_only"}, {"file_format": "srt"}),
        ({"caption_mode": "burn_in"}, {"file_format": "srt", "style": "default"}),
        ({"caption": True, "caption_mode": "burn_in"}, {"file_format": "srt", "style": "default"}),
        ({"subtitles": v2.Subtitles(preset_name="default")}, {"file_format": "srt", "style": "default"}),
        ({"caption": False}, None),
        ({}, None),
    ],
)
def test_captions_carry_over(fields: dict[str, Any], caption: dict[str, str] | None) -> None:
    """A file beside the video, or burned in."""
    assert json_of(one(**fields)).get("caption") == caption
    assert json_of(attrs.evolve(two(), **fields)).get("caption") == caption


@pytest.mark.parametrize(
    ("width", "height", "ratio", "resolution"),
    [
        (1280, 720, "16:9", "720p"),
        (1920, 1080, "16:9", "1080p"),
        (3840, 2160, "16:9", "4k"),
        (720, 1280, "9:16", "720p"),
        (1080, 1920, "9:16", "1080p"),
        (1080, 1080, "1:1", "720p"),
        (1920, 1920, "1:1", "1080p"),
        (1080, 1350, "4:5", "720p"),
        (1350, 1080, "5:4", "720p"),
        (4096, 128, "16:9", "4k"),
        (128, 4096, "9:16", "4k"),
        (1918, 1078, "16:9", "720p"),
        (3838, 2158, "16:9", "1080p"),
        (1000, 920, "1:1", "720p"),
        (1000, 880, "5:4", "720p"),
    ],
)
def test_a_dimension_becomes_the_nearest_ratio_and_a_resolution(
    width: int, height: int, ratio: str, resolution: str
) -> None:
    """The longer side decides the resolution; the nearest ratio is no loss."""
    assert canvas_of(v2.Dimension(width, height)) == (ratio, resolution)
    payload = json_of(one(dimension=v2.Dimension(width, height)))
    assert (payload["aspect_ratio"], payload["resolution"]) == (ratio, resolution)


def test_an_aspect_ratio_without_a_dimension_carries_over() -> None:
    """Old samples have it; beside a dimension it must say the same."""
    assert json_of(one(aspect_ratio="9:16"))["aspect_ratio"] == "9:16"
    assert json_of(one(aspect_ratio="16:9", dimension=v2.Dimension(1280, 720)))["aspect_ratio"] == "16:9"
    assert losses_of(one(aspect_ratio="9:16", dimension=v2.Dimension(1280, 720))) == ["aspect_ratio"]
    assert losses_of(one(aspect_ratio="21:9")) == ["aspect_ratio"]


@pytest.mark.parametrize(
    ("color", "expected"),
    [("#008000", "#008000"), ("#abc", "#aabbcc"), ("#abcF", "#aabbcc"), ("#112233FF", "#112233")],
)
def test_colours_get_the_six_digits_that_scenes_need(color: str, expected: str) -> None:
    """A translucent one cannot be said."""
    assert six_digits(color) == expected
    assert six_digits("#abc8") is None
    assert losses_of(two(background=v2.ColorBackground("#00800080"))) == ["video_inputs[1].background.value"]


# What gets lost

AT_DEFAULT: dict[str, Any] = {
    "avatar_style": one(character=figure(avatar_style="normal")),
    "scale": one(character=figure(scale=1.0)),
    "offset": one(character=figure(offset=v2.Offset(x=0, y=0.0))),
    "matting": two(character=figure(matting=False)),
    "expression": one(character=photo(expression="default")),
    "super_resolution": one(character=photo(super_resolution=False)),
    "keep_original_prompt": one(character=figure(keep_original_prompt=False)),
    "prompt": one(character=figure(prompt="")),
    "fps": one(fps=25.0),
    "enable_watermark": one(enable_watermark=False),
    "test": one(test=False),
    "folder_id": one(folder_id=""),
    "extra": one(extra={"newer": None}),
}


@pytest.mark.parametrize("request_", AT_DEFAULT.values(), ids=list(AT_DEFAULT))
def test_a_field_at_its_default_is_no_loss(request_: v2.VideoRequest) -> None:
    """It says nothing, so nothing is lost."""
    assert to_v3(request_) == to_v3(request_, allow_loss=True)


LOST: dict[str, Any] = {
    "video_inputs[0].character.avatar_style": one(character=figure(avatar_style="circle")),
    "video_inputs[0].character.talking_photo_style": one(character=photo(talking_photo_style="square")),
    "video_inputs[0].character.scale": one(character=figure(scale=0)),
    "video_inputs[0].character.offset": one(character=figure(offset=v2.Offset(x=0.1))),
    "video_inputs[0].character.circle_background_color": one(character=figure(circle_background_color="#fff")),
    "video_inputs[0].character.talking_style": one(character=photo(talking_style="expressive")),
    "video_inputs[0].character.expression": one(character=photo(expression="happy")),
    "video_inputs[0].character.super_resolution": one(character=photo(super_resolution=True)),
    "video_inputs[0].character.keep_original_prompt": one(character=figure(keep_original_prompt=True)),
    "video_inputs[0].character.enhance_custom_motion_prompt": one(character=figure(enhance_custom_motion_prompt=True)),
    "video_inputs[0].voice.emotion": one(voice=attrs.evolve(SPEECH, emotion="Excited")),
    "video_inputs[0].voice.speed": one(voice=attrs.evolve(SPEECH, speed=1.6)),
    "video_inputs[0].voice.elevenlabs_settings.model": one(
        voice=attrs.evolve(SPEECH, elevenlabs_settings=v2.ElevenLabsSettings(model="eleven_monolingual_v1"))
    ),
    "video_inputs[0].voice.elevenlabs_settings.stability": one(
        voice=attrs.evolve(SPEECH, elevenlabs_settings=v2.ElevenLabsSettings(model="eleven_v3", stability=0.4))
    ),
    "video_inputs[0].background": one(background=CLIP),
    "video_inputs[0].background.fit": one(background=attrs.evolve(PICTURE, fit="cover")),
    "video_inputs[0].text": one(text=v2.TextOverlay(text="Title")),
    "video_inputs[1].background": two(background=PICTURE),
    "video_inputs[1].character.scale": two(character=figure(scale=2)),
    "video_inputs[1].voice": two(voice=SILENCE),
    "video_inputs[1].voice.voice_id": two(character=None, background=PICTURE, voice=v2.TextVoice(input_text="Hello")),
    "video_inputs[1].voice.duration": two(character=None, background=CLIP, voice=SILENCE),
    "video_inputs[1].background.play_style": two(
        character=None, background=attrs.evolve(CLIP, play_style="loop"), voice=v2.SilenceVoice()
    ),
    "folder_id": one(folder_id="f"),
    "fps": one(fps=30),
    "enable_watermark": one(enable_watermark=True),
    "test": one(test=True),
    "newer": one(extra={"newer": 1}),
    "subtitles.preset_name": one(subtitles=v2.Subtitles(preset_name="bold")),
    "subtitles.font_size": one(subtitles=v2.Subtitles(preset_name="default", font_size=9)),
}


@pytest.mark.parametrize(("path", "request_"), LOST.items(), ids=list(LOST))
def test_59_a_field_without_a_counterpart_is_named(path: str, request_: v2.VideoRequest) -> None:
    """The loss is the field's full path, it is in the message too, and `allow_loss=True` drops it."""
    with pytest.raises(TranslationError) as refusal:
        to_v3(request_)
    assert refusal.value.losses == [path]
    assert path in str(refusal.value)
    assert "allow_loss=True" in str(refusal.value)
    assert to_v3(request_, allow_loss=True)


def test_59_all_losses_are_named_at_once() -> None:
    """Unknown fields of a mapping are among them, at any depth."""
    request = encode(one(character=figure(scale=2), text=v2.TextOverlay(text="x"), test=True, fps=60))
    request["video_inputs"][0]["voice"]["newer"] = 1
    request["later"] = {}
    assert set(losses_of(request)) == {
        "video_inputs[0].character.scale",
        "video_inputs[0].text",
        "test",
        "fps",
        "video_inputs[0].voice.newer",
        "later",
    }
    assert encode(to_v3(request, allow_loss=True)) == json_of(one())


def test_test_mode_is_always_a_loss_because_v3_would_charge() -> None:
    """The error says so; only an explicit `allow_loss=True` drops it."""
    with pytest.raises(TranslationError, match="no test mode and would charge"):
        to_v3(QUICK_START)
    assert isinstance(to_v3(QUICK_START, allow_loss=True), AvatarVideo)


# What cannot be said at all


@pytest.mark.parametrize(
    ("request_", "loss"),
    [
        (one(voice=SILENCE), "video_inputs[0].voice"),
        (one(character=None), "video_inputs[0].voice"),
        (one(character=None, background=GREEN), "video_inputs[0].background"),
        (
            one(character=None, background=PICTURE, voice=v2.TextVoice(input_text="x")),
            "video_inputs[0].voice.voice_id",
        ),
    ],
)
def test_a_request_of_which_nothing_remains_is_refused_even_with_losses_allowed(request_: Any, loss: str) -> None:
    """A silent avatar, or a voice over a plain colour: v3 has no such scene."""
    assert losses_of(request_, allow_loss=True) == [loss]
    with pytest.raises(TranslationError, match="nothing would remain"):
        to_v3(request_, allow_loss=True)


def test_a_scene_of_which_nothing_remains_is_dropped_when_losses_are_allowed() -> None:
    """The other scenes are still a video."""
    translated = to_v3(two(voice=SILENCE, background=PICTURE), allow_loss=True)
    assert isinstance(translated, StudioVideo)
    assert len(translated.scenes) == 1
    assert losses_of(two(voice=SILENCE, background=PICTURE)) == ["video_inputs[1].voice", "video_inputs[1].background"]


def test_a_narrated_clip_loses_its_narration() -> None:
    """v3 plays clips as they are."""
    request = two(character=None, background=CLIP)
    assert losses_of(request) == ["video_inputs[1].voice"]
    assert json_of(request, allow_loss=True)["scenes"][1] == {
        "type": "video",
        "source": {"type": "url", "url": "https://example.com/b.mp4"},
    }


def test_json_that_is_no_v2_request_is_a_plain_value_error() -> None:
    """Bad input is not a matter of translation."""
    with pytest.raises(ValueError, match=r"^video_inputs\[0\]\.voice\.input_text: must not be empty") as refusal:
        to_v3({"video_inputs": [{"voice": {"type": "text", "input_text": ""}}]})
    assert not isinstance(refusal.value, TranslationError)
    with pytest.raises(ValueError, match="video_inputs: is missing"):
        to_v3({"type": "avatar", "avatar_id": "a", "script": "x"})


@given(v2_requests, st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_v2_request_translates_or_names_its_losses(request: v2.VideoRequest, allow_loss: bool) -> None:
    """Never a crash, never a silent loss: what comes out is valid, and a refusal names existing fields."""
    payload = encode(request)
    translated, losses = attempt(payload, allow_loss=allow_loss)
    if translated is None:
        assert losses
        assert len(set(losses)) == len(losses)
        assert all(path.endswith(".voice_id") or exists(payload, path) for path in losses)
        return
    assert prepare(encode(translated)).request == translated
    if not allow_loss:
        assert not request.test
        assert set(spoken(payload)) <= set(leaves(encode(translated)))


def attempt(payload: dict[str, Any], *, allow_loss: bool) -> tuple[Any, list[str]]:
    try:
        return to_v3(payload, allow_loss=allow_loss), []
    except TranslationError as refusal:
        return None, refusal.losses


def exists(payload: Any, path: str) -> bool:
    """Say whether a path such as `video_inputs[0].text` leads to something."""
    for step in path.replace("[", ".").replace("]", "").split("."):
        key = int(step) if isinstance(payload, list) else step
        try:
            payload = payload[key]
        except (KeyError, IndexError):
            return False
    return True


def leaves(value: Any) -> Any:
    """Yield every text in a JSON value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    elif isinstance(value, str):
        yield value


def spoken(payload: Any) -> Any:
    """Yield what must be found again after a translation without losses: ids, scripts, files."""
    for each in payload["video_inputs"]:
        for part in ("character", "voice", "background"):
            for name, value in each.get(part, {}).items():
                if name.endswith(("_id", "_text", "url")):
                    yield value
