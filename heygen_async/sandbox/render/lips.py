"""Mouths that follow the sound: how far open at each frame."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from heygen_async.sandbox.render.sound import Sound, loudness, sharpness

OPEN_LEVELS: Final = 5
"""Mouths from closed (0) to wide open (4)."""

TEETH: Final = 5
"""The mouth of s, f and the like."""

_LOUD: Final = 0.9
_POWER: Final = 0.7
_SILENT: Final = 0.004
_HISS: Final = 0.75
_HUSH: Final = 0.08


def mouths(sound: Sound, *, fps: int, frames: int) -> list[int]:
    """Return the mouth of each frame; loudness is taken against the louder moments of the same sound."""
    levels = loudness(sound, fps)
    heard = sorted(level for level in levels if level > _SILENT)
    if not heard:
        return [0] * frames
    reference = heard[min(len(heard) - 1, int(_LOUD * len(heard)))]
    opened = _smoothed([min(1.0, level / reference) ** _POWER for level in levels])
    hiss = sharpness(sound, fps)
    shapes = [
        TEETH if sharp > _HISS and share > _HUSH else round(share * (OPEN_LEVELS - 1))
        for share, sharp in zip(opened, hiss, strict=True)
    ]
    return (shapes + [0] * frames)[:frames]


def _smoothed(values: list[float]) -> list[float]:
    around = [0.0, *values, 0.0]
    return [
        0.2 * before + 0.6 * here + 0.2 * after
        for (before, here), (_, after) in zip(pairwise(around[:-1]), pairwise(around[1:]), strict=True)
    ]
