"""The bodies of the calls about avatars and voices as HeyGen documents them; unknown fields pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from heygen_async.sandbox.schema import Fault, flag, items, nullable, number, record, required, tagged, text, url
from heygen_async.sandbox.v3_schema import ASSET

_NAME: Final = required(text(shortest=1))
_GROUP: Final = nullable(text(shortest=1))

CREATE_AVATAR: Final = tagged(
    "type",
    {
        "photo": record({"name": _NAME, "file": required(ASSET), "avatar_group_id": _GROUP}),
        "digital_twin": record({"name": _NAME, "file": required(ASSET), "avatar_group_id": _GROUP}),
        "prompt": record(
            {
                "name": _NAME,
                "prompt": required(text(shortest=1)),
                "avatar_id": nullable(text(shortest=1)),
                "avatar_group_id": _GROUP,
                "reference_images": nullable(items(ASSET, most=3)),
            }
        ),
    },
)
"""Checks the body of `POST /v3/avatars`."""


def _video_alone(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if body.get("consent_video") is not None:
        for name in ("consent_text", "reroute_url"):
            if body.get(name) is not None:
                yield Fault(f"{path}.{name}" if path else name, f"{name} cannot be combined with consent_video")


CONSENT: Final = record(
    {
        "consent_text": nullable(text(pattern=r"[^<>]*")),
        "consent_video": nullable(ASSET),
        "reroute_url": nullable(url),
    },
    rules=[_video_alone],
)
"""Checks the body of `POST /v3/avatars/{group_id}/consent`."""

UPDATE_LOOK: Final = record({"name": nullable(text(shortest=1))})
"""Checks the body of `PATCH /v3/avatars/looks/{look_id}`."""

DESIGN_VOICE: Final = record(
    {
        "prompt": required(text(shortest=1)),
        "gender": nullable(text()),
        "locale": nullable(text()),
        "seed": number(0, whole=True),
    }
)
"""Checks the body of `POST /v3/voices`."""

SPEECH: Final = record(
    {
        "text": required(text(shortest=1, longest=5000)),
        "voice_id": required(text(shortest=1)),
        "input_type": text(one_of=["text", "ssml"]),
        "speed": number(0.5, 2.0),
        "language": nullable(text()),
        "locale": nullable(text()),
    }
)
"""Checks the body of `POST /v3/voices/speech`."""

CLONE_VOICE: Final = record(
    {
        "voice_name": _NAME,
        "audio": required(ASSET),
        "language": nullable(text()),
        "remove_background_noise": flag,
    }
)
"""Checks the body of `POST /v3/voices/clone`."""
