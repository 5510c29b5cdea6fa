"""What a video shows, free of wires and pixels: the contract between the API side and the renderer."""

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


@frozen(kw_only=True)
class Backdrop:
    """What is behind the presenter: `value` is `#rrggbb` for a colour, else a short label (nothing is fetched)."""

    kind: Literal["color", "image", "video"]
    value: str


@frozen(kw_only=True)
class Scene:
    """One scene: `presenter` is any id (it chooses face and clothes), None shows the backdrop alone."""

    seconds: float
    backdrop: Backdrop
    presenter: str | None
    utterances: tuple[Utterance, ...] = ()


@frozen(kw_only=True)
class Plan:
    """A whole video: pixels, frame rate and scenes in order; `alpha` asks for WebM with a transparent backdrop."""

    width: int
    height: int
    scenes: tuple[Scene, ...]
    fps: int = 25
    alpha: bool = False

    @property
    def seconds(self) -> float:
        """Return the length of the clip: whole frames."""
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
