"""`heygen-async sandbox`: serve the emulator until somebody ends it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final

from heygen_async.cli.emulator import sandbox_class

if TYPE_CHECKING:
    from heygen_async.sandbox import Sandbox

# Long enough to see a video pending and processing; the emulator's clock may run faster.
_PROGRESS: Final = "after 3s"


def run(*, port: int, speed: float, concurrency: int, seed: int) -> None:
    """Serve on loopback until Ctrl-C or SIGTERM, which are the normal ways to end it.

    Raise `OSError` when the port is taken.
    """
    sandbox = sandbox_class()(port=port, speed=speed, concurrency=concurrency, seed=seed, progress=_PROGRESS)
    with ended_by_signal() as ended:
        try:
            _start(sandbox, port)
            for name, value in sandbox.environment.items():
                print(f"export {name}={value}", flush=True)
            print("A local emulator, not HeyGen. Ctrl-C ends it.", file=sys.stderr, flush=True)
            # Windows delivers signals only between waits.
            while not ended.wait(0.5):
                pass
        finally:
            sandbox.stop()


@contextmanager
def ended_by_signal() -> Generator[threading.Event]:
    """Let Ctrl-C and SIGTERM set an event instead of ending the process."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    former = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _start(sandbox: Sandbox, port: int) -> None:
    try:
        sandbox.start()
    except OSError as error:
        problem = f"{error.strerror} (--port 0 picks a free port)"
        raise OSError(error.errno, problem, f"127.0.0.1:{port}") from error
