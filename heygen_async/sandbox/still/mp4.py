"""An MP4 of exact length with the card as its picture and silence as its sound; the index comes first.

Box names are those of ISO/IEC 14496-12. The media data holds two groups of frames and one second of silence; the
sample tables lead to them again and again, so that ten minutes need no more room than a few numbers each.
"""

from __future__ import annotations

import struct
from typing import Final

from attrs import frozen

from heygen_async.sandbox.still.card import MARK
from heygen_async.sandbox.still.h264 import Stills, encode

SAMPLE_RATE: Final = 24_000
AAC_SAMPLES: Final = 1024

_SILENCE: Final = bytes.fromhex("00000007")
"""A frame of AAC LC: one channel without a single band, then the end mark."""

_AAC_CONFIG: Final = bytes.fromhex("1308")
"""AAC LC, 24 kHz, one channel (ISO/IEC 14496-3, 1.6.2.1)."""

_FRAMES_IN_CHUNK: Final = 24
_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_FTYP: Final = b"isom\x00\x00\x02\x00isomiso2avc1mp41"


@frozen
class _Track:
    number: int
    handler: bytes
    scale: int
    length: int
    header: bytes
    entry: bytes
    times: bytes
    sizes: bytes
    keys: bytes
    chunks: tuple[int, ...]
    in_chunk: int
    samples: int
    width: int = 0
    height: int = 0


def mp4(*, width: int, height: int, frames: int, fps: int) -> bytes:
    """Return a whole file that plays `frames` pictures of exactly that size."""
    stills = encode(width, height, fps)
    media = [_lengthened(group) for group in stills.groups]
    data = media[0] + media[1] + _SILENCE * _FRAMES_IN_CHUNK
    tracks = [
        _video(stills, width, height, frames, fps, (0, len(media[0]))),
        _audio(frames, fps, len(media[0]) + len(media[1])),
    ]
    ftyp = _box(b"ftyp", _FTYP)
    base = len(ftyp) + len(_moov(tracks, frames, fps, 0)) + 8
    return ftyp + _moov(tracks, frames, fps, base) + _box(b"mdat", data)


def _video(stills: Stills, width: int, height: int, frames: int, fps: int, starts: tuple[int, int]) -> _Track:
    length = len(stills.groups[0])
    groups = -(-frames // length)
    sizes = b"".join(struct.pack(f">{length}I", *(len(frame) + 4 for frame in group)) for group in stills.groups)
    return _Track(
        number=1,
        handler=b"vide",
        scale=fps,
        length=frames,
        header=_full(b"vmhd", 8 * b"\x00", flags=1),
        entry=_picture_entry(stills, width, height),
        times=_table(b"stts", 1, struct.pack(">II", frames, 1)),
        sizes=_full(b"stsz", struct.pack(">II", 0, frames) + (sizes * (-(-groups // 2)))[: 4 * frames]),
        keys=_table(b"stss", groups, struct.pack(f">{groups}I", *range(1, frames + 1, length))),
        chunks=tuple(starts[number % 2] for number in range(groups)),
        in_chunk=length,
        samples=frames,
        width=width,
        height=height,
    )


def _audio(frames: int, fps: int, start: int) -> _Track:
    length = max(1, frames * SAMPLE_RATE // fps)
    samples = -(-length // AAC_SAMPLES)
    last = length - (samples - 1) * AAC_SAMPLES
    return _Track(
        number=2,
        handler=b"soun",
        scale=SAMPLE_RATE,
        length=length,
        header=_full(b"smhd", bytes(4)),
        entry=_sound_entry(),
        times=_table(b"stts", 2, struct.pack(">4I", samples - 1, AAC_SAMPLES, 1, last)),
        sizes=_full(b"stsz", struct.pack(">II", len(_SILENCE), samples)),
        keys=b"",
        chunks=(start,) * (-(-samples // _FRAMES_IN_CHUNK)),
        in_chunk=_FRAMES_IN_CHUNK,
        samples=samples,
    )


def _moov(tracks: list[_Track], frames: int, fps: int, base: int) -> bytes:
    movie = struct.pack(">4IIH10x", 0, 0, fps, frames, 0x10000, 0x100) + _MATRIX + bytes(24) + struct.pack(">I", 3)
    traks = b"".join(_trak(track, frames, base) for track in tracks)
    return _box(b"moov", _full(b"mvhd", movie) + traks + _box(b"udta", _mark()))


def _trak(track: _Track, frames: int, base: int) -> bytes:
    volume = 0x100 if track.handler == b"soun" else 0
    header = struct.pack(">5I8x4H", 0, 0, track.number, 0, frames, 0, 0, volume, 0) + _MATRIX
    header += struct.pack(">II", track.width << 16, track.height << 16)
    media = struct.pack(">4IHH", 0, 0, track.scale, track.length, 0x55C4, 0)
    handler = struct.pack(">I4s12x", 0, track.handler) + b"sandbox\x00"
    here = _box(b"dinf", _table(b"dref", 1, _full(b"url ", b"", flags=1)))
    mdia = [
        _full(b"mdhd", media),
        _full(b"hdlr", handler),
        _box(b"minf", track.header + here + _box(b"stbl", _tables(track, base))),
    ]
    return _box(b"trak", _full(b"tkhd", header, flags=3) + _box(b"mdia", b"".join(mdia)))


def _tables(track: _Track, base: int) -> bytes:
    whole, rest = divmod(track.samples, track.in_chunk)
    runs = [(1, track.in_chunk, 1)] if whole else []
    if rest:
        runs.append((whole + 1, rest, 1))
    offsets = struct.pack(f">{len(track.chunks)}I", *(base + start for start in track.chunks))
    return b"".join(
        [
            _table(b"stsd", 1, track.entry),
            track.times,
            track.keys,
            _table(b"stsc", len(runs), b"".join(struct.pack(">III", *run) for run in runs)),
            track.sizes,
            _table(b"stco", len(track.chunks), offsets),
        ]
    )


def _picture_entry(stills: Stills, width: int, height: int) -> bytes:
    sets = struct.pack(">BH", 0xE1, len(stills.sps)) + stills.sps
    sets += struct.pack(">BH", 1, len(stills.pps)) + stills.pps
    config = _box(b"avcC", b"\x01" + stills.sps[1:4] + b"\xff" + sets)
    fixed = struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 0x480000, 0x480000, 0, 1, 24, -1)
    return _box(b"avc1", fixed + config)


def _sound_entry() -> bytes:
    decoder = struct.pack(">BBI", 0x40, 0x15, 0) + struct.pack(">II", 2000, 2000) + _tagged(5, _AAC_CONFIG)
    stream = struct.pack(">HB", 2, 0) + _tagged(4, decoder) + _tagged(6, b"\x02")
    fixed = struct.pack(">6xH8xHHIHH", 1, 1, 16, 0, SAMPLE_RATE, 0)
    return _box(b"mp4a", fixed + _full(b"esds", _tagged(3, stream)))


def _mark() -> bytes:
    value = _box(b"data", struct.pack(">II", 1, 0) + MARK.encode())
    handler = _full(b"hdlr", struct.pack(">I4s4s9x", 0, b"mdir", b"appl"))
    items = _box(b"\xa9nam", value) + _box(b"\xa9cmt", value)
    return _full(b"meta", handler + _box(b"ilst", items))


def _lengthened(group: tuple[bytes, ...]) -> bytes:
    return b"".join(struct.pack(">I", len(frame)) + frame for frame in group)


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def _full(name: bytes, body: bytes, *, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", flags) + body)


def _table(name: bytes, count: int, body: bytes) -> bytes:
    return _full(name, struct.pack(">I", count) + body)


def _tagged(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body
