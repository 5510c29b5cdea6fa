"""Where things are in a frame of a given size; the parts that move lie in boxes that do not overlap."""

from __future__ import annotations

from typing import Self

from attrs import frozen


@frozen
class Box:
    """A rectangle of whole pixels with even corners, as 4:2:0 video needs them."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, left: float, top: float, right: float, bottom: float, *, width: int, height: int) -> Self:
        """Return the smallest even box around the rectangle, cut off at the frame."""
        return cls(
            max(0, int(left) // 2 * 2),
            max(0, int(top) // 2 * 2),
            min(width, -(-int(right + 1) // 2) * 2),
            min(height, -(-int(bottom + 1) // 2) * 2),
        )

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height."""
        return self.right - self.left, self.bottom - self.top


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
    def of(cls, width: int, height: int) -> Self:
        """Lay out a frame: landscape, portrait or square."""
        unit = min(0.118 * height, 0.14 * width)
        head_x, head_y = width / 2, max(0.34 * height, 2.3 * unit)
        caption_size = max(8, round(min(0.046 * height, 0.046 * width)))
        caption_bottom = height * (0.955 if width >= height else 0.93)
        caption_top = caption_bottom - 3.4 * caption_size
        mark_size = max(7, round(min(0.034 * height, 0.034 * width)))

        def box(left: float, top: float, right: float, bottom: float) -> Box:
            return Box.around(left, top, right, bottom, width=width, height=height)

        return cls(
            width=width,
            height=height,
            unit=unit,
            head_x=head_x,
            head_y=head_y,
            face=box(head_x - 0.7 * unit, head_y - 0.42 * unit, head_x + 0.7 * unit, head_y + 0.82 * unit),
            wave=box(width / 2 - 2 * unit, head_y - unit, width / 2 + 2 * unit, head_y + unit),
            arm=box(head_x + 0.95 * unit, head_y + 0.84 * unit + 2, head_x + 3.45 * unit, caption_top - 3),
            caption=box(0.04 * width, caption_top, 0.96 * width, caption_bottom),
            mark=box(0.02 * width, 0.025 * height, 0.02 * width + 13.4 * mark_size, 0.025 * height + 2.0 * mark_size),
            caption_size=caption_size,
            mark_size=mark_size,
        )
