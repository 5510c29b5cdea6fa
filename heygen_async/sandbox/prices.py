"""What a video costs in play money: HeyGen's list prices of late 2026, in USD."""

from __future__ import annotations

from typing import Final

AVATAR_PER_SECOND: Final = 0.0667
AVATAR_III_PER_SECOND: Final = 0.0167
PHOTO_PER_SECOND: Final = 0.05
PHOTO_III_PER_SECOND: Final = 0.0433
CINEMATIC_PER_VIDEO: Final = 7.0
STILL_PER_SECOND: Final = 0.0
AVATAR_CREATION: Final = 1.0
SPEECH_PER_SECOND: Final = 0.000667


def per_second(engine: str | None, *, photo: bool) -> float:
    """Return the price of one second of a presenter."""
    if engine == "avatar_iii":
        return PHOTO_III_PER_SECOND if photo else AVATAR_III_PER_SECOND
    return PHOTO_PER_SECOND if photo else AVATAR_PER_SECOND
