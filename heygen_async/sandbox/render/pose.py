"""What a scene shows at a moment: the state of each piece that moves."""

from __future__ import annotations

from math import pi, sin
from typing import Final

from attrs import frozen

from heygen_async.sandbox.render.timeline import Track

ARM_POSES: Final = 9
WAVE_PHASES: Final = 8
GESTURE_SECONDS: Final = 3.2
BLINK_EVERY: Final = 3.3
BLINK_SECONDS: Final = 0.13


@frozen(kw_only=True)
class Pose:
    """The state of everything that can differ between two frames of one scene."""

    mouth: int
    blink: bool
    arm: int
    wave: int
    caption: str


def pose_at(track: Track, time: float, *, beat: int) -> Pose:
    """Return what is shown `time` seconds into the scene; `beat` counts the moves so far."""
    cue = track.cue_at(time)
    swing = sin(2 * pi * time / GESTURE_SECONDS) * (1.0 if cue else 0.35)
    return Pose(
        mouth=track.mouth_at(time),
        blink=time % BLINK_EVERY > BLINK_EVERY - BLINK_SECONDS,
        arm=round((swing + 1) / 2 * (ARM_POSES - 1)),
        wave=beat % WAVE_PHASES,
        caption=cue.text if cue else "",
    )
