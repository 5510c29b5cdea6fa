"""What a saved file must be, judged by what was asked for, and what its names are."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Protocol

from attrs import frozen

from heygen_async._protocol.arguments import path_text
from heygen_async.models.video import Asset

Kind = Literal["video", "image", "text", "any"]
"""What can be recognised: by signature (video, image), or only by what it must not be (text, any)."""

PART_SUFFIX: Final = ".part"
MEMO_SUFFIX: Final = ".json"
_NAME_LIMIT: Final = 255
_SAFE_LENGTH: Final = 120
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069]')
_DEVICES: Final = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
_FILE_NOT_FOLDER: Final = ("", ".", "..")


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far, in hex."""
        ...


@frozen
class Expectation:
    """What a body must be: its kind, and which markup (`html`, `xml`, `json`) is no error page but the file itself."""

    kind: Kind
    markup: frozenset[str] = frozenset()


_BY_ASSET: Final[Mapping[Asset, Expectation]] = {
    "video": Expectation("video"),
    "captioned": Expectation("video"),
    "gif": Expectation("image"),
    "thumbnail": Expectation("image"),
    "subtitle": Expectation("text"),
}
_BY_SUFFIX: Final[Mapping[str, Expectation]] = {
    **dict.fromkeys((".mp4", ".m4v", ".mov", ".webm"), Expectation("video")),
    **dict.fromkeys((".gif", ".jpg", ".jpeg", ".png", ".webp"), Expectation("image")),
    **dict.fromkeys((".srt", ".vtt", ".ass"), Expectation("text")),
    **dict.fromkeys((".html", ".htm", ".xhtml"), Expectation("any", frozenset({"html", "xml"}))),
    **dict.fromkeys((".xml", ".svg", ".ttml"), Expectation("any", frozenset({"xml"}))),
    **dict.fromkeys((".json", ".jsonl"), Expectation("any", frozenset({"json"}))),
}


def expectation_for(asset: Asset | None, path: Path) -> Expectation:
    """Return what the file must be: by the asset asked for, or else by the suffix of the target."""
    if asset is not None:
        if asset not in _BY_ASSET:
            raise ValueError(f"asset must be one of {', '.join(_BY_ASSET)}, not {asset!r}")
        return _BY_ASSET[asset]
    return _BY_SUFFIX.get(path.suffix.lower(), Expectation("any"))


def target_path(path: str | os.PathLike[str]) -> Path:
    """Return the target as a path; raise `IsADirectoryError` or `ValueError` for what cannot be one."""
    text = path_text("the target", path)
    separators = tuple(filter(None, (os.sep, os.altsep)))
    if "\0" in text:
        raise ValueError(f"The target must not hold a null character: {text!r}")
    target = Path(text)
    if text.endswith(separators) or target.name in _FILE_NOT_FOLDER:
        raise IsADirectoryError(f"The target must be a file name, not a folder: {text!r}")
    return target


def part_path(target: Path) -> Path:
    """Return where the bytes go until they are verified: `<name>.part`, cut to what file systems take as a name."""
    room = _NAME_LIMIT - len(PART_SUFFIX + MEMO_SUFFIX)
    name = target.name
    if len(os.fsencode(name)) > room:
        mark = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
        name = _cut(name, room - len(mark)) + mark
    return target.with_name(name + PART_SUFFIX)


def memo_path(part: Path) -> Path:
    """Return where it is written down which object a part file is a part of."""
    return part.with_name(part.name + MEMO_SUFFIX)


def safe_name(text: str) -> str:
    """Return a title or key as a name for one file in one folder, on any system.

    A text that had to be changed gets a mark of its own, so that two different keys never share a file.
    """
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    name = _cut(_UNSAFE.sub("_", encodable).strip(" ."), _SAFE_LENGTH)
    if _DEVICES.match(name):
        name = f"_{name}"
    if name and name == text:
        return name
    return f"{name or '_'}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def new_digest(name: str) -> Digest:
    """Return a fresh hash; raise `ValueError` naming an algorithm that hashlib does not have, or has no length."""
    try:
        digest = hashlib.new(name, usedforsecurity=False)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"digest must name a hashlib algorithm such as 'sha256', not {name!r}") from error
    if not digest.digest_size:
        raise ValueError(f"digest must name an algorithm of fixed length such as 'sha256', not {name!r}")
    return digest


def _cut(name: str, size: int) -> str:
    encoded = os.fsencode(name)
    return name if len(encoded) <= size else encoded[:size].decode("utf-8", "ignore").rstrip(" .")
