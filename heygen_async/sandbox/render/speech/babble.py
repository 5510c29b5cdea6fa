"""The voice that needs nothing: one vowel per syllable, in any script."""

from __future__ import annotations

import re
import unicodedata
from array import array
from functools import cache
from math import exp, pi, sin
from typing import Final

from heygen_async.sandbox.render.sound import RATE, Sound, silence

PITCH: Final = 170.0
"""Vibrations per second of an unmarked syllable."""

_SYLLABLE: Final = 0.2
_WORD_GAP: Final = 0.07
_FADE: Final = 0.03
_LOUDNESS: Final = 0.35

# The two lowest resonances of five vowels, in hertz.
_FORMANTS: Final = {"a": (800, 1200), "e": (500, 1900), "i": (300, 2300), "o": (500, 900), "u": (320, 750)}
_VOWELS: Final = tuple(_FORMANTS)
_SOUNDS_LIKE: Final = {"y": "i", "ø": "e", "æ": "e", "ı": "i"} | dict(
    zip("аеёиіїоуыэюяαεηιουω", "aeoiiiouieuaaeiiouo", strict=True)
)
_TUNE: Final = (1.08, 1.0, 1.04, 0.97, 1.02, 0.95)
_WORD: Final = re.compile(r"\w+")
_IDEOGRAPH: Final = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Babble:
    """Says one vowel per syllable: never silent, never fails, understood by nobody."""

    name = "babble"

    def speaks(self, language: str) -> bool:  # noqa: ARG002
        """Say whether it can read a language: none and all."""
        return True

    def say(self, sentence: str, *, language: str, speed: float) -> Sound:  # noqa: ARG002
        """Return the babbled sentence, at least one syllable of it."""
        words = [syllables(word) for word in _WORD.findall(sentence)] or [["a"]]
        gap = silence(_WORD_GAP / speed)
        sound, count = array("f"), 0
        for vowels in words:
            for vowel in vowels:
                last = count == sum(map(len, words)) - 1
                sound += _syllable(vowel, 0.88 if last else _TUNE[count % len(_TUNE)], round(1000 * _SYLLABLE / speed))
                count += 1
            sound += gap
        return sound


def syllables(word: str) -> list[str]:
    """Return the vowel of each syllable of a word; an ideograph or digit is a syllable, a word has at least one."""
    found: list[str] = []
    after_vowel = False
    for letter in unicodedata.normalize("NFD", word.lower()):
        vowel = letter if letter in _FORMANTS else _SOUNDS_LIKE.get(letter)
        if letter.isdecimal() or _IDEOGRAPH.match(letter):
            found.append(_VOWELS[ord(letter) % len(_VOWELS)])
        elif vowel is not None and not after_vowel:
            found.append(vowel)
        if not unicodedata.combining(letter):
            after_vowel = vowel is not None
    return found or [_VOWELS[ord(word[0]) % len(_VOWELS)]]


@cache
def _syllable(vowel: str, tune: float, milliseconds: int) -> Sound:
    """Return a hummed vowel with soft ends."""
    cycle = _cycle(vowel, round(RATE / (PITCH * tune)))
    length, fade = round(milliseconds * RATE / 1000), round(_FADE * RATE)
    held = (cycle * (length // len(cycle) + 1))[:length]
    return array("f", [sample * min(1.0, index / fade, (length - index) / fade) for index, sample in enumerate(held)])


@cache
def _cycle(vowel: str, length: int) -> Sound:
    """Return one vibration: harmonics, strong near the resonances of the vowel."""
    base = RATE / length
    harmonics = [(number, _strength(number * base, vowel)) for number in range(1, int(3500 / base))]
    wave = [
        sum(strength * sin(2 * pi * number * index / length) for number, strength in harmonics)
        for index in range(length)
    ]
    peak = max(map(abs, wave))
    return array("f", [_LOUDNESS * sample / peak for sample in wave])


def _strength(frequency: float, vowel: str) -> float:
    first, second = _FORMANTS[vowel]
    near = exp(-(((frequency - first) / 180) ** 2)) + 0.5 * exp(-(((frequency - second) / 250) ** 2))
    return near + 0.15 / (1 + frequency / 300)
