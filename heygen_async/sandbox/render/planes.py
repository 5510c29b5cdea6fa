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


@frozen
class Patch:
    """One piece of a picture, converted once; planes are rows without padding."""

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
        for plane, rows, halved in zip(frame.planes, self.planes, _HALVED, strict=False):
            shift = 1 if halved else 0
            left, width = self.box.left >> shift, self.box.size[0] >> shift
            stride, start = plane.line_size, (self.box.top >> shift) * plane.line_size + left
            target = memoryview(plane)
            for row in range(self.box.size[1] >> shift):
                target[start : start + width] = rows[row * width : (row + 1) * width]
                start += stride


def _rows(frame: VideoFrame, index: int) -> bytes:
    plane = frame.planes[index]
    data, stride, width = bytes(plane), plane.line_size, plane.width
    if stride == width:
        return data[: width * plane.height]
    return b"".join(data[row * stride : row * stride + width] for row in range(plane.height))
