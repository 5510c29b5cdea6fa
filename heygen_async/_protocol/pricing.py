"""What a request will probably cost: its length, times the price of a second.

HeyGen bills the length of the finished video. What the request does not tell is taken at its dearest, so that a budget
is not overrun by surprise: the longest recording that HeyGen takes, and the dearer kind of avatar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from heygen_async._protocol.encoding import Prepared, prepare
from heygen_async._protocol.speech import WORDS_PER_SECOND, spoken_seconds
from heygen_async.models._spoken import Spoken
from heygen_async.models.assets import RawPart
from heygen_async.models.estimate import PRICES, Estimate, PriceTable
from heygen_async.models.parts import AvatarIIIEngineConfig
from heygen_async.models.requests import AvatarVideo, CinematicVideo, ImageVideo, StudioVideo
from heygen_async.models.studio import (
    StudioAvatarInput,
    StudioAvatarVideoScene,
    StudioImageInput,
    StudioImageScene,
    StudioScene,
    StudioVideoScene,
)
from heygen_async.models.templates import GenerateFromTemplate
from heygen_async.models.v2_parts import AudioVoice, Avatar, Character, TextVoice, Voice
from heygen_async.models.v2_request import VideoRequest

_LONGEST_RECORDING: Final = 600.0
_LONGEST_VIDEO: Final = 1800.0
_LONGEST_CINEMATIC: Final = 15.0
_SHORTEST_SILENCE: Final = 1.0

_SCRIPT: Final = f"script at {WORDS_PER_SECOND:g} words a second"
_RECORDING: Final = f"recordings of unknown length, taken as the longest that HeyGen accepts ({_LONGEST_RECORDING:g} s)"
_SILENCE: Final = "silence and stills of the given length"
_CLIP: Final = f"clips of unknown length, taken as the longest video that HeyGen makes ({_LONGEST_VIDEO:g} s)"


@frozen
class _Length:
    seconds: float
    source: str


@frozen
class _Rate:
    """A price per second, and what it is the price of."""

    usd: float
    product: str


@frozen
class _Scene:
    """A stretch of a video; without a presenter it has no price of its own."""

    length: _Length
    rate: _Rate | None


def estimate(request: object, prices: PriceTable = PRICES) -> Estimate:
    """Return what a request for a video, typed or a mapping, will probably cost.

    Raise `ValueError` for a request that HeyGen would refuse, and for one that cannot be priced, because this version
    does not know its type.
    """
    return estimate_prepared(prepare(request), prices)


def estimate_prepared(prepared: Prepared, prices: PriceTable = PRICES) -> Estimate:
    """Return what a checked request will probably cost; raise `ValueError` if it cannot be priced."""
    match prepared.request:
        case CinematicVideo() as video:
            return _cinematic(video, prices)
        case VideoRequest(test=True) as video:
            seconds = sum(scene.length.seconds for scene in _scenes_v2(video, prices))
            return Estimate(seconds=seconds, usd=0.0, basis="test=True: HeyGen makes a watermarked video for nothing")
        case VideoRequest() as video:
            return _sum(list(_scenes_v2(video, prices)), prices)
        case AvatarVideo() as video:
            return _sum([_Scene(_speech(video), _avatar(video.engine, prices))], prices)
        case ImageVideo() as video:
            return _sum([_Scene(_speech(video), _picture(prices))], prices)
        case StudioVideo() as video:
            return _sum([_studio_scene(scene, prices) for scene in video.scenes], prices)
        case GenerateFromTemplate():
            raise ValueError("a video from a template cannot be priced: the request does not tell its length")
        case _:
            raise _unpriceable("type", prepared.payload.get("type"))


def known_seconds(prepared: Prepared) -> float | None:
    """Return how long a checked request's video will be, if the request tells; recordings and templates do not."""
    try:
        lengths = [scene.length for scene in _spoken_scenes(prepared.request)]
    except ValueError:
        return None
    told = all(length.source in {_SCRIPT, _SILENCE} for length in lengths)
    return sum(length.seconds for length in lengths) if lengths and told else None


def _spoken_scenes(request: object) -> Iterable[_Scene]:
    match request:
        case AvatarVideo() | ImageVideo():
            return [_Scene(_speech(request), None)]
        case StudioVideo():
            return [_studio_scene(scene, PRICES) for scene in request.scenes]
        case VideoRequest():
            return _scenes_v2(request, PRICES)
        case _:
            return []


def _sum(scenes: Sequence[_Scene], prices: PriceTable) -> Estimate:
    # How HeyGen bills a video with several kinds of scene is not documented, so its dearest scene prices all of it.
    rates = [scene.rate for scene in scenes if scene.rate is not None] or [_any_presenter(prices)]
    rate = max(rates, key=lambda one: one.usd)
    seconds = sum(scene.length.seconds for scene in scenes)
    lengths = "; ".join(_lengths(scene.length for scene in scenes))
    return Estimate(
        seconds=seconds,
        usd=seconds * rate.usd,
        basis=f"{lengths}; ${rate.usd:g} a second for {rate.product} at any resolution, list price of {prices.as_of}",
    )


def _lengths(lengths: Iterable[_Length]) -> Iterator[str]:
    by_source: dict[str, float] = {}
    for length in lengths:
        by_source[length.source] = by_source.get(length.source, 0.0) + length.seconds
    for source, seconds in by_source.items():
        yield f"{seconds:.1f} s of {source}"


def _cinematic(video: CinematicVideo, prices: PriceTable) -> Estimate:
    seconds = _LONGEST_CINEMATIC if video.duration is None else float(video.duration)
    basis = f"${prices.cinematic_video:g} a cinematic video of any length, list price of {prices.as_of}"
    return Estimate(seconds=seconds, usd=prices.cinematic_video, basis=basis)


def _studio_scene(scene: StudioScene, prices: PriceTable) -> _Scene:
    match scene.input if isinstance(scene, StudioAvatarVideoScene) else scene:
        case StudioImageInput() as speaker:
            return _Scene(_speech(speaker), _picture(prices))
        case StudioAvatarInput() as speaker:
            return _Scene(_speech(speaker), _avatar(speaker.engine, prices))
        case StudioImageScene() as still:
            return _Scene(_speech(still) if still.duration is None else _Length(still.duration, _SILENCE), None)
        case StudioVideoScene():
            return _Scene(_Length(_LONGEST_VIDEO, _CLIP), None)
        case RawPart() as part:
            raise _unpriceable("scenes", part.raw.get("type"))


def _scenes_v2(video: VideoRequest, prices: PriceTable) -> Iterator[_Scene]:
    for scene in video.video_inputs:
        yield _Scene(_voice(scene.voice), _character(scene.character, prices))


def _speech(spoken: Spoken) -> _Length:
    if spoken.script is None:
        return _Length(_LONGEST_RECORDING, _RECORDING)
    speed = spoken.voice_settings.speed if spoken.voice_settings else None
    return _Length(spoken_seconds(spoken.script, speed=speed or 1.0), _SCRIPT)


def _voice(voice: Voice) -> _Length:
    if isinstance(voice, TextVoice):
        return _Length(spoken_seconds(voice.input_text, speed=voice.speed or 1.0), _SCRIPT)
    if isinstance(voice, AudioVoice):
        return _Length(_LONGEST_RECORDING, _RECORDING)
    return _Length(_SHORTEST_SILENCE if voice.duration is None else float(voice.duration), _SILENCE)


def _character(character: Character | None, prices: PriceTable) -> _Rate | None:
    """Return the price of a v2 character, which says of what kind it is; its engine is III unless it asks for IV."""
    if character is None:
        return None
    if isinstance(character, Avatar):
        if character.use_avatar_iv_model:
            return _Rate(prices.twin, "an avatar with Avatar IV")
        return _Rate(prices.twin_iii, "an avatar with Avatar III")
    if character.use_avatar_iv_model:
        return _picture(prices)
    return _Rate(prices.photo_iii, "a photo with Avatar III")


def _picture(prices: PriceTable) -> _Rate:
    return _Rate(prices.photo, "a picture with Avatar IV")


def _avatar(engine: object, prices: PriceTable) -> _Rate:
    if isinstance(engine, RawPart):
        raise _unpriceable("engine", engine.raw.get("type"))
    if not isinstance(engine, AvatarIIIEngineConfig):
        return _any_presenter(prices)
    return _Rate(max(prices.twin_iii, prices.photo_iii), "the dearer kind of avatar with Avatar III")


def _any_presenter(prices: PriceTable) -> _Rate:
    return _Rate(max(prices.twin, prices.photo), "the dearer kind of avatar with Avatar IV or V")


def _unpriceable(name: str, kind: Any) -> ValueError:
    return ValueError(f"{name}: {kind!r} is not known to this version, so that it cannot be priced")
