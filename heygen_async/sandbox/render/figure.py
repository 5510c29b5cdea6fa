"""The presenter: a drawn bust with a face that speaks and an arm that gestures."""

from __future__ import annotations

from math import cos, pi, sin

from heygen_async.sandbox.render.geometry import Geometry
from heygen_async.sandbox.render.lips import TEETH
from heygen_async.sandbox.render.look import Look, shade
from heygen_async.sandbox.render.pen import Pen, Point

WHITE = (250, 250, 248)
LIPS = (176, 84, 84)
MOUTH = (96, 28, 34)


class Figure:
    """Draws one presenter; positions are in units of half a head from the centre of the head."""

    def __init__(self, geometry: Geometry, look: Look) -> None:
        self.geometry = geometry
        self.look = look

    def at(self, x: float, y: float) -> Point:
        """Return the frame position of a point of the figure."""
        return self.geometry.head_x + x * self.geometry.unit, self.geometry.head_y + y * self.geometry.unit

    def body(self, pen: Pen) -> None:
        """Draw everything that stands still: hair, head, neck, shoulders."""
        self._hair_behind(pen)
        self._torso(pen)
        self._head(pen)
        self._hair_in_front(pen)

    def face(self, pen: Pen, *, mouth: int, blink: bool) -> None:
        """Draw eyes, brows, nose and mouth; `mouth` is 0 (a closed smile) to 4 (wide open), 5 shows teeth."""
        for side in (-1, 1):
            self._eye(pen, side, blink=blink)
            pen.ellipse(*self.at(side * 0.46, 0.26), 0.15 * self.geometry.unit, 0.1 * self.geometry.unit, self._blush())
        self._curve(pen, 0.0, 0.2, 0.1, 0.08, 20, 160, shade(self.look.skin, 0.78), width=0.05)
        if mouth == 0:
            self._curve(pen, 0.0, 0.36, 0.3, 0.2, 30, 150, LIPS, width=0.075)
        elif mouth == TEETH:
            self._teeth(pen)
        else:
            self._open_mouth(pen, mouth)

    def arm(self, pen: Pen, swing: float) -> None:
        """Draw the gesturing arm; `swing` is -1 (inwards) to 1 (outwards)."""
        unit, skin = self.geometry.unit, shade(self.look.skin, 1.0)
        angle = pi / 2 - (0.1 + 0.26 * swing)
        elbow = self.at(2.1, 3.2)
        wrist, palm = _beyond(elbow, angle, 1.2 * unit), _beyond(elbow, angle, 1.58 * unit)
        pen.line([self.at(1.6, 2.0), elbow], shade(self.look.shirt, 0.94), width=0.66 * unit)
        pen.line([wrist, palm], skin, width=0.34 * unit)
        pen.ellipse(*palm, 0.26 * unit, 0.28 * unit, skin)
        for spread, length in ((-0.42, 0.5), (-0.14, 0.57), (0.14, 0.56), (0.42, 0.48)):
            pen.line([palm, _beyond(palm, angle - spread, length * unit)], skin, width=0.135 * unit)
        pen.line([palm, _beyond(palm, angle + 1.15, 0.42 * unit)], skin, width=0.145 * unit)
        pen.line([elbow, _beyond(elbow, angle, 0.98 * unit)], shade(self.look.shirt, 0.84), width=0.58 * unit)
        cuff = [_beyond(wrist, angle + side * pi / 2, 0.22 * unit) for side in (-1, 1)]
        pen.line(cuff, shade(self.look.shirt, 1.22), width=0.15 * unit)

    def _hair_behind(self, pen: Pen) -> None:
        unit, hair = self.geometry.unit, shade(self.look.hair, 0.86)
        x, y = self.at(0, 0)
        pen.ellipse(x, y - 0.2 * unit, 0.87 * unit, 0.9 * unit, hair)
        if self.look.style == "long":
            pen.box(x - 1.0 * unit, y - 0.75 * unit, x + 1.0 * unit, y + 1.6 * unit, hair, radius=0.62 * unit)
        if self.look.style == "bun":
            pen.ellipse(x, y - 1.17 * unit, 0.4 * unit, 0.36 * unit, hair)
        if self.look.style == "curly":
            for turn in range(13):
                angle = pi * (-0.12 + 1.24 * turn / 12)
                pen.ellipse(*self.at(0.8 * cos(angle), -0.3 - 0.78 * sin(angle)), 0.3 * unit, 0.3 * unit, hair)

    def _torso(self, pen: Pen) -> None:
        unit, shirt = self.geometry.unit, shade(self.look.shirt, 1.0)
        x, top = self.at(0, 1.42)
        below = top + 5.3 * unit
        self._legs(pen, below)
        pen.box(x - 1.92 * unit, top, x + 1.92 * unit, top + 3 * unit, shirt, radius=0.95 * unit)
        hips = [(x - 1.92 * unit, top + 1.5 * unit), (x + 1.92 * unit, top + 1.5 * unit)]
        pen.polygon([*hips, (x + 1.62 * unit, below), (x - 1.62 * unit, below)], shirt)
        pen.polygon([self.at(-1.3, 1.52), self.at(-0.4, 1.1), self.at(0.4, 1.1), self.at(1.3, 1.52)], shirt)
        pen.box(x - 0.33 * unit, top - 0.8 * unit, x + 0.33 * unit, top + 0.12 * unit, shade(self.look.skin, 0.86))
        pen.polygon([self.at(-0.33, 1.5), self.at(0.33, 1.5), self.at(0, 2.02)], shade(self.look.skin, 0.86))
        for side in (-1, 1):
            collar = [self.at(side * 0.31, 1.08), self.at(side * 0.56, 1.5), self.at(side * 0.28, 2.02)]
            pen.polygon([*collar, self.at(0, 1.98), self.at(side * 0.33, 1.5)], shade(self.look.shirt, 1.22))
        for seam_x, seam_y in ((-1.36, 2.45), (1.36, 2.45)):
            seam = self.at(seam_x, seam_y)
            pen.line(
                [seam, (seam[0] - 0.05 * seam_x * unit, below - 0.35 * unit)],
                shade(self.look.shirt, 0.88),
                width=0.05 * unit,
            )

    def _legs(self, pen: Pen, waist: float) -> None:
        """Draw what portraits and small presenters show below the shirt."""
        unit, x = self.geometry.unit, self.geometry.head_x
        ground = max(self.geometry.height, waist) + 2 * unit
        if waist > self.geometry.height + unit:
            return
        pen.box(x - 1.58 * unit, waist - 0.3 * unit, x + 1.58 * unit, ground, shade(self.look.trousers, 1.0))
        pen.line([(x, waist + 1.1 * unit), (x, ground)], shade(self.look.trousers, 0.7), width=0.07 * unit)
        pen.box(x - 1.6 * unit, waist - 0.1 * unit, x + 1.6 * unit, waist + 0.22 * unit, shade(self.look.trousers, 0.6))

    def _blush(self) -> tuple[int, int, int]:
        red, green, blue = shade(self.look.skin, 1.0)
        return min(255, red + 6), max(0, green - 18), max(0, blue - 16)

    def _head(self, pen: Pen) -> None:
        unit, skin = self.geometry.unit, shade(self.look.skin, 1.0)
        for side in (-1, 1):
            pen.ellipse(*self.at(side * 0.76, 0.08), 0.14 * unit, 0.2 * unit, shade(self.look.skin, 0.9))
        pen.ellipse(*self.at(0, -0.05), 0.76 * unit, 0.86 * unit, skin)
        pen.ellipse(*self.at(0, 0.24), 0.69 * unit, 0.76 * unit, skin)

    def _hair_in_front(self, pen: Pen) -> None:
        unit, hair = self.geometry.unit, shade(self.look.hair, 1.0)
        pen.slice(*self.at(0, -0.16), 0.86 * unit, 0.94 * unit, 204, 336, hair)
        pen.slice(*self.at(-0.62, -0.16), 0.26 * unit, 0.42 * unit, 96, 264, hair)
        pen.slice(*self.at(0.62, -0.16), 0.26 * unit, 0.42 * unit, 276, 444, hair)
        pen.slice(*self.at(-0.3, -0.56), 0.52 * unit, 0.22 * unit, 0, 180, hair)
        if self.look.style == "long":
            for side in (-1, 1):
                lock = [self.at(side * 0.86, -0.4), self.at(side * 0.68, -0.3), self.at(side * 0.76, 0.9)]
                pen.polygon([*lock, self.at(side * 1.0, 0.9), self.at(side * 0.99, -0.1)], hair)

    def _eye(self, pen: Pen, side: int, *, blink: bool) -> None:
        unit = self.geometry.unit
        x, y = self.at(side * 0.32, -0.08)
        brow = shade(self.look.hair, 0.9)
        self._curve(pen, side * 0.32, -0.2, 0.2, 0.11, 205, 335, brow, width=0.06)
        if blink:
            self._curve(pen, side * 0.32, -0.1, 0.14, 0.07, 10, 170, shade(self.look.skin, 0.55), width=0.045)
            return
        pen.ellipse(x, y, 0.145 * unit, 0.105 * unit, WHITE)
        pen.ellipse(x, y, 0.085 * unit, 0.095 * unit, shade(self.look.iris, 1.0))
        pen.ellipse(x, y, 0.045 * unit, 0.05 * unit, (18, 16, 16))
        pen.ellipse(x + 0.03 * unit, y - 0.035 * unit, 0.022 * unit, 0.022 * unit, WHITE)
        self._curve(pen, side * 0.32, -0.06, 0.155, 0.125, 195, 345, shade(self.look.hair, 0.6), width=0.035)

    def _open_mouth(self, pen: Pen, level: int) -> None:
        unit = self.geometry.unit
        x, y = self.at(0, 0.52)
        half_width, half_height = (0.2 + 0.015 * level) * unit, (0.035 + 0.042 * level) * unit
        rim = 0.045 * unit
        pen.ellipse(x, y, half_width + rim, half_height + rim, LIPS)
        pen.ellipse(x, y, half_width, half_height, MOUTH)
        if level >= 2:
            pen.slice(x, y, half_width * 0.86, half_height * 0.9, 195, 345, WHITE)
        if level >= 3:
            pen.slice(x, y + half_height * 0.5, half_width * 0.6, half_height * 0.45, 0, 180, (198, 104, 108))

    def _teeth(self, pen: Pen) -> None:
        unit = self.geometry.unit
        x, y = self.at(0, 0.51)
        pen.ellipse(x, y, 0.3 * unit, 0.115 * unit, LIPS)
        pen.box(x - 0.23 * unit, y - 0.055 * unit, x + 0.23 * unit, y + 0.055 * unit, WHITE, radius=0.05 * unit)
        pen.line([(x - 0.2 * unit, y), (x + 0.2 * unit, y)], (206, 200, 198), width=0.016 * unit)

    def _curve(
        self,
        pen: Pen,
        x: float,
        y: float,
        rx: float,
        ry: float,
        start: float,
        end: float,
        colour: tuple[int, int, int],
        *,
        width: float,
    ) -> None:
        unit = self.geometry.unit
        pen.arc(*self.at(x, y), rx * unit, ry * unit, start, end, colour, width=width * unit)


def _beyond(point: Point, angle: float, length: float) -> Point:
    return point[0] + length * cos(angle), point[1] - length * sin(angle)
