"""A file host's answer as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from heygen_async._protocol.retrying import parse_retry_after

_CONTENT_RANGE: Final = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)\Z", re.IGNORECASE)


@frozen(kw_only=True)
class ContentRange:
    """A Content-Range header: `first` and `last` are None in a 416, `total` is None where it says `*`."""

    first: int | None
    last: int | None
    total: int | None


@frozen(kw_only=True)
class FileAnswer:
    """The head of an answer, as far as it matters for a download.

    `length` is the number of bytes on the wire, None if only their end tells; `framed` says whether that end is marked
    (a cut is then noticed), which a body that simply ends with the connection is not.
    """

    status: int
    media_type: str
    encoding: str | None
    length: int | None
    framed: bool
    content_range: ContentRange | None
    etag: str | None
    refuses_ranges: bool
    retry_after: float | None
    location: str | None

    @property
    def strong_etag(self) -> str | None:
        """Return the ETag if it is strong: a weak one does not promise the same bytes."""
        if self.etag is None or not re.fullmatch(r'"[^"\r\n]*"', self.etag):
            return None
        return self.etag

    @property
    def total(self) -> int | None:
        """Return the length of the whole file, where the answer tells it."""
        if self.encoding is not None:
            return None
        if self.status == 200:
            return self.length
        return self.content_range.total if self.content_range else None


def read_answer(status: int, headers: Mapping[str, str], *, wall_clock: float) -> FileAnswer:
    """Return an answer's head as data; headers that make no sense count as absent."""
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    length = None if chunked else _number(headers.get("content-length"))
    encoding = headers.get("content-encoding", "").strip().lower()
    return FileAnswer(
        status=status,
        media_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        encoding=None if encoding in {"", "identity"} else encoding,
        length=length,
        framed=chunked or length is not None,
        content_range=parse_content_range(headers.get("content-range")),
        etag=headers.get("etag", "").strip() or None,
        refuses_ranges=headers.get("accept-ranges", "").strip().lower() == "none",
        retry_after=parse_retry_after(headers.get("retry-after"), wall_clock=wall_clock),
        location=headers.get("location"),
    )


def parse_content_range(header: str | None) -> ContentRange | None:
    """Return a Content-Range header as data, or None if it is absent, garbage or contradicts itself."""
    found = _CONTENT_RANGE.match(header.strip()) if header else None
    if found is None:
        return None
    first, last, total = (None if part in {None, "*"} else int(part) for part in found.groups())
    if first is not None and last is not None and (last < first or (total is not None and last >= total)):
        return None
    return ContentRange(first=first, last=last, total=total)


def _number(text: str | None) -> int | None:
    text = text.strip() if text else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
