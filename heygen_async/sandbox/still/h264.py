"""An H.264 encoder for one kind of picture: flat 16x16 blocks in two greys, then frames that change nothing.

Clause and table numbers are those of ITU-T H.264. Every block is Intra 16x16 with DC prediction and at most one
coefficient; at a quantiser of 46 a level of 1 is worth exactly 8 steps of grey, so the picture is exact. The frames
after it skip all their blocks. Constrained Baseline: any decoder takes it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

from attrs import frozen

from heygen_async.sandbox.still.card import Grid, Row, card

BLOCK: Final = 16
DARK: Final = 48
LIGHT: Final = 208
"""Prediction is the mean of two neighbours: 48, 208 or 128, which is also the start. All differ by multiples of 80."""

_QUANTISER: Final = 46
_STEP: Final = 8
_FRAME_NUMBER_BITS: Final = 8
MOST_IN_GROUP: Final = 1 << _FRAME_NUMBER_BITS

_LEVELS: Final = (
    (10, 99, 1_485), (20, 396, 11_880), (30, 1_620, 40_500), (31, 3_600, 108_000), (40, 8_192, 245_760),
    (42, 8_704, 522_240), (51, 36_864, 983_040), (52, 36_864, 2_073_600), (62, 139_264, 16_711_680),
)  # fmt: skip
"""Table A-1: level, most blocks in a frame, most blocks in a second."""

_ZEROS: Final = re.compile(rb"\x00\x00(?=[\x00-\x03])")


@frozen
class Stills:
    """Encoded frames with the parameter sets they need; a frame is one NAL unit without a length.

    Each of the two `groups` is a whole picture followed by frames that repeat it. They differ in `idr_pic_id` only,
    because two neighbouring key frames must (7.4.3): play them in turn.
    """

    sps: bytes
    pps: bytes
    groups: tuple[tuple[bytes, ...], tuple[bytes, ...]]


@lru_cache(maxsize=32)
def encode(width: int, height: int, fps: int) -> Stills:
    """Encode the card in any even size, in groups of about two seconds."""
    columns, rows = -(-width // BLOCK), -(-height // BLOCK)
    repeats = tuple(_repeat(number, columns * rows) for number in range(1, min(2 * fps, MOST_IN_GROUP)))
    data = _picture(card(columns, rows))
    # Ids of equal length, so that both pictures have the same number of bits.
    first, second = ((_key_frame(number, data), *repeats) for number in (1, 2))
    return Stills(_sequence(width, height, columns, rows, fps), _picture_parameters(), (first, second))


def _sequence(width: int, height: int, columns: int, rows: int, fps: int) -> bytes:
    level = _level(columns * rows, fps)
    crop_right, crop_bottom = (columns * BLOCK - width) // 2, (rows * BLOCK - height) // 2
    bits = [
        *(f"{66:08b}", "11000000", f"{level:08b}"),
        *(_ue(0), _ue(_FRAME_NUMBER_BITS - 4), _ue(2), _ue(1), "0"),
        *(_ue(columns - 1), _ue(rows - 1), "1", "1"),
        *("1", _ue(0), _ue(crop_right), _ue(0), _ue(crop_bottom)),
        "0",
    ]
    return _unit(0x67, "".join(bits))


def _picture_parameters() -> bytes:
    bits = [
        *(_ue(0), _ue(0), "0", "0", _ue(0), _ue(0), _ue(0), "0", "00"),
        *(_se(_QUANTISER - 26), _se(0), _se(0)),
        "100",
    ]
    return _unit(0x68, "".join(bits))


def _key_frame(idr_pic_id: int, data: str) -> bytes:
    frame_number = "0" * _FRAME_NUMBER_BITS
    header = [_ue(0), _ue(7), _ue(0), frame_number, _ue(idr_pic_id), "00", _se(0), _NO_FILTER]
    return _unit(0x65, "".join(header) + data)


def _repeat(frame_number: int, blocks: int) -> bytes:
    header = [_ue(0), _ue(5), _ue(0), f"{frame_number:0{_FRAME_NUMBER_BITS}b}", "0", "0", "0", _se(0), _NO_FILTER]
    return _unit(0x61, "".join(header) + _ue(blocks))


def _picture(grid: Grid) -> str:
    edge: Row = ()
    return "".join(_row(above, row) for above, row in pairwise((edge, *grid)))


@lru_cache(maxsize=256)
def _row(above: Row, row: Row) -> str:
    bits: list[str] = []
    left: int | None = None
    for column, light in enumerate(row):
        top = _grey(above[column]) if above else None
        grey = _grey(light)
        bits.append(_BLOCKS[grey - _predicted(left, top)])
        left = grey
    return "".join(bits)


def _grey(light: bool) -> int:  # noqa: FBT001 - a cell of the grid
    return LIGHT if light else DARK


def _predicted(left: int | None, top: int | None) -> int:
    """Return the DC prediction of 8.3.3.3 for flat neighbours."""
    known = [grey for grey in (left, top) if grey is not None]
    return (sum(known) + len(known) // 2) // len(known) if known else 128


def _block(difference: int) -> str:
    """Write I_16x16_2_0_0 (table 7-11) with its DC level; the tables of 9.2 are needed for 0 or 1 levels only."""
    start = _ue(3) + _ue(0) + _se(0)
    if difference == 0:
        return start + "1"
    level = difference // _STEP
    code = 2 * abs(level) - (4 if level > 0 else 3)
    prefix, suffix = ("0" * 14 + "1", f"{code - 14:04b}") if code < 30 else ("0" * 15 + "1", f"{code - 30:012b}")
    return start + "000101" + prefix + suffix + "1"


def _level(blocks: int, fps: int) -> int:
    fitting = (level for level, frame, second in _LEVELS if blocks <= frame and blocks * fps <= second)
    return next(fitting, _LEVELS[-1][0])


def _unit(header: int, bits: str) -> bytes:
    padded = bits + "1" + "0" * (-(len(bits) + 1) % 8)
    payload = int(padded, 2).to_bytes(len(padded) // 8, "big")
    return bytes([header]) + _ZEROS.sub(b"\x00\x00\x03", payload)


def _ue(value: int) -> str:
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def _se(value: int) -> str:
    return _ue(2 * value - 1 if value > 0 else -2 * value)


_NO_FILTER: Final = _ue(1)
_BLOCKS: Final = {difference: _block(difference) for difference in (-160, -80, 0, 80, 160)}
