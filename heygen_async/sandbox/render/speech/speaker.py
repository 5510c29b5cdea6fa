"""What a voice must be able to do."""

from __future__ import annotations

from typing import Protocol

from heygen_async.sandbox.render.sound import Sound


class Speaker(Protocol):
    """Says sentences; the same sentence always sounds the same."""

    @property
    def name(self) -> str:
        """Return what the voice is called in answers and logs."""
        ...

    def speaks(self, language: str) -> bool:
        """Say whether it can read a language, a code such as `en`."""
        ...

    def say(self, sentence: str, *, language: str, speed: float) -> Sound:
        """Return the spoken sentence at `speed` (1 is normal), empty if it finds nothing to say in it."""
        ...
