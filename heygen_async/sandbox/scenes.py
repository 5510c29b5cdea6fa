"""The parts of a plan that both wires share: spoken, recorded and silent scenes, and backdrops."""

from __future__ import annotations

from typing import Any, Final

from heygen_async.sandbox.plan import Backdrop, Media, Scene, Voice
from heygen_async.sandbox.script import Utterance, speak
from heygen_async.sandbox.sources import Resolve, media, nothing

AUDIO_SECONDS: Final = 5.0
"""The planned length of a scene with a recording; its true one is known when it was opened."""

CLIP_SECONDS: Final = 5.0
"""The planned length of a scene that is a video file."""


def spoken_scene(
    script: str,
    *,
    backdrop: Backdrop,
    presenter: str | None,
    speed: float = 1.0,
    voice: Voice | None = None,
    **shown: Any,
) -> Scene:
    """Return a scene in which the script is said; `voice` goes before `speed`, `shown` are other fields of a scene."""
    voice = voice or Voice(speed=speed)
    speech = speak(script, speed=voice.speed)
    return Scene(
        seconds=speech.seconds,
        backdrop=backdrop,
        presenter=presenter,
        utterances=speech.utterances,
        voice=voice,
        lasts="voice",
        **shown,
    )


def recorded_scene(
    recording: Media, *, backdrop: Backdrop, presenter: str | None, volume: float = 1.0, **shown: Any
) -> Scene:
    """Return a scene with a recording; its caption names the source."""
    return Scene(
        seconds=AUDIO_SECONDS,
        backdrop=backdrop,
        presenter=presenter,
        utterances=(Utterance(text=f"♪ {recording.name}", start=0.0, seconds=AUDIO_SECONDS),),
        recording=recording,
        voice=Voice(volume=volume),
        lasts="voice",
        **shown,
    )


def silent_scene(seconds: float, *, backdrop: Backdrop, presenter: str | None = None, **shown: Any) -> Scene:
    """Return a scene in which nothing is said."""
    return Scene(seconds=seconds, backdrop=backdrop, presenter=presenter, **shown)


def colour(value: str | None, default: str) -> Backdrop:
    """Return a plain backdrop."""
    return Backdrop(kind="color", value=value or default)


def picture(source: str, resolve: Resolve = nothing, **shown: Any) -> Backdrop:
    """Return a picture named by a URL or an asset id."""
    return picture_of(media(source, resolve), **shown)


def picture_of(file: Media, **shown: Any) -> Backdrop:
    """Return a picture as backdrop; a stand-in is drawn if it cannot be opened."""
    return Backdrop(kind="image", value=file.name, path=file.path, url=file.url, **shown)


def clip(source: str, resolve: Resolve = nothing, **shown: Any) -> Backdrop:
    """Return a video file named by a URL or an asset id."""
    return clip_of(media(source, resolve), **shown)


def clip_of(file: Media, **shown: Any) -> Backdrop:
    """Return a video file as backdrop; a stand-in is drawn if it cannot be opened."""
    return Backdrop(kind="video", value=file.name, path=file.path, url=file.url, **shown)
