"""The command line `heygen-async`; needs the extra `cli`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

__all__ = ["main"]

_USAGE: Final = 2
_INTERRUPTED: Final = 130
_OF_THE_EXTRA: Final = frozenset({"typer", "rich"})


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line with `arguments` (None: those of this process) and exit with its exit code."""
    try:
        with _leaving_at_once():
            from heygen_async.cli.app import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _OF_THE_EXTRA:
            raise
        print(
            f"Error: the command line needs {error.name}. Next: pip install 'heygen-async[cli]'",
            file=sys.stderr,
        )
        sys.exit(_USAGE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


@contextmanager
def _leaving_at_once() -> Generator[None]:
    """Let Ctrl-C end the process while it only imports: the exception would turn up, or get lost, anywhere there."""
    former = signal.getsignal(signal.SIGINT)
    if former is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    os._exit(_INTERRUPTED)
