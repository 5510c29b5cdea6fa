"""The pictures of one scene: a base that stands still and small pieces that replace parts of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Final

from attrs import frozen
from PIL import Image, ImageChops, ImageDraw

from heygen_async.sandbox.plan import Plan, Scene, Watermark
from heygen_async.sandbox.render.backdrop import colour_behind, paint_backdrop
from heygen_async.sandbox.render.figure import Figure
from heygen_async.sandbox.render.geometry import CIRCLE_DROP, CIRCLE_RADIUS, Box, Geometry
from heygen_async.sandbox.render.lettering import AMBER, stamp, write_caption, write_overlay
from heygen_async.sandbox.render.look import look_of, rgb
from heygen_async.sandbox.render.pen import Pen, scaled
from heygen_async.sandbox.render.pose import ARM_POSES, WAVE_PHASES, Pose
from heygen_async.sandbox.still.card import MARK

__all__ = ["MARK", "Artist", "Piece", "Props"]

_DOUBLE_UP_TO: Final = 1920 * 1200
"""Pixels up to which pictures are drawn at double size for smooth edges; larger ones need it less."""

_CIRCLE: Final = "#dfe6ee"
_WATERMARK_SHARE: Final = 0.15
_BARS: Final = 9


@frozen(kw_only=True, eq=False)
class Props:
    """Pictures that were opened for a scene; None where there is nothing to open, or nothing could be."""

    backdrop: Image.Image | None = None
    watermark: Image.Image | None = None


@frozen
class Piece:
    """One rectangle of the picture in one state: equal pieces look the same within a scene."""

    box: Box
    state: Hashable


@frozen(eq=False)
class _Layer:
    """Something that moves; `state` tells apart what looks different, `draw` may reach beyond the canvas."""

    box: Box
    state: Callable[[Pose], Hashable]
    draw: Callable[[Pen, Pose], None]


class Artist:
    """Draws the base picture once, and any moving piece in any state.

    `see_through` leaves the backdrop transparent, for WebM and for clips that run behind the presenter.
    """

    def __init__(self, plan: Plan, scene: Scene, props: Props | None = None, *, see_through: bool = False) -> None:
        self._plan = plan
        self._scene = scene
        self._props = props or Props()
        self._has_picture = scene.backdrop.kind != "color"
        self.geometry = Geometry.of(plan.width, plan.height, scene.framing, small_wave=self._has_picture)
        self._scale = 2 if plan.width * plan.height <= _DOUBLE_UP_TO else 1
        self._figure = self._cast() if scene.presenter is not None else None
        self._layers = [layer for layer in self._moving() if not layer.box.is_empty]
        self._caption = _Layer(self.geometry.caption, lambda pose: pose.caption, self._draw_caption)
        self._still = self._paint(see_through=see_through)

    def base(self) -> Image.Image:
        """Return the whole picture without the moving pieces."""
        return scaled(self._still, self.geometry.width, self.geometry.height)

    def pieces(self, pose: Pose, *, captions: bool) -> Iterator[Piece]:
        """Yield the pieces that show a pose; where two overlap, both show what is in either."""
        layers = self._shown(captions=captions)
        for layer in layers:
            states = tuple(other.state(pose) for other in layers if other is layer or other.box.meets(layer.box))
            yield Piece(layer.box, states)

    def draw(self, piece: Piece, pose: Pose, *, captions: bool) -> Image.Image:
        """Draw one piece of a pose."""
        pen = self._pen(piece.box)
        for layer in self._shown(captions=captions):
            if layer.box.meets(piece.box):
                layer.draw(pen, pose)
        self._on_top(pen)
        return scaled(pen.image, *piece.box.size)

    def _shown(self, *, captions: bool) -> list[_Layer]:
        return [*self._layers, self._caption] if captions else self._layers

    def _cast(self) -> Figure:
        against = colour_behind(self._scene.backdrop)
        if self._scene.framing.style == "circle":
            against = rgb(self._scene.framing.circle_color or _CIRCLE)
        return Figure(self.geometry, look_of(self._scene.presenter or "", against=against))

    def _moving(self) -> Iterator[_Layer]:
        figure = self._figure
        if figure is None:
            if self._scene.utterances:
                yield _Layer(self.geometry.wave, lambda pose: (pose.wave, pose.mouth), self._draw_wave)
            return

        def arm(pen: Pen, pose: Pose) -> None:
            figure.arm(pen, 2 * pose.arm / (ARM_POSES - 1) - 1)

        def face(pen: Pen, pose: Pose) -> None:
            figure.face(pen, mouth=pose.mouth, blink=pose.blink)

        if self._scene.framing.style != "circle":
            yield _Layer(self.geometry.arm, lambda pose: pose.arm, arm)
        yield _Layer(self.geometry.face, lambda pose: (pose.mouth, pose.blink), face)

    def _pen(self, box: Box) -> Pen:
        area = [edge * self._scale for edge in (box.left, box.top, box.right, box.bottom)]
        return Pen(
            self._still.crop((area[0], area[1], area[2], area[3])), scale=self._scale, origin=(box.left, box.top)
        )

    def _draw_caption(self, pen: Pen, pose: Pose) -> None:
        if pose.caption:
            write_caption(pen, self.geometry.caption, pose.caption, self.geometry.caption_size)

    def _draw_wave(self, pen: Pen, pose: Pose) -> None:
        box = self.geometry.wave
        width, height = box.size
        for bar in range(_BARS):
            swell = abs((pose.wave + 2 * bar) % WAVE_PHASES - WAVE_PHASES / 2) / (WAVE_PHASES / 2)
            half = (0.08 + 0.92 * swell * min(pose.mouth, 4) / 4) * 0.45 * height
            x, y = box.left + (bar + 0.5) * width / _BARS, (box.top + box.bottom) / 2
            pen.box(x - 0.03 * width, y - half, x + 0.03 * width, y + half, AMBER, radius=0.03 * width)

    def _paint(self, *, see_through: bool) -> Image.Image:
        size = self.geometry.width * self._scale, self.geometry.height * self._scale
        pen = Pen(Image.new("RGBA" if see_through else "RGB", size), scale=self._scale)
        if not see_through:
            paint_backdrop(pen, self.geometry, self._scene.backdrop, self._props.backdrop)
        if self._figure is not None and self._scene.framing.style == "circle":
            self._encircle(pen, self._figure)
        elif self._figure is not None:
            self._figure.body(pen)
        self._on_top(pen)
        return pen.image

    def _encircle(self, pen: Pen, figure: Figure) -> None:
        """Draw the presenter as seen through a round window."""
        unit, (x, y) = self.geometry.unit, figure.at(0, CIRCLE_DROP)
        inside = Pen(Image.new("RGB", pen.image.size), scale=self._scale)
        radius = CIRCLE_RADIUS * unit
        inside.ellipse(x, y, radius, radius, rgb(self._scene.framing.circle_color or _CIRCLE))
        figure.body(inside)
        mask = Image.new("L", pen.image.size)
        edges = [(middle + side * radius) * self._scale for side in (-1, 1) for middle in (x, y)]
        ImageDraw.Draw(mask).ellipse(edges, fill=255)
        pen.image.paste(inside.image, mask=mask)

    def _on_top(self, pen: Pen) -> None:
        """Draw what nothing covers; it is drawn again on each piece, and falls outside most of them."""
        if self._scene.overlay is not None:
            write_overlay(pen, self.geometry, self._scene.overlay)
        if self._plan.watermark is not None and self._props.watermark is not None:
            self._draw_watermark(pen, self._plan.watermark, self._props.watermark)
        stamp(pen, self.geometry)

    def _draw_watermark(self, pen: Pen, watermark: Watermark, picture: Image.Image) -> None:
        width, height, margin = self.geometry.width, self.geometry.height, 0.02 * self.geometry.width
        wide = _WATERMARK_SHARE * watermark.scale * width
        high = wide * picture.height / picture.width
        left = margin if watermark.corner.endswith("left") else width - margin - wide
        top = margin if watermark.corner.startswith("top") else height - margin - high
        size = max(1, round(wide * self._scale)), max(1, round(high * self._scale))
        shown = scaled(picture.convert("RGBA"), *size)
        shown.putalpha(ImageChops.multiply(shown.getchannel("A"), Image.new("L", size, round(255 * watermark.opacity))))
        pen.picture(shown, left + watermark.offset_x * width, top + watermark.offset_y * height)
