"""The shipped font for everything it has letters for, one of the system's for Chinese, Japanese and Korean."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from PIL import ImageFont

Font = ImageFont.FreeTypeFont

_SHIPPED: Final = Path(__file__).parent.parent / "assets" / "DejaVuSans.ttf"
_EAST_ASIAN: Final = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_OF_SYSTEMS: Final = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
)


def font_for(text: str, size: int) -> Font:
    """Return a font that can write the text: Latin, Greek, Cyrillic and more on any system, other scripts if it can."""
    return _font(_east_asian() if _EAST_ASIAN.search(text) else str(_SHIPPED), size)


@cache
def _font(path: str, size: int) -> Font:
    return ImageFont.truetype(path, size)


@cache
def _east_asian() -> str:
    """Return the first font of the system with such letters; the shipped one (it draws boxes) if there is none."""
    for name in _OF_SYSTEMS:
        try:
            ImageFont.truetype(name, 16)
        except OSError:
            continue
        return name
    return str(_SHIPPED)
