"""Pictures as 4:2:0 planes, and pieces of them pasted into one frame that is encoded again and again.

Redrawing and converting whole frames would cost ten times as much as encoding them: see `Patch`.
"""

from __future__ import annotations

from typing import Final, cast

from attrs import frozen
from av import VideoFrame
from PIL import Image

from heygen_async.sandbox.render.geometry import Box

_HALVED: Final = (False, True, True, False)
"""Which planes of yuv420p and yuva420p have half the width and height."""

Planes = list[Image.Image]
"""Brightness and two colours, the latter of half the width and height, each as a grey picture."""


@frozen
class Patch:
    """One piece of a picture, converted once; planes are rows without padding, a fourth one says what is opaque."""

    box: Box
    planes: tuple[bytes, ...]

    @classmethod
    def of(cls, image: Image.Image, box: Box) -> Patch:
        """Convert a picture of the box's size; RGBA gives a fourth plane."""
        colours = image.convert("RGB") if image.mode == "RGBA" else image
        frame = cast("VideoFrame", VideoFrame.from_image(colours))  # type: ignore[no-untyped-call]
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG")
        planes = tuple(_rows(frame, index) for index in range(3))
        if image.mode == "RGBA":
            planes = (*planes, image.getchannel("A").tobytes())
        return cls(box, planes)

    def paste(self, frame: VideoFrame) -> None:
        """Overwrite the box of the frame."""
        for index, (rows, halved) in enumerate(zip(self.planes, _HALVED, strict=False)):
            shift = 1 if halved else 0
            _write(frame, index, rows, (self.box.left >> shift, self.box.top >> shift), self.box.size[0] >> shift)


@frozen(eq=False)
class Veil:
    """One piece of a picture with transparent parts, laid over whatever is in the frame."""

    box: Box
    planes: tuple[Image.Image, ...]
    masks: tuple[Image.Image, ...]

    @classmethod
    def of(cls, image: Image.Image, box: Box) -> Veil:
        """Convert an RGBA picture of the box's size."""
        *colours, alpha = Patch.of(image, box).planes
        size = box.size
        half = size[0] // 2, size[1] // 2
        mask = Image.frombytes("L", size, alpha)
        small = mask.reduce(2)
        planes = [Image.frombytes("L", each, rows) for each, rows in zip((size, half, half), colours, strict=True)]
        return cls(box, tuple(planes), (mask, small, small))

    def cover(self, planes: Planes) -> None:
        """Lay the piece over a picture."""
        for plane, piece, mask, shift in zip(planes, self.planes, self.masks, (0, 1, 1), strict=True):
            plane.paste(piece, (self.box.left >> shift, self.box.top >> shift), mask)


def planes_of(frame: VideoFrame) -> Planes:
    """Return the planes of a yuv420p frame."""
    sizes = [(plane.width, plane.height) for plane in frame.planes]
    return [Image.frombytes("L", size, _rows(frame, index)) for index, size in enumerate(sizes)]


def fill(frame: VideoFrame, planes: Planes) -> None:
    """Overwrite the whole frame."""
    for index, plane in enumerate(planes):
        _write(frame, index, plane.tobytes(), (0, 0), plane.width)


def _write(frame: VideoFrame, index: int, rows: bytes, corner: tuple[int, int], width: int) -> None:
    plane = frame.planes[index]
    stride, start = plane.line_size, corner[1] * plane.line_size + corner[0]
    target = memoryview(plane)
    if width == stride:
        target[start : start + len(rows)] = rows
        return
    for row in range(len(rows) // width):
        target[start : start + width] = rows[row * width : (row + 1) * width]
        start += stride


def _rows(frame: VideoFrame, index: int) -> bytes:
    plane = frame.planes[index]
    data, stride, width = bytes(plane), plane.line_size, plane.width
    if stride == width:
        return data[: width * plane.height]
    return b"".join(data[row * stride : row * stride + width] for row in range(plane.height))
