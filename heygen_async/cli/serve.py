"""`heygen-async sandbox`: serve the emulator until somebody ends it."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from heygen_async.cli.emulator import sandbox_class


def run(*, port: int, speed: float, concurrency: int, seed: int) -> None:
    """Serve on loopback until Ctrl-C or SIGTERM, which are the normal ways to end it.

    Raise `OSError` when the port is taken.
    """
    sandbox = sandbox_class()(port=port, speed=speed, concurrency=concurrency, seed=seed)
    sandbox.start()
    try:
        print(f"export HEYGEN_API_BASE={sandbox.url}\nexport HEYGEN_API_KEY=sandbox", flush=True)
        print("A local emulator, not HeyGen. Ctrl-C ends it.", file=sys.stderr, flush=True)
        _wait_for_the_end()
    finally:
        sandbox.stop()


def _wait_for_the_end() -> None:
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    former = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        # Windows delivers signals only between waits.
        while not ended.wait(0.5):
            pass
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
