"""Drawing on an enlarged canvas in the coordinates of the final frame, so that edges come out smooth."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Literal

from PIL import Image, ImageDraw

from heygen_async.sandbox.render.fonts import font_for

Colour = tuple[int, int, int] | tuple[int, int, int, int] | str
Point = tuple[float, float]


class Pen:
    """Draws on one piece of the frame; all coordinates and widths are those of the final frame."""

    def __init__(self, image: Image.Image, *, scale: int, origin: Point = (0, 0)) -> None:
        self.image = image
        self.scale = scale
        self.origin = origin
        self._draw = ImageDraw.Draw(image)

    def _to(self, points: Sequence[Point]) -> list[Point]:
        left, top = self.origin
        # Pillow cuts fractions off towards zero, which would move what begins left of or above the canvas.
        return [(floor((x - left) * self.scale), floor((y - top) * self.scale)) for x, y in points]

    def _width(self, width: float) -> int:
        return max(1, round(width * self.scale))

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """Fill an ellipse around a centre."""
        self._draw.ellipse(self._to([(x - rx, y - ry), (x + rx, y + ry)]), fill=colour)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._to(points), fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, *, radius: float = 0) -> None:
        """Fill a rectangle with rounded corners."""
        corners = self._to([(left, top), (right, bottom)])
        self._draw.rounded_rectangle(corners, radius=radius * self.scale, fill=colour)

    def slice(self, x: float, y: float, rx: float, ry: float, start: float, end: float, colour: Colour) -> None:
        """Fill the part of an ellipse cut off by the chord between two angles (degrees, clockwise from the right)."""
        self._draw.chord(self._to([(x - rx, y - ry), (x + rx, y + ry)]), start, end, fill=colour)

    def arc(
        self, x: float, y: float, rx: float, ry: float, start: float, end: float, colour: Colour, *, width: float
    ) -> None:
        """Draw a piece of an ellipse's outline."""
        bounds = self._to([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.arc(bounds, start, end, fill=colour, width=self._width(width))

    def line(self, points: Sequence[Point], colour: Colour, *, width: float) -> None:
        """Draw a line with round ends and joints."""
        self._draw.line(self._to(points), fill=colour, width=self._width(width), joint="curve")
        for x, y in points:
            self.ellipse(x, y, width / 2, width / 2, colour)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: Colour,
        *,
        size: float,
        anchor: Literal["lm", "mm", "rm"] = "mm",
        bold: bool = False,
    ) -> None:
        """Write one line of text; the point is its left end, middle or right end, at half its height."""
        (point,) = self._to([(x, y)])
        stroke = self._width(size) / 40 if bold else 0
        font = font_for(text, self._width(size))
        self._draw.text(point, text, fill=colour, font=font, anchor=anchor, stroke_width=stroke)

    def picture(self, image: Image.Image, left: float, top: float) -> None:
        """Lay a picture of the canvas's own resolution over it, seen through where it is transparent."""
        ((x, y),) = self._to([(left, top)])
        if self.image.mode == "RGBA":
            covered = Image.new("RGBA", self.image.size)
            covered.paste(image, (round(x), round(y)))
            self.image.alpha_composite(covered)
        else:
            self.image.paste(image, (round(x), round(y)), image if image.mode == "RGBA" else None)


def scaled(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the picture in another size; down to half of it, each pixel is the mean of those it covers."""
    return image.resize((width, height), Image.Resampling.BOX)  # pyright: ignore[reportUnknownMemberType] - of numpy


def text_width(text: str, size: float) -> float:
    """Return how wide a line of text will be."""
    return font_for(text, max(1, round(size))).getlength(text)
