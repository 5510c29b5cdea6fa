"""Texts that come from an option, a file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

STDIN: Final = "-"


def read_argument(option: str, value: str) -> str:
    """Return an option's text: `@FILE` is read from the file, `-` from standard input, anything else is the text.

    Raise `ValueError` or `OSError` that names the option or the file.
    """
    if value == STDIN:
        return _stdin(option)
    if value.startswith("@"):
        return read_file(option, value[1:])
    return value


def read_file(option: str, name: str) -> str:
    """Return the text of a UTF-8 file, or of standard input for `-`; the line end that closes it is dropped."""
    if name == STDIN:
        return _stdin(option)
    if not name:
        raise ValueError(f"{option}: the name of the file is missing")
    return _decoded(option, name, Path(name).read_bytes())


def _stdin(option: str) -> str:
    return _decoded(option, "standard input", sys.stdin.buffer.read())


def _decoded(option: str, source: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{option}: {source} is not UTF-8 text (byte {error.start})") from error
