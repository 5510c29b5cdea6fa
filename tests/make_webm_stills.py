"""Make the VP9 key frames in heygen_async/sandbox/assets: `python -m tests.make_webm_stills`.

Run once, with PyAV 18.1 and Pillow 13; the files are part of the package because VP9 cannot be written by hand in a
few lines. Each holds the length of the first frame (4 bytes, big endian), that key frame, which shows the card of
fast mode, and a second key frame whose brightness is the transparency of the first.
"""

from __future__ import annotations

import struct
from pathlib import Path

import av
from av import VideoFrame
from PIL import Image

from heygen_async.sandbox.still.card import card
from heygen_async.sandbox.still.webm import SIZES

ASSETS = Path(__file__).parent.parent / "heygen_async" / "sandbox" / "assets"
CELL = 8


def picture(width: int, height: int, *, dark: int, light: int) -> Image.Image:
    """Draw the card in two greys."""
    grid = card(width // CELL, height // CELL)
    image = Image.new("L", (len(grid[0]), len(grid)))
    image.putdata([light if cell else dark for row in grid for cell in row])
    return image.resize((width, height), Image.Resampling.NEAREST)


def key_frame(image: Image.Image) -> bytes:
    """Encode one picture."""
    context = av.CodecContext.create("libvpx-vp9", "w")
    context.width, context.height = image.size
    context.pix_fmt = "yuv420p"
    context.framerate = 25
    context.options = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "0", "lag-in-frames": "0"}
    frame = VideoFrame.from_image(image.convert("RGB")).reformat(format="yuv420p", dst_colorspace="ITU601")
    packets = [*context.encode(frame), *context.encode(None)]
    assert len(packets) == 1
    assert packets[0].is_keyframe
    return bytes(packets[0])


def main() -> None:
    """Write one file per shape."""
    for shape, (width, height) in SIZES.items():
        colour = key_frame(picture(width, height, dark=48, light=208))
        alpha = key_frame(picture(width, height, dark=0, light=255))
        path = ASSETS / f"still-{shape}.vp9"
        path.write_bytes(struct.pack(">I", len(colour)) + colour + alpha)


if __name__ == "__main__":
    main()
