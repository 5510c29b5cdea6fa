"""A container being written: H.264 and AAC in MP4, or VP9 with alpha and Opus in WebM."""

# PyAV leaves the type argument of Packet open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
from av import AudioFrame, VideoFrame

from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.render.artist import MARK
from heygen_async.sandbox.render.sound import RATE, Sound

_BT601: Final = 6
_MPEG_RANGE: Final = 1
_USUAL_FRAME: Final = 1024
_AUDIO_BITS: Final = 96_000


class Film:
    """Writes one file; pictures are handed over in order, the sound keeps pace by itself."""

    def __init__(self, path: Path, plan: Plan, sound: Sound) -> None:
        self._fps = plan.fps
        self._alpha = plan.alpha
        self._sound = sound
        options = {} if plan.alpha else {"movflags": "+faststart+use_metadata_tags"}
        self._container = av.open(str(path), "w", options=options)
        self._container.metadata.update({"title": MARK, "comment": MARK, "sandbox": "true"})
        self._video = self._container.add_stream(
            "libvpx-vp9" if plan.alpha else "libx264", rate=plan.fps, options=_WEBM if plan.alpha else _MP4
        )
        self._video.width, self._video.height = plan.width, plan.height
        self._video.pix_fmt = self.pixel_format
        self._video.time_base = Fraction(1, plan.fps)
        context = self._video.codec_context
        context.thread_count = 1
        context.gop_size = 2 * plan.fps
        context.colorspace = context.color_primaries = context.color_trc = _BT601
        context.color_range = _MPEG_RANGE
        self._audio = self._container.add_stream(
            "libopus" if plan.alpha else "aac", rate=RATE, layout="mono", options={} if plan.alpha else _AAC
        )
        self._audio.format = "flt" if plan.alpha else "fltp"  # one channel: the same bytes either way
        self._audio.bit_rate = _AUDIO_BITS
        self._pictures = 0
        self._samples = 0

    @property
    def pixel_format(self) -> str:
        """Return the pixel format that frames must have."""
        return "yuva420p" if self._alpha else "yuv420p"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._play(len(self._sound), whole_frames=False)
                self._container.mux(self._video.encode(None))
                self._container.mux(self._audio.encode(None))
        finally:
            self._container.close()

    def add(self, frame: VideoFrame) -> None:
        """Encode one more picture; the caller may change and reuse the frame afterwards."""
        frame.pts = self._pictures
        frame.time_base = Fraction(1, self._fps)
        self._pictures += 1
        self._container.mux(self._video.encode(frame))
        self._play(self._pictures * RATE // self._fps, whole_frames=True)

    def _play(self, until: int, *, whole_frames: bool) -> None:
        size = self._audio.codec_context.frame_size or _USUAL_FRAME
        while self._samples + (size if whole_frames else 1) <= until:
            samples = self._sound[self._samples : self._samples + size]
            heard = AudioFrame(format=self._audio.codec_context.format.name, layout="mono", samples=len(samples))
            data = samples.tobytes()
            heard.planes[0].update(data + bytes(heard.planes[0].buffer_size - len(data)))
            heard.pts, heard.sample_rate, heard.time_base = self._samples, RATE, Fraction(1, RATE)
            self._container.mux(self._audio.encode(heard))
            self._samples += len(samples)
            if not samples:
                return


_MP4: Final = {"preset": "ultrafast", "qp": "26"}
_AAC: Final = {"aac_coder": "fast"}
_WEBM: Final = {"deadline": "realtime", "cpu-used": "8", "crf": "34", "b": "0", "auto-alt-ref": "0"}
