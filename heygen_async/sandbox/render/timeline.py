"""What is said and shown at which moment: caption cues, mouth and gesture, from the plan alone."""

from __future__ import annotations

import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from heygen_async.sandbox.plan import Plan, Scene

CUE_CHARACTERS: Final = 42
"""The longest caption line that reads at a glance."""

MOUTH_LEVELS: Final = 5

_OPENNESS: Final = {"a": 4, "o": 4, "e": 3, "u": 2, "y": 2, "i": 2}
_CLOSED: Final = frozenset("bmpfv .,;:!?-")
_NO_TAGS: Final = str.maketrans("{}", "()")
_SENTENCE_END: Final = ".!?…。！？"


@frozen(kw_only=True)
class Cue:
    """One caption with the moment it appears and disappears, in seconds from the start of the clip."""

    start: float
    end: float
    text: str

    def said_at(self, time: float) -> str:
        """Return the character being said, a space outside the cue."""
        if not self.start <= time < self.end:
            return " "
        return self.text[int((time - self.start) / (self.end - self.start) * len(self.text))]


def scene_cues(scene: Scene, offset: float = 0.0) -> Iterator[Cue]:
    """Yield the captions of one scene, at most 42 characters each, timed by their share of the characters."""
    for utterance in scene.utterances:
        pieces = list(_pieces(utterance.text))
        per_character = utterance.seconds / sum(map(len, pieces))
        now = utterance.start
        for piece in pieces:
            end = min(now + len(piece) * per_character, scene.seconds)
            if end > now:
                yield Cue(start=offset + now, end=offset + end, text=piece)
            now = end


def plan_cues(plan: Plan) -> list[Cue]:
    """Return the captions of the whole clip in order."""
    cues: list[Cue] = []
    offset = 0
    for scene, frames in zip(plan.scenes, plan.scene_frames(), strict=True):
        cues.extend(scene_cues(scene, offset / plan.fps))
        offset += frames
    return cues


def _pieces(text: str) -> Iterator[str]:
    for sentence in _sentences(text):
        yield from _balanced(sentence)


def _balanced(sentence: str) -> list[str]:
    """Break a sentence into as few lines as possible, all of about the same length."""
    fewest = textwrap.wrap(sentence, CUE_CHARACTERS, break_on_hyphens=False)
    for width in range(-(-len(sentence) // len(fewest)), CUE_CHARACTERS):
        lines = textwrap.wrap(sentence, width, break_on_hyphens=False)
        if len(lines) == len(fewest):
            return lines
    return fewest


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for position, character in enumerate(text):
        ends_here = character in _SENTENCE_END and (text[position + 1 : position + 2] or " ").isspace()
        if ends_here:
            yield text[start : position + 1].strip()
            start = position + 1
    if rest := text[start:].strip():
        yield rest


@frozen(kw_only=True)
class Track:
    """Captions that can be asked for by time."""

    cues: Sequence[Cue]
    starts: Sequence[float]

    @classmethod
    def of(cls, scene: Scene) -> Track:
        """Return the captions of one scene, on the scene's own clock."""
        cues = list(scene_cues(scene))
        return cls(cues=cues, starts=[cue.start for cue in cues])

    def cue_at(self, time: float) -> Cue | None:
        """Return the caption to show, None in a pause."""
        index = bisect_right(self.starts, time) - 1
        if index < 0 or time >= self.cues[index].end:
            return None
        return self.cues[index]

    def mouth_at(self, time: float) -> int:
        """Return how far the mouth is open, 0 (closed) to 4: open on vowels, shut on labials and pauses."""
        cue = self.cue_at(time)
        if cue is None:
            return 0
        letter = cue.said_at(time).lower()
        if letter in _CLOSED:
            return 0
        return _OPENNESS.get(letter, 1)


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
