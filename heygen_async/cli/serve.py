"""`heygen-async sandbox`: serve the emulator until somebody ends it."""

from __future__ import annotations

import signal
import sys
import threading
import webbrowser
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, Literal

from attrs import frozen

from heygen_async.cli import emulator

if TYPE_CHECKING:
    from heygen_async.sandbox import Sandbox

DEFAULT_PORT: Final = 8765
DEFAULT_WALLET: Final = 10_000.0
# Long enough to see a video pending and processing; the emulator's clock may run faster.
DEFAULT_PROGRESS: Final = "after 3s"

Mode = Literal["auto", "real", "fast"]
RetryAfter = int | Literal["auto"] | None


@frozen(kw_only=True)
class ServeCommand:
    """The options of `heygen-async sandbox`; `faults` are rules in their text form, `state` is a folder."""

    port: int = DEFAULT_PORT
    mode: Mode = "auto"
    speed: float = 1.0
    progress: str = DEFAULT_PROGRESS
    concurrency: int = 10
    retry_after: RetryAfter = "auto"
    seed: int = 0
    wallet: float = DEFAULT_WALLET
    known_ids: bool = False
    old_plan: bool = False
    lenient: bool = False
    faults: tuple[str, ...] = ()
    state: Path | None = None
    opens_browser: bool = False


def retry_after_in(text: str) -> RetryAfter:
    """Read `auto`, `none` or whole seconds; raise `ValueError` for anything else."""
    words = text.strip().lower()
    if words == "auto":
        return "auto"
    if words == "none":
        return None
    if words.isascii() and words.isdecimal() and len(words) < 10:
        return int(words)
    raise ValueError(f"--retry-after: expected whole seconds, auto or none, not {text!r}")


def run(command: ServeCommand) -> None:
    """Serve on loopback until Ctrl-C or SIGTERM, which are the normal ways to end it.

    Raise `OSError` when the port is taken, `ValueError` for a rule or a state that cannot be read.
    """
    sandbox = _built(command)
    with ended_by_signal() as ended:
        try:
            _start(sandbox, command.port)
            for name, value in sandbox.environment.items():
                print(f"export {name}={value}", flush=True)
            _tell(f"A local emulator, not HeyGen; what happens in it: {sandbox.url} . Ctrl-C ends it.")
            if command.opens_browser:
                webbrowser.open(sandbox.url)
            # Windows delivers signals only between waits.
            while not ended.wait(0.5):
                pass
        finally:
            sandbox.stop()


def _built(command: ServeCommand) -> Sandbox:
    missing = emulator.lacking(*emulator.RENDERING) if command.mode == "auto" else []
    if missing:
        _tell(f"Videos show a card instead of a presenter: {' and '.join(missing)} not installed.")
    sandbox = emulator.sandbox_class(renders=command.mode == "real")(
        port=command.port,
        mode=command.mode,
        speed=command.speed,
        progress=command.progress,
        concurrency=command.concurrency,
        retry_after=command.retry_after,
        seed=command.seed,
        wallet=command.wallet,
        known_ids=command.known_ids,
        old_plan=command.old_plan,
        lenient=command.lenient,
        state=command.state,
    )
    for rule in command.faults:
        sandbox.fault(rule)
    return sandbox


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
        sandbox.start().warm()
    except OSError as error:
        problem = f"{error.strerror} (--port 0 picks a free port)"
        raise OSError(error.errno, problem, f"127.0.0.1:{port}") from error
