"""A WebM of exact length: the card in VP9 with a transparent backdrop, silence in Opus.

Element ids are those of the Matroska specification (RFC 9559). The picture is a shipped key frame, followed by
one-byte frames that show it again; the wanted width and height are the track's display size, the coded picture is
smaller. `tests/make_webm_stills.py` made the key frames.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from heygen_async.sandbox.still.card import MARK

SIZES: Final = {"wide": (640, 360), "tall": (360, 640), "square": (480, 480)}
"""The coded sizes of the shipped pictures."""

_ASSETS: Final = Path(__file__).parent.parent / "assets"

_SHOW_AGAIN: Final = b"\x88"
"""A VP9 frame (version 0.6 of its specification, 6.2): profile 0, show the existing frame of slot 0."""

_SILENCE: Final = b"\xf8\xff\xfe"
"""An Opus packet of 20 ms in which nothing is coded: mono, full band."""

_OPUS_HEAD: Final = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
_OPUS_MILLISECONDS: Final = 20
_CLUSTER_SECONDS: Final = 5


def webm(*, width: int, height: int, frames: int, fps: int) -> bytes:
    """Return a whole file that plays `frames` pictures, shown at that size."""
    shape = shape_of(width, height)
    header = _element(
        0x1A45DFA3,
        *(_number(0x4286, 1), _number(0x42F7, 1), _number(0x42F2, 4), _number(0x42F3, 8)),
        *(_element(0x4282, b"webm"), _number(0x4287, 4), _number(0x4285, 2)),
    )
    milliseconds = 1000 * frames / fps
    info = _element(
        0x1549A966,
        *(_number(0x2AD7B1, 1_000_000), _element(0x4489, struct.pack(">d", milliseconds))),
        *(_element(0x7BA9, MARK.encode()), _element(0x4D80, b"heygen-async"), _element(0x5741, b"heygen-async")),
    )
    return header + _element(0x18538067, info, _tracks(shape, width, height), *_clusters(shape, frames, fps))


def shape_of(width: int, height: int) -> str:
    """Return which of the shipped pictures is nearest in shape."""
    if 5 * width > 6 * height:
        return "wide"
    return "tall" if 6 * width < 5 * height else "square"


@cache
def _pictures(shape: str) -> tuple[bytes, bytes]:
    """Return the key frames of colour and of transparency."""
    stored = (_ASSETS / f"still-{shape}.vp9").read_bytes()
    (first,) = struct.unpack_from(">I", stored)
    return stored[4 : 4 + first], stored[4 + first :]


def _tracks(shape: str, width: int, height: int) -> bytes:
    coded_width, coded_height = SIZES[shape]
    picture = _element(
        0xE0,
        *(_number(0xB0, coded_width), _number(0xBA, coded_height)),
        *(_number(0x54B0, width), _number(0x54BA, height), _number(0x53C0, 1)),
    )
    sound = _element(0xE1, _element(0xB5, struct.pack(">d", 48_000.0)), _number(0x9F, 1))
    extra = _element(0x41E4, _number(0x41F0, 1))
    return _element(
        0x1654AE6B,
        _element(0xAE, _track(1, 1, b"V_VP9"), _number(0x55EE, 1), extra, picture),
        _element(0xAE, _track(2, 2, b"A_OPUS"), _element(0x63A2, _OPUS_HEAD), sound),
    )


def _track(number: int, kind: int, codec: bytes) -> bytes:
    return _number(0xD7, number) + _number(0x73C5, number) + _number(0x83, kind) + _element(0x86, codec)


def _clusters(shape: str, frames: int, fps: int) -> Iterator[bytes]:
    pictures = _pictures(shape)
    length = _CLUSTER_SECONDS * fps
    for start in range(0, frames, length):
        end = min(start + length, frames)
        begin = 1000 * start // fps
        shown = [(1000 * frame // fps, _picture(pictures, frame, start, fps)) for frame in range(start, end)]
        heard = [
            (time, _block(2, time - begin, _SILENCE, flags=0x80))
            for time in range(
                -(-begin // _OPUS_MILLISECONDS) * _OPUS_MILLISECONDS, 1000 * end // fps, _OPUS_MILLISECONDS
            )
        ]
        blocks = sorted(shown + heard, key=lambda timed: timed[0])
        yield _element(0x1F43B675, _number(0xE7, begin), *(block for _, block in blocks))


def _picture(pictures: tuple[bytes, bytes], frame: int, start: int, fps: int) -> bytes:
    colour, alpha = pictures if frame == start else (_SHOW_AGAIN, _SHOW_AGAIN)
    time, following = 1000 * frame // fps, 1000 * (frame + 1) // fps
    block = _block(1, time - 1000 * start // fps, colour, identifier=0xA1)
    transparency = _element(0x75A1, _element(0xA6, _number(0xEE, 1), _element(0xA5, alpha)))
    # Whoever is no key frame names the frame it stands on.
    reference = b"" if frame == start else _element(0xFB, struct.pack(">h", 1000 * (frame - 1) // fps - time))
    return _element(0xA0, block, transparency, _number(0x9B, following - time), reference)


def _block(track: int, time: int, data: bytes, *, flags: int = 0, identifier: int = 0xA3) -> bytes:
    return _element(identifier, struct.pack(">BhB", 0x80 | track, time, flags) + data)


def _element(identifier: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    if len(body) < 0x7F:
        return name + bytes([0x80 | len(body)]) + body
    return name + (0x01 << 56 | len(body)).to_bytes(8, "big") + body


def _number(identifier: int, value: int) -> bytes:
    return _element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))
