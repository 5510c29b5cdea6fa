"""From the words of a request to what is said when: pure arithmetic on text, no audio."""

from __future__ import annotations

import math
import re
from typing import Final

from attrs import frozen

WORDS_PER_SECOND: Final = 2.5
"""The pace of the presenter at speed 1; HeyGen's voices lie near it."""

MIN_SPEECH: Final = 1.0
"""Seconds that even one word takes."""

_BREAK: Final = re.compile(r"""<break\s+time\s*=\s*["']\s*([0-9]*\.?[0-9]+)\s*(ms|s)?\s*["']\s*/?>""", re.IGNORECASE)
_IDEOGRAPH: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SPACES: Final = re.compile(r"\s+")


@frozen(kw_only=True)
class Utterance:
    """One stretch of speech without a pause; times are seconds from the start of its scene."""

    text: str
    start: float
    seconds: float


@frozen(kw_only=True)
class Speech:
    """What one scene says, and how long it takes with its pauses."""

    utterances: tuple[Utterance, ...]
    seconds: float


def count_words(text: str) -> int:
    """Count the words; two ideographs count as one, because Chinese and Japanese have no spaces."""
    ideographs = len(_IDEOGRAPH.findall(text))
    return len(_IDEOGRAPH.sub(" ", text).split()) + math.ceil(ideographs / 2)


def speak(script: str, *, speed: float = 1.0) -> Speech:
    """Return when each part of the script is said; `<break time="1.5s"/>` makes a pause and is not said."""
    parts = _BREAK.split(script)
    texts = [_SPACES.sub(" ", text).strip() for text in parts[0::3]]
    pauses = [_pause_seconds(amount, unit) for amount, unit in zip(parts[1::3], parts[2::3], strict=True)]
    words = [count_words(text) for text in texts]
    total = max(MIN_SPEECH, sum(words) / WORDS_PER_SECOND / speed)
    per_word = total / max(1, sum(words))
    utterances: list[Utterance] = []
    now = 0.0
    for text, count, pause in zip(texts, words, [*pauses, 0.0], strict=True):
        seconds = count * per_word
        if count:
            utterances.append(Utterance(text=text, start=now, seconds=seconds))
        now += seconds + pause
    return Speech(utterances=tuple(utterances), seconds=max(now, MIN_SPEECH))


def _pause_seconds(amount: str, unit: str | None) -> float:
    return float(amount) / (1000 if unit and unit.lower() == "ms" else 1)
