"""v3 requests say every field of the wire, and refuse what HeyGen would refuse."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from heygen_async._protocol.encoding import encode, prepare
from heygen_async.models.assets import AssetBase64, AssetId, AssetUrl, RawPart
from heygen_async.models.parts import (
    AvatarIIIEngineConfig,
    AvatarIVEngineConfig,
    AvatarVEngineConfig,
    Background,
    CaptionSettings,
    ElevenLabsEngineSettings,
    FishEngineSettings,
    StarfishEngineSettings,
    VoiceSettings,
    Watermark,
    WatermarkPlacement,
)
from heygen_async.models.requests import AvatarVideo, CinematicVideo, ImageVideo, StudioVideo
from heygen_async.models.studio import (
    StudioAvatarInput,
    StudioAvatarVideoScene,
    StudioColorBackground,
    StudioImageInput,
    StudioImageScene,
    StudioVideoPlayback,
    StudioVideoScene,
)
from tests.strategies import v3_requests

# The properties of each schema of HeyGen's OpenAPI document.
WIRE_FIELDS: dict[type[Any], str] = {
    AvatarVideo: "aspect_ratio audio_asset_id audio_url avatar_id background callback_id callback_url caption engine "
    "expressiveness fit motion_prompt output_format remove_background resolution script title type voice_id "
    "voice_settings watermark",
    ImageVideo: "aspect_ratio audio_asset_id audio_url background callback_id callback_url caption expressiveness fit "
    "image motion_prompt output_format remove_background resolution script title type voice_id voice_settings "
    "watermark",
    CinematicVideo: "aspect_ratio auto_duration avatar_id duration enhance_prompt prompt references resolution title "
    "type",
    StudioVideo: "aspect_ratio callback_id callback_url caption resolution scenes title type watermark",
    AssetUrl: "type url",
    AssetId: "asset_id type",
    AssetBase64: "data media_type type",
    Background: "asset_id type url value",
    CaptionSettings: "file_format style",
    VoiceSettings: "engine_settings locale pitch speed volume",
    ElevenLabsEngineSettings: "engine_type model similarity_boost stability style use_speaker_boost",
    FishEngineSettings: "engine_type model similarity stability",
    StarfishEngineSettings: "engine_type",
    AvatarIIIEngineConfig: "type",
    AvatarIVEngineConfig: "type",
    AvatarVEngineConfig: "reference_look_id type",
    Watermark: "image opacity placement scale",
    WatermarkPlacement: "offset_x offset_y position",
    StudioAvatarVideoScene: "input type",
    StudioImageScene: "audio_asset_id audio_url duration script source type voice_id voice_settings",
    StudioVideoScene: "playback source type",
    StudioAvatarInput: "audio_asset_id audio_url avatar_id background engine expressiveness motion_prompt script type "
    "voice_id voice_settings",
    StudioImageInput: "audio_asset_id audio_url expressiveness image motion_prompt script type voice_id voice_settings",
    StudioColorBackground: "color type",
    StudioVideoPlayback: "mute volume",
}
URL = AssetUrl(url="https://example.com/a.png")
CLIP = StudioVideoScene(source=AssetUrl(url="https://example.com/clip.mp4"))


def avatar(**fields: Any) -> AvatarVideo:
    return AvatarVideo(**{"avatar_id": "look_1", "script": "Hello."} | fields)


def image(**fields: Any) -> ImageVideo:
    return ImageVideo(**{"image": URL, "script": "Hello.", "voice_id": "voice_1"} | fields)


def cinematic(**fields: Any) -> CinematicVideo:
    return CinematicVideo(**{"prompt": "walks on a beach", "avatar_id": ["look_1"]} | fields)


def speaker(**fields: Any) -> StudioAvatarInput:
    return StudioAvatarInput(**{"avatar_id": "look_1", "script": "Hello."} | fields)


def still(**fields: Any) -> StudioImageScene:
    return StudioImageScene(**{"source": URL} | fields)


def nulls(value: object) -> bool:
    if isinstance(value, dict):
        return any(nulls(item) for item in value.values())
    return any(nulls(item) for item in value) if isinstance(value, list) else value is None


@pytest.mark.parametrize("cls", WIRE_FIELDS, ids=lambda cls: cls.__name__)
def test_every_field_of_the_wire_has_its_name_here(cls: type[Any]) -> None:
    """Nobody needs a raw dictionary for a documented field; `extra` is the only name of our own."""
    assert {field.name for field in attrs.fields(cls)} - {"extra"} == set(WIRE_FIELDS[cls].split())


@pytest.mark.parametrize("cls", WIRE_FIELDS, ids=lambda cls: cls.__name__)
def test_what_may_be_left_out_is_none(cls: type[Any]) -> None:
    """The server's defaults stay the server's: only the type tags have one here."""
    optional = [field for field in attrs.fields(cls) if field.default is not attrs.NOTHING]
    said = {field.name for field in optional if field.default is not None}
    assert said <= {"type", "engine_type", "extra"}


def test_only_what_is_said_is_sent() -> None:
    """A field left at None does not reach the wire."""
    request = AvatarVideo(avatar_id="look_1", voice_id="voice_1", script="Hello.")
    assert encode(request) == {"type": "avatar", "avatar_id": "look_1", "voice_id": "voice_1", "script": "Hello."}


def test_a_value_equal_to_the_servers_default_is_sent_as_given() -> None:
    """Saying the default is not the same as leaving it to the server."""
    request = avatar(aspect_ratio="16:9", output_format="mp4", voice_settings=VoiceSettings(speed=1, pitch=0))
    payload = encode(request)
    assert payload["aspect_ratio"] == "16:9"
    assert payload["output_format"] == "mp4"
    assert payload["voice_settings"] == {"speed": 1, "pitch": 0}


def test_every_part_of_an_avatar_video_reaches_the_wire() -> None:
    """One request with everything, as the wire wants it."""
    request = AvatarVideo(
        avatar_id="look_1",
        voice_id="voice_1",
        script="Hello.",
        voice_settings=VoiceSettings(
            speed=1.2,
            engine_settings=ElevenLabsEngineSettings(model="eleven_v3", stability=0.5, use_speaker_boost=False),
        ),
        engine=AvatarVEngineConfig(reference_look_id="look_2"),
        motion_prompt="waves",
        background=Background(type="color", value="#1a2b3c"),
        remove_background=True,
        fit="cover",
        aspect_ratio="auto",
        resolution="4k",
        output_format="mp4",
        caption=CaptionSettings(file_format="srt", style="default"),
        watermark=Watermark(
            image=AssetBase64(media_type="image/png", data="iVBORw0KGgo="),
            opacity=0.5,
            scale=0.25,
            placement=WatermarkPlacement(position="top_left", offset_x=0.1, offset_y=-0.1),
        ),
        title="demo",
        callback_id="job-1",
        callback_url="https://example.com/hook?token=t",
    )
    assert encode(request) == {
        "type": "avatar",
        "avatar_id": "look_1",
        "voice_id": "voice_1",
        "script": "Hello.",
        "voice_settings": {
            "speed": 1.2,
            "engine_settings": {
                "engine_type": "elevenlabs",
                "model": "eleven_v3",
                "stability": 0.5,
                "use_speaker_boost": False,
            },
        },
        "engine": {"type": "avatar_v", "reference_look_id": "look_2"},
        "motion_prompt": "waves",
        "background": {"type": "color", "value": "#1a2b3c"},
        "remove_background": True,
        "fit": "cover",
        "aspect_ratio": "auto",
        "resolution": "4k",
        "output_format": "mp4",
        "caption": {"file_format": "srt", "style": "default"},
        "watermark": {
            "image": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
            "opacity": 0.5,
            "scale": 0.25,
            "placement": {"position": "top_left", "offset_x": 0.1, "offset_y": -0.1},
        },
        "title": "demo",
        "callback_id": "job-1",
        "callback_url": "https://example.com/hook?token=t",
    }


def test_a_studio_video_is_encoded_as_in_heygens_example() -> None:
    """Three kinds of scene, as HeyGen documents them."""
    request = StudioVideo(
        title="demo",
        resolution="1080p",
        aspect_ratio="16:9",
        caption=CaptionSettings(file_format="srt"),
        scenes=[
            StudioAvatarVideoScene(
                input=StudioAvatarInput(
                    avatar_id="LOOK",
                    voice_id="VOICE",
                    script="Scene one.",
                    engine=AvatarIVEngineConfig(),
                    background=StudioColorBackground(color="#1a2b3c"),
                )
            ),
            StudioImageScene(source=AssetId(asset_id="A1"), duration=3),
            StudioVideoScene(
                source=AssetUrl(url="https://example.com/clip.mp4"),
                playback=StudioVideoPlayback(volume=0.5, mute=False),
            ),
        ],
    )
    assert encode(request) == {
        "type": "studio",
        "title": "demo",
        "resolution": "1080p",
        "aspect_ratio": "16:9",
        "caption": {"file_format": "srt"},
        "scenes": [
            {
                "type": "avatar_video",
                "input": {
                    "type": "avatar",
                    "avatar_id": "LOOK",
                    "voice_id": "VOICE",
                    "script": "Scene one.",
                    "engine": {"type": "avatar_iv"},
                    "background": {"type": "color", "color": "#1a2b3c"},
                },
            },
            {"type": "image", "source": {"type": "asset_id", "asset_id": "A1"}, "duration": 3},
            {
                "type": "video",
                "source": {"type": "url", "url": "https://example.com/clip.mp4"},
                "playback": {"volume": 0.5, "mute": False},
            },
        ],
    }


def test_a_cinematic_video_is_encoded_with_a_list_of_looks() -> None:
    """`avatar_id` is an array here, and there are no callbacks."""
    request = cinematic(avatar_id=["look_1", "look_2"], references=[URL], duration=8, enhance_prompt=True)
    assert encode(request) == {
        "type": "cinematic_avatar",
        "prompt": "walks on a beach",
        "avatar_id": ["look_1", "look_2"],
        "references": [{"type": "url", "url": "https://example.com/a.png"}],
        "duration": 8,
        "enhance_prompt": True,
    }
    with pytest.raises(TypeError, match="callback_id"):
        cinematic(callback_id="c")


REFUSED: dict[str, Any] = {
    # who speaks
    "script: is missing": lambda: avatar(script=None),
    "audio_url: cannot go with script": lambda: avatar(audio_url="https://example.com/a.mp3"),
    "audio_asset_id: cannot go with script": lambda: image(audio_asset_id="a"),
    "audio_asset_id: cannot go with audio_url": lambda: speaker(
        script=None, audio_url="https://example.com/a.mp3", audio_asset_id="a"
    ),
    "script: must not be empty or blank": lambda: avatar(script=" \n"),
    "script: must have at most 5,000 characters, not 5,001": lambda: speaker(script="x" * 5001),
    "script: must be a string, not 5": lambda: avatar(script=5),
    "script: must be text that UTF-8 can carry": lambda: avatar(script="a\ud800"),
    "avatar_id: must not be empty": lambda: avatar(avatar_id=""),
    "avatar_id: must be a string, not None": lambda: avatar(avatar_id=None),
    "voice_id: must not be empty": lambda: avatar(voice_id=" "),
    "voice_id: is missing": lambda: image(voice_id=None),
    "image: must be AssetUrl, AssetId, AssetBase64 or RawPart, not dict": lambda: image(image={"type": "url"}),
    "image: must be AssetUrl": lambda: StudioImageInput(image="https://example.com/a.png", script="x", voice_id="v"),
    # how it is spoken
    "speed: must be at least 0.5 and at most 1.5, not 1.6": lambda: VoiceSettings(speed=1.6),
    "speed: must be a number, not True": lambda: VoiceSettings(speed=True),
    "speed: must be a number, not '1'": lambda: VoiceSettings(speed="1"),
    "pitch: must be at least -50 and at most 50, not -51": lambda: VoiceSettings(pitch=-51),
    "pitch: must be at least -50 and at most 50, not a huge number": lambda: VoiceSettings(pitch=10**5000),
    "pitch: must be a number, not nan": lambda: VoiceSettings(pitch=math.nan),
    "pitch: must be a number, not inf": lambda: VoiceSettings(pitch=math.inf),
    "volume: must be": lambda: VoiceSettings(volume=1.1),
    "locale: must not be empty": lambda: VoiceSettings(locale=""),
    "engine_settings: must be ElevenLabsEngineSettings": lambda: VoiceSettings(engine_settings="fish"),
    "model: must be 's1' or 's2-pro', not 's3'": lambda: FishEngineSettings(model="s3"),
    "stability: must be 0, 0.5 or 1 with model 'eleven_v3', not 0.4": lambda: ElevenLabsEngineSettings(
        model="eleven_v3", stability=0.4
    ),
    "similarity_boost: must be": lambda: ElevenLabsEngineSettings(similarity_boost=-0.1),
    "use_speaker_boost: must be True or False, not 1": lambda: ElevenLabsEngineSettings(use_speaker_boost=1),
    "engine_type: must be 'fish'": lambda: FishEngineSettings(engine_type="starfish"),
    # engines
    "motion_prompt: cannot go with engine avatar_iii": lambda: avatar(
        engine=AvatarIIIEngineConfig(), motion_prompt="waves"
    ),
    "expressiveness: cannot go with engine avatar_iii": lambda: speaker(
        engine=AvatarIIIEngineConfig(), expressiveness="low"
    ),
    "expressiveness: cannot go with engine avatar_v": lambda: avatar(
        engine=AvatarVEngineConfig(), expressiveness="low"
    ),
    "expressiveness: must be 'high', 'medium' or 'low'": lambda: image(expressiveness="wild"),
    "engine: must be AvatarIIIEngineConfig": lambda: avatar(engine="avatar_iv"),
    "type: must be 'avatar_iv', not 'avatar_v'": lambda: AvatarIVEngineConfig(type="avatar_v"),
    # what is seen
    "type: must be 'color' or 'image', not 'video'": lambda: Background(type="video", url="https://example.com/a.mp4"),
    "value: is missing": lambda: Background(type="color"),
    "value: must be a hex colour such as '#008000', not 'red'": lambda: Background(type="color", value="red"),
    "value: must be a hex colour such as '#008000', not '#12345'": lambda: Background(type="color", value="#12345"),
    "value: must be a hex colour such as '#008000', not '#123456\\n'": lambda: Background(
        type="color", value="#123456\n"
    ),
    "url: is for image backgrounds only": lambda: Background(type="color", value="#000", url="https://example.com/a"),
    "asset_id: is for image backgrounds only": lambda: Background(type="color", value="#000000", asset_id="a"),
    "value: is for color backgrounds only": lambda: Background(type="image", asset_id="a", value="#000000"),
    "url: must be given for an image background, or asset_id, and only one": lambda: Background(type="image"),
    "url: must be given for an image background, or asset_id": lambda: Background(
        type="image", url="https://example.com/a", asset_id="a"
    ),
    "color: must be a hex colour of six digits": lambda: StudioColorBackground(color="#abc"),
    "color: must be a string": lambda: StudioColorBackground(color=0),
    "background: cannot go with output_format 'webm'": lambda: avatar(
        output_format="webm", background=Background(type="color", value="#000000")
    ),
    "background: cannot go with output_format": lambda: image(
        output_format="webm", background=Background(type="image", asset_id="a")
    ),
    "background: must be Background, not dict": lambda: avatar(background={"type": "color", "value": "#000000"}),
    "background: must be StudioColorBackground": lambda: speaker(background=Background(type="image", asset_id="a")),
    "output_format: must be 'mp4' or 'webm'": lambda: avatar(output_format="mov"),
    "aspect_ratio: must be": lambda: avatar(aspect_ratio="4:3"),
    "resolution: must be '4k', '1080p' or '720p', not '8k'": lambda: StudioVideo(scenes=[CLIP], resolution="8k"),
    "resolution: must be '4k', '1080p' or '720p', not list": lambda: avatar(resolution=["4k"]),
    "fit: must be": lambda: avatar(fit="fill"),
    "remove_background: must be True or False": lambda: avatar(remove_background="yes"),
    "file_format: must be 'srt'": lambda: CaptionSettings(file_format="vtt"),
    "style: must be 'default'": lambda: CaptionSettings(style="fancy"),
    "opacity: must be": lambda: Watermark(image=URL, opacity=1.5),
    "scale: must be more than 0 and at most 2, not 0": lambda: Watermark(image=URL, scale=0),
    "position: must be": lambda: WatermarkPlacement(position="centre"),
    "offset_y: must be": lambda: WatermarkPlacement(offset_y=2),
    # files
    "url: must be an http:// or https:// URL, not 'file:///etc/passwd'": lambda: AssetUrl(url="file:///etc/passwd"),
    "url: must be an http:// or https:// URL, not 'https:///x'": lambda: AssetUrl(url="https:///x"),
    "url: must be an http:// or https:// URL, not 'https://a b/x'": lambda: AssetUrl(url="https://a b/x"),
    "url: must be an http:// or https:// URL": lambda: AssetUrl(url="https://example.com:99999/"),
    "url: must not be empty": lambda: AssetUrl(url=""),
    "callback_url: must be an http:// or https:// URL, not 'example.com'": lambda: avatar(callback_url="example.com"),
    "asset_id: must not be empty": lambda: AssetId(asset_id=""),
    "media_type: must be a media type": lambda: AssetBase64(media_type="png", data="aGk="),
    "data: must not be empty": lambda: AssetBase64(media_type="image/png", data=""),
    "data: must be base64 text alone": lambda: AssetBase64(media_type="image/png", data="data:image/png;base64,aGk="),
    # scenes
    "scenes: must have 1 to 50 items, not 0": lambda: StudioVideo(scenes=[]),
    "scenes: must have 1 to 50 items, not 51": lambda: StudioVideo(scenes=[CLIP] * 51),
    "scenes: must be a list, not 'x'": lambda: StudioVideo(scenes="x"),
    "scenes: must be a list, not None": lambda: StudioVideo(scenes=None),
    "scenes[1]: must be StudioAvatarVideoScene": lambda: StudioVideo(scenes=[CLIP, {"type": "video"}]),
    "input: must be StudioAvatarInput": lambda: StudioAvatarVideoScene(input=avatar()),
    "duration: is missing": still,
    "duration: cannot go with script": lambda: still(duration=3, script="x", voice_id="v"),
    "duration: must be more than 0 and at most 300, not 301": lambda: still(duration=301),
    "duration: must be more than 0 and at most 300, not 0": lambda: still(duration=0),
    "voice_id: is missing; a script needs it": lambda: still(script="x"),
    # cinematic
    "prompt: must have at most 10,000 characters": lambda: cinematic(prompt="x" * 10_001),
    "avatar_id: must have 1 to 3 items, not 0": lambda: cinematic(avatar_id=[]),
    "avatar_id: must have 1 to 3 items, not 4": lambda: cinematic(avatar_id=["a"] * 4),
    "avatar_id: must be a list, not 'look_1'": lambda: cinematic(avatar_id="look_1"),
    "avatar_id[1]: must be a string": lambda: cinematic(avatar_id=["a", 1]),
    "duration: must be at least 4 and at most 15, not 3": lambda: cinematic(duration=3),
    "duration: must be a whole number, not 4.5": lambda: cinematic(duration=4.5),
    "duration: must be a number, not True": lambda: cinematic(duration=True),
    "duration: cannot go with auto_duration=True": lambda: cinematic(duration=5, auto_duration=True),
    "aspect_ratio: must be '16:9', '9:16' or '1:1', not '4:5'": lambda: cinematic(aspect_ratio="4:5"),
    "resolution: must be '720p' or '1080p'": lambda: cinematic(resolution="4k"),
    "references: must be a list, not AssetUrl": lambda: cinematic(references=URL),
    "references[0]: must be AssetUrl": lambda: cinematic(references=["https://example.com/a.png"]),
    "references: must have at most 3 videos, not 4": lambda: cinematic(
        references=[AssetUrl(url="https://example.com/A.MP4?x=1")] * 3
        + [AssetBase64(media_type="video/webm", data="aGk=")]
    ),
    "references: must have at most 9 pictures, not 10": lambda: cinematic(
        references=[URL] * 9 + [AssetBase64(media_type="image/png", data="aGk=")]
    ),
    "references: must, together with avatar_id": lambda: cinematic(references=[AssetId(asset_id="a")] * 12),
    "references: must have 0 to 12 items": lambda: cinematic(references=[AssetId(asset_id="a")] * 13),
    # additions
    "extra: must not hold 'script', which is a field of AvatarVideo itself": lambda: avatar(extra={"script": "x"}),
    "extra: must be a mapping, not 5": lambda: avatar(extra=5),
    "extra.folder_id: must be something that JSON can say, not object": lambda: avatar(extra={"folder_id": object()}),
    "extra.x[0]: must be a number, not nan": lambda: avatar(extra={"x": [math.nan]}),
    "extra: must have names that are strings, not 5": lambda: avatar(extra={5: "x"}),
    "raw: must be a mapping": lambda: RawPart("x"),
}


@pytest.mark.parametrize(("problem", "make"), REFUSED.items(), ids=list(REFUSED))
def test_what_heygen_would_refuse_is_refused_by_name(problem: str, make: Any) -> None:
    """Each refusal is a plain ValueError that starts with the field's name and says what is wrong."""
    with pytest.raises(ValueError) as refusal:
        make()
    assert type(refusal.value) is ValueError
    assert str(refusal.value).startswith(problem)


def test_limits_are_inclusive() -> None:
    """The longest script, the most scenes and the ends of the ranges are fine."""
    avatar(script="x" * 5000)
    StudioVideo(scenes=[CLIP] * 50)
    still(duration=300)
    cinematic(duration=4, references=[AssetId(asset_id="a")] * 11, prompt="x" * 10_000)
    cinematic(duration=15, references=(), avatar_id=("a", "b", "c"))
    VoiceSettings(speed=0.5, pitch=50, volume=0)
    ElevenLabsEngineSettings(model="eleven_v3", stability=1)
    ElevenLabsEngineSettings(model="eleven_turbo_v2_5", stability=0.3)
    avatar(output_format="webm", remove_background=True)
    avatar(engine=AvatarVEngineConfig(), motion_prompt="waves")
    avatar(engine=AvatarIVEngineConfig(), motion_prompt="waves", expressiveness="high")


@pytest.mark.parametrize("color", ["#abc", "#abcd", "#a1b2c3", "#A1B2C3FF"])
def test_hex_colours_of_every_usual_length_are_taken(color: str) -> None:
    """Where HeyGen only says `hex`, it decides."""
    assert Background(type="color", value=color).value == color


def test_an_error_shows_neither_signatures_nor_whole_scripts() -> None:
    """Error texts end up in logs."""
    with pytest.raises(ValueError) as refusal:
        avatar(callback_url="ftp://user:pa55@example.com/x?Signature=s3cr3t")
    assert "s3cr3t" not in str(refusal.value)
    assert "pa55" not in str(refusal.value)
    with pytest.raises(ValueError) as refusal:
        avatar(fit="x" * 10_000)
    assert len(str(refusal.value)) < 150


def test_a_repr_shows_neither_signatures_nor_file_contents() -> None:
    """Requests end up in logs too."""
    request = image(
        image=AssetBase64(media_type="image/png", data="c2VjcmV0"),
        script=None,
        audio_url="https://example.com/a.mp3?Signature=s3cr3t",
        callback_url="https://example.com/hook?token=s3cr3t",
    )
    assert "s3cr3t" not in repr(request)
    assert "c2VjcmV0" not in repr(request)


def test_requests_are_values() -> None:
    """They are frozen, hash, compare, pickle and keep lists as tuples."""
    request = StudioVideo(scenes=[CLIP, RawPart({"type": "newer"})], extra={"folder_id": "f"})
    assert isinstance(request.scenes, tuple)
    assert pickle.loads(pickle.dumps(request)) == request
    assert hash(request) == hash(attrs.evolve(request))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.title = "x"  # type: ignore[misc]


def test_additions_are_merged_and_keep_to_themselves() -> None:
    """`extra` carries fields that this version does not know; later changes of the caller's dict do not count."""
    later = {"folder_id": "f", "unset": None, "nested": {"list": [1, (2, 3)]}}
    request = avatar(extra=later)
    later["nested"]["list"].append(4)  # type: ignore[index]
    payload = encode(request)
    assert payload["folder_id"] == "f"
    assert "unset" not in payload
    assert payload["nested"] == {"list": [1, [2, 3]]}
    payload["nested"]["list"].append(5)
    assert encode(request)["nested"] == {"list": [1, [2, 3]]}


def test_a_raw_part_is_sent_as_it_is() -> None:
    """HeyGen may add an engine, a scene or a way to name a file before this package does."""
    assert encode(avatar(engine=RawPart({"type": "avatar_vi", "x": None})))["engine"] == {
        "type": "avatar_vi",
        "x": None,
    }


@given(v3_requests)
@settings(max_examples=150, deadline=None)
def test_every_request_becomes_json_and_comes_back(request: Any) -> None:
    """Encoding gives JSON without null outside raw parts and additions, and reading it again gives the same request."""
    payload = encode(request)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    if not any(isinstance(value, RawPart) for value in walk(request)) and not request.extra:
        assert not nulls(payload)
    again = prepare(payload)
    assert again.payload == payload
    assert again.wire == "v3"
    assert again.request == attrs.evolve(request, extra={})


def walk(value: Any) -> Any:
    yield value
    if isinstance(value, tuple):
        for item in value:
            yield from walk(item)
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from walk(getattr(value, field.name))
