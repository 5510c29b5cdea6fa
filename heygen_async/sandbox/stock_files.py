"""The public files of every sandbox account: pictures, icons, sounds and previews, made when first needed."""

from __future__ import annotations

import io
import math
import struct
import wave
import zlib
from collections.abc import Callable
from typing import Final

from attrs import frozen

from heygen_async.sandbox.catalogue import Voice
from heygen_async.sandbox.render.sound import RATE
from heygen_async.sandbox.render.speech.babble import Babble
from heygen_async.sandbox.still.mp4 import mp4
from heygen_async.sandbox.stock_catalogue import stock

_SIDE: Final = 256
_RATE: Final = 22_050
_HEIGHTS: Final = {"male": 0.82, "female": 1.05}


@frozen(kw_only=True)
class StockFile:
    """A public file: `words` is what a search finds it by, `make` returns its bytes."""

    id: str
    number: int
    kind: str  # image, icon, music, sound_effects or preview
    words: str
    media_type: str
    make: Callable[[], bytes]
    seconds: float | None = None


def picture(red: int, green: int, blue: int, *, side: int = _SIDE) -> bytes:
    """Return a PNG that goes from one colour at the top to its half at the bottom."""
    rows = bytearray()
    for row in range(side):
        share = 1 - row / side / 2
        rows += b"\x00" + bytes((int(red * share), int(green * share), int(blue * share))) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def tune(*hertz: float, seconds: float) -> bytes:
    """Return a WAV that plays the notes one after the other, each fading out."""
    samples = int(_RATE * seconds / len(hertz))
    frames = bytearray()
    for note in hertz:
        for index in range(samples):
            level = 9000 * (1 - index / samples) * math.sin(2 * math.pi * note * index / _RATE)
            frames += struct.pack("<h", int(level))
    return _wav(bytes(frames), rate=_RATE)


def babble(name: str, *, height: float) -> bytes:
    """Return a WAV in which somebody says a name without words: the preview of a voice, higher by a factor."""
    sound = Babble().say(f"Hello, this is {name}.", language="en", speed=1 / height)
    frames = b"".join(struct.pack("<h", int(20_000 * max(-1.0, min(1.0, sample)))) for sample in sound)
    return _wav(frames, rate=round(RATE * height))


def _wav(frames: bytes, *, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(frames)
    return file.getvalue()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _picture(number: int, name: str, colour: tuple[int, int, int], *, kind: str = "image") -> StockFile:
    words = f"{name} {kind} background colour"
    return StockFile(
        id=f"sandbox-{kind}-{name}",
        number=number,
        kind=kind,
        words=words,
        media_type="image/png",
        make=lambda: picture(*colour, side=_SIDE if kind == "image" else 64),
    )


def _sound(number: int, file_id: str, words: str, kind: str, notes: tuple[float, ...], seconds: float) -> StockFile:
    return StockFile(
        id=file_id,
        number=number,
        kind=kind,
        words=words,
        media_type="audio/wav",
        make=lambda: tune(*notes, seconds=seconds),
        seconds=seconds,
    )


def _voice(voice: Voice) -> StockFile:
    return StockFile(
        id=f"sandbox-preview-{voice.id}",
        number=0,
        kind="preview",
        words="",
        media_type="audio/wav",
        make=lambda: babble(voice.name, height=_HEIGHTS.get(voice.gender, 0.93)),
    )


PREVIEW_VIDEO: Final = "sandbox-preview-video"
"""The id of the clip that stands for the preview of every avatar."""

STOCK_FILES: Final = {
    file.id: file
    for file in (
        _picture(12, "sky", (120, 180, 240)),
        _picture(11, "forest", (60, 140, 80)),
        _picture(10, "sand", (230, 200, 150)),
        _picture(9, "rose", (220, 120, 140)),
        _picture(8, "stone", (140, 140, 150)),
        _picture(7, "night", (40, 50, 90)),
        _picture(6, "star", (250, 210, 60), kind="icon"),
        _picture(5, "heart", (220, 40, 60), kind="icon"),
        _sound(4, "sandbox-tune", "calm music tune piano", "music", (262.0, 330.0, 392.0, 523.0), 4.0),
        _sound(3, "sandbox-march", "happy music march brass", "music", (392.0, 392.0, 523.0, 659.0), 3.0),
        _sound(2, "sandbox-chime", "bell chime notification", "sound_effects", (880.0, 1320.0), 1.0),
        _sound(1, "sandbox-thump", "drum thump hit", "sound_effects", (90.0,), 0.5),
        StockFile(
            id=PREVIEW_VIDEO,
            number=0,
            kind="preview",
            words="",
            media_type="video/mp4",
            make=lambda: mp4(width=640, height=360, frames=50, fps=25),
            seconds=2.0,
        ),
        *(_voice(voice) for voice in stock().voices.values()),
    )
}
"""All public files by id."""

PICTURES: Final = tuple(file.id for file in STOCK_FILES.values() if file.kind == "image")
"""The ids of the public pictures."""
