"""Sign deliveries as HeyGen does: hex HMAC-SHA256 of the body's bytes, keyed with the whole secret."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Final, Literal, get_args

HeaderStyle = Literal["v3", "v1", "both", "x-heygen", "milliseconds", "iso", "unsigned"]
"""How a delivery is signed: as v3 and v1 do, with both names, under the name `X-Heygen-Signature` that some notes give,
as v3 with the timestamp in milliseconds or in ISO 8601, or not at all."""

HEADER_STYLES: Final[tuple[HeaderStyle, ...]] = get_args(HeaderStyle)


def new_secret() -> str:
    """Return a fresh secret; never derived from the seed, so that a stale one cannot work by chance."""
    return f"whsec_{secrets.token_hex(16)}"


def sign(body: bytes, secret: str) -> str:
    """Return the signature of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed_headers(body: bytes, *, style: HeaderStyle, secret: str, event_id: str, timestamp: float) -> dict[str, str]:
    """Return what a delivery says besides its body; `timestamp` is in unix seconds."""
    if style == "unsigned":
        return {}
    signature = sign(body, secret)
    if style == "v1":
        return {"Signature": signature}
    name = "X-Heygen-Signature" if style == "x-heygen" else "Heygen-Signature"
    headers = {name: signature, "Heygen-Timestamp": _stamp(style, timestamp), "Heygen-Event-Id": event_id}
    return {**headers, "Signature": signature} if style == "both" else headers


def _stamp(style: HeaderStyle, timestamp: float) -> str:
    match style:
        case "milliseconds":
            return f"{timestamp * 1000:.0f}"
        case "iso":
            return iso(timestamp)
        case _:
            return str(int(timestamp))


def iso(timestamp: float) -> str:
    """Return unix seconds as v3 writes times of webhooks."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
