"""The size of the canvas and places on it, for v2 requests and for templates."""

from __future__ import annotations

from attrs import field, frozen

from heygen_async.models import _checks as check


@frozen
class Dimension:
    """The size of the canvas in pixels: each side even and from 128 to 4096; the account's plan may cap it."""

    width: int = field(validator=check.integer(128, 4096))
    height: int = field(validator=check.integer(128, 4096))

    def __attrs_post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            if side % 2:
                check.refuse(name, f"must be even, not {side}")


@frozen(kw_only=True)
class Position:
    """Where a text or the subtitles are."""

    x: float = field(default=0, validator=check.number())
    y: float = field(default=0, validator=check.number())
