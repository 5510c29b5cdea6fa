"""Tell from a file's own structure whether its end is there, when no length was given.

MP4 is a chain of boxes, each of which says how long it is: a chain that ends exactly at the end of the file and holds
the index (`moov`) and the data (`mdat`) is a whole film. WebM, PNG, JPEG, GIF and WebP say it in their own ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final

ReadAt = Callable[[int, int], bytes]
"""Reads `(offset, length)`: fewer bytes only at the end of the file."""

_EBML: Final = b"\x1aE\xdf\xa3"
_SEGMENT: Final = b"\x18S\x80g"
_LAST_BYTES: Final = {b"\x89PN": b"IEND\xaeB`\x82", b"\xff\xd8\xff": b"\xff\xd9", b"GIF": b";"}
_MAX_BOXES: Final = 10_000


class Ending(Enum):
    """What a file's structure says about its end."""

    WHOLE = auto()
    CUT = auto()
    UNKNOWN = auto()


def ending_of(size: int, read_at: ReadAt) -> Ending:
    """Return whether a file of `size` bytes is whole, cut, or of a structure that does not say."""
    head = read_at(0, 16)
    if head[4:8] == b"ftyp":
        return _ending_of_mp4(size, read_at)
    if head.startswith(_EBML):
        return _ending_of_webm(size, read_at)
    return _ending_of_image(size, head, read_at(max(0, size - 8), 8))


def _ending_of_image(size: int, head: bytes, tail: bytes) -> Ending:
    if head[:4] == b"RIFF":
        return _compared(size, 8 + int.from_bytes(head[4:8], "little"))
    last = _LAST_BYTES.get(head[:3])
    if last is None:
        return Ending.UNKNOWN
    return Ending.WHOLE if tail.endswith(last) else Ending.CUT


def _compared(size: int, promised: int) -> Ending:
    if promised == size:
        return Ending.WHOLE
    return Ending.CUT if promised > size else Ending.UNKNOWN


def _ending_of_mp4(size: int, read_at: ReadAt) -> Ending:
    seen: set[bytes] = set()
    end = 0
    for name, end in _boxes(size, read_at):  # noqa: B007 - the last end is wanted
        seen.add(name)
    if end > size or b"" in seen:
        return Ending.CUT if end > size else Ending.UNKNOWN
    if b"moof" in seen:
        # A film in fragments may break off between any two of them; only the index at the end proves the end.
        return Ending.WHOLE if b"mfra" in seen and b"moov" in seen else Ending.UNKNOWN
    if {b"moov", b"mdat"} <= seen:
        return Ending.WHOLE
    return Ending.CUT if seen & {b"moov", b"mdat"} else Ending.UNKNOWN


def _boxes(size: int, read_at: ReadAt) -> Iterator[tuple[bytes, int]]:
    """Yield name and end of each top-level box; an empty name stands for one that cannot be a box."""
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset >= size:
            return
        header = read_at(offset, 16)
        length, name = int.from_bytes(header[:4], "big"), header[4:8]
        if len(header) < 8:
            yield b"", offset + 8
            return
        start = 8
        if length == 1:
            length, start = int.from_bytes(header[8:16], "big"), 16
        if length < start or not (name.isascii() and name.decode("ascii").isprintable()):
            yield b"", offset
            return
        offset += length
        yield name, offset
    yield b"", offset


def _ending_of_webm(size: int, read_at: ReadAt) -> Ending:
    offset = 0
    for wanted in (_EBML, _SEGMENT):
        header = read_at(offset, 16)
        length, width = _vint(header[4:])
        if not header.startswith(wanted) or length is None:
            return Ending.UNKNOWN
        offset += 4 + width + length
    return _compared(size, offset)


def _vint(data: bytes) -> tuple[int | None, int]:
    """Return value and width of an EBML length; the value of all ones means that the length is not known."""
    if not data or not data[0]:
        return None, 0
    width = 9 - data[0].bit_length()
    if len(data) < width:
        return None, 0
    value = int.from_bytes(data[:width], "big") & ((1 << (7 * width)) - 1)
    return (None if value == (1 << (7 * width)) - 1 else value), width
