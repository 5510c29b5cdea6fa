"""The page at `/`: one static file that asks the sandbox's own calls, and is allowed to ask nobody else."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

WELCOME: Final = """\
This is a local sandbox, not HeyGen. It speaks HeyGen's v1, v2 and v3 API and makes small files of its own.
Point a client at it with HEYGEN_API_BASE={url} and any HEYGEN_API_KEY.
In a browser this address shows what happens here.
"""

_FILE: Final = Path(__file__).with_name("dashboard.html")
_INLINE: Final = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


async def front_page(request: Request) -> Response:
    """Answer `GET /`: the page for browsers, a few words for everybody else."""
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(WELCOME.format(url=str(request.base_url).rstrip("/")), headers={"Vary": "Accept"})
    page, policy = _page()
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
        "Vary": "Accept",
    }
    return HTMLResponse(page, headers=headers)


@cache
def _page() -> tuple[str, str]:
    """Return the page, and a policy that allows its own script and style by their hashes and nothing from elsewhere."""
    page = _FILE.read_text("utf-8")
    hashes = {kind: _hash(text) for kind, text in _INLINE.findall(page)}
    rules = (
        "default-src 'none'",
        f"script-src '{hashes['script']}'",
        f"style-src '{hashes['style']}'",
        "connect-src 'self'",
        "media-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return page, "; ".join(rules)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
