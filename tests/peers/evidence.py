"""What the sandbox can tell about a client after the fact, and what its links lead to."""

from __future__ import annotations

import httpx

from heygen_async.sandbox import Sandbox

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x04\x00\x00\x00\xb5\x1c\x0c\x02"
    b"\x00\x00\x00\x0bIDATx\xdac\xfc\xcfP\x0f\x00\x03\x86\x01\x80Z4}k\x00\x00\x00\x00IEND\xaeB`\x82"
)


def refusals(sandbox: Sandbox) -> list[tuple[int | None, str]]:
    """Return status and call of every answer that was not a success, in order."""
    return [(call.status, f"{call.method} {call.path}") for call in sandbox.requests if call.status != 200]


def is_film(url: str) -> bool:
    """Say whether a link leads, without a key, to an mp4 file."""
    answer = httpx.get(url, trust_env=False)
    return answer.status_code == 200 and answer.content[4:8] == b"ftyp"


def paid(sandbox: Sandbox) -> list[str]:
    """Return the ids of the videos that cost money, each as often as it was charged."""
    return [charge.video_id for charge in sandbox.charges if charge.usd > 0]
