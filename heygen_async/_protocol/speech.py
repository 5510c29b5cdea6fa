"""How long a script takes to say: arithmetic on its text."""

from __future__ import annotations

import re
from typing import Final

WORDS_PER_SECOND: Final = 2.5

# Scripts without spaces have no words to count. Slow speech on purpose: the estimate is to be on the safe side.
_IDEOGRAPHS_PER_SECOND: Final = 4.0
_LETTERS_PER_SECOND: Final = 10.0
# A compound or a long number counts as several words.
_LONG_WORD: Final = 12
_SHORTEST: Final = 1.0

_BREAK: Final = re.compile(r"""<break\s+time\s*=\s*["']\s*(\d*\.?\d+)\s*(ms|s)?\s*["']\s*/?>""", re.IGNORECASE)
# Kana, Chinese characters and Hangul: each about a syllable or more.
_IDEOGRAPH: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Thai, Lao, Burmese and Khmer.
_UNSPACED_LETTER: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")


def spoken_seconds(script: str, *, speed: float = 1.0) -> float:
    """Return how many seconds a script takes; `<break time="1.5s"/>` is a pause, which `speed` does not change."""
    pauses = sum(float(amount) / (1000 if unit.lower() == "ms" else 1) for amount, unit in _BREAK.findall(script))
    return max(_SHORTEST, _reading_time(_BREAK.sub(" ", script)) / speed + pauses)


def _reading_time(text: str) -> float:
    text, ideographs = _IDEOGRAPH.subn(" ", text)
    text, letters = _UNSPACED_LETTER.subn(" ", text)
    words = sum(-(-len(word) // _LONG_WORD) for word in text.split() if any(map(str.isalnum, word)))
    return ideographs / _IDEOGRAPHS_PER_SECOND + letters / _LETTERS_PER_SECOND + words / WORDS_PER_SECOND
