"""What a submission needs so that it is never paid twice: keys, and rules for finding it again."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

from heygen_async._protocol.bounded import BoundedDict
from heygen_async._protocol.settings import ApiVersionChoice
from heygen_async.errors import ConfigurationError, IdempotencyKeyReusedError
from heygen_async.models.video import ApiVersion, Video

# HeyGen's rule for the header.
_KEY: Final = re.compile(r"[A-Za-z0-9_:.\-]{1,255}")
_OWN_PREFIX: Final = "heygen-async-"
# HeyGen's clock and ours differ, and the list rounds to seconds.
_CLOCK_MARGIN: Final = 300.0


@define(eq=False)
class SubmittedKeys:
    """Remember which request each key stood for: HeyGen replays the old answer, whatever the new body is."""

    _hashes: BoundedDict[str, str] = field(factory=BoundedDict, init=False)

    def remember(self, key: str, request_hash: str) -> None:
        """Note a key's request, or raise `IdempotencyKeyReusedError` if the key stood for another one."""
        known = self._hashes.get(key, request_hash)
        self._hashes[key] = known
        if known != request_hash:
            raise IdempotencyKeyReusedError(
                f"idempotency_key {key!r} was used for a different request. HeyGen would silently answer with the "
                "old video; nothing was sent. Use a new key for a new video.",
                idempotency_key=key,
            )


def new_key() -> str:
    """Return a key that nobody else has."""
    return secrets.token_hex(16)


def checked_key(key: object) -> str:
    """Return the caller's key, or raise `ValueError` for one that HeyGen would refuse."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(f"idempotency_key must be a str of 1 to 255 characters of A-Z a-z 0-9 _ : . -, not {key!r}")
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


def candidates(videos: Sequence[Video], *, not_before: float, spare: int) -> list[Video]:
    """Return the videos of a list page that an ambiguous submission can have created.

    `not_before` is unix time by the server's clock. The first `spare` ones are candidates whatever their date says:
    where the callback id is proof enough, a wrong clock must not hide a paid video.
    """
    return [video for place, video in enumerate(videos) if place < spare or _is_recent(video, not_before)]


def goes_back_far_enough(videos: Sequence[Video], *, not_before: float) -> bool:
    """Say whether a list page reaches back beyond `not_before`, so that the next one need not be read."""
    return not any(_is_recent(video, not_before) for video in videos)


def _is_recent(video: Video, not_before: float) -> bool:
    return video.created_at is None or video.created_at >= not_before - _CLOCK_MARGIN


def wire_for(request_wire: ApiVersion, choice: ApiVersionChoice, *, v2_retired: bool) -> ApiVersion:
    """Return the wire that a request goes out on; a v2 request for which this is v3 must be translated.

    Raise `ConfigurationError` for a v3 request to a client that speaks v2 only: there is no way back from v3 to v2.
    """
    if request_wire == "v3" and choice == "v2":
        raise ConfigurationError(
            "This is a v3 request, and the client was told to speak v2 only. "
            "Pass a v2.VideoRequest, or make the client with api_version='auto' or 'v3'."
        )
    if choice == "v3" or (choice == "auto" and v2_retired):
        return "v3"
    return request_wire
