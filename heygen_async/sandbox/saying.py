"""Speech without a picture: what is said, in which file, and when each word of it."""

from __future__ import annotations

import html
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from heygen_async.sandbox.plan import Backdrop, Plan, Voice
from heygen_async.sandbox.render.pool import Renderer, Said, WorkerRenderer
from heygen_async.sandbox.render.timeline import Cue, plan_cues
from heygen_async.sandbox.scenes import spoken_scene

Json = dict[str, Any]

SILENT_RATE: Final = 8000
"""Samples per second of a file in which nothing is heard."""

_SIDE: Final = 16
_TAG: Final = re.compile(r"<(?!\s*break\b)[^<>]*>", re.IGNORECASE)
_BEGIN: Final = "<start>"
_END: Final = "<end>"


def text_of(written: str, *, ssml: bool) -> str:
    """Return what is to be said; of SSML only the pauses are understood, all other marks are left out."""
    return html.unescape(_TAG.sub(" ", written)) if ssml else written


def is_speakable(text: str) -> bool:
    """Say whether there is anything to say besides pauses and signs."""
    return any(map(str.isalnum, re.sub(r"<[^<>]*>", " ", text)))


def speech_plan(text: str, voice: Voice) -> Plan:
    """Return a plan of one scene without a picture, in which the text is said; cut off as videos are."""
    scene = spoken_scene(text, backdrop=Backdrop(kind="color", value="#000000"), presenter=None, voice=voice)
    return Plan(width=_SIDE, height=_SIDE, scenes=(scene,)).capped()


def say(renderer: Renderer, plan: Plan, path: Path) -> Said:
    """Write what the plan says to a WAV file; blocks until it is there. Silence of the planned length in fast mode.

    Raise `RuntimeError` if the render process fails.
    """
    if isinstance(renderer, WorkerRenderer):
        return renderer.say(plan, path)
    _write_silence(path, plan.seconds)
    return Said(seconds=plan.seconds, cues=tuple(plan_cues(plan)), voice=None)


def word_timestamps(cues: Sequence[Cue], seconds: float) -> list[Json]:
    """Return when each word is said, between two words that mark begin and end."""
    words = [_stamp(word, start, end) for cue in cues for word, start, end in _words(cue)]
    return [_stamp(_BEGIN, 0.0, 0.0), *words, _stamp(_END, seconds, seconds)]


def _words(cue: Cue) -> Iterator[tuple[str, float, float]]:
    """Share the time of a caption among its words by their letters."""
    words = cue.text.split()
    per_letter, start = (cue.end - cue.start) / max(1, sum(map(len, words))), cue.start
    for word in words:
        end = start + len(word) * per_letter
        yield word, start, end
        start = end


def _stamp(word: str, start: float, end: float) -> Json:
    return {"word": word, "start": round(start, 3), "end": round(end, 3)}


def _write_silence(path: Path, seconds: float) -> None:
    size = 2 * round(seconds * SILENT_RATE)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, SILENT_RATE,
                       2 * SILENT_RATE, 2, 16, b"data", size)  # fmt: skip
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)  # a hole reads as zeros, which is silence
