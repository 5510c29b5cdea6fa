"""How HeyGen's three envelopes become data or an error.

v1 answers `{"code": 100, "data": ...}`, v2 `{"error": null, "data": ...}`, v3 `{"data": ...}` or `{"error": {...}}`;
some errors come in a neighbour's shape, some inside a 200, some as a gateway's HTML page. One decoder takes them all.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from attrs import field, frozen

from heygen_async import errors
from heygen_async._protocol.error_codes import effective_status
from heygen_async._protocol.json_shapes import as_list, as_object, as_text, as_word
from heygen_async._protocol.redaction import excerpt, redact_text
from heygen_async._protocol.retrying import parse_retry_after
from heygen_async._protocol.routes import route_is_gone

_V1_SUCCESS: Final = {None, "100"}
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_GZIP: Final = b"\x1f\x8b"

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
    401: "Check the key in HEYGEN_API_KEY.",
    402: "Top up the wallet, then send it again.",
    429: "Wait, or lower the number of videos in flight.",
}


@frozen(kw_only=True)
class RawAnswer:
    """An HTTP answer as bytes, with all that the decoder needs to know about the call.

    `headers` have lower-case names, `wall_clock` is unix time for Retry-After dates, `secrets` are cut from excerpts.
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
        return self.headers.get("x-request-id")


@frozen(kw_only=True)
class Answer:
    """A successful answer: its `data`, the whole decoded `body` and HeyGen's id of the call."""

    data: Any
    body: Mapping[str, Any]
    request_id: str | None


@frozen(kw_only=True)
class _Complaint:
    code: str | None = None
    message: str | None = None
    param: str | None = None
    doc_url: str | None = None
    errors: tuple[Mapping[str, Any], ...] = ()


def decode(raw: RawAnswer, *, data_may_be_missing: bool = False) -> Answer:
    """Return the answer's data.

    Raise the `APIStatusError` that status and code stand for, or `APIResponseError` for a 2xx that cannot be
    understood or, unless `data_may_be_missing`, holds no data.
    """
    body = _json_of(raw.body)
    fields = as_object(body)
    if not 200 <= raw.status < 300:
        _raise_status_error(raw, _complaint_of(fields) or _Complaint(), is_json=fields is not None)
    if fields is None:
        _raise_response_error(raw, "an answer that is not a JSON object")
    complaint = _complaint_of(fields)
    if complaint is not None:
        _raise_status_error(raw, complaint, is_json=True)
    if fields.get("data") is None and not data_may_be_missing:
        _raise_response_error(raw, "an answer without data")
    return Answer(data=fields.get("data"), body=fields, request_id=raw.request_id)


def _json_of(body: bytes) -> object:
    """Return decoded JSON whatever its content type said, or None."""
    encoding = "utf-8"
    try:
        if body.startswith(_GZIP):
            body = gzip.decompress(body)
        for bom, name in _BOMS:
            if body.startswith(bom):
                encoding = "utf-8-sig" if name == "utf-8" else name
        decoded: object = json.loads(body.decode(encoding))
    except (ValueError, OSError, EOFError, zlib.error, RecursionError):
        return None
    return decoded


def _complaint_of(body: Mapping[str, Any] | None) -> _Complaint | None:
    """Return what an envelope complains about, or None if it reports success."""
    if body is None:
        return None
    error = body.get("error")
    if (fields := as_object(error)) is not None:
        return _complaint_from(fields)
    if error:
        return _Complaint(message=as_text(error) or "error")
    if as_text(body.get("code")) not in _V1_SUCCESS:
        return _complaint_from(body)
    if "data" not in body and (detail := as_text(body.get("detail"))):
        return _Complaint(message=detail)
    return None


def _complaint_from(fields: Mapping[str, Any]) -> _Complaint:
    message = as_text(fields.get("message")) or as_text(fields.get("msg")) or as_text(fields.get("detail"))
    listed = as_list(fields.get("errors")) or []
    return _Complaint(
        code=as_text(fields.get("code")),
        message=message,
        param=as_text(fields.get("param")),
        doc_url=as_word(fields.get("doc_url")),
        errors=tuple(item for entry in listed if (item := as_object(entry)) is not None),
    )


def _raise_status_error(raw: RawAnswer, complaint: _Complaint, *, is_json: bool) -> NoReturn:
    meant = effective_status(raw.status, complaint.code)
    if meant < 300:
        _raise_response_error(raw, f"an error inside a success: {_said(complaint) or 'no reason given'}")
    if 300 <= meant < 400:
        raise _redirect_error(raw)
    gone = route_is_gone(raw.status, complaint.code, complaint.message, raw.path)
    code, message = complaint.code, _said(complaint)
    if not code or code == "error":
        code = _UNSAID.get(meant, (None, ""))[0]
    if not message:
        message = _UNSAID.get(meant, ("", "HeyGen failed" if meant >= 500 else "HeyGen refused"))[1]
    page = None if is_json else excerpt(raw.body, secrets=raw.secrets)
    raise _class_for(meant, gone=gone)(
        _sentence(raw, meant, code, message, page, gone=gone),
        status_code=raw.status,
        code=code,
        param=complaint.param,
        doc_url=complaint.doc_url,
        errors=complaint.errors,
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


def _said(complaint: _Complaint) -> str | None:
    return redact_text(complaint.message) if complaint.message else None


def _sentence(raw: RawAnswer, meant: int, code: str | None, message: str, page: str | None, *, gone: bool) -> str:
    about = f" ({code})" if code else ""
    next_step = "Use api_version='auto' or 'v3'." if gone else _NEXT_STEP.get(meant, "")
    parts = [f"{raw.method} {raw.path} answered {raw.status}{about}: {message}."]
    parts += [f"The page said: {page}"] if page else []
    parts += [next_step] if next_step else []
    return " ".join(parts).replace("..", ".")


def _redirect_error(raw: RawAnswer) -> errors.APIStatusError:
    target = urlsplit(raw.headers.get("location", "")).hostname or "nowhere"
    return errors.APIStatusError(
        f"{raw.method} {raw.path} answered {raw.status}, a redirect to {target}. It was not followed and the key was "
        "not sent there. If this is a proxy's login page, sign in; if HeyGen moved, set base_url.",
        status_code=raw.status,
        code="redirect",
        request_id=raw.request_id,
    )


def _raise_response_error(raw: RawAnswer, what: str) -> NoReturn:
    page = excerpt(raw.body, secrets=raw.secrets)
    raise errors.APIResponseError(
        f"{raw.method} {raw.path} answered {raw.status} with {what}" + (f": {page}" if page else ""),
        status_code=raw.status,
        body=page,
        request_id=raw.request_id,
    )
