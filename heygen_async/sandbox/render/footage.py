"""A clip that runs behind the presenter: read once from start to end, in the size of the frame."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from av import VideoFrame
from av.container import InputContainer
from PIL import Image

from heygen_async.sandbox.plan import Backdrop
from heygen_async.sandbox.render.fitting import centred, fitted_size
from heygen_async.sandbox.render.library import Library
from heygen_async.sandbox.render.planes import Planes, planes_of

_BLACK: Final = (16, 128, 128)

_log: Final = logging.getLogger(__name__)


class Footage:
    """Gives the picture of a clip at rising times; a clip that breaks off keeps its last one."""

    def __init__(
        self,
        backdrop: Backdrop,
        library: Library,
        *,
        size: tuple[int, int],
        clip_seconds: float,
        scene_seconds: float,
    ) -> None:
        self._backdrop = backdrop
        self._library = library
        self._size = size
        self._clip_seconds = clip_seconds
        self._scene_seconds = scene_seconds
        self._container: InputContainer | None = None
        self._frames: Iterator[VideoFrame] = iter(())
        self._waiting: VideoFrame | None = None
        self._lap = -1
        self._shown = self._black()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is not None:
            self._container.close()

    def at(self, time: float) -> Planes:
        """Return a copy of the picture `time` seconds into the scene; times must rise."""
        lap, moment = self._moment(time)
        if lap is None:
            return self._black()
        if lap != self._lap:
            self._lap = lap
            self._rewind()
        newest: VideoFrame | None = None
        while self._waiting is not None and (self._waiting.time or 0.0) <= moment:
            newest, self._waiting = self._waiting, next(self._frames, None)
        if newest is not None:
            self._shown = self._fitted(newest)
        return [plane.copy() for plane in self._shown]

    def _moment(self, time: float) -> tuple[int | None, float]:
        """Return the lap and the time in the clip; no lap once it is over and shows nothing."""
        match self._backdrop.play_style:
            case "loop":
                lap, moment = divmod(time, self._clip_seconds)
                return int(lap), moment
            case "fit_to_scene":
                return 0, time * self._clip_seconds / self._scene_seconds
            case "once" if time >= self._clip_seconds:
                return None, 0.0
            case _:
                return 0, time

    def _rewind(self) -> None:
        if self._container is not None:
            self._container.close()
        self._container = self._library.opened(self._backdrop.media)
        self._frames = self._decoded(self._container)
        self._waiting = next(self._frames, None)

    def _decoded(self, container: InputContainer) -> Iterator[VideoFrame]:
        try:
            yield from container.decode(video=0)
        except Exception as error:  # noqa: BLE001 - decoders of broken files raise anything
            _log.warning("the clip %r breaks off: %s", self._backdrop.value, error)

    def _fitted(self, frame: VideoFrame) -> Planes:
        width, height = fitted_size((frame.width, frame.height), self._size, self._backdrop.fit)
        shown = frame.reformat(
            width=width + width % 2,
            height=height + height % 2,
            format="yuv420p",
            dst_colorspace="ITU601",
            dst_color_range="MPEG",
        )
        left, top = (edge // 2 * 2 for edge in centred((shown.width, shown.height), self._size))
        planes = self._black()
        for plane, piece, shift in zip(planes, planes_of(shown), (0, 1, 1), strict=True):
            plane.paste(piece, (left >> shift, top >> shift))
        return planes

    def _black(self) -> Planes:
        width, height = self._size
        sizes = [(width, height), (width // 2, height // 2), (width // 2, height // 2)]
        return [Image.new("L", size, level) for size, level in zip(sizes, _BLACK, strict=True)]
