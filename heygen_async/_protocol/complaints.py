"""Read what an error says, from any of the shapes that HeyGen and the gateways in front of it use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from heygen_async._protocol.error_codes import status_of_code
from heygen_async._protocol.json_shapes import as_list, as_object, as_text, as_word
from heygen_async._protocol.redaction import redact_json, redact_link, redact_text, without_secrets

_V1_SUCCESS: Final = {None, "100"}
# Some gateways put a word into `code` that says nothing; then the HTTP status decides.
_EMPTY_CODES: Final = {"error", "100"}
_LONGEST_TEXT: Final = 1000
_MOST_LISTED: Final = 50


@frozen(kw_only=True)
class Complaint:
    """What an error says; every part may be missing, and `listed` holds the objects of its `errors` or `detail`."""

    code: str | None = None
    message: str | None = None
    param: str | None = None
    doc_url: str | None = None
    listed: tuple[Mapping[str, Any], ...] = field(default=())

    def redacted(self, secrets: tuple[str, ...]) -> Complaint:
        """Return a copy fit for errors and logs: a server may echo the key, or a presigned URL it could not read."""
        return evolve(
            self,
            code=_redacted(self.code, secrets),
            message=_redacted(self.message, secrets),
            param=_redacted(self.param, secrets),
            doc_url=redact_link(without_secrets(self.doc_url, secrets)) if self.doc_url else None,
            listed=tuple(redact_json(item, secrets=secrets) for item in self.listed),
        )


def complaint_in_success(body: Mapping[str, Any]) -> Complaint | None:
    """Return what the body of a 2xx complains about, or None if it reports success."""
    error = body.get("error")
    if error:
        return _from_error(error)
    if as_text(body.get("code")) not in _V1_SUCCESS:
        return _from_fields(body)
    return _from_fields(body) if "data" not in body and "detail" in body else None


def complaint_in_failure(body: Mapping[str, Any] | None) -> Complaint:
    """Return what the body of any other answer complains about."""
    fields = body or {}
    error = fields.get("error")
    if as_object(error) or _objects(error):
        return _from_error(error)
    said = _from_fields(fields)
    if not error:
        return said
    word = _from_error(error)
    return evolve(said, code=said.code or word.code, message=said.message or word.message)


def _from_error(error: object) -> Complaint:
    if (fields := as_object(error)) is not None:
        return _from_fields(fields)
    if listed := _objects(error):
        return evolve(_from_fields(listed[0]), listed=listed)
    word = as_text(error) or "error"
    return Complaint(code=word if status_of_code(word) else None, message=word)


def _from_fields(fields: Mapping[str, Any]) -> Complaint:
    listed = _objects(fields.get("errors")) or _objects(fields.get("detail"))
    code = as_text(fields.get("code"))
    return Complaint(
        code=None if code in _EMPTY_CODES else code,
        message=_message_of(fields) or next((said for item in listed if (said := _message_of(item))), None),
        param=as_text(fields.get("param")) or next((path for item in listed if (path := _path_of(item))), None),
        doc_url=as_word(fields.get("doc_url")),
        listed=listed,
    )


def _objects(value: object) -> tuple[dict[str, Any], ...]:
    entries = (as_list(value) or [])[:_MOST_LISTED]
    return tuple(item for entry in entries if (item := as_object(entry)) is not None)


def _message_of(fields: Mapping[str, Any]) -> str | None:
    return next((said for name in ("message", "msg", "detail") if (said := as_text(fields.get(name)))), None)


def _path_of(item: Mapping[str, Any]) -> str | None:
    """Return the field that an entry is about: `path`, or `loc`, whose first word is only the place."""
    if (path := as_text(item.get("path")) or as_text(item.get("param"))) is not None:
        return path
    steps = [as_text(step) for step in as_list(item.get("loc")) or []]
    return ".".join(step for step in steps if step and step != "body") or None


def _redacted(text: str | None, secrets: tuple[str, ...]) -> str | None:
    if text is None:
        return None
    # One line: what a server says must not look like a log record of its own.
    return " ".join(redact_text(without_secrets(text, secrets)[:_LONGEST_TEXT]).split())
