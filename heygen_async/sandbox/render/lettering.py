"""Words in the picture: captions, overlays of the request, and the mark of the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from PIL import Image

from heygen_async.sandbox.plan import Overlay
from heygen_async.sandbox.render.geometry import Box, Geometry
from heygen_async.sandbox.render.look import rgb
from heygen_async.sandbox.render.pen import Pen, text_width
from heygen_async.sandbox.still.card import MARK

AMBER: Final = (255, 184, 28)

_INK: Final = (24, 22, 20)
_PANEL: Final = (12, 14, 18, 190)


def write_caption(pen: Pen, box: Box, text: str, size: float) -> None:
    """Write one caption at the bottom of its box, white on a dark panel."""
    lines = wrapped(text, size, 0.94 * box.size[0])
    half = max(text_width(line, size) for line in lines) / 2 + size
    middle, bottom = (box.left + box.right) / 2, box.bottom - 1
    top = bottom - (1.35 * len(lines) + 0.5) * size
    shadow = Pen(Image.new("RGBA", pen.image.size), scale=pen.scale, origin=pen.origin)
    shadow.box(middle - half, top, middle + half, bottom, _PANEL, radius=0.4 * size)
    if pen.image.mode == "RGBA":
        pen.image.alpha_composite(shadow.image)
    else:
        pen.image.paste(shadow.image, mask=shadow.image)
    for number, line in enumerate(lines):
        pen.text(middle, top + (0.95 + 1.35 * number) * size, line, (255, 255, 255), size=size)


def write_overlay(pen: Pen, geometry: Geometry, overlay: Overlay) -> None:
    """Write a text of the request, line by line; at the place of the mark it moves below it."""
    # HeyGen does not say what its sizes refer to; the smallest is kept readable.
    size = max(overlay.size, 0.4 * geometry.mark_size)
    mark = geometry.mark
    under = overlay.y < mark.bottom and overlay.x < mark.right
    top = mark.bottom + 0.4 * size if under else overlay.y
    left = max(overlay.x, mark.left) if under else overlay.x
    x = left + {"left": 0.0, "center": 0.5, "right": 1.0}[overlay.align] * overlay.width
    anchor = {"left": "lm", "center": "mm", "right": "rm"}[overlay.align]
    step = 1.2 * size * overlay.line_height
    for number, line in enumerate(_lines(overlay.text, size, overlay.width)):
        y = top + 0.6 * size + number * step
        if y > geometry.height + size:
            return
        pen.text(x, y, line, rgb(overlay.color), size=size, anchor=anchor, bold=overlay.bold)  # type: ignore[arg-type]


def stamp(pen: Pen, geometry: Geometry) -> None:
    """Draw the amber plate that says what made the video."""
    mark, size = geometry.mark, geometry.mark_size
    pen.box(mark.left, mark.top, mark.right - 1, mark.bottom - 1, _INK, radius=0.55 * size)
    pen.box(mark.left + 2, mark.top + 2, mark.right - 3, mark.bottom - 3, AMBER, radius=0.5 * size)
    fitting = size * min(1.0, 0.9 * mark.size[0] / text_width(MARK, size))
    pen.text((mark.left + mark.right) / 2, (mark.top + mark.bottom) / 2, MARK, _INK, size=fitting)


def wrapped(text: str, size: float, width: float) -> list[str]:
    """Break a caption that is too wide into two lines of about the same width."""
    if text_width(text, size) <= width:
        return [text]
    words = text.split(" ")
    if len(words) == 1:
        middle = len(text) // 2
        return [text[:middle], text[middle:]]
    halves = [[" ".join(words[:cut]), " ".join(words[cut:])] for cut in range(1, len(words))]
    return min(halves, key=lambda lines: max(text_width(line, size) for line in lines))


def _lines(text: str, size: float, width: float) -> Iterator[str]:
    """Yield the lines of a text that is at most so wide; a word that is wider alone stays whole."""
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and text_width(longer, size) > width:
                yield line
                longer = word
            line = longer
        yield line
