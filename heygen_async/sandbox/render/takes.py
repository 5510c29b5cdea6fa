"""Scenes as they are really said: what is heard, how long it takes, and what the lips do meanwhile."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

from attrs import define, field, frozen

from heygen_async.sandbox.plan import MAX_SECONDS, Plan, Scene
from heygen_async.sandbox.render.library import Library
from heygen_async.sandbox.render.lips import mouths
from heygen_async.sandbox.render.sound import RATE, Sound, louder, seconds_of, silence
from heygen_async.sandbox.render.speech.language import language_of
from heygen_async.sandbox.render.speech.studio import Studio
from heygen_async.sandbox.render.timeline import Cue, scene_cues, sentence_cues, sentences
from heygen_async.sandbox.script import MIN_SPEECH

_BETWEEN_SENTENCES = 0.2
_AT_THE_END = 0.25


@frozen(kw_only=True, eq=False)
class Take:
    """One scene ready to be drawn: whole frames, exactly as much sound, captions on the scene's own clock."""

    scene: Scene
    frames: int
    seconds: float
    sound: Sound
    mouths: Sequence[int]
    cues: Sequence[Cue]
    clip_seconds: float | None
    voices: Sequence[str]


@define
class _Heard:
    """What is heard in a scene, as it comes about."""

    sound: Sound = field(factory=lambda: array("f"))
    cues: list[Cue] = field(factory=list[Cue])
    voices: list[str] = field(factory=list[str])


def takes_of(plan: Plan, studio: Studio, library: Library) -> list[Take]:
    """Return all scenes with their true lengths; what comes after five minutes is left out."""
    takes: list[Take] = []
    now, frame = 0.0, 0
    for scene in plan.scenes:
        heard = _listen(scene, studio, library)
        clip = library.clip_seconds(scene.backdrop.media) if scene.backdrop.kind == "video" else None
        now = min(MAX_SECONDS, now + _length(scene, heard, clip))
        end = max(frame + 1, round(now * plan.fps))
        takes.append(_take(scene, heard, clip, range(frame, end), plan.fps, library))
        frame = end
        if now >= MAX_SECONDS:
            break
    return takes


def take_cues(takes: Iterable[Take]) -> Iterator[Cue]:
    """Yield the captions of the whole video in order."""
    offset = 0.0
    for take in takes:
        yield from (cue.moved(offset, end=take.seconds) for cue in take.cues)
        offset += take.seconds


def _length(scene: Scene, heard: _Heard, clip: float | None) -> float:
    said = seconds_of(heard.sound)
    if scene.lasts == "voice":
        return said
    if scene.lasts == "clip":
        return max(clip or scene.seconds, said)
    return scene.seconds


def _take(scene: Scene, heard: _Heard, clip: float | None, frames: range, fps: int, library: Library) -> Take:
    count, seconds = len(frames), len(frames) / fps
    samples = frames.stop * RATE // fps - frames.start * RATE // fps
    lips = mouths(heard.sound[:samples], fps=fps, frames=count) if heard.sound else [0] * count
    if scene.clip_volume > 0 and clip is not None:
        sound = louder(library.sound(scene.backdrop.media) or array("f"), scene.clip_volume)
    else:
        sound = louder(heard.sound, scene.voice.volume)
    return Take(
        scene=scene,
        frames=count,
        seconds=seconds,
        sound=(sound + silence(seconds + 1))[:samples],
        mouths=lips,
        cues=[cue.moved(0.0, end=seconds) for cue in heard.cues if cue.start < seconds],
        clip_seconds=clip,
        voices=heard.voices,
    )


def _listen(scene: Scene, studio: Studio, library: Library) -> _Heard:
    if scene.recording is not None:
        return _recorded(scene, studio, library)
    return _spoken(scene, studio) if scene.utterances else _Heard()


def _recorded(scene: Scene, studio: Studio, library: Library) -> _Heard:
    sound = library.sound(scene.recording) if scene.recording else None
    if sound is None:
        return _Heard(_stand_in(scene.seconds, studio), list(scene_cues(scene)), ["babble"])
    end = seconds_of(sound)
    cues = [Cue(start=0.0, end=end, text=utterance.text) for utterance in scene.utterances]
    return _Heard(sound, cues, ["recording"])


def _stand_in(seconds: float, studio: Studio) -> Sound:
    """Babble for a recording that cannot be had: its length was promised, and lips shall move."""
    phrase = studio.babble("This is only a stand-in for a recording,") + silence(_BETWEEN_SENTENCES)
    return (phrase * (1 + round(seconds * RATE) // len(phrase)))[: round(seconds * RATE)]


def _spoken(scene: Scene, studio: Studio) -> _Heard:
    """Say the script sentence by sentence, so that each caption begins and ends with its sentence."""
    heard, silent_until = _Heard(), 0.0
    language = language_of(" ".join(part.text for part in scene.utterances), locale=scene.voice.locale)
    for utterance in scene.utterances:
        heard.sound += silence(utterance.start - silent_until)
        silent_until = utterance.start + utterance.seconds
        for number, sentence in enumerate(sentences(utterance.text)):
            if number:
                heard.sound += silence(_BETWEEN_SENTENCES / scene.voice.speed)
            _say(sentence, heard, scene, studio, language)
            if seconds_of(heard.sound) > MAX_SECONDS:
                return heard
    heard.sound += silence(scene.seconds - silent_until + _AT_THE_END)
    heard.sound += silence(MIN_SPEECH - seconds_of(heard.sound))
    return heard


def _say(sentence: str, heard: _Heard, scene: Scene, studio: Studio, language: str) -> None:
    spoken = studio.say(sentence, scene.voice, language=language)
    start = seconds_of(heard.sound)
    heard.sound += spoken.sound
    heard.cues.extend(sentence_cues(sentence, start, seconds_of(heard.sound)))
    if spoken.speaker not in heard.voices:
        heard.voices.append(spoken.speaker)
