"""The card as JPEG and as GIF: grey squares need no more of the formats than a few lines.

The JPEG (ITU-T T.81) has one component and only DC coefficients; the GIF (89a) is compressed by plain LZW.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import chain
from typing import Final

from heygen_async.sandbox.still.card import MARK, Grid, card

JPEG_CELL: Final = 8
GIF_CELL: Final = 2
_LONG_SIDE: Final = 80
"""Cells along the longer side: a thumbnail of 640 pixels, a preview of 160."""

_GREYS: Final = bytes([48, 48, 48, 208, 208, 208, 0, 0, 0, 0, 0, 0])
_GIF_CODE_BITS: Final = 2
_GIF_CLEAR: Final = 1 << _GIF_CODE_BITS
_GIF_LAST_CODE: Final = 4095

_JPEG_SCALE: Final = 160
"""Quantiser of the DC coefficient, which is 8 times the grey: levels are -4 for dark, 4 for light."""

_JPEG_CODES: Final = {0: "0", 4: "10100", -4: "10011", 8: "1101000", -8: "1100111"}
"""Differences of levels: the Huffman codes 0, 10 and 110 for 0, 3 and 4 bits, then the bits (F.1.2.1)."""


@lru_cache(maxsize=32)
def jpeg(width: int, height: int) -> bytes:
    """Return a thumbnail of the shape that the video has."""
    grid = _grid(width, height)
    size = struct.pack(">HH", len(grid) * JPEG_CELL, len(grid[0]) * JPEG_CELL)
    segments = [
        _segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
        _segment(0xFE, MARK.encode()),
        _segment(0xDB, bytes([0, _JPEG_SCALE, *(16 for _ in range(63))])),
        _segment(0xC0, b"\x08" + size + b"\x01\x01\x11\x00"),
        _segment(0xC4, bytes([0x00, 1, 1, 1, *bytes(13), 0, 3, 4])),
        _segment(0xC4, bytes([0x10, 1, *bytes(15), 0])),
        _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
    ]
    return b"\xff\xd8" + b"".join(segments) + _jpeg_data(grid) + b"\xff\xd9"


def _jpeg_data(grid: Grid) -> bytes:
    bits: list[str] = []
    before = 0
    for light in chain.from_iterable(grid):
        level = 4 if light else -4
        bits.append(_JPEG_CODES[level - before] + "0")
        before = level
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


@lru_cache(maxsize=32)
def gif(width: int, height: int) -> bytes:
    """Return a preview of the shape that the video has; nothing in it moves."""
    grid = _grid(width, height)
    size = struct.pack("<HH", len(grid[0]) * GIF_CELL, len(grid) * GIF_CELL)
    pixels = bytes(light for row in grid for _ in range(GIF_CELL) for light in row for _ in range(GIF_CELL))
    comment = b"\x21\xfe" + _sub_blocks(MARK.encode())
    image = b"\x2c" + bytes(4) + size + b"\x00" + bytes([_GIF_CODE_BITS]) + _sub_blocks(_lzw(pixels))
    return b"GIF89a" + size + bytes([0x80 | _GIF_CODE_BITS - 1, 0, 0]) + _GREYS + comment + image + b"\x3b"


def _lzw(pixels: bytes) -> bytes:
    start = {bytes([colour]): colour for colour in range(_GIF_CLEAR)}
    known, bits = dict(start), _GIF_CODE_BITS + 1
    out, length = _GIF_CLEAR, bits
    run = b""
    for pixel in pixels:
        longer = run + bytes([pixel])
        if longer in known:
            run = longer
            continue
        out |= known[run] << length
        length += bits
        code = len(known) + 2
        known[longer] = code
        bits += code >> bits
        if code == _GIF_LAST_CODE:
            out |= _GIF_CLEAR << length
            length += bits
            known, bits = dict(start), _GIF_CODE_BITS + 1
        run = longer[-1:]
    out |= known[run] << length
    length += bits
    out |= (_GIF_CLEAR + 1) << length
    return out.to_bytes((length + bits + 7) // 8, "little")


def _sub_blocks(data: bytes) -> bytes:
    pieces = [data[start : start + 255] for start in range(0, len(data), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\x00"


def _grid(width: int, height: int) -> Grid:
    longer = max(width, height)
    return card(max(1, width * _LONG_SIDE // longer), max(1, height * _LONG_SIDE // longer))
