"""A voice for a hundred languages: espeak-ng by way of `espeakng-loader`, only if the user has installed it."""

from __future__ import annotations

import ctypes
from array import array
from importlib import import_module
from typing import Any, Final

from heygen_async.sandbox.render.resample import resampled
from heygen_async.sandbox.render.sound import Sound

# https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS: Final = 2
_CHARS_UTF8: Final = 1
_PARAMETER_RATE: Final = 1
_WORDS_PER_MINUTE: Final = 160
_OK: Final = 0

_NAMES: Final = {"zh": "cmn", "no": "nb", "pt": "pt-br", "en": "en-us"}


class Espeak:
    """Speaks what espeak-ng has a voice for; robotic, but within milliseconds."""

    name = "espeak"

    def __init__(self) -> None:
        """Load the library; raise `ImportError` or `OSError` if it is missing or does not start."""
        loader: Any = import_module("espeakng_loader")
        self._library = ctypes.CDLL(loader.get_library_path())
        data = str(loader.get_data_path()).encode()
        self._rate: int = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, 0)
        if self._rate <= 0:
            raise OSError(f"espeak-ng does not start: {self._rate}")
        self._heard = array("h")
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._hear)  # kept: the library holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    def speaks(self, language: str) -> bool:
        """Say whether it can read a language, and go over to it."""
        name = _NAMES.get(language, language).encode()
        return bool(self._library.espeak_SetVoiceByName(name) == _OK)

    def say(self, sentence: str, *, language: str, speed: float) -> Sound:
        """Return the spoken sentence."""
        if not self.speaks(language):
            return array("f")
        self._library.espeak_SetParameter(_PARAMETER_RATE, round(_WORDS_PER_MINUTE * speed), 0)
        text = sentence.encode() + b"\0"
        self._heard = array("h")
        self._library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, _CHARS_UTF8, None, None)
        floats = array("f", [sample / 32768 for sample in self._heard])
        return resampled(floats, from_rate=self._rate)

    def _hear(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._heard.frombytes(ctypes.string_at(samples, 2 * count))
        return 0
