"""The pictures of one scene: a base that stands still and small pieces that replace parts of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from attrs import frozen
from PIL import Image

from heygen_async.sandbox.plan import Plan, Scene
from heygen_async.sandbox.render.backdrop import paint_backdrop
from heygen_async.sandbox.render.figure import Figure
from heygen_async.sandbox.render.geometry import Box, Geometry
from heygen_async.sandbox.render.look import look_of
from heygen_async.sandbox.render.pen import Pen, scaled, text_width
from heygen_async.sandbox.render.pose import ARM_POSES, WAVE_PHASES, Pose

MARK: Final = "SANDBOX - not HeyGen"
"""Stands in every frame and in the metadata of every file."""


@frozen
class Piece:
    """One state of one moving piece: `level` is a mouth level, an arm pose or a wave phase."""

    kind: Literal["face", "arm", "wave", "caption"]
    level: int = 0
    blink: bool = False
    text: str = ""


_AMBER: Final = (255, 184, 28)
_INK: Final = (24, 22, 20)
_PANEL: Final = (12, 14, 18, 190)
_DOUBLE_UP_TO: Final = 1920 * 1200
"""Pixels up to which pictures are drawn at double size for smooth edges; larger ones need it less."""


class Artist:
    """Draws the base picture once, and any moving piece in any state."""

    def __init__(self, plan: Plan, scene: Scene) -> None:
        self.geometry = Geometry.of(plan.width, plan.height)
        self._scale = 2 if plan.width * plan.height <= _DOUBLE_UP_TO else 1
        self._figure = Figure(self.geometry, look_of(scene.presenter)) if scene.presenter is not None else None
        self._still = self._paint(scene, alpha=plan.alpha)

    def base(self) -> Image.Image:
        """Return the whole picture without the moving pieces."""
        return scaled(self._still, self.geometry.width, self.geometry.height)

    def pieces(self, pose: Pose) -> Iterator[tuple[Box, Piece]]:
        """Yield the pieces that show a pose, each with its place in the frame."""
        if self._figure is None:
            yield self.geometry.wave, Piece("wave", pose.wave)
        else:
            yield self.geometry.face, Piece("face", pose.mouth, pose.blink)
            yield self.geometry.arm, Piece("arm", pose.arm)
        yield self.geometry.caption, Piece("caption", text=pose.caption)

    def draw(self, box: Box, piece: Piece) -> Image.Image:
        """Draw one piece on the picture behind it."""
        pen = self._pen(box)
        if piece.kind == "face" and self._figure:
            self._figure.face(pen, mouth=piece.level, blink=piece.blink)
        elif piece.kind == "arm" and self._figure:
            self._figure.arm(pen, 2 * piece.level / (ARM_POSES - 1) - 1)
        elif piece.kind == "caption" and piece.text:
            self._caption(pen, box, piece.text)
        elif piece.kind == "wave":
            _wave(pen, box, piece.level)
        return scaled(pen.image, *box.size)

    def _pen(self, box: Box) -> Pen:
        area = [edge * self._scale for edge in (box.left, box.top, box.right, box.bottom)]
        return Pen(
            self._still.crop((area[0], area[1], area[2], area[3])), scale=self._scale, origin=(box.left, box.top)
        )

    def _caption(self, pen: Pen, box: Box, text: str) -> None:
        size = self.geometry.caption_size
        lines = wrapped(text, size, 0.94 * box.size[0])
        half = max(text_width(line, size) for line in lines) / 2 + size
        middle, bottom = (box.left + box.right) / 2, box.bottom - 1
        top = bottom - (1.35 * len(lines) + 0.5) * size
        shadow = Pen(Image.new("RGBA", pen.image.size), scale=self._scale, origin=pen.origin)
        shadow.box(middle - half, top, middle + half, bottom, _PANEL, radius=0.4 * size)
        if pen.image.mode == "RGBA":
            pen.image.alpha_composite(shadow.image)
        else:
            pen.image.paste(shadow.image, mask=shadow.image)
        for number, line in enumerate(lines):
            pen.text(middle, top + (0.95 + 1.35 * number) * size, line, (255, 255, 255), size=size)

    def _paint(self, scene: Scene, *, alpha: bool) -> Image.Image:
        size = self.geometry.width * self._scale, self.geometry.height * self._scale
        pen = Pen(Image.new("RGBA" if alpha else "RGB", size), scale=self._scale)
        if not alpha:
            paint_backdrop(pen, self.geometry, scene.backdrop)
        if self._figure is not None:
            self._figure.body(pen)
        self._stamp(pen)
        return pen.image

    def _stamp(self, pen: Pen) -> None:
        mark, size = self.geometry.mark, self.geometry.mark_size
        pen.box(mark.left, mark.top, mark.right - 1, mark.bottom - 1, _INK, radius=0.55 * size)
        pen.box(mark.left + 2, mark.top + 2, mark.right - 3, mark.bottom - 3, _AMBER, radius=0.5 * size)
        fitting = size * min(1.0, 0.9 * mark.size[0] / text_width(MARK, size))
        pen.text((mark.left + mark.right) / 2, (mark.top + mark.bottom) / 2, MARK, _INK, size=fitting)


def _wave(pen: Pen, box: Box, phase: int) -> None:
    bars = 9
    width, height = box.size
    for bar in range(bars):
        swell = abs((phase + 2 * bar) % WAVE_PHASES - WAVE_PHASES / 2) / (WAVE_PHASES / 2)
        half = (0.25 + 0.75 * swell) * 0.45 * height
        x, y = box.left + (bar + 0.5) * width / bars, (box.top + box.bottom) / 2
        pen.box(x - 0.03 * width, y - half, x + 0.03 * width, y + half, _AMBER, radius=0.03 * width)


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
