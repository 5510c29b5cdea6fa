"""How the pictures of a scene get into the frame that is encoded."""

from __future__ import annotations

from typing import Final, Protocol

from av import VideoFrame

from heygen_async.sandbox.render.artist import Artist, Piece
from heygen_async.sandbox.render.footage import Footage
from heygen_async.sandbox.render.geometry import Box
from heygen_async.sandbox.render.planes import Patch, Veil, fill
from heygen_async.sandbox.render.pose import Pose

_KEPT: Final = 400
"""Patches kept for reuse; a face has twelve, an arm nine, and captions come once."""


class Brush(Protocol):
    """Brings a frame up to date."""

    def show(self, pose: Pose, time: float) -> None:
        """Let the frame show a pose, `time` seconds into the scene."""
        ...


class Patches(dict[Piece, Patch]):
    """Pieces that were drawn and converted before; shared by the frames of one scene."""

    def draw(self, artist: Artist, piece: Piece, pose: Pose, *, captions: bool) -> Patch:
        """Return a piece, drawn if it is new."""
        patch = self.get(piece)
        if patch is None:
            patch = Patch.of(artist.draw(piece, pose, captions=captions), piece.box)
            if len(self) < _KEPT:
                self[piece] = patch
        return patch


class StillBrush:
    """Pastes into the frame what has changed since the last picture, and nothing else."""

    def __init__(self, artist: Artist, base: Patch, patches: Patches, frame: VideoFrame, *, captions: bool) -> None:
        self._artist = artist
        self._patches = patches
        self._frame = frame
        self._captions = captions
        self._shown: dict[Box, Piece] = {}
        base.paste(frame)

    def show(self, pose: Pose, time: float) -> None:  # noqa: ARG002 - nothing moves by itself
        """Let the frame show a pose."""
        for piece in self._artist.pieces(pose, captions=self._captions):
            if self._shown.get(piece.box) != piece:
                self._patches.draw(self._artist, piece, pose, captions=self._captions).paste(self._frame)
                self._shown[piece.box] = piece


class FootageBrush:
    """Lays presenter and words over each picture of a clip."""

    def __init__(self, artist: Artist, footage: Footage, frame: VideoFrame, *, captions: bool) -> None:
        self._artist = artist
        self._footage = footage
        self._frame = frame
        self._captions = captions
        geometry = artist.geometry
        self._base = Veil.of(artist.base(), Box(0, 0, geometry.width, geometry.height))
        self._veils: dict[Piece, Veil] = {}

    def show(self, pose: Pose, time: float) -> None:
        """Let the frame show a pose before the clip."""
        planes = self._footage.at(time)
        self._base.cover(planes)
        for piece in self._artist.pieces(pose, captions=self._captions):
            self._veil(piece, pose).cover(planes)
        fill(self._frame, planes)

    def _veil(self, piece: Piece, pose: Pose) -> Veil:
        veil = self._veils.get(piece)
        if veil is None:
            veil = Veil.of(self._artist.draw(piece, pose, captions=self._captions), piece.box)
            if len(self._veils) < _KEPT:
                self._veils[piece] = veil
        return veil
