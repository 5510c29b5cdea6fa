"""How to go on after a command has ended early: what is known of its video, and the words for it."""

from __future__ import annotations

import shlex

from attrs import define

from heygen_async.models.video import ApiVersion, Asset


@define(kw_only=True)
class Resume:
    """What a command knows of its video so far; filled in while it runs."""

    video_id: str | None = None
    api_version: ApiVersion | None = None
    idempotency_key: str | None = None
    out: str | None = None
    asset: Asset = "video"
    overwrite: bool = False
    submits: bool = False

    def by_id(self, video_id: str) -> str:
        """Return the command that goes on with a video."""
        words = ["heygen-async", "status", video_id]
        if self.out is not None:
            words = ["heygen-async", "download", video_id, "--out", self.out]
            words += ["--asset", self.asset] if self.asset != "video" else []
            words += ["--overwrite"] if self.overwrite else []
        words += ["--api-version", "v2"] if self.api_version == "v2" else []
        return shlex.join(words)

    def by_key(self, key: str | None) -> str | None:
        """Return how to repeat a submission under its key."""
        if key is None:
            return None
        return f"repeat the same command with --idempotency-key {shlex.quote(key)}; it cannot pay twice"
