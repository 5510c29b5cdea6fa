"""Ctrl-C twice: the first one asks to come to an end, the second one to leave at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from heygen_async.cli.failures import INTERRUPTED

# Long enough to hear HeyGen's answer to a submission, if it is on its way; whoever presses twice is in a hurry.
_LEAVES_WITHIN: Final = 2.0


@contextmanager
def interrupts(
    *, ask: Callable[[], None], leave: Callable[[], None], last_words: Callable[[], None]
) -> Generator[None]:
    """Call `ask` in the running event loop at the first Ctrl-C inside the block, and `leave` at the second one.

    If the block does not end soon after the second one, the process ends after `last_words()`, which is called in
    another thread.
    """
    loop, count, ending = asyncio.get_running_loop(), 0, threading.Lock()

    def end() -> None:
        # Held to the end of the process, so that nobody else tells what became of it.
        ending.acquire()
        try:
            last_words()
        finally:
            os._exit(INTERRUPTED)

    timer = threading.Timer(_LEAVES_WITHIN, end)
    timer.daemon = True

    def heard(_number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count == 1:
            loop.call_soon_threadsafe(ask)
        elif count == 2:
            timer.start()
            loop.call_soon_threadsafe(leave)

    former = signal.signal(signal.SIGINT, heard)
    try:
        yield
    finally:
        timer.cancel()
        ending.acquire()
        signal.signal(signal.SIGINT, former)
