"""Verify webhooks from HeyGen and read them: pure functions of bytes and headers, for any web framework.

::

    event = webhooks.unwrap(await request.body(), request.headers, secret=os.environ["HEYGEN_WEBHOOK_SECRET"])
    heygen.notify(event)

HeyGen signs the bytes of the body as it sent them: hex HMAC-SHA256, keyed with the whole secret, `whsec_` included. A
body that was parsed and written again is another body. The timestamp and the event id travel beside the signed bytes:
they guard against stale deliveries and duplicates, not against somebody who has recorded one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from attrs import field, frozen

from heygen_async._protocol.json_shapes import as_list, as_object, as_text, as_unix_seconds, as_word
from heygen_async.errors import WebhookVerificationError

SIGNATURE_HEADERS: Final = ("heygen-signature", "signature")
"""What endpoints of v3 and of v1 call the signature; both are the same computation."""

TIMESTAMP_HEADER: Final = "heygen-timestamp"
EVENT_ID_HEADER: Final = "heygen-event-id"

TOLERANCE: Final = 300.0
"""Seconds: what HeyGen advises."""

_FIRST_MILLISECONDS: Final = 1e11
"""From here on a number cannot be unix seconds of this age; as milliseconds it begins in March 1973."""

_Pair = tuple[str, str] | tuple[bytes, bytes]


@runtime_checkable
class _HasItems(Protocol):
    def items(self) -> Iterable[tuple[str, Any]]: ...


Headers = Mapping[str, str] | _HasItems | Iterable[_Pair]
"""Headers in any framework's words: a mapping in any case, or pairs of text or of bytes (an ASGI scope's)."""


@frozen(kw_only=True)
class WebhookEvent:
    """What HeyGen reports. Only `type` and `data` are sure to come from it.

    `id` is the same in a duplicate or a retry: keep the ids you have handled, and skip a known one. It is the body's
    `event_id`, else the header's; where HeyGen sends none it is made from the body. `created_at` is in unix seconds.
    `data` is `event_data` as received, and holds presigned URLs; `raw` is the whole body. `verified` is False for an
    event that nobody signed.
    """

    type: str
    id: str
    video_id: str | None = None
    callback_id: str | None = None
    created_at: float | None = None
    verified: bool = True
    data: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    raw: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)


def unwrap(
    body: bytes,
    headers: Headers,
    secret: str | Sequence[str],
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> WebhookEvent:
    """Return the event in a delivery, if HeyGen signed it.

    `body` is the raw body, `secret` the endpoint's, or several of them while one is replaced: any may fit. Headers of
    v3 (`Heygen-Signature`) and v1 (`Signature`) are accepted. A `Heygen-Timestamp`, where there is one, may be
    `tolerance` seconds away from `now` (unix seconds; default: the clock's), in the past or the future; it is read as
    seconds, milliseconds or ISO 8601. `math.inf` accepts any.

    Raise `WebhookVerificationError` for everything that is not a delivery of HeyGen's, and for an empty secret: answer
    400. Raise `TypeError` for a body that is not bytes. Unknown types of events are events; fields may be missing.
    """
    raw_body = _raw(body)
    found = _lowered(headers)
    _check_signature(raw_body, found, _keys(secret))
    _check_age(found.get(TIMESTAMP_HEADER, []), tolerance, time.time() if now is None else now)
    return _event(raw_body, found, verified=True)


def unwrap_unsigned(body: bytes, headers: Headers = ()) -> WebhookEvent:
    """Return the event in a delivery to a request's `callback_url`, which HeyGen does not sign.

    Anybody can have sent it: it is a hint to look, as `heygen.notify(event)` does, and no news in itself. Match
    `callback_id` with one of yours. Raise `WebhookVerificationError` for a body that is no event, `TypeError` for one
    that is not bytes.
    """
    return _event(_raw(body), _lowered(headers), verified=False)


def _raw(body: bytes) -> bytes:
    if isinstance(body, bytes | bytearray):  # pyright: ignore[reportUnnecessaryIsInstance]
        return bytes(body)
    raise TypeError(
        f"body: pass the raw bytes of the request, such as `await request.body()`, not {type(body).__name__}: "
        "the signature is of those very bytes"
    )


def _keys(secret: str | Sequence[str]) -> list[bytes]:
    # None comes from an environment variable that is not set, whatever the annotation says.
    given: list[str | None] = [secret] if isinstance(secret, str) else list(secret or ())
    keys = [one.strip().encode() for one in given if one and one.strip()]
    if not keys or len(keys) < len(given):
        raise WebhookVerificationError(
            "secret: the webhook secret is empty, and anybody can sign with an empty one. Pass the `whsec_...` that "
            "HeyGen showed when the endpoint was created or its secret rotated."
        )
    return keys


def _lowered(headers: Headers) -> dict[str, list[str]]:
    pairs: Iterable[tuple[str | bytes, Any]] = headers.items() if isinstance(headers, _HasItems) else headers
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        values = as_list(value) or [value]  # API Gateway's multiValueHeaders are lists
        found.setdefault(_text(name).lower(), []).extend(_text(one).strip() for one in values)
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _check_signature(body: bytes, headers: Mapping[str, Sequence[str]], keys: Sequence[bytes]) -> None:
    given = [value.lower().encode() for name in SIGNATURE_HEADERS for value in headers.get(name, ()) if value]
    if not given:
        raise WebhookVerificationError(
            "The delivery has no Heygen-Signature (v3) and no Signature (v1) header. Either HeyGen did not send it, or "
            "it went to a callback_url: those are not signed, see `unwrap_unsigned`."
        )
    right = [hmac.new(key, body, hashlib.sha256).hexdigest().encode() for key in keys]
    if not any(hmac.compare_digest(one, other) for one in right for other in given):
        raise WebhookVerificationError(
            f"The signature fits none of the {len(keys)} secret(s). Check that they belong to this endpoint, were not "
            "rotated (the old one ends at once), and that the body is passed as it came, not parsed and dumped again."
        )


def _check_age(stamps: Sequence[str], tolerance: float, now: float) -> None:
    for stamp in stamps:
        sent_at = _seconds(stamp)
        if sent_at is None:
            raise WebhookVerificationError("Heygen-Timestamp is not a time.")
        if not abs(now - sent_at) <= tolerance:
            raise WebhookVerificationError(
                f"Heygen-Timestamp is {abs(now - sent_at):.0f} s in the {'past' if sent_at < now else 'future'}, "
                f"{tolerance:g} s are allowed. It is an old delivery sent again, or this machine's clock is wrong."
            )


def _seconds(value: object) -> float | None:
    seconds = as_unix_seconds(value)
    if seconds is not None and abs(seconds) >= _FIRST_MILLISECONDS:
        return seconds / 1000
    return seconds


def _event(body: bytes, headers: Mapping[str, Sequence[str]], *, verified: bool) -> WebhookEvent:
    raw = _object_in(body)
    data = as_object(raw.get("event_data")) or {}
    sent_id = next((value for value in headers.get(EVENT_ID_HEADER, ()) if value), None)
    return WebhookEvent(
        type=as_word(raw.get("event_type")) or "unknown",
        # The body's is signed, the header's is not.
        id=as_text(raw.get("event_id")) or sent_id or f"sha256:{hashlib.sha256(body).hexdigest()}",
        video_id=as_text(data.get("video_id")),
        callback_id=as_text(data.get("callback_id")),
        created_at=_seconds(raw.get("created_at")),
        verified=verified,
        data=data,
        raw=raw,
    )


def _object_in(body: bytes) -> dict[str, Any]:
    try:
        raw = as_object(json.loads(body))
    except (ValueError, RecursionError):
        raw = None
    if raw is None:
        raise WebhookVerificationError("The body is not a JSON object, so it is no event of HeyGen's.")
    return raw
