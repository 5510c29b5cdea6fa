"""Keep secrets out of everything a human or a log may see."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from heygen_async._protocol.json_shapes import as_list, as_object

_QUERY = re.compile(r"(?<=[^\s'\"<>?])\?[^\s'\"<>\\)\]}]+")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>\\)\]}]+")
_WHITESPACE = re.compile(r"\s+")
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_EXCERPT_LENGTH = 200


def redact_url(url: str | None) -> str:
    """Return the URL without user information, query and fragment: those are where signatures live."""
    if not url:
        return repr(url) if url is None else ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "<unreadable URL>"
    if ":" in host:
        host = f"[{host}]"
    query = "?..." if parts.query else ""
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", "")) + query


def redact_text(text: str) -> str:
    """Return the text with the query of every URL or path in it cut off."""
    without_urls = _URL.sub(lambda found: redact_url(found.group()), text)
    return _QUERY.sub("?...", without_urls)


def redact_json(value: Any) -> Any:
    """Return a copy of decoded JSON in which every URL has lost its query."""
    if isinstance(value, str):
        return redact_url(value) if "://" in value and "?" in value else value
    if (fields := as_object(value)) is not None:
        return {key: redact_json(item) for key, item in fields.items()}
    if (items := as_list(value)) is not None:
        return [redact_json(item) for item in items]
    return value


def excerpt(body: bytes, *, secrets: tuple[str, ...] = ()) -> str:
    """Return the first words of an answer, without markup, signatures and the given secrets."""
    text = _TAGS.sub(" ", body[:4096].decode("utf-8", "replace"))
    text = redact_text(_WHITESPACE.sub(" ", text).strip())
    for secret in secrets:
        text = text.replace(secret, "...")
    return text[:_EXCERPT_LENGTH]
