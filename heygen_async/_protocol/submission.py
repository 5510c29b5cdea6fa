"""What a submission needs so that it is never paid twice: keys, and rules for finding it again."""

from __future__ import annotations

import re
import secrets
from collections.abc import Container
from typing import Any, Final

from heygen_async.models.video import Video

# HeyGen's rule for the header.
_KEY: Final = re.compile(r"[A-Za-z0-9_:.\-]{1,255}")
_OWN_PREFIX: Final = "heygen-async-"
# HeyGen's clock and ours differ, and the list rounds to seconds.
_CLOCK_MARGIN: Final = 300.0


def new_key() -> str:
    """Return a key that nobody else has."""
    return secrets.token_hex(16)


def checked_key(key: str) -> str:
    """Return the caller's key, or raise `ValueError` for one that HeyGen would refuse."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"idempotency_key must be 1 to 255 characters of A-Z a-z 0-9 _ : . -, not {key!r}")
    return key


def callback_id_for(key: str) -> str:
    """Return the callback id that marks a v2 video as ours: the same for the same key, in every process."""
    return f"{_OWN_PREFIX}{key}"


def with_callback_id(payload: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """Return the v2 payload with a callback id in it (the caller's own one, if there is one), and that id."""
    own = payload.get("callback_id")
    if isinstance(own, str) and own:
        return payload, own
    callback_id = callback_id_for(key)
    return {**payload, "callback_id": callback_id}, callback_id


def may_be_ours(video: Video, *, not_before: float | None, taken: Container[str]) -> bool:
    """Say whether a listed video can be the one that an ambiguous submission created.

    `not_before` is unix time of the first attempt, None when it is unknown; `taken` holds ids known to be others.
    """
    if video.id in taken:
        return False
    return not_before is None or video.created_at is None or video.created_at >= not_before - _CLOCK_MARGIN
