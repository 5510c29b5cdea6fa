"""Pictures of any size in frames of another."""

from __future__ import annotations

from PIL import Image

from heygen_async.sandbox.plan import Fit

Size = tuple[int, int]


def fitted_size(size: Size, frame: Size, fit: Fit) -> Size:
    """Return the size in which a picture is shown in a frame: filling it, inside it, or as it is."""
    if fit == "none":
        return size
    ratios = [outer / inner for outer, inner in zip(frame, size, strict=True)]
    ratio = min(ratios) if fit == "contain" else max(ratios)
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def fitted(picture: Image.Image, frame: Size, fit: Fit) -> Image.Image:
    """Return the picture in its new size; it is to be centred in the frame."""
    return picture.resize(fitted_size(picture.size, frame, fit), Image.Resampling.BILINEAR)  # pyright: ignore[reportUnknownMemberType] - of numpy


def centred(size: Size, frame: Size) -> Size:
    """Return the top left corner of something in the middle of a frame; negative if it is larger."""
    return (frame[0] - size[0]) // 2, (frame[1] - size[1]) // 2
