"""What a file is, by its first bytes: the type that was declared counts for nothing."""

from __future__ import annotations

import re
from typing import Final

HEAD_BYTES: Final = 512
"""How much of a file is enough to tell."""

SUFFIXES: Final = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "application/pdf": ".pdf",
    "application/x-subrip": ".srt",
}
"""The types that HeyGen takes, with the extension of their links."""

_STARTS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
)
_SRT: Final = re.compile(rb"(\xef\xbb\xbf)?\s*\d+\s*\r?\n\d\d:\d\d:\d\d[,.]\d{3} --> ")
_ALIASES: Final = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "text/srt": "application/x-subrip",
}


def sniffed(head: bytes) -> str | None:
    """Return the media type of a file that starts like this, None for what HeyGen does not take."""
    for start, media_type in _STARTS:
        if head.startswith(start):
            return media_type
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:  # frame sync, layer III
        return "audio/mpeg"
    return "application/x-subrip" if _SRT.match(head) else None


def plain(content_type: str) -> str:
    """Return a declared type in lower case, without parameters, in its usual spelling."""
    bare = content_type.partition(";")[0].strip().lower()
    return _ALIASES.get(bare, bare)


def family(media_type: str) -> str:
    """Return HeyGen's word for a kind of file: `image`, `video`, `audio` or `document`."""
    major = media_type.partition("/")[0]
    return major if major in {"image", "video", "audio"} else "document"
