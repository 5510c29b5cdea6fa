"""Sound as plain arrays of floats, one channel at one rate: what all speakers make and the encoder takes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from math import sqrt
from operator import mul, sub
from typing import Final, TypeAlias

RATE: Final = 24_000
"""Samples per second of everything that is heard."""

Sound: TypeAlias = "array[float]"
"""Samples from -1 to 1."""

_QUIET: Final = 0.02
"""The share of the loudest moment below which the ends of a recording are taken for silence."""


def silence(seconds: float) -> Sound:
    """Return nothing to hear for a while."""
    return array("f", bytes(4 * max(0, round(seconds * RATE))))


def seconds_of(sound: Sound) -> float:
    """Return how long a sound is."""
    return len(sound) / RATE


def loudness(sound: Sound, per_second: float) -> list[float]:
    """Return the root mean square of each stretch, `per_second` of them a second."""
    return [sqrt(sum(map(mul, part, part)) / len(part)) for part in _parts(sound, per_second)]


def sharpness(sound: Sound, per_second: float) -> list[float]:
    """Return how much of each stretch is hiss, 0 (a hum) to about 1.4 (noise): s and f are sharp, vowels are not."""
    return [_sharpness(part) for part in _parts(sound, per_second)]


def trimmed(sound: Sound, *, before: float = 0.04, after: float = 0.12) -> Sound:
    """Return the sound without the silence at its ends, but for a moment of it."""
    levels = loudness(sound, 100)
    loud = [index for index, level in enumerate(levels) if level > _QUIET * max(levels)]
    if not loud:
        return sound[:0]
    start = max(0, round((loud[0] / 100 - before) * RATE))
    return sound[start : round(((loud[-1] + 1) / 100 + after) * RATE)]


def louder(sound: Sound, factor: float) -> Sound:
    """Return the sound with another volume."""
    return sound if factor == 1 else array("f", [factor * sample for sample in sound])


def _parts(sound: Sound, per_second: float) -> Iterator[Sound]:
    step = RATE / per_second
    for number in range(-(-len(sound) * per_second // RATE).__trunc__()):
        part = sound[round(number * step) : round((number + 1) * step)]
        if part:
            yield part


def _sharpness(part: Sound) -> float:
    energy = sum(map(mul, part, part))
    steps = array("f", map(sub, part[1:], part))
    return sqrt(sum(map(mul, steps, steps)) / energy) if energy > 1e-6 else 0.0
