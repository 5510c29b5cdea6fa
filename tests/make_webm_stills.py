"""Make the VP9 key frames in heygen_async/sandbox/assets: `python -m tests.make_webm_stills`.

Run once, with PyAV 18.1; the files are part of the package because VP9 cannot be written by hand in a
few lines. Each holds the length of the first frame (4 bytes, big endian), that key frame, which shows the card of
fast mode, and a second key frame whose brightness is the transparency of the first.
"""

from __future__ import annotations

import struct
from pathlib import Path

import av
from av import VideoFrame

from heygen_async.sandbox.still.card import card
from heygen_async.sandbox.still.h264 import DARK, LIGHT
from heygen_async.sandbox.still.webm import SIZES

ASSETS = Path(__file__).parent.parent / "heygen_async" / "sandbox" / "assets"
CELL = 8


def picture(width: int, height: int, *, dark: int, light: int) -> VideoFrame:
    """Draw the card: brightness as given, no colour."""
    frame = VideoFrame(width, height, "yuv420p")
    rows = [
        bytes(light if cell else dark for cell in row for _ in range(CELL))
        for row in card(width // CELL, height // CELL)
    ]
    for plane in frame.planes:
        plane.update(b"\x80" * plane.buffer_size)
    brightness = frame.planes[0]
    padding = bytes(brightness.line_size - width)
    brightness.update(b"".join((row + padding) * CELL for row in rows))
    return frame


def key_frame(frame: VideoFrame) -> bytes:
    """Encode one picture."""
    context = av.CodecContext.create("libvpx-vp9", "w")
    context.width, context.height = frame.width, frame.height
    context.pix_fmt = "yuv420p"
    context.framerate = 25
    context.options = {"crf": "4", "b": "0", "deadline": "good", "cpu-used": "0", "lag-in-frames": "0"}
    packets = [*context.encode(frame), *context.encode(None)]
    assert len(packets) == 1
    assert packets[0].is_keyframe
    return bytes(packets[0])


def main() -> None:
    """Write one file per shape."""
    for shape, (width, height) in SIZES.items():
        colour = key_frame(picture(width, height, dark=DARK, light=LIGHT))
        alpha = key_frame(picture(width, height, dark=0, light=255))
        path = ASSETS / f"still-{shape}.vp9"
        path.write_bytes(struct.pack(">I", len(colour)) + colour + alpha)


if __name__ == "__main__":
    main()
