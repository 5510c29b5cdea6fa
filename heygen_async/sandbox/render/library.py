"""Media that were opened: pictures, sounds and clips of files, fetched at most once."""

# PyAV leaves some types open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
import logging
import warnings
from collections import OrderedDict
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Final, TypeVar, cast

import av
from attrs import define, field
from av import AudioFrame
from av.container import InputContainer
from PIL import Image, ImageOps

from heygen_async.sandbox.plan import MAX_SECONDS, Media
from heygen_async.sandbox.render.fetch import FetchError, fetched
from heygen_async.sandbox.render.resample import joined
from heygen_async.sandbox.render.sound import RATE, Sound

KEPT_BYTES: Final = 128 * 1024 * 1024
"""How much of what was fetched is kept for the next scene."""

_log: Final = logging.getLogger(__name__)


class MediaError(Exception):
    """Say in a few words why media cannot be shown or heard."""


@define(eq=False)
class Library:
    """Opens the media of one video; what was fetched is kept, so that many scenes ask for a file once."""

    _fetched: OrderedDict[str, bytes] = field(factory=OrderedDict[str, bytes])

    def picture(self, media: Media) -> Image.Image | None:
        """Return a picture, upright, as RGB or RGBA; None (and a line in the log) if it cannot be had."""
        return _tried("picture", media, self._picture)

    def sound(self, media: Media) -> Sound | None:
        """Return the sound of a recording or clip, cut off at five minutes; None if there is none to be had."""
        return _tried("sound", media, self._sound)

    def clip_seconds(self, media: Media) -> float | None:
        """Return the length of a clip; None if it cannot be had or has no pictures."""
        return _tried("clip", media, self._clip_seconds)

    def opened(self, media: Media) -> InputContainer:
        """Return the open container of a clip or recording; close it. Raises whatever is wrong with it."""
        source = self._source(media)
        return cast("InputContainer", av.open(str(source) if isinstance(source, Path) else source))

    def _source(self, media: Media) -> Path | io.BytesIO:
        if media.path is not None:
            return Path(media.path)
        if media.url is None:
            raise MediaError("nothing outside this machine is fetched")
        if media.url not in self._fetched:
            self._fetched[media.url] = fetched(media.url)
        self._fetched.move_to_end(media.url)
        while len(self._fetched) > 1 and sum(map(len, self._fetched.values())) > KEPT_BYTES:
            self._fetched.popitem(last=False)
        return io.BytesIO(self._fetched[media.url])

    def _picture(self, media: Media) -> Image.Image:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(self._source(media)) as opened:
                upright = ImageOps.exif_transpose(opened)
                return upright.convert("RGBA" if upright.has_transparency_data else "RGB")

    def _sound(self, media: Media) -> Sound:
        with self.opened(media) as container:
            if not container.streams.audio:
                raise MediaError("it has no sound")
            sound = joined(takewhile(_is_early, container.decode(audio=0)))
        if not sound:
            raise MediaError("its sound is empty")
        return sound[: round(MAX_SECONDS * RATE)]

    def _clip_seconds(self, media: Media) -> float:
        with self.opened(media) as container:
            if not container.streams.video:
                raise MediaError("it has no pictures")
            next(container.decode(video=0))
            if not container.duration:
                raise MediaError("its length is unknown")
            return container.duration / av.time_base


T = TypeVar("T")


def _tried(kind: str, media: Media, action: Callable[[Media], T]) -> T | None:
    try:
        return action(media)
    except Exception as error:  # noqa: BLE001 - decoders of broken files raise anything
        if media.is_reachable:
            reason = str(error) if isinstance(error, (FetchError, MediaError)) else f"{type(error).__name__}: {error}"
            _log.warning("a stand-in is used for the %s %r: %s", kind, media.name, reason)
        return None


def _is_early(frame: AudioFrame) -> bool:
    return frame.time is None or frame.time < MAX_SECONDS
