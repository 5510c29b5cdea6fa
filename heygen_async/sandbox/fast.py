"""Fast mode: every video is ready at once, and its files are made when somebody fetches them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.render.pool import STOPPED, Render
from heygen_async.sandbox.render.timeline import ass, plan_cues, srt
from heygen_async.sandbox.still.mp4 import mp4
from heygen_async.sandbox.still.padding import pad
from heygen_async.sandbox.still.pictures import gif, jpeg
from heygen_async.sandbox.still.webm import webm

SMALLEST: Final = 1 << 20
"""Every file of fast mode fits into 1 MiB, so that this and all above it can be had exactly."""


@frozen(kw_only=True)
class Padding:
    """How large new videos are made, in bytes; `pattern` is the seed of their contents, None leaves holes."""

    size: int | None = None
    pattern: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.size is not None and self.size < SMALLEST:
            raise ValueError(f"file_size: give at least {SMALLEST} bytes (1 MiB), or None, not {self.size}")
        if self.pattern is not None and self.size is None:
            raise ValueError("file_pattern: it fills large files, give a file_size too")


@define(eq=False)
class FastRender(Render):
    """A video that is done; `file` makes what is asked for."""

    padding: Padding = field(factory=Padding, kw_only=True)
    home: Callable[[], Path | None] = field(kw_only=True)
    """Makes the folder of all renders; None once the renderer was closed."""

    _making: threading.Lock = field(factory=threading.Lock, init=False)

    def file(self, name: str) -> Path | None:
        """Return where a file lies, making it if need be; None if the video has no such file."""
        with self._making:
            root = self.home()
            if root is None or name not in _names(self.plan):
                return None
            path = root / self.folder / name
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                scratch = path.with_name(f"making-{name}")
                scratch.write_bytes(_MAKERS[name](self.plan))
                if self.padding.size is not None and name in _films(self.plan):
                    pad(scratch, self.padding.size, seed=self.padding.pattern)
                scratch.rename(path)
            return path


class FastRenderer:
    """Has every video ready at once; ten thousand jobs make no file before one is fetched."""

    def __init__(self, *, padding: Padding | None = None) -> None:
        self.padding = padding or Padding()
        self._lock = threading.Lock()
        self._renders: dict[tuple[str, Padding], FastRender] = {}
        self._root: Path | None = None
        self._closed = False

    def submit(self, plan: Plan) -> Render:
        """Return the finished render; equal plans share it."""
        if self._closed:
            return Render(plan, Path(), done_at=0.0, error=STOPPED)
        key = plan.digest(), self.padding
        with self._lock:
            if key not in self._renders:
                folder = Path(f"{key[0]}-{self.padding.size}-{self.padding.pattern}")
                self._renders[key] = FastRender(plan, folder, done_at=0.0, padding=self.padding, home=self._home)
            return self._renders[key]

    def close(self) -> None:
        """Remove the files."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            if self._root is not None:
                shutil.rmtree(self._root, ignore_errors=True)

    def _home(self) -> Path | None:
        with self._lock:
            if self._root is None and not self._closed:
                self._root = Path(tempfile.mkdtemp(prefix="heygen-sandbox-"))
                atexit.register(self.close)
            return None if self._closed else self._root


def _mp4(plan: Plan) -> bytes:
    return mp4(width=plan.width, height=plan.height, frames=plan.frames, fps=plan.fps)


def _webm(plan: Plan) -> bytes:
    return webm(width=plan.width, height=plan.height, frames=plan.frames, fps=plan.fps)


def _srt(plan: Plan) -> bytes:
    return srt(plan_cues(plan)).encode()


def _ass(plan: Plan) -> bytes:
    return ass(plan_cues(plan), width=plan.width, height=plan.height).encode()


def _films(plan: Plan) -> tuple[str, ...]:
    kinds = ("video", "captioned") if plan.captions else ("video",)
    return tuple(f"{kind}.{plan.suffix}" for kind in kinds)


def _names(plan: Plan) -> tuple[str, ...]:
    return (*_films(plan), "thumbnail.jpg", "preview.gif", "captions.srt", "captions.ass")


_MAKERS: Final[dict[str, Callable[[Plan], bytes]]] = {
    "video.mp4": _mp4,
    "video.webm": _webm,
    "captioned.mp4": _mp4,
    "captioned.webm": _webm,
    "thumbnail.jpg": lambda plan: jpeg(plan.width, plan.height),
    "preview.gif": lambda plan: gif(plan.width, plan.height),
    "captions.srt": _srt,
    "captions.ass": _ass,
}
