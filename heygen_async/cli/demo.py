"""`heygen-async demo`: three real videos from the emulator, made at once through the public client."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from attrs import frozen

from heygen_async import (
    AsyncHeyGen,
    AvatarVideo,
    Background,
    CaptionSettings,
    PollPolicy,
    SavedFile,
    StudioAvatarInput,
    StudioAvatarVideoScene,
    StudioColorBackground,
    StudioVideo,
    Video,
    v2,
)
from heygen_async.cli.emulator import sandbox_class
from heygen_async.cli.progress import Display, open_display
from heygen_async.models.video import ApiVersion
from heygen_async.resources.videos import AnyVideoRequest

_AVATAR: Final = "Daisy-inskirt-20220818"
_VOICE: Final = "2d5b0e6cf36f460aa7fc47e3eee4ba54"
# Long enough to see every status go by.
_PROGRESS: Final = "after 1.5s"
_POLLING: Final = PollPolicy(first_after=0.3, growth=1, max_interval=0.3)


@frozen(kw_only=True)
class DemoVideo:
    """One of the demo's videos: its name, the API it was made with, and what came of it."""

    name: str
    api_version: ApiVersion
    video: Video
    saved: SavedFile

    @property
    def path(self) -> Path:
        """Return where it was saved."""
        return self.saved.path


@frozen(kw_only=True)
class Demo:
    """All of the demo's videos, and the seconds it took."""

    videos: tuple[DemoVideo, ...]
    elapsed: float


def run(folder: Path) -> Demo:
    """Make the videos and leave them in `folder`, in place of those of an earlier run.

    Nothing is sent to HeyGen, whatever the environment says. Raise `OSError` for an impossible folder.
    """
    started = time.monotonic()
    sandbox = sandbox_class(renders=True)(progress=_PROGRESS, deprecation=False)
    _make_folder(folder)
    with _without_settings(), sandbox:
        print(f"Sandbox on {sandbox.url}: a local emulator, nothing is sent to HeyGen.", file=sys.stderr, flush=True)
        videos = anyio.run(partial(_make_all, sandbox.url, folder))
    demo = Demo(videos=videos, elapsed=time.monotonic() - started)
    print(f"{len(videos)} videos in {demo.elapsed:.1f} s:", file=sys.stderr, flush=True)
    return demo


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "--out must be a folder, not a file", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "--out is a folder that cannot be written to", str(folder))


def to_json(demo: Demo) -> dict[str, Any]:
    """Return the demo's result for scripts, without URLs: what served them is gone."""
    videos = [
        {
            "name": item.name,
            "id": item.video.id,
            "api_version": item.api_version,
            "status": item.video.status,
            "title": item.video.title,
            "duration": item.video.duration,
            "path": str(item.path),
            "size": item.saved.size,
        }
        for item in demo.videos
    ]
    return {"videos": videos, "elapsed": round(demo.elapsed, 3)}


def requests() -> Mapping[str, AnyVideoRequest]:
    """Return what the demo asks for: HeyGen's Quick Start, a portrait, and a film of several scenes."""
    return {
        "quick-start": v2.VideoRequest(
            video_inputs=[
                v2.VideoInput(
                    character=v2.Avatar(avatar_id=_AVATAR, avatar_style="normal"),
                    voice=v2.TextVoice(input_text="Welcome to the HeyGen API!", voice_id=_VOICE),
                    background=v2.ColorBackground("#008000"),
                )
            ],
            dimension=v2.Dimension(1280, 720),
            test=True,
        ),
        "portrait": AvatarVideo(
            avatar_id=_AVATAR,
            voice_id=_VOICE,
            script="The same presenter, upright for a phone, asked for through the third version of the API.",
            title="Portrait",
            background=Background(type="color", value="#3b2f63"),
            aspect_ratio="9:16",
            resolution="720p",
            caption=CaptionSettings(file_format="srt", style="default"),
        ),
        "scenes": StudioVideo(
            scenes=[
                _scene("First scene: one request may hold up to fifty of them.", "#1d4e89"),
                _scene("Second scene: another colour, the same film.", "#8c2f39"),
                _scene("Third scene: and all of it is one file.", "#2d6a4f"),
            ],
            title="Three scenes",
            aspect_ratio="16:9",
            resolution="720p",
        ),
    }


def _scene(script: str, color: str) -> StudioAvatarVideoScene:
    return StudioAvatarVideoScene(
        input=StudioAvatarInput(
            avatar_id=_AVATAR, voice_id=_VOICE, script=script, background=StudioColorBackground(color=color)
        )
    )


async def _make_all(base_url: str, folder: Path) -> tuple[DemoVideo, ...]:
    made: dict[str, DemoVideo] = {}
    wanted = requests()

    async def make(name: str, request: AnyVideoRequest) -> None:
        made[name] = await _make(heygen, display, name, request, folder / f"{name}.mp4")

    with open_display() as display:
        async with (
            AsyncHeyGen("sandbox-key", base_url=base_url, polling=_POLLING) as heygen,
            anyio.create_task_group() as tg,
        ):
            for name, request in wanted.items():
                tg.start_soon(make, name, request)
    return tuple(made[name] for name in wanted)


async def _make(heygen: AsyncHeyGen, display: Display, name: str, request: AnyVideoRequest, target: Path) -> DemoVideo:
    display.status(name, "submitting")
    job = await heygen.videos.create(request)
    async for update in job.updates():
        display.status(name, update.status)
    saved = await job.save(target, overwrite=True, on_progress=partial(display.received, name))
    display.done(name, "saved", saved.size)
    return DemoVideo(name=name, api_version=job.api_version, video=await job.wait(), saved=saved)


@contextmanager
def _without_settings() -> Generator[None]:
    """Hide the settings of the caller's own account: the demo must not depend on them."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("HEYGEN_API_")}
    try:
        yield
    finally:
        os.environ.update(hidden)
