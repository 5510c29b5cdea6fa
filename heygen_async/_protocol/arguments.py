"""What callers may pass where type hints alone keep nobody from passing something else."""

from __future__ import annotations

import os
from typing import TypeGuard


def is_number(value: object, *, at_least: float) -> TypeGuard[float]:
    """Say whether an argument is a number, and no less than that; infinity is one, nan and True are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= at_least


def check_kind(name: str, value: object, kind: type | tuple[type, ...], words: str) -> None:
    """Raise `ValueError`, as for all bad arguments, for what is not of a kind; `words` say which."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be {words}, not {type(value).__name__}")  # noqa: TRY004


def path_text(name: str, path: str | os.PathLike[str]) -> str:
    """Return an argument that has to be a path as text; raise `ValueError` for what is none."""
    check_kind(name, path, (str, os.PathLike), "a path, as a str or a Path")
    text = os.fspath(path)
    check_kind(name, text, str, "a path, as a str or a Path")
    return text
