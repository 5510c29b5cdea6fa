"""The English voice: hibari-tts, a small model inside a wheel."""

from __future__ import annotations

from array import array
from importlib import import_module
from typing import Any, Final

from heygen_async.sandbox.render.sound import RATE, Sound

_SLOWEST: Final = 0.5
_FASTEST: Final = 2.0


class Hibari:
    """Speaks English with the one voice that lies in the package: the others would be downloaded."""

    name = "hibari"

    def __init__(self) -> None:
        """Load the model; raise `ImportError` if hibari-tts or what it needs is missing."""
        module: Any = import_module("hibari")
        self._voice: Any = module.Hibari(voice="heart")
        if self._voice.sample_rate != RATE:
            raise ImportError(f"hibari speaks at {self._voice.sample_rate} samples per second instead of {RATE}")

    def speaks(self, language: str) -> bool:
        """Say whether it can read a language: only English."""
        return language == "en"

    def say(self, sentence: str, *, language: str, speed: float) -> Sound:  # noqa: ARG002 - there is only one
        """Return the spoken sentence; empty, and no exception, for text without a word it can read."""
        if not any(map(str.isalnum, sentence)):
            return array("f")  # it would give a faint breath
        samples = self._voice(sentence, speed=min(_FASTEST, max(_SLOWEST, speed)), seed=0)
        return array("f", samples.tobytes())
