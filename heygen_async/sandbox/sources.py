"""What a request names as media: files of the emulator, URLs on this machine, data, or nothing that can be opened."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from heygen_async.sandbox.plan import Media

Resolve = Callable[[str], Path | None]
"""Maps an asset id or a URL to a local file; None if it knows none."""

LABEL_CHARACTERS: Final = 30

_NOT_PATH: Final = re.compile(r"[?#]")


def nothing(_source: str) -> None:
    """Resolve no source to a file."""


def media(source: str, resolve: Resolve = nothing) -> Media:
    """Return what a URL or an asset id stands for; foreign hosts are never asked, so their media keep only a name."""
    path = resolve(source)
    url = source if path is None and is_local(source) else None
    return Media(name=label(source), path=None if path is None else str(path), url=url)


def asset_media(asset: Mapping[str, Any], resolve: Resolve = nothing) -> Media:
    """Return what an asset input of v3 stands for: a URL, an asset id, or data in the request itself."""
    if asset.get("data") is not None:
        return Media(name=label(asset["media_type"]), url=f"data:{asset['media_type']};base64,{asset['data']}")
    return media(asset_name(asset), resolve)


def asset_name(asset: Mapping[str, Any]) -> str:
    """Return what identifies an asset input: its URL, its id or its media type."""
    return str(asset.get("url") or asset.get("asset_id") or asset.get("media_type"))


def is_local(source: str) -> bool:
    """Say whether a source is an HTTP URL whose host is this machine by its very name."""
    try:
        parts = urlsplit(source)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"}:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def label(source: str) -> str:
    """Return a short name for a URL or an id; never a query or user, because secrets live there."""
    _, is_url, rest = source.partition("://")
    path = _NOT_PATH.split(rest, maxsplit=1)[0].partition("/")[2]
    name = path.rstrip("/").rsplit("/", 1)[-1] or "file" if is_url else source
    return name if len(name) <= LABEL_CHARACTERS else name[: LABEL_CHARACTERS - 1] + "…"
