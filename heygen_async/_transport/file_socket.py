"""Take a body from its socket: wait for bytes with empty hands, then copy them while holding a processor.

When more threads copy than there are processors, the event loop waits for each of them in turn: with four downloads
on two processors one wake-up in a hundred came more than 8 to 20 ms late, with no more threads than processors more
than 5 to 8 ms, and the downloads were none the slower. `python -m benchmarks --only download` measures it.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from attrs import define, field

# A thread may hold its processor while the disk makes it wait. Then the others need not wait too: with all of them held
# by disks that hang, each of the other downloads goes on with a block in this time, which is 12 MiB/s.
_PATIENCE: Final = 0.02
# The system counts these waits in milliseconds, with 31 bits.
_LONGEST_WAIT: Final = 1_000_000.0


def _usable() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@define(eq=False)
class Processors:
    """As many turns at copying as this process may use processors; `free` of them are."""

    free: int = field(factory=_usable)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)

    @contextmanager
    def turn(self) -> Generator[None]:
        """Wait for a turn, though never long, and hold it."""
        with self._changed:
            holds = self._changed.wait_for(lambda: self.free > 0, _PATIENCE)
            self.free -= holds
        try:
            yield
        finally:
            if holds:
                with self._changed:
                    self.free += 1
                    self._changed.notify()


@define(eq=False)
class BodySocket:
    """A socket that holds a body and nothing else; it does not block any more."""

    _connection: socket.socket
    _failure: OSError | None = field(default=None, init=False)
    _has_ended: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._connection.settimeout(0)

    def wait(self, seconds: float) -> bool:
        """Return as soon as there are bytes, an end or an error to take: True; or after `seconds`: False."""
        # The end of a TLS body may have come with its last bytes, and the socket has nothing more to tell then.
        if self._failure or self._has_ended:
            return True
        if isinstance(self._connection, ssl.SSLSocket) and self._connection.pending():
            return True
        try:
            return _is_readable(self._connection, max(0.0, min(seconds, _LONGEST_WAIT)))
        except ValueError:
            # Closed meanwhile, with the client: reading it tells.
            return True

    def take(self, room: memoryview) -> int | None:
        """Fill `room` as far as bytes have come, and return how many.

        That is 0 at the end, and None if there is only a part of a TLS record, which is no bytes yet. Raise `OSError`,
        but not before the bytes that came first were taken.
        """
        if self._failure is not None:
            raise self._failure
        filled = 0
        while filled < len(room):
            try:
                received = self._connection.recv_into(room[filled:])
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return filled or None
            except OSError as error:
                self._failure = error
                if not filled:
                    raise
                break
            filled += received
            self._has_ended = not received
            # One call brings all there is, but of TLS one record.
            if not received or not isinstance(self._connection, ssl.SSLSocket):
                break
        return filled


if hasattr(select, "poll"):

    def _is_readable(connection: socket.socket, seconds: float) -> bool:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

else:  # pragma: no cover - Windows, where select has no limit on the number of a socket

    def _is_readable(connection: socket.socket, seconds: float) -> bool:
        return bool(select.select([connection], [], [], seconds)[0])
