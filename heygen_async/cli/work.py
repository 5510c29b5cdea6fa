"""What `generate`, `status` and `download` do with the client."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import evolve, frozen

from heygen_async._client import AsyncHeyGen
from heygen_async._policies import PollPolicy
from heygen_async._protocol.settings import ApiVersionChoice, is_loopback
from heygen_async.cli.output import video_json
from heygen_async.cli.progress import open_display
from heygen_async.cli.resume import Resume
from heygen_async.cli.watching import Watcher, deprecations_shown
from heygen_async.models.progress import DownloadProgress, SavedFile
from heygen_async.models.video import Video
from heygen_async.resources.videos import AnyVideoRequest

# A sandbox on this machine renders in seconds, knows its videos at once, and looks at it cost nobody anything.
_LOCAL_POLLING: Final = PollPolicy(first_after=0.5, max_interval=3, visibility_grace=5)


@frozen(kw_only=True)
class Connection:
    """How to talk to HeyGen; the key and the base URL come from the environment."""

    api_version: ApiVersionChoice = "auto"
    timeout: float | None = None


def polling_for(base_url: str, timeout: float | None) -> PollPolicy:
    """Return when to look and how long to wait, in seconds."""
    usual = _LOCAL_POLLING if is_loopback(urlsplit(base_url).hostname) else PollPolicy()
    return usual if timeout is None else evolve(usual, timeout=timeout, url_grace=min(timeout, usual.url_grace))


async def read_video(connection: Connection, resume: Resume, video_id: str) -> Video:
    """Return a video as it is now."""
    async with _connected(connection, resume, video_id) as (heygen, _):
        return await heygen.videos.get(video_id)


async def download_video(connection: Connection, resume: Resume, video_id: str, out: str) -> SavedFile:
    """Wait for a video if needed, and save one of its files."""
    async with _connected(connection, resume, Path(out).name) as (heygen, watcher):
        return await heygen.videos.job(video_id).save(
            out, asset=resume.asset, overwrite=resume.overwrite, on_progress=_shown_by(watcher)
        )


async def submit_video(
    connection: Connection, resume: Resume, request: AnyVideoRequest, idempotency_key: str | None
) -> dict[str, Any]:
    """Submit a video and return what scripts need to find it again."""
    async with _connected(connection, resume, "video") as (heygen, _):
        job = await heygen.videos.create(request, idempotency_key=idempotency_key)
    return {"id": job.id, "api_version": job.api_version, "idempotency_key": job.idempotency_key}


async def generate_video(
    connection: Connection, resume: Resume, request: AnyVideoRequest, idempotency_key: str | None
) -> Mapping[str, Any]:
    """Submit a video, wait for it, save it if there is a target, and return all that scripts need."""
    name = Path(resume.out).name if resume.out is not None else "video"
    async with _connected(connection, resume, name) as (heygen, watcher):
        video = await heygen.videos.generate(
            request,
            save_to=resume.out,
            overwrite=resume.overwrite,
            idempotency_key=idempotency_key,
            on_progress=_shown_by(watcher),
        )
    saved = watcher.saved
    return {
        **video_json(video),
        "api_version": resume.api_version,
        "idempotency_key": resume.idempotency_key,
        "path": None if saved is None else str(saved.path),
        "size": None if saved is None else saved.size,
    }


@asynccontextmanager
async def _connected(connection: Connection, resume: Resume, name: str) -> AsyncGenerator[tuple[AsyncHeyGen, Watcher]]:
    """Open a client, and a display that shows under `name` what the client does."""
    check_timeout(connection.timeout)
    with open_display() as display, deprecations_shown(display.note):
        watcher = Watcher(name, display, resume)
        async with AsyncHeyGen(api_version=connection.api_version, on_event=watcher) as heygen:
            yield heygen.with_options(polling=polling_for(heygen.base_url, connection.timeout)), watcher


def check_timeout(timeout: float | None) -> None:
    """Raise `ValueError` for what is no number of seconds to wait."""
    if timeout is not None and (math.isnan(timeout) or timeout < 0):
        raise ValueError(f"--timeout must be a number of seconds of at least 0, not {timeout}")


def _shown_by(watcher: Watcher) -> Any:
    def on_progress(progress: DownloadProgress) -> None:
        watcher.display.received(watcher.name, progress)

    return on_progress
