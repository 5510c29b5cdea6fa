"""How HeyGen's three envelopes become data or an error.

v1 answers `{"code": 100, "data": ...}`, v2 `{"error": null, "data": ...}`, v3 `{"data": ...}` or `{"error": {...}}`;
some errors come in a neighbour's shape, some inside a 200, some as a gateway's HTML page. One decoder takes them all.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from attrs import field, frozen

from heygen_async import errors
from heygen_async._protocol.complaints import Complaint, complaint_in_failure, complaint_in_success
from heygen_async._protocol.error_codes import effective_status, is_used_up
from heygen_async._protocol.json_shapes import as_object
from heygen_async._protocol.redaction import excerpt, redact_text, without_secrets
from heygen_async._protocol.retrying import parse_retry_after
from heygen_async._protocol.routes import route_is_gone

_GZIP: Final = b"\x1f\x8b"
# A bulk look at 100 videos is some 100 kB: more than this is no answer of HeyGen's.
_LARGEST_UNPACKED: Final = 64 * 1024 * 1024

_CLASSES: Final[Mapping[int, type[errors.APIStatusError]]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.InsufficientCreditError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    410: errors.ApiRetiredError,
    413: errors.BadRequestError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
}
_UNSAID: Final[Mapping[int, tuple[str, str]]] = {
    400: ("validation_error", "HeyGen refused the request"),
    401: ("unauthorized", "HeyGen did not accept the API key"),
    402: ("insufficient_credit", "the balance is too low"),
    403: ("forbidden", "the key may not do this"),
    404: ("not_found", "not found"),
    409: ("conflict", "the call conflicts with the resource's state"),
    413: ("payload_too_large", "the request is too large"),
    429: ("rate_limit_exceeded", "too many requests or running jobs"),
}
_NEXT_STEP: Final[Mapping[int, str]] = {
    400: "Mend the request, then send it again.",
    401: "Check the key in HEYGEN_API_KEY.",
    402: "Top up the wallet, then send it again.",
    403: "Check what the account and the key are allowed to do.",
    404: "Check the id, and that it belongs to this account.",
    409: "Try again later.",
    413: "Send less, or upload the file and pass its asset id.",
    422: "Mend the request, then send it again.",
    429: "Wait, or lower the number of videos in flight.",
}
_NEXT_STEP_OF_CODE: Final[Mapping[str, str]] = {
    "download_failed": "The URL must be public and direct, with an extension that matches its content.",
    "request_in_progress": "The first call with this key still runs: repeat it with the same key.",
}


@frozen(kw_only=True)
class RawAnswer:
    """An HTTP answer as bytes, with all that the decoder needs to know about the call.

    `headers` have lower-case names, `wall_clock` is unix time for Retry-After dates, `secrets` are cut from whatever
    is shown.
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    wall_clock: float
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def request_id(self) -> str | None:
        """Return HeyGen's id of the call."""
        said = self.headers.get("x-request-id")
        return self.redacted(said) if said else None

    def redacted(self, text: str) -> str:
        """Return words of the server without the secrets and signed queries that it may have put into them."""
        return redact_text(without_secrets(text, self.secrets))

    def excerpt(self) -> str:
        """Return the first words of the body, redacted."""
        return excerpt(self.body, secrets=self.secrets)


@frozen(kw_only=True)
class Answer:
    """A successful answer: its `data`, the whole decoded `body`, and the answer as it came."""

    data: Any = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    raw: RawAnswer

    @property
    def request_id(self) -> str | None:
        """Return HeyGen's id of the call."""
        return self.raw.request_id


def decode(raw: RawAnswer, *, data_may_be_missing: bool = False) -> Answer:
    """Return the answer's data.

    Raise the `APIStatusError` that status and code stand for, or `APIResponseError` for a 2xx that cannot be
    understood or, unless `data_may_be_missing`, holds no data.
    """
    if 300 <= raw.status < 400:
        raise _redirect_error(raw)
    fields = as_object(_json_of(raw.body))
    if not 200 <= raw.status < 300:
        _raise_status_error(raw, complaint_in_failure(fields), is_json=fields is not None)
    if fields is None and raw.status == 204 and data_may_be_missing:
        return Answer(data=None, body={}, raw=raw)
    if fields is None:
        _raise_response_error(raw, "an answer that is not a JSON object")
    complaint = complaint_in_success(fields)
    if complaint is not None:
        _raise_status_error(raw, complaint, is_json=True)
    if fields.get("data") is None and not data_may_be_missing:
        _raise_response_error(raw, "an answer without data")
    return Answer(data=fields.get("data"), body=fields, raw=raw)


def _json_of(body: bytes) -> object:
    """Return decoded JSON whatever its content type and encoding, or None."""
    try:
        decoded: object = json.loads(_unpacked(body))
    except (ValueError, zlib.error, RecursionError):
        return None
    return decoded


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(_GZIP):
        return body
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    unpacked = unpacker.decompress(body, _LARGEST_UNPACKED)
    if not unpacker.eof:
        raise ValueError("gzip data that is cut off, or too large")
    return unpacked


def _raise_status_error(raw: RawAnswer, complaint: Complaint, *, is_json: bool) -> NoReturn:
    meant = effective_status(raw.status, complaint.code)
    gone = route_is_gone(raw.status, complaint.code, complaint.message, raw.path)
    said = complaint.redacted(raw.secrets)
    if meant < 400:
        _raise_response_error(raw, f"an error in it: {said.message or said.code or 'no reason given'}", is_error=True)
    code = said.code or _UNSAID.get(meant, (None,))[0]
    page = None if is_json else raw.excerpt()
    raise _class_for(meant, gone=gone)(
        _sentence(raw, meant, code, said, page, gone=gone),
        status_code=raw.status,
        code=code,
        param=said.param,
        doc_url=said.doc_url,
        errors=said.listed,
        retry_after=parse_retry_after(raw.headers.get("retry-after"), wall_clock=raw.wall_clock),
        body=page,
        request_id=raw.request_id,
    )


def _class_for(status: int, *, gone: bool) -> type[errors.APIStatusError]:
    if gone:
        return errors.ApiRetiredError
    if status >= 500:
        return errors.InternalServerError
    return _CLASSES.get(status, errors.APIStatusError)


def _sentence(raw: RawAnswer, meant: int, code: str | None, said: Complaint, page: str | None, *, gone: bool) -> str:
    about = f" ({code})" if code else ""
    unsaid = "HeyGen failed" if meant >= 500 else "HeyGen refused the call"
    message = said.message or _UNSAID.get(meant, (None, unsaid))[1]
    parts = [f"{raw.method} {raw.path} answered {raw.status}{about}: {_sentence_end(message)}"]
    if said.param and said.param not in message:
        parts.append(f"The field is {said.param}.")
    if page:
        parts.append(f"The page said: {_sentence_end(page)}")
    parts.append(_next_step(raw, meant, code, gone=gone))
    return " ".join(filter(None, parts))


def _sentence_end(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _next_step(raw: RawAnswer, meant: int, code: str | None, *, gone: bool) -> str:
    if gone:
        return "Use api_version='auto' or 'v3'." if not raw.path.startswith("/v3/") else "Look for a newer SDK."
    if (step := _NEXT_STEP_OF_CODE.get((code or "").lower())) is not None:
        return step
    if is_used_up(code) and meant != 402:
        return "Waiting does not help: the allowance is used up, or the plan does not cover it."
    return _NEXT_STEP.get(meant, "Try again later." if meant >= 500 else "")


def _redirect_error(raw: RawAnswer) -> errors.APIStatusError:
    return errors.APIStatusError(
        f"{raw.method} {raw.path} answered {raw.status}, a redirect to {_target_of(raw)}. It was not followed and the "
        "key was not sent there. If this is a proxy's login page, sign in; if HeyGen moved, set base_url.",
        status_code=raw.status,
        code="redirect",
        request_id=raw.request_id,
    )


def _target_of(raw: RawAnswer) -> str:
    location = raw.headers.get("location", "")
    try:
        host = urlsplit(location).hostname
    except ValueError:
        return "an unreadable URL"
    return host or (f"{raw.redacted(location)} on the same host" if location else "nowhere")


def _raise_response_error(raw: RawAnswer, what: str, *, is_error: bool = False) -> NoReturn:
    page = raw.excerpt()
    raise errors.APIResponseError(
        f"{raw.method} {raw.path} answered {raw.status} with {what}" + (f": {page}" if page and not is_error else ""),
        status_code=raw.status,
        body=page,
        is_error=is_error,
        request_id=raw.request_id,
    )
