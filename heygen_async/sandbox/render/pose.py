"""What a scene shows at a moment: the state of each piece that moves."""

from __future__ import annotations

from math import pi, sin
from typing import Final

from attrs import frozen

from heygen_async.sandbox.render.timeline import Track

ARM_POSES: Final = 9
WAVE_PHASES: Final = 8
GESTURE_SECONDS: Final = 3.2
GESTURES_PER_SECOND: Final = 12.5
BLINK_EVERY: Final = 3.3
BLINK_SECONDS: Final = 0.13


@frozen(kw_only=True)
class Pose:
    """The state of everything that can differ between two frames of one scene; the caption is shown on request."""

    mouth: int
    blink: bool
    arm: int
    wave: int
    caption: str


def pose_at(track: Track, time: float, *, mouth: int) -> Pose:
    """Return what is shown `time` seconds into the scene; `mouth` is what the sound does to it."""
    cue = track.cue_at(time)
    beat = int(time * GESTURES_PER_SECOND)
    swing = sin(2 * pi * beat / GESTURES_PER_SECOND / GESTURE_SECONDS) * (1.0 if cue else 0.35)
    return Pose(
        mouth=mouth,
        blink=time % BLINK_EVERY > BLINK_EVERY - BLINK_SECONDS,
        arm=round((swing + 1) / 2 * (ARM_POSES - 1)),
        wave=beat % WAVE_PHASES if mouth else 0,
        caption=cue.text if cue else "",
    )
