"""What a request will cost, before it is paid: pure arithmetic, on the safe side."""

from __future__ import annotations

from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    AsyncHeyGen,
    AvatarIIIEngineConfig,
    AvatarIVEngineConfig,
    AvatarVEngineConfig,
    AvatarVideo,
    CinematicVideo,
    Estimate,
    GenerateFromTemplate,
    ImageVideo,
    PriceTable,
    StudioAvatarInput,
    StudioAvatarVideoScene,
    StudioImageInput,
    StudioImageScene,
    StudioVideo,
    StudioVideoScene,
    TextVariable,
    VoiceSettings,
    v2,
)
from heygen_async._protocol.encoding import prepare
from heygen_async._protocol.pricing import estimate, known_seconds
from heygen_async._protocol.speech import spoken_seconds
from heygen_async.models.assets import RawPart

PICTURE = AssetUrl(url="https://example.com/p.png")
TEN_WORDS = "one two three four five six seven eight nine ten"
RECORDING = "https://example.com/a.mp3"


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        (TEN_WORDS, 4.0),
        ("hi", 1.0),
        (f"{TEN_WORDS} -- ... !", 4.0),
        (f'{TEN_WORDS} <break time="1.5s"/>', 5.5),
        (f"{TEN_WORDS} <break time='500ms' /> <BREAK time=\"1\">", 5.5),
        ('<break time="2s"/>', 2.0),
        ("Donaudampfschifffahrt " * 10, 8.0),
        ("你好世界你好世界", 2.0),
        ("こんにちは、せかい。", 2.0),
        ("안녕하세요 세계여 안녕", 2.5),
        ("สวัสดีชาวโลก" * 5, 6.0),
        (f"{TEN_WORDS} 你好世界", 5.0),
    ],
)
def test_a_script_is_as_long_as_its_words_and_pauses(script: str, seconds: float) -> None:
    """2.5 words a second; scripts without spaces are counted by characters; long words count as several."""
    assert spoken_seconds(script) == pytest.approx(seconds)


def test_the_speed_shortens_the_words_but_not_the_pauses() -> None:
    """HeyGen's pauses are given in seconds."""
    assert spoken_seconds(f'{TEN_WORDS} <break time="2s"/>', speed=0.5) == pytest.approx(10.0)
    slow = AvatarVideo(avatar_id="a", script=TEN_WORDS, voice_settings=VoiceSettings(speed=0.5))
    assert estimate(slow).seconds == pytest.approx(8.0)
    assert estimate(_v2(voice=v2.TextVoice(input_text=TEN_WORDS, speed=2.0))).seconds == pytest.approx(2.0)
    assert estimate(AvatarVideo(avatar_id="a", script=TEN_WORDS, voice_settings=VoiceSettings())).seconds == 4.0


def _v2(**scene: Any) -> v2.VideoRequest:
    voice = scene.pop("voice", v2.TextVoice(input_text=TEN_WORDS))
    return v2.VideoRequest(video_inputs=[v2.VideoInput(voice=voice, **scene)])


@pytest.mark.parametrize(
    ("request_", "rate"),
    [
        (AvatarVideo(avatar_id="a", script=TEN_WORDS), 0.0667),
        (AvatarVideo(avatar_id="a", script=TEN_WORDS, engine=AvatarIVEngineConfig()), 0.0667),
        (AvatarVideo(avatar_id="a", script=TEN_WORDS, engine=AvatarVEngineConfig(), resolution="4k"), 0.0667),
        (AvatarVideo(avatar_id="a", script=TEN_WORDS, engine=AvatarIIIEngineConfig()), 0.0433),
        (ImageVideo(image=PICTURE, script=TEN_WORDS, voice_id="v"), 0.05),
        (_v2(character=v2.Avatar(avatar_id="a")), 0.0167),
        (_v2(character=v2.Avatar(avatar_id="a", use_avatar_iv_model=True)), 0.0667),
        (_v2(character=v2.TalkingPhoto(talking_photo_id="a")), 0.0433),
        (_v2(character=v2.TalkingPhoto(talking_photo_id="a", use_avatar_iv_model=True)), 0.05),
        (_v2(), 0.0667),
    ],
)
def test_a_second_costs_what_the_engine_and_the_kind_of_avatar_cost(request_: Any, rate: float) -> None:
    """The list price of the engine; the dearer kind where the request does not tell the kind."""
    told = estimate(request_)
    assert (told.seconds, told.usd) == (4.0, pytest.approx(4.0 * rate))
    assert f"${rate:g} a second" in told.basis
    assert "late 2026" in told.basis


@pytest.mark.parametrize(
    "request_",
    [
        AvatarVideo(avatar_id="a", audio_url=RECORDING),
        AvatarVideo(avatar_id="a", audio_asset_id="x"),
        _v2(voice=v2.AudioVoice(audio_url=RECORDING), character=v2.Avatar(avatar_id="a", use_avatar_iv_model=True)),
    ],
)
def test_a_recording_is_as_long_as_heygen_accepts_at_most(request_: Any) -> None:
    """Its length is unknown without fetching it, and the basis says so."""
    told = estimate(request_)
    assert (told.seconds, told.usd) == (600.0, pytest.approx(600 * 0.0667))
    assert "unknown length" in told.basis


@pytest.mark.parametrize(("duration", "seconds"), [(None, 1.0), ("3", 3.0), (7.5, 7.5)])
def test_a_silence_has_its_own_length(duration: Any, seconds: float) -> None:
    """In either form that HeyGen takes; one second if it is not said."""
    assert estimate(_v2(voice=v2.SilenceVoice(duration=duration))).seconds == seconds


def test_a_video_of_several_scenes_is_priced_by_its_dearest_one() -> None:
    """The lengths add up; stills have a length of their own, and clips are as long as a video can be."""
    picture = StudioImageInput(image=PICTURE, script=TEN_WORDS, voice_id="v")
    avatar = StudioAvatarInput(avatar_id="a", script=TEN_WORDS, engine=AvatarIIIEngineConfig())
    told = estimate(
        StudioVideo(
            scenes=[
                StudioAvatarVideoScene(input=picture),
                StudioAvatarVideoScene(input=avatar),
                StudioImageScene(source=PICTURE, duration=3),
                StudioImageScene(source=PICTURE, script=TEN_WORDS, voice_id="v"),
            ]
        )
    )
    assert (told.seconds, told.usd) == (15.0, pytest.approx(15 * 0.05))
    assert told.basis.startswith("12.0 s of script at 2.5 words a second; 3.0 s of silence and stills")
    clip = estimate(StudioVideo(scenes=[StudioVideoScene(source=PICTURE)]))
    assert (clip.seconds, clip.usd) == (1800.0, pytest.approx(1800 * 0.0667))


def test_a_cinematic_video_has_one_price() -> None:
    """Whatever its length, which is 15 s at most."""
    short = CinematicVideo(prompt="p", avatar_id=["a"], duration=4)
    assert (estimate(short).seconds, estimate(short).usd) == (4.0, 7.0)
    assert estimate(CinematicVideo(prompt="p", avatar_id=["a"])).seconds == 15.0


def test_a_v2_test_costs_nothing() -> None:
    """Its length is told all the same."""
    told = estimate(v2.VideoRequest(video_inputs=_v2().video_inputs, test=True))
    assert (told.seconds, told.usd) == (4.0, 0.0)
    assert "test=True" in told.basis


def test_a_mapping_costs_what_its_typed_form_costs() -> None:
    """On both wires."""
    assert estimate({"type": "avatar", "avatar_id": "a", "script": TEN_WORDS}).usd == pytest.approx(4 * 0.0667)
    scene = {"character": {"type": "avatar", "avatar_id": "a"}, "voice": {"type": "text", "input_text": TEN_WORDS}}
    assert estimate({"video_inputs": [scene], "test": False}).usd == pytest.approx(4 * 0.0167)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"type": "hologram"}, "hologram"),
        (AvatarVideo(avatar_id="a", script="x", engine=RawPart({"type": "avatar_vi"})), "avatar_vi"),
        (StudioVideo(scenes=[RawPart({"type": "quiz"})]), "quiz"),
        (StudioVideo(scenes=[StudioAvatarVideoScene(input=RawPart({"type": "robot"}))]), "robot"),
        (GenerateFromTemplate(template_id="t", variables={"a": TextVariable("b")}), "template"),
    ],
)
def test_what_this_version_does_not_know_cannot_be_priced(request_: Any, named: str) -> None:
    """A guess would break a budget."""
    with pytest.raises(ValueError, match=f"{named}.*cannot be priced"):
        estimate(request_)


def test_a_bad_request_is_refused_as_everywhere() -> None:
    """With the path of the field."""
    with pytest.raises(ValueError, match="avatar_id"):
        estimate({"type": "avatar", "script": "x"})


def test_the_client_estimates_without_io_and_with_other_prices() -> None:
    """Synchronous; a price table of one's own replaces the list's and its date."""
    heygen = AsyncHeyGen("k")
    request = AvatarVideo(avatar_id="a", script=TEN_WORDS)
    told = heygen.videos.estimate(request, prices=PriceTable(as_of="our contract", twin=0.01, photo=0.02))
    assert isinstance(told, Estimate)
    assert told.usd == pytest.approx(0.08)
    assert "our contract" in told.basis
    assert heygen.videos.estimate(request) == estimate(request)


@pytest.mark.parametrize("price", [-1, "1", True, float("nan"), float("inf")])
def test_a_price_must_be_a_number_of_at_least_nothing(price: Any) -> None:
    """A budget cannot be kept with anything else."""
    with pytest.raises(ValueError, match="photo"):
        PriceTable(photo=price)


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (AvatarVideo(avatar_id="a", script=TEN_WORDS), 4.0),
        ({"type": "avatar", "avatar_id": "a", "script": TEN_WORDS, "of_tomorrow": 1}, 4.0),
        (AvatarVideo(avatar_id="a", script=TEN_WORDS, voice_settings=VoiceSettings(speed=0.5)), 8.0),
        (AvatarVideo(avatar_id="a", audio_url=RECORDING), None),
        (ImageVideo(image=PICTURE, script=TEN_WORDS, voice_id="v"), 4.0),
        (
            v2.VideoRequest(video_inputs=[v2.VideoInput(voice=v2.TextVoice(input_text=TEN_WORDS, voice_id="v"))] * 2),
            8.0,
        ),
        (v2.VideoRequest(video_inputs=[v2.VideoInput(voice=v2.AudioVoice(audio_url=RECORDING))]), None),
        (StudioVideo(scenes=[StudioImageScene(source=PICTURE, duration=7)]), 7.0),
        (StudioVideo(scenes=[StudioVideoScene(source=AssetUrl(url=RECORDING))]), None),
        (GenerateFromTemplate(template_id="t", variables={"a": TextVariable("b")}), None),
        ({"type": "of_tomorrow"}, None),
    ],
)
def test_a_length_is_known_where_the_request_tells_it(request_: Any, seconds: float | None) -> None:
    """From scripts, silences and stills; never guessed for recordings, clips and templates."""
    assert known_seconds(prepare(request_)) == seconds
