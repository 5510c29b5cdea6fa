"""Backdrops: a plain colour, a picture, or a drawn stand-in for what cannot be opened."""

from __future__ import annotations

from typing import Final

from PIL import Image

from heygen_async.sandbox.plan import Backdrop
from heygen_async.sandbox.render.fitting import centred, fitted
from heygen_async.sandbox.render.geometry import Geometry
from heygen_async.sandbox.render.look import rgb
from heygen_async.sandbox.render.pen import Pen, scaled, text_width

Rgb = tuple[int, int, int]

MARGIN: Final = (16, 18, 22)
"""What is seen beside pictures and clips that do not fill the frame."""


def paint_backdrop(pen: Pen, geometry: Geometry, backdrop: Backdrop, picture: Image.Image | None) -> None:
    """Fill the picture with what is behind the presenter; `picture` is the one that was opened, if any."""
    if backdrop.kind == "color":
        pen.box(0, 0, geometry.width + 1, geometry.height + 1, rgb(backdrop.value))
    elif picture is not None:
        pen.box(0, 0, geometry.width + 1, geometry.height + 1, MARGIN)
        shown = fitted(picture, pen.image.size, backdrop.fit)
        left, top = centred(shown.size, pen.image.size)
        pen.picture(shown, left / pen.scale, top / pen.scale)
    elif backdrop.kind == "image":
        _landscape(pen, geometry)
        _label(pen, geometry, f"image: {backdrop.value}")
    else:
        _film(pen, geometry)
        _label(pen, geometry, f"video: {backdrop.value}")


def colour_behind(backdrop: Backdrop) -> Rgb | None:
    """Return the colour that a presenter is seen against, None if it is more than one."""
    return rgb(backdrop.value) if backdrop.kind == "color" else None


def _landscape(pen: Pen, geometry: Geometry) -> None:
    width, height = geometry.width, geometry.height
    _gradient(pen, (112, 168, 214), (236, 224, 202))
    pen.ellipse(0.8 * width, 0.3 * height, 0.09 * min(width, height), 0.09 * min(width, height), (255, 240, 196))
    pen.ellipse(0.18 * width, 1.02 * height, 0.55 * width, 0.42 * height, (126, 160, 122))
    pen.ellipse(0.85 * width, 1.08 * height, 0.6 * width, 0.4 * height, (98, 138, 104))


def _film(pen: Pen, geometry: Geometry) -> None:
    width, height = geometry.width, geometry.height
    _gradient(pen, (38, 44, 58), (82, 92, 116))
    strip = 0.06 * width
    for left in (0.0, width - strip):
        pen.box(left, 0, left + strip, height + 1, (18, 20, 26))
        for hole in range(9):
            y = (hole + 0.5) * height / 9
            pen.box(left + 0.25 * strip, y - 0.02 * height, left + 0.75 * strip, y + 0.02 * height, (210, 214, 222))


def _gradient(pen: Pen, top: Rgb, bottom: Rgb) -> None:
    size = pen.image.size
    mask = scaled(Image.linear_gradient("L"), *size)
    pen.image.paste(Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), mask))


def _label(pen: Pen, geometry: Geometry, text: str) -> None:
    size = 0.75 * geometry.mark_size
    shown = text if len(text) <= 40 else text[:39] + "…"
    half = text_width(shown, size) / 2 + size
    right, top = geometry.width - 0.08 * geometry.width, geometry.mark.top + 3 * size
    pen.box(right - 2 * half, top, right, top + 2 * size, (250, 250, 250), radius=size)
    pen.text(right - half, top + size, shown, (40, 44, 52), size=size)
