"""Make a playable file as large as wanted: players skip what is appended.

An MP4 gets a `free` box (ISO/IEC 14496-12, 8.1.2), a WebM a `Void` element (RFC 8794, 11.3.2) in its segment.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import BinaryIO, Final

_BLOCK: Final = 64 * 1024
_HEADER: Final = 16
_VOID_HEADER: Final = 9
_SEGMENT: Final = bytes.fromhex("18538067")
_HEAD: Final = 100


def pad(path: Path, size: int, *, seed: int | None = None) -> None:
    """Lengthen an MP4 or WebM to `size` bytes; one that is as large already stays as it is.

    Without a seed the new part is zeros that need no room on most disks. With a seed it is `pattern`, all of which is
    written.
    """
    start = path.stat().st_size
    missing = size - start
    if missing < _HEADER:
        return
    header = _void_header(missing) if path.suffix == ".webm" else _free_header(missing)
    with path.open("r+b") as file:
        if path.suffix == ".webm":
            _lengthen_segment(file, missing)
        file.seek(0, os.SEEK_END)
        file.write(header)
        if seed is None:
            file.truncate(size)
            return
        position = start + len(header)
        while position < size:
            position += file.write(pattern(seed, position, min(size, position + _BLOCK)))


def pattern(seed: int, start: int, stop: int) -> bytes:
    """Return what lies between two offsets of a file that was padded with a seed: no two places are alike."""
    first, last = start // _BLOCK, -(-stop // _BLOCK)
    blocks = b"".join(hashlib.shake_128(f"{seed}:{block}".encode()).digest(_BLOCK) for block in range(first, last))
    return blocks[start - first * _BLOCK : stop - first * _BLOCK]


def _lengthen_segment(file: BinaryIO, more: int) -> None:
    """Let the last element of the first level reach to the new end: what lies behind it is searched, not skipped."""
    head = file.read(_HEAD)
    position = head.index(_SEGMENT) + len(_SEGMENT)
    size = int.from_bytes(head[position : position + 8], "big")
    file.seek(position)
    file.write((size + more).to_bytes(8, "big"))


def _free_header(size: int) -> bytes:
    if size < 1 << 32:
        return struct.pack(">I4s", size, b"free")
    return struct.pack(">I4sQ", 1, b"free", size)


def _void_header(size: int) -> bytes:
    return b"\xec" + (1 << 56 | (size - _VOID_HEADER)).to_bytes(8, "big")
