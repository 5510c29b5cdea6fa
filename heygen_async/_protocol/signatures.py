"""Tell a file from an error page by its first bytes."""

from __future__ import annotations

import re
from typing import Final

from heygen_async._protocol.redaction import excerpt
from heygen_async._protocol.targets import Expectation, Kind

# As many first bytes as any check here wants to see.
HEAD_LENGTH: Final = 512
_SIGNATURE_LENGTH: Final = 12

_EBML: Final = b"\x1aE\xdf\xa3"
# QuickTime files from before `ftyp` existed start with one of the others.
_FIRST_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_IMAGES: Final = (b"GIF87a", b"GIF89a", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_HTML: Final = re.compile(rb"<(!doctype\s+html|html|head|body|title|script|center|h1)\b", re.IGNORECASE)
_XML: Final = re.compile(rb"<(\?xml|error\b|![a-z]|[a-z][\w.:-]*\s+xmlns)", re.IGNORECASE)
_JSON: Final = re.compile(rb"\{\s*[\"}]|\[\s*[\[{\"\]]")
_MARKUP_TYPES: Final = re.compile(r"(?:[^/]+/(?:[^/]+\+)?)(html|xml|json)\Z")
_NAMES: Final = {"html": "an HTML page", "xml": "an XML document", "json": "a JSON document"}
_WANTED: Final[dict[Kind, str]] = {"video": "MP4 or WebM signature", "image": "GIF, JPEG, PNG or WebP signature"}


def is_video(head: bytes) -> bool:
    """Say whether a file starts like an MP4, QuickTime or WebM film."""
    return head[4:8] in _FIRST_BOXES or head.startswith(_EBML)


def is_image(head: bytes) -> bool:
    """Say whether a file starts like a picture that browsers show."""
    if head.startswith(_IMAGES):
        return True
    return (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:12] in {b"ftypavif", b"ftypheic"}


def markup_of(head: bytes) -> str | None:
    """Return `html`, `xml` or `json` if a body looks like it."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for name, pattern in (("html", _HTML), ("xml", _XML), ("json", _JSON)):
        if pattern.match(text):
            return name
    return None


def refusal_of_type(media_type: str, expected: Expectation) -> str | None:
    """Return why a Content-Type cannot be that of the file, or None."""
    found = _MARKUP_TYPES.match(media_type)
    markup = "html" if media_type == "application/xhtml+xml" else found[1] if found else None
    if markup is None or markup in expected.markup:
        return None
    return f"the file host answered with {_NAMES[markup]} ({media_type})"


def refusal_of_body(head: bytes, expected: Expectation, *, whole: bool) -> str | None:
    """Return why a body cannot be the file, judged by its first bytes, or None.

    `whole` says that there are no more bytes than these; without it, too few bytes are no reason to refuse.
    """
    if not head:
        return "the body is empty" if whole else None
    markup = markup_of(head)
    if markup is not None and markup not in expected.markup:
        return f"the body is {_NAMES[markup]}: {excerpt(head)}"
    if not whole and len(head) < _SIGNATURE_LENGTH:
        return None
    if expected.kind == "video":
        return None if is_video(head) else f"the body has no {_WANTED['video']}"
    if expected.kind == "image":
        return None if is_image(head) else f"the body has no {_WANTED['image']}"
    return None


def media_type_of(head: bytes) -> str | None:
    """Return the media type that the first bytes stand for, where they say so."""
    if head.startswith(_EBML):
        return "video/webm"
    if is_video(head) and not is_image(head):
        return "video/mp4"
    signs = {b"GIF8": "image/gif", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
    if is_image(head):
        return next((name for sign, name in signs.items() if head.startswith(sign)), None)
    return None
