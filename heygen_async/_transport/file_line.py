"""One connection of a blocking attempt: cut from the event loop, and read without detours.

httpx hands a body over in pieces of at most 64 KiB, each copied several times under the interpreter's lock. That costs
half of the throughput and stalls the event loop when several downloads run. The body of an answer with a length is
plain bytes on the socket, so it is read from there, straight into the block that is written to the disk. For this
to be right not one byte of the body may be left in the buffers of the HTTP parser: while the head is read, a gate
on the network stream gives the parser the head and nothing behind it. Where there is no such stream (a mock, another
HTTP version, TLS within TLS), the body is read through httpx.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from attrs import define, field

_HEAD_ENDS: Final = (b"\n\r\n", b"\n\n")
_ALMOST: Final = (b"\n", b"\n\r")


class NetworkStream(Protocol):
    """What httpcore calls a network stream, as far as it is documented."""

    read: Callable[..., bytes]

    def get_extra_info(self, info: str) -> Any:
        """Return `socket` and other details."""
        ...


class Response(Protocol):
    """What a line needs of a response."""

    def close(self) -> None:
        """Close it and its connection."""
        ...


@define(eq=False)
class Line:
    """Follow the connection of one attempt through httpx's trace hook.

    An attempt has two parts. While it asks, its thread may be abandoned, because resolving and connecting cannot be
    interrupted: whatever such a thread still gets, it closes by itself. From `hand_over` on, it may not.
    """

    _answer_within: float
    _began: float = field(factory=time.monotonic, init=False)
    _cut_because: str | None = field(default=None, init=False)
    _response: Response | None = field(default=None, init=False)
    _handle: socket.socket | None = field(default=None, init=False)
    _gate: _HeadGate | None = field(default=None, init=False)
    _tls_layers: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def trace(self, name: str, info: dict[str, Any]) -> None:
        """Hear from httpcore what happens to the connection."""
        step = name.partition(".")[2]
        if step == "connect_tcp.complete":
            self._connected(info["return_value"])
        elif step == "start_tls.complete":
            self._tls_layers += 1
            self._gate = _HeadGate(info["return_value"], has_own_socket=self._tls_layers == 1)
        elif self._gate is not None and step.startswith("receive_response_headers."):
            self._gate.is_active = step.endswith(".started")

    def hand_over(self, response: Response) -> bool:
        """Keep a response for the second part, or close it and return False if nobody waits for it any more."""
        with self._lock:
            if self._cut_because is None:
                self._response = response
                return True
        response.close()
        return False

    @property
    def seconds_left(self) -> float:
        """Return how long the answer may still take: a time-out of the socket does not see a head that drips in."""
        return max(0.0, self._began + self._answer_within - time.monotonic())

    def cut(self, reason: str = "the download was cancelled") -> None:
        """End the connection now: a thread that is blocked on it wakes up with an error. Does not block."""
        with self._lock:
            self._cut_because = self._cut_because or reason
            if self._handle is not None:
                _shut_down(self._handle)

    @property
    def cut_because(self) -> str | None:
        """Return why the line was cut, if it was."""
        return self._cut_because

    def body_socket(self, network_stream: object) -> socket.socket | None:
        """Return the socket that holds the body and nothing else, if that is certain."""
        gate = self._gate
        if gate is None or gate.stream is not network_stream or not gate.is_exact or self._tls_layers > 1:
            return None
        found = gate.stream.get_extra_info("socket")
        return found if isinstance(found, socket.socket) else None

    def close(self) -> None:
        """Let go of connection and response; what an abandoned thread still gets is closed when it comes."""
        with self._lock:
            self._cut_because = self._cut_because or "the attempt is over"
            response, self._response = self._response, None
            handle, self._handle = self._handle, None
        if response is not None:
            response.close()
        if handle is not None:
            handle.close()

    def _connected(self, stream: NetworkStream) -> None:
        self._tls_layers = 0
        self._gate = _HeadGate(stream)
        found = stream.get_extra_info("socket")
        # A handle of our own: the other one may be closed, and its number reused, at any moment.
        handle = found.dup() if isinstance(found, socket.socket) else None
        with self._lock:
            before, self._handle = self._handle, handle
            if handle is not None and self._cut_because is not None:
                _shut_down(handle)
                before, self._handle = handle, None
        if before is not None:
            before.close()


def _shut_down(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


class _HeadGate:
    """Let the head of an answer through to the HTTP parser, and not one byte of the body behind it."""

    def __init__(self, stream: NetworkStream, *, has_own_socket: bool = True) -> None:
        self.stream = stream
        found = stream.get_extra_info("socket") if has_own_socket else None
        self._connection = found if isinstance(found, socket.socket) else None
        self.is_active = False
        self.is_exact = False
        self._read = stream.read
        self._tail = b""
        stream.read = self.read

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read as the stream does, but while active only up to the empty line that ends a head."""
        self.is_exact = False
        if not self.is_active:
            self._tail = b""
            return self._read(max_bytes, timeout)
        connection = self._connection
        if connection is not None:
            # Reading from it is a third of the work of reading through the stream, and done a hundred times for a head.
            connection.settimeout(timeout)
        # The empty line may have begun in what was read before: a head may be longer than what is read at once.
        head, before = bytearray(self._tail), len(self._tail)
        while len(head) < before + max_bytes:
            size = _safe_size(head, connection, before + max_bytes)
            data = self._read(size, timeout) if connection is None else connection.recv(size)
            head += data
            self.is_exact = head.endswith(_HEAD_ENDS)
            if self.is_exact or not data:
                break
        self._tail = b"" if self.is_exact else bytes(head[-2:])
        return bytes(head[before:])


def _safe_size(head: bytearray, connection: socket.socket | None, max_bytes: int) -> int:
    """Return how many bytes can be read without one of the body, after `head`; 0 at the end of the connection."""
    if connection is None or isinstance(connection, ssl.SSLSocket):
        # What is to come cannot be seen beforehand, but the empty line is at least this many bytes away.
        return 1 if head.endswith(_ALMOST) else 2
    coming = connection.recv(max_bytes - len(head), socket.MSG_PEEK)
    seen = bytes(head[-2:]) + coming
    ends = [place + len(mark) for mark in _HEAD_ENDS if (place := seen.find(mark)) >= 0]
    return min(ends) - len(head[-2:]) if ends else len(coming)
