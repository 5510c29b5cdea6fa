"""The file host: presigned links that expire, ranges, and S3's words when it refuses."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from starlette.datastructures import QueryParams
from starlette.responses import FileResponse, Response

from heygen_async.sandbox.core import Job
from heygen_async.sandbox.plan import Plan

MEDIA_TYPES: Final = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".srt": "application/x-subrip",
    ".ass": "text/x-ssa",
}

_STORED: Final = {
    "thumbnail": "thumbnail.jpg",
    "gif": "preview.gif",
    "srt": "captions.srt",
    "ass": "captions.ass",
}


class BigFileResponse(FileResponse):
    """Sends files in blocks of 1 MiB: four times as fast as the default of 64 KiB."""

    chunk_size = 1024 * 1024


def file_name(kind: str, job: Job) -> str:
    """Return the last part of a link to one of a job's files."""
    if kind in {"video", "captioned"}:
        return f"{kind}.{job.order.plan.suffix}"
    return _STORED[kind]


def stored_name(name: str, plan: Plan) -> str | None:
    """Return a renderer's name for a file, None if there is none."""
    films = {f"video.{plan.suffix}"} | ({f"captioned.{plan.suffix}"} if plan.captions else set[str]())
    return name if name in films or name in _STORED.values() else None


class Signer:
    """Signs links and checks them; every link is new, because a real host never gives the same one twice."""

    def __init__(self, *, now: Callable[[], float], lifetime: float) -> None:
        self.lifetime = lifetime
        self._now = now
        self.secret = secrets.token_bytes(32)
        """What links are signed with: with another secret they are not good any more."""

    def query(self, video_id: str, name: str) -> dict[str, str]:
        """Return the query of a fresh link."""
        # Rounded down: a link must not outlive its lifetime, which tests wait for exactly.
        expires, nonce = str(int(self._now() + self.lifetime)), secrets.token_hex(4)
        return {"Expires": expires, "Nonce": nonce, "Signature": self._sign(video_id, name, expires, nonce)}

    def refusal(self, video_id: str, name: str, query: QueryParams) -> Response | None:
        """Return why a link is not good, None if it is."""
        expires, nonce = query.get("Expires", ""), query.get("Nonce", "")
        signature = query.get("Signature", "")
        if not signature:
            return refused(403, "AccessDenied", "Access Denied")
        if not hmac.compare_digest(signature.encode(), self._sign(video_id, name, expires, nonce).encode()):
            text = "The request signature we calculated does not match the signature you provided."
            return refused(403, "SignatureDoesNotMatch", text)
        if self._now() >= float(expires):
            return refused(403, "AccessDenied", "Request has expired")
        return None

    def _sign(self, video_id: str, name: str, expires: str, nonce: str) -> str:
        message = f"{video_id}\n{name}\n{expires}\n{nonce}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


def refused(status: int, code: str, message: str) -> Response:
    """Return an error as S3 writes it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(body, status, media_type="application/xml")


def send_file(path: Path) -> Response:
    """Return the file; Starlette answers HEAD, Range, If-Range and 416, with a strong ETag."""
    return BigFileResponse(path, media_type=MEDIA_TYPES[path.suffix])
