"""Films for the sandbox's own page: looking at them is no call that a test counts, and no fault meets it."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from heygen_async.sandbox.core import Job
from heygen_async.sandbox.files import file_name, send_file, stored_name
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.render.pool import Render
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.webvtt import to_vtt

_VTT = "captions.vtt"
_KINDS = ("video", "captioned", "thumbnail")


async def send_for_player(service: Service, request: Request) -> Response:
    """Answer a file of a completed video; `captions.vtt` is WebVTT, the only form of captions that browsers show."""
    name: str = request.path_params["name"]
    if name not in {_VTT, *_KINDS}:
        raise Problem(404, "not_found", f"Files for the player are {_VTT}, {', '.join(_KINDS)}")
    job = _completed(service, request.path_params["video_id"])
    path = await anyio.to_thread.run_sync(_path, job, "srt" if name == _VTT else name)
    if path is None:
        raise Problem(404, "not_found", "This video has no such file")
    if name != _VTT:
        return send_file(path)
    return Response(to_vtt(await anyio.to_thread.run_sync(path.read_text, "utf-8")), media_type="text/vtt")


def _completed(service: Service, video_id: str) -> Job:
    with service.open() as (account, now):
        account.settle(now)
        job = account.jobs.get(video_id)
        if job is None or job.deleted or account.status(job, now=now) != "completed":
            raise Problem(404, "not_found", "There is no completed video of this id")
        return job


def _path(job: Job, kind: str) -> Path | None:
    stored = stored_name(file_name(kind, job), job.order.plan)
    return job.rendering.file(stored) if stored and isinstance(job.rendering, Render) else None
