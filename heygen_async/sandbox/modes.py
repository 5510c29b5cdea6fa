"""Real videos or stand-ins: which renderer a sandbox gets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Literal, get_args

from heygen_async.sandbox.clock import VirtualClock
from heygen_async.sandbox.extras import missing, require
from heygen_async.sandbox.fast import FastRenderer, Padding
from heygen_async.sandbox.render.pool import Renderer, WorkerRenderer

Mode = Literal["auto", "real", "fast"]

RENDERING: Final = ("av", "PIL")

logger: Final = logging.getLogger("heygen_async.sandbox")


def chosen_mode(wanted: Mode) -> Literal["real", "fast"]:
    """Return `real` or `fast`; `auto` is `real` if it can be. Raise `ModuleNotFoundError` if `real` cannot."""
    if wanted not in get_args(Mode):
        raise ValueError(f"mode: expected 'auto', 'real' or 'fast', not {wanted!r}")
    lacking = missing(*RENDERING)
    if wanted == "real":
        require(*RENDERING)
    if wanted == "auto" and lacking:
        logger.warning(
            "The sandbox runs in fast mode, its videos show a card: %s not installed. "
            "For rendered videos: pip install 'heygen-async[sandbox]'",
            " and ".join(lacking),
        )
    return "fast" if wanted == "fast" or lacking else "real"


def renderer_factory(
    mode: Mode, *, given: Renderer | None, clock: VirtualClock, padding: Padding
) -> Callable[[], Renderer]:
    """Return what makes the renderer of a new start; one that was given is used again."""
    if given is not None:
        set_padding(given, padding)
        return lambda: given
    if chosen_mode(mode) == "fast":
        return lambda: FastRenderer(padding=padding)
    _refuse(padding)
    return lambda: WorkerRenderer(now=clock.now)


def padding_of(renderer: Renderer) -> Padding:
    """Return how large new videos become."""
    return renderer.padding if isinstance(renderer, FastRenderer) else Padding()


def set_padding(renderer: Renderer, padding: Padding) -> None:
    """Say how large new videos become; raise `ValueError` if the renderer makes real ones."""
    if isinstance(renderer, FastRenderer):
        renderer.padding = padding
    else:
        _refuse(padding)


def _refuse(padding: Padding) -> None:
    if padding.size is not None:
        raise ValueError("file_size: only Sandbox(mode='fast') makes files of any size")
