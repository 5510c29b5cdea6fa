"""From a plan to the files of one video in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

from av import VideoFrame
from PIL import Image

from heygen_async.sandbox.plan import Plan, Scene
from heygen_async.sandbox.render.artist import Artist, Piece
from heygen_async.sandbox.render.encode import Film
from heygen_async.sandbox.render.geometry import Box
from heygen_async.sandbox.render.planes import Patch
from heygen_async.sandbox.render.pose import Pose, pose_at
from heygen_async.sandbox.render.timeline import Track, ass, plan_cues, srt

MOVES_PER_SECOND: Final = 12.5
"""Lips and arm change at most this often: it looks lively, and frames in between cost next to nothing."""

GIF_FRAMES: Final = 8
GIF_WIDTH: Final = 240
THUMBNAIL_WIDTH: Final = 640


def render(plan: Plan, folder: Path) -> None:
    """Write `video.mp4` or `.webm`, `thumbnail.jpg`, `preview.gif`, `captions.srt` and `captions.ass`."""
    cues = plan_cues(plan)
    (folder / "captions.srt").write_text(srt(cues), encoding="utf-8")
    (folder / "captions.ass").write_text(ass(cues, width=plan.width, height=plan.height), encoding="utf-8")
    stills = _Stills(plan)
    with Film(folder / f"video.{plan.suffix}", plan) as film:
        frame = VideoFrame(plan.width, plan.height, film.pixel_format)
        for scene, frames in zip(plan.scenes, plan.scene_frames(), strict=True):
            _shoot(plan, scene, frames, frame, film, stills)
    stills.write(folder)


def _shoot(plan: Plan, scene: Scene, frames: int, frame: VideoFrame, film: Film, stills: _Stills) -> None:
    brush = _Brush(Artist(plan, scene), frame)
    track = Track.of(scene)
    step = max(1, round(plan.fps / MOVES_PER_SECOND))
    for number in range(frames):
        if number % step == 0:
            brush.show(pose_at(track, number / plan.fps, beat=number // step))
        film.add(frame)
        stills.offer(frame)


class _Brush:
    """Pastes into the frame what has changed since the last picture, and nothing else."""

    def __init__(self, artist: Artist, frame: VideoFrame) -> None:
        self._artist = artist
        self._frame = frame
        self._shown: dict[Box, Piece] = {}
        self._patches: dict[Piece, Patch] = {}
        geometry = artist.geometry
        Patch.of(artist.base(), Box(0, 0, geometry.width, geometry.height)).paste(frame)

    def show(self, pose: Pose) -> None:
        for box, piece in self._artist.pieces(pose):
            if self._shown.get(box) != piece:
                self._patch(box, piece).paste(self._frame)
                self._shown[box] = piece

    def _patch(self, box: Box, piece: Piece) -> Patch:
        if piece.kind == "caption":  # shown once: not worth keeping
            return Patch.of(self._artist.draw(box, piece), box)
        if piece not in self._patches:
            self._patches[piece] = Patch.of(self._artist.draw(box, piece), box)
        return self._patches[piece]


class _Stills:
    """Collects a few small pictures along the way for the thumbnail and the preview."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._every = max(1, plan.frames // GIF_FRAMES)
        self._seen = 0
        self._small: list[Image.Image] = []
        self._thumbnail: Image.Image | None = None

    def offer(self, frame: VideoFrame) -> None:
        if self._seen % self._every == self._every // 2 and len(self._small) < GIF_FRAMES:
            self._small.append(self._reduced(frame, GIF_WIDTH))
        if self._seen == self._plan.frames // 3:
            self._thumbnail = self._reduced(frame, THUMBNAIL_WIDTH)
        self._seen += 1

    def write(self, folder: Path) -> None:
        first, *rest = [still.quantize(64) for still in self._small]
        delay = round(1000 * self._plan.seconds / len(self._small) / 4)
        first.save(folder / "preview.gif", save_all=True, append_images=rest, duration=max(100, delay), loop=0)
        if self._thumbnail is not None:
            self._thumbnail.save(folder / "thumbnail.jpg", quality=85)

    def _reduced(self, frame: VideoFrame, width: int) -> Image.Image:
        height = max(1, round(width * frame.height / frame.width))
        if width >= frame.width:
            width, height = frame.width, frame.height
        return cast("Image.Image", frame.to_image(width=width, height=height))  # type: ignore[no-untyped-call]
