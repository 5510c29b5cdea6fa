"""Captions for browsers, which show no SubRip."""

from __future__ import annotations

import re
from typing import Final

_TIMES: Final = re.compile(r"^(\d\d:\d\d:\d\d),(\d{3}) --> (\d\d:\d\d:\d\d),(\d{3})", re.MULTILINE)


def to_vtt(srt: str) -> str:
    """Return SubRip captions as WebVTT, where `<` would begin a tag."""
    text = srt.replace("&", "&amp;").replace("<", "&lt;")
    return "WEBVTT\n\n" + _TIMES.sub(r"\1.\2 --> \3.\4", text)
