"""The long texts of a state, files that came as base64 above all: each in a file of its own, written once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Final, cast

from attrs import define, field

LONGEST_INLINE: Final = 10_000
"""Characters: every script and every answer stays inline."""

MARK: Final = "heygen-async sandbox text"
"""The only key of what stands in place of a text; its value names the file."""


@define
class LongTexts:
    """Takes long texts out of JSON and puts them back; `folder` has one file for each, named by its SHA-256.

    Not for several threads at a time.
    """

    folder: Path
    _names: dict[int, tuple[str, str]] = field(factory=dict[int, tuple[str, str]], init=False)
    """By identity, the texts of the last round with their names: a text that stays is neither hashed nor written."""

    def take_out(self, value: Any) -> tuple[Any, list[str]]:
        """Return the value with marks for long texts, which lie in files from now on, and the names of these."""
        former, self._names = self._names, {}
        marked = self._marked(value, former)
        return marked, sorted({name for _, name in self._names.values()})

    def drop_others(self) -> None:
        """Remove the files that the last `take_out` did not name, and what a crash left half written."""
        used = {name for _, name in self._names.values()}
        if self.folder.is_dir():
            for file in self.folder.iterdir():
                if file.name not in used:
                    file.unlink(missing_ok=True)

    def put_back(self, value: Any, names: list[str]) -> Any:
        """Return the value with the texts of these names in place of their marks; raise `OSError` if one is lost."""
        texts = {name: (self.folder / name).read_bytes().decode() for name in names}
        self._names = {id(text): (text, name) for name, text in texts.items()}
        return _filled(value, texts)

    def _marked(self, value: Any, former: dict[int, tuple[str, str]]) -> Any:
        if isinstance(value, str):
            return {MARK: self._name(value, former)} if len(value) > LONGEST_INLINE else value
        if isinstance(value, dict):
            inner = cast("dict[str, object]", value)
            return {name: self._marked(one, former) for name, one in inner.items()}
        if isinstance(value, list):
            return [self._marked(one, former) for one in cast("list[object]", value)]
        return value

    def _name(self, text: str, former: dict[int, tuple[str, str]]) -> str:
        known = former.get(id(text)) or self._names.get(id(text))
        if known is None:
            encoded = text.encode()
            known = (text, hashlib.sha256(encoded).hexdigest())
            self._write(self.folder / known[1], encoded)
        self._names[id(text)] = known
        return known[1]

    def _write(self, file: Path, content: bytes) -> None:
        if file.exists():
            return
        self.folder.mkdir(exist_ok=True)
        write_whole(file, content)


def write_whole(file: Path, content: bytes) -> None:
    """Write a file whole or not at all, for nobody's eyes but the owner's."""
    scratch = file.with_suffix(".new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    scratch.replace(file)


def _filled(value: Any, texts: dict[str, str]) -> Any:
    if isinstance(value, dict):
        inner = cast("dict[str, object]", value)
        if inner.keys() == {MARK} and (text := texts.get(str(inner[MARK]))) is not None:
            return text
        return {name: _filled(one, texts) for name, one in inner.items()}
    if isinstance(value, list):
        return [_filled(one, texts) for one in cast("list[object]", value)]
    return value
