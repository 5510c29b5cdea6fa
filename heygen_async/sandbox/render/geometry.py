"""Where things are in a frame of a given size."""

from __future__ import annotations

from typing import Final, Self

from attrs import frozen

from heygen_async.sandbox.plan import Framing


@frozen
class Box:
    """A rectangle of whole pixels with even corners, as 4:2:0 video needs them."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, left: float, top: float, right: float, bottom: float, *, width: int, height: int) -> Self:
        """Return the smallest even box around the rectangle, cut off at the frame; empty if it lies outside."""
        x, y = min(width, max(0, int(left) // 2 * 2)), min(height, max(0, int(top) // 2 * 2))
        return cls(
            x, y, max(x, min(width, -(-int(right + 1) // 2) * 2)), max(y, min(height, -(-int(bottom + 1) // 2) * 2))
        )

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height."""
        return self.right - self.left, self.bottom - self.top

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing in it."""
        return 0 in self.size

    def meets(self, other: Box) -> bool:
        """Say whether the boxes have a pixel in common."""
        return (
            max(self.left, other.left) < min(self.right, other.right)
            and max(self.top, other.top) < min(self.bottom, other.bottom)
            and not (self.is_empty or other.is_empty)
        )


CIRCLE_RADIUS: Final = 2.05
CIRCLE_DROP: Final = 0.42
"""The circle of the style `circle`, in units; its centre lies this far below that of the head."""


@frozen(kw_only=True)
class Geometry:
    """The layout of one frame; `unit` is half the height of the presenter's head."""

    width: int
    height: int
    unit: float
    head_x: float
    head_y: float
    mark: Box
    face: Box
    wave: Box
    arm: Box
    caption: Box
    caption_size: int
    mark_size: int

    @classmethod
    def of(cls, width: int, height: int, framing: Framing | None = None, *, small_wave: bool = False) -> Self:
        """Lay out a frame: landscape, portrait or square; `small_wave` keeps the middle free for a picture."""
        framing = framing or Framing()
        unit, head_y = _head(width, height, framing.style)
        unit *= framing.scale
        head_x = width * (0.5 + framing.offset_x)
        head_y = height * (0.5 + framing.offset_y) + (head_y - height / 2) * framing.scale
        caption_size = max(8, round(min(0.046 * height, 0.046 * width)))
        caption_bottom = height * (0.955 if width >= height else 0.93)
        caption_top = caption_bottom - 3.4 * caption_size
        mark_size = max(7, round(min(0.034 * height, 0.034 * width)))

        def box(left: float, top: float, right: float, bottom: float) -> Box:
            return Box.around(left, top, right, bottom, width=width, height=height)

        wave_unit = min(0.118 * height, 0.14 * width) * (0.45 if small_wave else 1.0)
        wave_y = caption_top - 1.2 * wave_unit if small_wave else 0.42 * height
        return cls(
            width=width,
            height=height,
            unit=unit,
            head_x=head_x,
            head_y=head_y,
            face=box(head_x - 0.7 * unit, head_y - 0.42 * unit, head_x + 0.7 * unit, head_y + 0.82 * unit),
            wave=box(width / 2 - 2 * wave_unit, wave_y - wave_unit, width / 2 + 2 * wave_unit, wave_y + wave_unit),
            arm=box(head_x + 0.95 * unit, head_y + 0.84 * unit + 2, head_x + 3.45 * unit, head_y + 3.7 * unit),
            caption=box(0.04 * width, caption_top, 0.96 * width, caption_bottom),
            mark=box(0.02 * width, 0.025 * height, 0.02 * width + 13.4 * mark_size, 0.025 * height + 2.0 * mark_size),
            caption_size=caption_size,
            mark_size=mark_size,
        )


def _head(width: int, height: int, style: str) -> tuple[float, float]:
    """Return the unit and the height of the head's centre."""
    if style == "closeUp":
        unit = min(0.19 * height, 0.25 * width)
        return unit, max(0.43 * height, 2.0 * unit) if width >= height else 0.4 * height
    if style == "circle":
        unit = min(0.185 * height, 0.2 * width)
        return unit, height / 2 - CIRCLE_DROP * unit
    unit = min(0.118 * height, 0.142 * width)
    return unit, max(0.34 * height, 2.3 * unit)
