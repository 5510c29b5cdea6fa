"""The parts of a plan that both wires share: spoken, recorded and silent scenes, backdrops, labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from heygen_async.sandbox.plan import Backdrop, Scene
from heygen_async.sandbox.script import Utterance, speak

AUDIO_SECONDS: Final = 5.0
"""The length given to a scene with a recording: it is never fetched, so its true length is unknown."""

CLIP_SECONDS: Final = 5.0
"""The length given to a scene that is a video file, for the same reason."""

LABEL_CHARACTERS: Final = 30

_NOT_PATH: Final = re.compile(r"[?#]")


def spoken_scene(script: str, *, backdrop: Backdrop, presenter: str | None, speed: float = 1.0) -> Scene:
    """Return a scene in which the script is said."""
    speech = speak(script, speed=speed)
    return Scene(seconds=speech.seconds, backdrop=backdrop, presenter=presenter, utterances=speech.utterances)


def recorded_scene(source: str, *, backdrop: Backdrop, presenter: str | None) -> Scene:
    """Return a scene with a recording; its caption names the source."""
    utterance = Utterance(text=f"♪ {label(source)}", start=0.0, seconds=AUDIO_SECONDS)
    return Scene(seconds=AUDIO_SECONDS, backdrop=backdrop, presenter=presenter, utterances=(utterance,))


def silent_scene(seconds: float, *, backdrop: Backdrop, presenter: str | None = None) -> Scene:
    """Return a scene in which nothing is said."""
    return Scene(seconds=seconds, backdrop=backdrop, presenter=presenter)


def colour(value: str | None, default: str) -> Backdrop:
    """Return a plain backdrop."""
    return Backdrop(kind="color", value=value or default)


def picture(source: str) -> Backdrop:
    """Return the stand-in for a picture."""
    return Backdrop(kind="image", value=label(source))


def clip(source: str) -> Backdrop:
    """Return the stand-in for a video file."""
    return Backdrop(kind="video", value=label(source))


def label(source: str) -> str:
    """Return a short name for a URL or an id; never a query or user, because secrets live there."""
    _, is_url, rest = source.partition("://")
    path = _NOT_PATH.split(rest, maxsplit=1)[0].partition("/")[2]
    name = path.rstrip("/").rsplit("/", 1)[-1] or "file" if is_url else source
    return name if len(name) <= LABEL_CHARACTERS else name[: LABEL_CHARACTERS - 1] + "…"


def asset_name(asset: Mapping[str, Any]) -> str:
    """Return what identifies an asset input: its URL, its id or its media type."""
    return str(asset.get("url") or asset.get("asset_id") or asset.get("media_type"))
