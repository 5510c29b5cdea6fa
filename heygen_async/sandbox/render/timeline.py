"""What is said and shown at which moment: captions from the plan or from what was really said."""

from __future__ import annotations

import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from heygen_async.sandbox.plan import Plan, Scene

CUE_CHARACTERS: Final = 42
"""The longest caption line that reads at a glance."""

SENTENCE_CHARACTERS: Final = 240
"""Longer sentences are said in parts: scripts may lack full stops."""

_NO_TAGS: Final = str.maketrans("{}", "()")
_SENTENCE_END: Final = ".!?…。！？"


@frozen(kw_only=True)
class Cue:
    """One caption with the moment it appears and disappears, in seconds from the start of the clip."""

    start: float
    end: float
    text: str

    def moved(self, offset: float, *, end: float) -> Cue:
        """Return the caption on a clock that began `offset` earlier, cut off at `end` of the old one."""
        return Cue(start=self.start + offset, end=min(self.end, end) + offset, text=self.text)


def scene_cues(scene: Scene, offset: float = 0.0) -> Iterator[Cue]:
    """Yield the planned captions of one scene, at most 42 characters each, timed by their share of the characters."""
    for utterance in scene.utterances:
        said = [piece for sentence in sentences(utterance.text) for piece in _balanced(sentence)]
        for cue in _shared(said, utterance.start, utterance.start + utterance.seconds):
            if cue.start < scene.seconds:
                yield cue.moved(offset, end=scene.seconds)


def sentence_cues(sentence: str, start: float, end: float) -> Iterator[Cue]:
    """Yield the captions of one sentence that is said from `start` to `end`."""
    yield from _shared(_balanced(sentence), start, end)


def _shared(pieces: Sequence[str], start: float, end: float) -> Iterator[Cue]:
    """Share the time among captions by their characters."""
    per_character = (end - start) / sum(map(len, pieces))
    for piece in pieces:
        stop = start + len(piece) * per_character
        yield Cue(start=start, end=stop, text=piece)
        start = stop


def plan_cues(plan: Plan) -> list[Cue]:
    """Return the captions of the whole clip in order."""
    cues: list[Cue] = []
    offset = 0
    for scene, frames in zip(plan.scenes, plan.scene_frames(), strict=True):
        cues.extend(scene_cues(scene, offset / plan.fps))
        offset += frames
    return cues


def _balanced(sentence: str) -> list[str]:
    """Break a sentence into as few lines as possible, all of about the same length."""
    fewest = textwrap.wrap(sentence, CUE_CHARACTERS, break_on_hyphens=False)
    for width in range(-(-len(sentence) // len(fewest)), CUE_CHARACTERS):
        lines = textwrap.wrap(sentence, width, break_on_hyphens=False)
        if len(lines) == len(fewest):
            return lines
    return fewest


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text, very long ones in parts."""
    start = 0
    for position, character in enumerate(text):
        ends_here = character in _SENTENCE_END and (text[position + 1 : position + 2] or " ").isspace()
        if ends_here:
            yield from _parts(text[start : position + 1])
            start = position + 1
    yield from _parts(text[start:])


def _parts(sentence: str) -> list[str]:
    return textwrap.wrap(sentence.strip(), SENTENCE_CHARACTERS, break_on_hyphens=False)


@frozen(kw_only=True)
class Track:
    """Captions that can be asked for by time."""

    cues: Sequence[Cue]
    starts: Sequence[float]

    @classmethod
    def of(cls, cues: Sequence[Cue]) -> Track:
        """Return the captions of one scene, which are in order."""
        return cls(cues=cues, starts=[cue.start for cue in cues])

    def cue_at(self, time: float) -> Cue | None:
        """Return the caption to show, None in a pause."""
        index = bisect_right(self.starts, time) - 1
        if index < 0 or time >= self.cues[index].end:
            return None
        return self.cues[index]


def srt(cues: Sequence[Cue]) -> str:
    """Write the captions as SubRip."""
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',', 3)} --> {_clock(cue.end, ',', 3)}\n{cue.text}\n"
        for number, cue in enumerate(cues, 1)
    )


def ass(cues: Sequence[Cue], *, width: int, height: int) -> str:
    """Write the captions as Advanced SubStation Alpha, the caption format of v1."""
    size = max(12, height // 22)
    return (
        f"[Script Info]\nScriptType: v4.00+\nPlayResX: {width}\nPlayResY: {height}\n\n"
        "[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, Alignment, MarginV, Outline\n"
        f"Style: Default,DejaVu Sans,{size},&H00FFFFFF,&H00000000,2,{height // 18},2\n\n"
        "[Events]\nFormat: Layer, Start, End, Style, Text\n"
    ) + "".join(
        f"Dialogue: 0,{_clock(cue.start, '.', 2)},{_clock(cue.end, '.', 2)},Default,{cue.text.translate(_NO_TAGS)}\n"
        for cue in cues
    )


def _clock(seconds: float, mark: str, digits: int) -> str:
    ticks = round(seconds * 10**digits)
    whole, fraction = divmod(ticks, 10**digits)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    hour = f"{hours:02}" if digits == 3 else str(hours)
    return f"{hour}:{minute:02}:{second:02}{mark}{fraction:0{digits}}"
