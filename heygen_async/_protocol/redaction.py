"""Keep secrets out of everything a human or a log may see.

Every pattern reads its text in one pass: messages may echo megabytes of somebody's input.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from heygen_async._protocol.json_shapes import as_list, as_object

_USER: Final = re.compile(r"(?<=://)[^\s\"<>/?#]*@")
# A query ends where no URL can go on, and no earlier: brackets may stand in it, and JSON text writes `&` as `\u0026`.
# `%3F` begins the query of a URL that is itself a part of a URL. A question mark without a word after it is only that.
_QUERY: Final = re.compile(r"(?:\?|%3[fF])[^\s\"<>?\w]*\w[^\s\"<>]*")
_FRAGMENT: Final = re.compile(r"#[^\s\"<>#=]*=[^\s\"<>]*")
_CLOSERS: Final = ")]}'.,;:"
_WHOLE_URL: Final = re.compile(r"[a-zA-Z][\w+.-]*://[^\s\"<>?]*\?")
_PLAIN_ANCHOR: Final = re.compile(r"[\w.-]{1,80}", re.ASCII)
_WHITESPACE: Final = re.compile(r"\s+")
_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_CUT: Final = "?..."
_HIDDEN: Final = "..."
_EXCERPT_WINDOW: Final = 4096
_EXCERPT_LENGTH: Final = 200
# How much longer an escaped character is, at most.
_ESCAPED: Final = 6
# A shorter secret, such as a sandbox's key `k`, is only cut where it stands alone: it may be a part of any word.
_LONG_ENOUGH: Final = 8
# Answers are a few levels deep; a hostile one must not exhaust the stack.
_DEEPEST: Final = 40


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
    bare = urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))
    return _QUERY.sub(_CUT, bare) + (_CUT if parts.query else "")


def redact_link(url: str) -> str:
    """Return a link to documentation: as `redact_url`, but with the anchor if it is a plain word."""
    anchor = url.partition("#")[2]
    return f"{redact_url(url)}#{anchor}" if _PLAIN_ANCHOR.fullmatch(anchor) else redact_url(url)


def redact_text(text: str) -> str:
    """Return the text with user information, query and key-value fragment of every URL or path in it cut off."""
    return _FRAGMENT.sub(_cut, _QUERY.sub(_cut, _USER.sub("", text)))


def _cut(found: re.Match[str]) -> str:
    """Return what stands in a query's place; brackets and full stops after it belong to the sentence around it."""
    said = found.group()
    mark = "#..." if said[0] == "#" else _CUT
    return mark + said[len(said.rstrip(_CLOSERS)) :]


def redact_json(value: Any, *, secrets: tuple[str, ...] = (), _depth: int = 0) -> Any:
    """Return a copy of decoded JSON without queries of URLs and secrets; what is nested too deep is left out."""
    if isinstance(value, str):
        bare = without_secrets(value, secrets)
        return redact_url(bare) if _WHOLE_URL.match(bare) else redact_text(bare)
    fields, items = as_object(value), as_list(value)
    if fields is None and items is None:
        return value
    if _depth == _DEEPEST:
        return _HIDDEN
    if fields is not None:
        # Names are the server's words as well.
        return {
            redact_json(name, secrets=secrets): redact_json(item, secrets=secrets, _depth=_depth + 1)
            for name, item in fields.items()
        }
    return [redact_json(item, secrets=secrets, _depth=_depth + 1) for item in items or ()]


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return the text without the given secrets, in whatever way a server may have escaped them."""
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), html.escape(secret), secret.replace("/", "\\/")}:
            if len(form) >= _LONG_ENOUGH:
                text = text.replace(form, _HIDDEN)
            else:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", _HIDDEN, text)
    return text


def excerpt(body: bytes, *, secrets: tuple[str, ...] = ()) -> str:
    """Return the first words of an answer, without markup, signatures and the given secrets."""
    text = without_secrets(body[:_EXCERPT_WINDOW].decode("utf-8", "replace"), secrets)
    if len(body) > _EXCERPT_WINDOW:
        # A secret that the end of the window cut in two was not recognised.
        text = text[: -_ESCAPED * max(map(len, secrets), default=0) or None]
    text = _WHITESPACE.sub(" ", _TAGS.sub(" ", text)).strip()
    return redact_text(text)[:_EXCERPT_LENGTH]
