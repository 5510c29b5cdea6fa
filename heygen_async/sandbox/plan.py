"""What a video shows and says, free of wires and pixels: the contract between the API side and the renderer."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import Any, Final, Literal

import cattrs
from attrs import evolve, frozen

from heygen_async.sandbox.script import Utterance

MAX_SECONDS: Final = 300.0
"""No clip is longer: a local emulator should not render for hours."""

Fit = Literal["cover", "crop", "contain", "none"]
PlayStyle = Literal["fit_to_scene", "freeze", "loop", "once", "full_video"]
Style = Literal["normal", "circle", "closeUp"]
Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right"]


@frozen(kw_only=True)
class Media:
    """A picture, clip or recording: a local file, a `data:` or loopback URL, or (neither) known by name only.

    `name` is short and holds no query: it is written on what is drawn instead of media that cannot be opened.
    """

    name: str
    path: str | None = None
    url: str | None = None

    @property
    def is_reachable(self) -> bool:
        """Say whether there is anything to open."""
        return self.path is not None or self.url is not None


@frozen(kw_only=True)
class Backdrop:
    """What is behind the presenter: `value` is `#rrggbb` for a colour, else a short label of the media.

    `path` names a local file to show, `url` one to fetch (loopback or `data:`); without either a stand-in is drawn.
    """

    kind: Literal["color", "image", "video"]
    value: str
    path: str | None = None
    url: str | None = None
    fit: Fit = "cover"
    play_style: PlayStyle = "fit_to_scene"

    @property
    def media(self) -> Media:
        """Return the file behind the backdrop."""
        return Media(name=self.value, path=self.path, url=self.url)


@frozen(kw_only=True)
class Voice:
    """How a scene is spoken: `id` chooses the timbre; `speed` 1 is normal; `pitch` -50 to 50; `volume` 0 to 1."""

    id: str = ""
    speed: float = 1.0
    pitch: float = 0.0
    volume: float = 1.0
    locale: str | None = None


@frozen(kw_only=True)
class Framing:
    """Where and how the presenter stands; offsets are shares of the frame, to the right and down."""

    style: Style = "normal"
    scale: float = 1.0
    offset_x: float = 0.0
    offset_y: float = 0.0
    circle_color: str | None = None


@frozen(kw_only=True)
class Overlay:
    """A text laid over a scene; sizes are pixels, `x` and `y` those of its top left corner."""

    text: str
    x: float = 0.0
    y: float = 0.0
    size: float = 12.0
    color: str = "#ffffff"
    align: Literal["left", "center", "right"] = "left"
    line_height: float = 1.0
    width: float = 500.0
    bold: bool = False


@frozen(kw_only=True)
class Watermark:
    """A picture in a corner of the whole video; offsets are shares of the frame."""

    image: Media
    opacity: float = 1.0
    scale: float = 1.0
    corner: Corner = "bottom_right"
    offset_x: float = 0.0
    offset_y: float = 0.0


@frozen(kw_only=True)
class Scene:
    """One scene: `presenter` is any id (it chooses face and clothes), None shows the backdrop alone.

    It is spoken (`utterances`), plays a `recording`, plays the sound of its clip (`clip_volume` above 0), or is
    silent. `seconds` is the planned length; `lasts` says what decides the true one.
    """

    seconds: float
    backdrop: Backdrop
    presenter: str | None
    utterances: tuple[Utterance, ...] = ()
    voice: Voice = Voice()
    recording: Media | None = None
    clip_volume: float = 0.0
    lasts: Literal["planned", "voice", "clip"] = "planned"
    framing: Framing = Framing()
    overlay: Overlay | None = None


@frozen(kw_only=True)
class Plan:
    """A whole video: pixels, frame rate and scenes in order.

    `alpha` asks for WebM with a transparent backdrop, `captions` for a second file with the words burned in.
    """

    width: int
    height: int
    scenes: tuple[Scene, ...]
    fps: int = 25
    alpha: bool = False
    captions: bool = False
    watermark: Watermark | None = None

    @property
    def seconds(self) -> float:
        """Return the planned length of the clip: whole frames."""
        return self.frames / self.fps

    @property
    def frames(self) -> int:
        """Return how many frames the clip has."""
        return sum(self.scene_frames())

    def scene_frames(self) -> list[int]:
        """Return the frames of each scene; rounded along the way, so that errors do not add up."""
        edges, now = [0], 0.0
        for scene in self.scenes:
            now += scene.seconds
            edges.append(max(edges[-1] + 1, round(now * self.fps)))
        return [end - start for start, end in pairwise(edges)]

    @property
    def suffix(self) -> str:
        """Return the file name extension of the video."""
        return "webm" if self.alpha else "mp4"

    def capped(self, limit: float = MAX_SECONDS) -> Plan:
        """Return the plan cut off at `limit` seconds."""
        kept: list[Scene] = []
        left = limit
        for scene in self.scenes:
            if left <= 0:
                break
            kept.append(evolve(scene, seconds=min(scene.seconds, left)))
            left -= scene.seconds
        return evolve(self, scenes=tuple(kept))

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON for the worker process."""
        plain: dict[str, Any] = cattrs.unstructure(self)
        return plain

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Plan:
        """Rebuild a plan from `to_json`."""
        return cattrs.structure(value, cls)

    def digest(self) -> str:
        """Return a name for what the plan shows: equal plans make equal videos and share one render."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:32]


def even(pixels: int) -> int:
    """Round down to an even number: 4:2:0 video has no odd sides."""
    return max(2, pixels - pixels % 2)
