"""Faces and clothes: the same avatar id always looks the same, different ids look different."""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from attrs import frozen

HairStyle = Literal["short", "long", "bun", "curly"]
Rgb = tuple[int, int, int]

_SKINS: Final = ("#f6d3b8", "#eab792", "#c98f68", "#9a6647", "#6d4531")
_HAIRS: Final = ("#2b2320", "#4a2f22", "#7a4a2a", "#b98544", "#8a8a92", "#5a2a2a")
_SHIRTS: Final = ("#2f5d8a", "#8a3b4f", "#3f7a5a", "#6a4f9a", "#b5652f", "#37474f", "#1f7a8c")
_STYLES: Final[tuple[HairStyle, ...]] = ("short", "long", "bun", "curly")
_IRISES: Final = ("#3b2a20", "#3f6b4f", "#3d6ea5", "#6b4a2a")
_TROUSERS: Final = ("#2a2f3a", "#3a3330", "#24344d")
_APART: Final = 110
"""How far, summed over red, green and blue, clothes must be from what they are seen against."""


@frozen(kw_only=True)
class Look:
    """The colours and hair of one presenter."""

    skin: str
    hair: str
    shirt: str
    iris: str
    trousers: str
    style: HairStyle


def look_of(presenter: str, *, against: Rgb | None = None) -> Look:
    """Return the look that belongs to an avatar id; the shirt is changed if it would vanish `against` a colour."""
    dice = hashlib.sha256(presenter.encode()).digest()
    shirts = [_SHIRTS[(dice[2] + step) % len(_SHIRTS)] for step in range(len(_SHIRTS))]
    return Look(
        skin=_SKINS[dice[0] % len(_SKINS)],
        hair=_HAIRS[dice[1] % len(_HAIRS)],
        shirt=next((shirt for shirt in shirts if against is None or _distance(shirt, against) > _APART), shirts[0]),
        style=_STYLES[dice[3] % len(_STYLES)],
        iris=_IRISES[dice[4] % len(_IRISES)],
        trousers=_TROUSERS[dice[5] % len(_TROUSERS)],
    )


def rgb(colour: str) -> Rgb:
    """Read `#rgb`, `#rrggbb` or `#rrggbbaa`."""
    digits = colour.removeprefix("#")
    if len(digits) in {3, 4}:
        digits = "".join(digit * 2 for digit in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def shade(colour: str, factor: float) -> Rgb:
    """Return the colour darker (factor below 1) or lighter (above 1)."""
    red, green, blue = (min(255, max(0, round(part * factor))) for part in rgb(colour))
    return red, green, blue


def _distance(colour: str, other: Rgb) -> int:
    return sum(abs(one - two) for one, two in zip(rgb(colour), other, strict=True))
