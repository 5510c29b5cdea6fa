"""The picture of fast mode: the word SANDBOX in large squares, as a grid of dark and light cells."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

MARK: Final = "SANDBOX - not HeyGen"
"""Stands in the metadata of every file."""

Row = tuple[bool, ...]
Grid = tuple[Row, ...]

WORD: Final = "SANDBOX"

_GLYPHS: Final = {
    "S": ("01110", "10001", "10000", "01110", "00001", "10001", "01110"),
    "A": ("01110", "10001", "10001", "11111", "10001", "10001", "10001"),
    "N": ("10001", "11001", "10101", "10101", "10011", "10001", "10001"),
    "D": ("11110", "10001", "10001", "10001", "10001", "10001", "11110"),
    "B": ("11110", "10001", "10001", "11110", "10001", "10001", "11110"),
    "O": ("01110", "10001", "10001", "10001", "10001", "10001", "01110"),
    "X": ("10001", "10001", "01010", "00100", "01010", "10001", "10001"),
}
_WIDE: Final = 6
_HIGH: Final = 8
_LETTERS_PER_LINE: Final = (7, 4, 2, 1)


@lru_cache(maxsize=64)
def card(columns: int, rows: int) -> Grid:
    """Return which cells are light: the word as large as it fits, on one line or several; tiny grids stay dark."""
    scale, per_line = max((_scale(columns, rows, count), count) for count in _LETTERS_PER_LINE)
    blank = (False,) * columns
    if scale == 0:
        return (blank,) * rows
    lines = [WORD[start : start + per_line] for start in range(0, len(WORD), per_line)]
    lit = [_centred(row, columns) for line in lines for row in _line(line, scale)][:-scale]
    above = (rows - len(lit)) // 2
    return (blank,) * above + tuple(lit) + (blank,) * (rows - above - len(lit))


def _scale(columns: int, rows: int, per_line: int) -> int:
    lines = -(-len(WORD) // per_line)
    width, height = per_line * _WIDE - 1, lines * _HIGH - 1
    with_margin = min(columns // (width + 2), rows // (height + 2))
    return with_margin or int(columns >= width and rows >= height)


def _line(letters: str, scale: int) -> list[Row]:
    rows: list[Row] = []
    for bits in zip(*(_GLYPHS[letter] for letter in letters), strict=True):
        row = tuple(bit == "1" for bit in "0".join(bits) for _ in range(scale))
        rows.extend([row] * scale)
    gap = (False,) * len(rows[0])
    return rows + [gap] * scale


def _centred(row: Row, columns: int) -> Row:
    left = (columns - len(row)) // 2
    return (False,) * left + row + (False,) * (columns - left - len(row))
