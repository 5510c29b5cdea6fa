"""Speech without a picture, as the render process makes it."""

from __future__ import annotations

import wave
from array import array
from pathlib import Path
from typing import Any

from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.render.library import Library
from heygen_async.sandbox.render.sound import RATE, Sound
from heygen_async.sandbox.render.speech.studio import Studio
from heygen_async.sandbox.render.takes import take_cues, takes_of

_LOUDEST = 32767


def say(plan: Plan, path: Path, studio: Studio) -> dict[str, Any]:
    """Write what the plan says to a WAV file; return its length, its captions and who spoke."""
    takes = takes_of(plan, studio, Library())
    _write(path, [take.sound for take in takes])
    voices = dict.fromkeys(voice for take in takes for voice in take.voices)
    return {
        "seconds": sum(len(take.sound) for take in takes) / RATE,
        "cues": [[cue.start, cue.end, cue.text] for cue in take_cues(takes)],
        "voice": ",".join(voices) or None,
    }


def _write(path: Path, sounds: list[Sound]) -> None:
    with path.open("wb") as out, wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for sound in sounds:
            samples = array("h", [int(_LOUDEST * max(-1.0, min(1.0, sample))) for sample in sound])
            file.writeframes(samples.tobytes())
