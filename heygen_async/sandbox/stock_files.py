"""The public files of every sandbox account: pictures, icons and sounds, drawn by arithmetic when first needed."""

from __future__ import annotations

import io
import math
import struct
import wave
import zlib
from collections.abc import Callable
from typing import Final

from attrs import frozen

_SIDE: Final = 256
_RATE: Final = 22_050


@frozen(kw_only=True)
class StockFile:
    """A public file: `words` is what a search finds it by, `make` returns its bytes."""

    id: str
    number: int
    kind: str  # image, icon, music or sound_effects
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
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(bytes(frames))
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
    )
}
"""All public files by id."""

PICTURES: Final = tuple(file.id for file in STOCK_FILES.values() if file.kind == "image")
"""The ids of the public pictures."""
