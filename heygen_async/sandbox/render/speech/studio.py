"""Who says what: the best voice that is installed for the language of a text."""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from heygen_async.sandbox.plan import Voice
from heygen_async.sandbox.render.resample import shifted
from heygen_async.sandbox.render.sound import RATE, Sound, louder, trimmed
from heygen_async.sandbox.render.speech.babble import Babble
from heygen_async.sandbox.render.speech.espeak import Espeak
from heygen_async.sandbox.render.speech.hibari import Hibari
from heygen_async.sandbox.render.speech.language import language_of
from heygen_async.sandbox.render.speech.speaker import Speaker

LOWEST: Final = 0.78
HIGHEST: Final = 1.08
"""How low and high the voices are that ids are spread over; English stays well understood in between."""

_SEMITONES_PER_PITCH: Final = 0.1
_HEARD: Final = RATE // 20
"""Fewer samples than these are no speech: some voices give nothing, and no error, for text they cannot read."""

_PEAK: Final = 0.7
_MOST_GAIN: Final = 2.5

_log: Final = logging.getLogger(__name__)

_HELP: Final = {
    "hibari": "no English voice, hibari-tts cannot be used (%s); pip install 'heygen-async[sandbox]' brings it",
    "espeak": "no voice for other languages than English (%s); pip install espeakng-loader (GPL) brings one",
}


@frozen
class Spoken:
    """One sentence as sound, and the name of the voice."""

    sound: Sound
    speaker: str


def timbre_of(voice_id: str) -> float:
    """Return how high the voice with an id is, 1 for none; the same id always sounds the same."""
    if not voice_id:
        return 1.0
    share = int.from_bytes(hashlib.sha256(voice_id.encode()).digest()[:2], "big") / 0xFFFF
    return LOWEST + share * (HIGHEST - LOWEST)


_VOICES: Final[Mapping[str, Callable[[], Speaker]]] = {"hibari": Hibari, "espeak": Espeak}


class Studio:
    """Holds the voices that could be loaded; each is loaded when first needed, and missed once in the log."""

    def __init__(self, voices: Mapping[str, Callable[[], Speaker]] | None = None) -> None:
        self._load: dict[str, Callable[[], Speaker]] = dict(_VOICES if voices is None else voices)
        self._loaded: dict[str, Speaker | None] = {}
        self._babble = Babble()

    def warm(self) -> None:
        """Load the English voice and let it say a word: the first one takes half a second."""
        self.say("Ready.", Voice(locale="en"), language="en")

    def say(self, sentence: str, voice: Voice, *, language: str | None = None) -> Spoken:
        """Return the spoken sentence; `language` is that of the whole script, else it is guessed."""
        language = language or language_of(sentence, locale=voice.locale)
        height = timbre_of(voice.id) * 2 ** (voice.pitch * _SEMITONES_PER_PITCH / 12)
        for name in self._load:
            speaker = self._speaker(name, language)
            if speaker is None:
                continue
            sound = trimmed(_attempt(speaker, sentence, language, voice.speed / height))
            if len(sound) > _HEARD:
                return Spoken(_finished(sound, height), speaker.name)
        babbled = self._babble.say(sentence, language=language, speed=voice.speed / height)
        return Spoken(_finished(babbled, height), self._babble.name)

    def babble(self, sentence: str) -> Sound:
        """Return the sentence as the last resort says it."""
        return self._babble.say(sentence, language="en", speed=1.0)

    def _speaker(self, name: str, language: str) -> Speaker | None:
        if name == "hibari" and language != "en":
            return None
        if name not in self._loaded:
            self._loaded[name] = self._loading(name)
        speaker = self._loaded[name]
        return speaker if speaker is not None and speaker.speaks(language) else None

    def _loading(self, name: str) -> Speaker | None:
        try:
            return self._load[name]()
        except Exception as error:  # noqa: BLE001 - foreign code; whatever it was, there are other voices
            _log.warning(_HELP[name], error)
            return None


def _finished(sound: Sound, height: float) -> Sound:
    """Return the sound in the height of its voice, as loud as all others."""
    return louder(shifted(sound, height), min(_MOST_GAIN, _PEAK / max(map(abs, sound))))


def _attempt(speaker: Speaker, sentence: str, language: str, speed: float) -> Sound:
    try:
        return speaker.say(sentence, language=language, speed=speed)
    except Exception as error:  # noqa: BLE001 - foreign code; the next voice says the sentence
        _log.warning("the voice %s cannot say %r: %s", speaker.name, sentence[:40], error)
        return array("f")
