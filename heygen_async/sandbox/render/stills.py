"""The thumbnail and the moving preview of a video."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

from av import VideoFrame
from PIL import Image

GIF_FRAMES: Final = 14
GIF_WIDTH: Final = 320
THUMBNAIL_WIDTH: Final = 640

_GIF_COLOURS: Final = 64
_HASTE: Final = 4
"""How much faster than the video the preview runs."""


class Stills:
    """Collects a few small pictures along the way."""

    def __init__(self, *, frames: int, seconds: float) -> None:
        self._frames = frames
        self._seconds = seconds
        self._every = max(1, frames // GIF_FRAMES)
        self._seen = 0
        self._small: list[Image.Image] = []
        self._thumbnail: Image.Image | None = None

    def offer(self, frame: VideoFrame) -> None:
        """Take a picture if its turn has come."""
        if self._seen % self._every == self._every // 2 and len(self._small) < GIF_FRAMES:
            self._small.append(_reduced(frame, GIF_WIDTH))
        if self._seen == self._frames // 3:
            self._thumbnail = _reduced(frame, THUMBNAIL_WIDTH)
        self._seen += 1

    def write(self, folder: Path) -> None:
        """Write `thumbnail.jpg` and `preview.gif`."""
        first, *rest = [still.quantize(_GIF_COLOURS, Image.Quantize.FASTOCTREE) for still in self._small]
        delay = round(1000 * self._seconds / len(self._small) / _HASTE)
        first.save(folder / "preview.gif", save_all=True, append_images=rest, duration=max(100, delay), loop=0)
        if self._thumbnail is not None:
            self._thumbnail.save(folder / "thumbnail.jpg", quality=85)


def _reduced(frame: VideoFrame, width: int) -> Image.Image:
    height = max(1, round(width * frame.height / frame.width))
    if width >= frame.width:
        width, height = frame.width, frame.height
    return cast("Image.Image", frame.to_image(width=width, height=height))  # type: ignore[no-untyped-call]
