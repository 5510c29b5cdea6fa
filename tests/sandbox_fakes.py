"""Helpers for the sandbox's tests: a renderer that needs no time, and the requests they share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from heygen_async.sandbox import Plan, Render, Sandbox

MP4_START = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomavc1"


class InstantRenderer:
    """Writes small made-up files at once; `hold` keeps renders under way until `release`."""

    def __init__(self, folder: Path, *, size: int = 3_000_000) -> None:
        self.folder = folder
        self.size = size
        self.hold = False
        self.error: str | None = None
        self.closed = False
        self.renders: list[Render] = []

    def submit(self, plan: Plan) -> Render:
        render = Render(plan, self.folder / plan.digest())
        if not render.folder.exists():
            self._write(render)
        self.renders.append(render)
        if not self.hold:
            self.release()
        return render

    def _write(self, render: Render) -> None:
        render.folder.mkdir()
        body = MP4_START + bytes(range(256)) * (self.size // 256)
        (render.folder / f"video.{render.plan.suffix}").write_bytes(body)
        if render.plan.captions:
            (render.folder / f"captioned.{render.plan.suffix}").write_bytes(MP4_START + b"with captions")
        for name in ("thumbnail.jpg", "preview.gif", "captions.srt", "captions.ass"):
            (render.folder / name).write_text(name)

    def release(self, at: float = 0.0) -> None:
        for render in self.renders:
            if render.done_at is None:
                render.error = self.error
                render.done_at = at

    def close(self) -> None:
        self.closed = True


def in_process(sandbox: Sandbox, *, key: str | None = "test-key") -> httpx.AsyncClient:
    """Return a client that calls the sandbox without a socket."""
    headers = {"X-Api-Key": key} if key else {}
    return httpx.AsyncClient(transport=httpx.ASGITransport(sandbox), base_url="http://127.0.0.1", headers=headers)


def avatar_video(**changes: Any) -> dict[str, Any]:
    """Return a small valid v3 body; a change to None drops the field."""
    body = {"type": "avatar", "avatar_id": "look-1", "voice_id": "voice-1", "script": "One two three four five."}
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def quick_start(**changes: Any) -> dict[str, Any]:
    """Return the body of HeyGen's Quick Start."""
    body = {
        "video_inputs": [
            {
                "character": {"type": "avatar", "avatar_id": "Daisy-inskirt-20220818", "avatar_style": "normal"},
                "voice": {
                    "type": "text",
                    "input_text": "Welcome to the HeyGen API!",
                    "voice_id": "2d5b0e6cf36f460aa7fc47e3eee4ba54",
                },
                "background": {"type": "color", "value": "#008000"},
            }
        ],
        "dimension": {"width": 1280, "height": 720},
        "test": True,
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}
