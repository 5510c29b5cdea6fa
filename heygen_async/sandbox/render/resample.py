"""Sound at another rate: for files of other rates, and for voices of another pitch."""

# PyAV leaves some types open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from array import array
from collections.abc import Iterable

from av import AudioFrame, AudioResampler

from heygen_async.sandbox.render.sound import RATE, Sound


def resampled(sound: Sound, *, from_rate: int) -> Sound:
    """Return the sound at the common rate."""
    if from_rate == RATE or not sound:
        return sound
    frame = AudioFrame(format="flt", layout="mono", samples=len(sound))
    frame.planes[0].update(sound.tobytes())
    frame.sample_rate = from_rate
    return joined([frame])


def shifted(sound: Sound, factor: float) -> Sound:
    """Return the sound `factor` times as high and as fast, as a tape would play it."""
    return resampled(sound, from_rate=round(RATE * factor))


def joined(frames: Iterable[AudioFrame]) -> Sound:
    """Return frames of any format as one sound, all channels mixed into one."""
    resampler = AudioResampler(format="flt", layout="mono", rate=RATE)
    sound = array("f")
    for frame in frames:
        frame.pts = None
        _append(sound, resampler.resample(frame))
    _append(sound, resampler.resample(None))
    return sound


def _append(sound: Sound, frames: Iterable[AudioFrame]) -> None:
    for frame in frames:
        sound.frombytes(bytes(frame.planes[0])[: 4 * frame.samples])
